"""Reading YAML: data and positions only, and every trap said plainly."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from harness.libraries.config import ConfigError, Node, Problem, Problems, read_file, read_text
from harness.libraries.config.source import MAX_BYTES, MAX_DEPTH


def parse(text: str) -> Node:
    problems = Problems()
    node = read_text(text, label="m.yaml", folder=Path("/x"), problems=problems)
    problems.raise_if_any()
    return node


def problem_of(text: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1.5e3", 1500.0),
        ("-.5", -0.5),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("~", None),
        ("null", None),
        ("", None),
        ("yes", True),
        ("Off", False),
        ("true", True),
        ("012", "012"),
        ("-08", "-08"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("yEs", "yEs"),
        ("y", "y"),
        ("=", "="),
        ("'no'", "no"),
        ('"12"', "12"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_read_as_the_module_says(text: str, value: Any) -> None:
    node = parse(f"a: {text}").data()["a"]
    assert node == value
    assert type(node) is type(value)


def test_keys_and_values_know_line_and_column_in_characters() -> None:
    node = parse("é: [1,\n    😀, {b: 2}]").child("é")
    assert node is not None
    assert node.key is not None
    assert (node.key.line, node.key.column) == (1, 1)
    assert (node.origin.line, node.origin.column) == (1, 4)
    inner = node.child(2)
    assert inner is not None
    leaf = inner.child("b")
    assert leaf is not None
    assert leaf.key is not None
    assert (leaf.key.line, leaf.key.column, leaf.origin.column) == (2, 9, 12)


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "duplicate key 'a'; it is already set at m.yaml:1:1"),
        ("x: {a: 1, a: 2}", 1, 11, "duplicate key 'a'"),
        ("a: &x [1]\nb: *x", 2, 4, "aliases (*x) are not allowed"),
        ("a: !!python/object:os.system x", 1, 4, "tags (!!python/object:os.system) are not allowed"),
        ("a: !foo {b: 1}", 1, 4, "tags (!foo)"),
        ("a: !!str 1", 1, 4, "tags (!!str)"),
        ("<<: {a: 1}", 1, 1, "merge keys"),
        ("no: 1", 1, 1, "keys must be text; quote it: 'no'"),
        ("7: 1", 1, 1, "keys must be text; quote it: '7'"),
        ("? [a]\n: 1", 1, 3, "keys must be text"),
        ("a: .nan", 1, 4, "NaN is not a value"),
        (f"a: {'9' * 5000}", 1, 4, "a number of 5000 digits"),
        (f"a: 1e{'9' * 5000}", 1, 4, "digits"),
        ("a: [1\nb: 2", 2, 2, "not valid YAML"),
        ("a: @x", 1, 4, "not valid YAML: found character that cannot start any token; quote the value"),
        ("a: b: c", 1, 5, "quote a value that has ': ' in it"),
        ("a:\n\tb: 1", 2, 1, "not valid YAML"),
        ("a: 1\n---\nb: 1", 2, 1, "a second document begins here"),
        ("a: 1\nb: x\x00y", 2, 5, "the character U+0000 is not allowed"),
        ("a: \x1b", 1, 4, "U+001B"),
        ('a: "\\ud800"', 1, None, "character"),
        (f"a: {'[' * 40}{']' * 40}", 1, 4 + MAX_DEPTH - 1, f"nested more than {MAX_DEPTH} deep"),
        ("%YAML 9.9\n---\na: 1", 1, 1, "not valid YAML"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_place(text: str, line: int, column: int | None, says: str) -> None:
    problem = problem_of(text)
    assert says in problem.message
    assert problem.origin.line == line
    assert column is None or problem.origin.column == column


def test_very_deep_nesting_neither_recurses_nor_crashes() -> None:
    assert "nested" in problem_of("[" * 200_000).message
    assert "nested" in problem_of("- " * 5_000).message


def test_billion_laughs_stop_at_the_first_alias() -> None:
    lines = ["a: &a [lol, lol]"] + [f"{k}: &{k} [*{chr(ord(k) - 1)}, *{chr(ord(k) - 1)}]" for k in "bcdefghijkl"]
    assert "aliases" in problem_of("\n".join(lines)).message


def test_too_many_values_are_refused() -> None:
    assert "more than" in problem_of("[" + "1," * 21_000 + "]").message


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    def message(raw: bytes) -> str:
        path = tmp_path / "m.yaml"
        path.write_bytes(raw)
        with pytest.raises(ConfigError) as caught:
            read_file(path, label="m.yaml", problems=Problems())
        return str(caught.value)

    assert message(b"a: 1\nb: x\xff").startswith("m.yaml:2:5: is not UTF-8 from here on")
    assert "larger than" in message(b"#" * (MAX_BYTES + 1))
    assert message(b"").startswith("m.yaml:1:1: a manifest is a mapping")
    assert message(b"- a").startswith("m.yaml:1:1: a manifest is a mapping")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / ("x" * 5000)):
        with pytest.raises(ConfigError, match=r"^here:1:1: "):
            read_file(path, label="here", problems=Problems())


def test_the_message_shows_the_line_with_a_caret() -> None:
    assert str(problem_of("a: 1\nbb: {c: .nan}")) == (
        "m.yaml:2:9: bb.c: NaN is not a value that a manifest may have; give a number or quote it as text\n"
        "    bb: {c: .nan}\n"
        "            ^"
    )
