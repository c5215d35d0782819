"""Options and settings are checked strictly, key by key, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, Field

from harness.api import IsPath
from harness.libraries.config import Node, Problem, absolute_paths, keys_of, read_text, validate
from harness.manifest.load import LoadedManifest
from harness.manifest.problems import ManifestProblems

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]


def judge(options: str) -> str:
    return f"name: x\ntasks: [{{use: plain}}]\njudges:\n  - use: judge\n    with: {options}\n"


@pytest.mark.parametrize(
    ("options", "column", "says"),
    [
        ("{modle: x}", 12, "with.modle: unknown key. Did you mean 'mode' or 'model'?"),
        ("{inner: {dept: 1}}", 20, "with.inner.dept: unknown key. Did you mean 'depth'?"),
        ("{model: no}", 19, "with.model: must be text, got the truth value no; quote it: 'no'"),
        ("{model: 7}", 19, "must be text, got the number 7; quote it: '7'"),
        ("{model: 1e5}", 19, "must be text, got the number 1e5; quote it: '1e5'"),
        ("{model: ~}", 19, "must be text, got null"),
        ("{model: [a]}", 19, "must be text, got a list"),
        ("{steps: '7'}", 19, "must be a whole number, got the text '7'; remove the quotes"),
        ("{steps: 012}", 19, "YAML 1.1 reads 012 in base 8"),
        ("{steps: 1:30}", 19, "YAML 1.1 reads 1:30 in base 60"),
        ("{steps: 1_000}", 19, "write it without leading zeros and without _"),
        ("{steps: 7.5}", 19, "must be a whole number, got the number 7.5"),
        ("{steps: yes}", 19, "must be a whole number, got the truth value yes"),
        ("{temperature: x}", 25, "must be a number, got the text 'x'"),
        ("{temperature: -1}", 25, "must be greater than or equal to 0, got the number -1"),
        ("{mode: fsat}", 18, "must be 'fast' or 'slow', got the text 'fsat'. Did you mean 'fast'?"),
        ("{stop: x}", 18, "must be a list, got the text 'x'"),
        ("{stop: [a, 1]}", 22, "with.stop[1]: must be text, got the number 1"),
        ("{inner: 3}", 19, "must be a mapping, got the number 3"),
        ("{model: bad}", 19, "with.model: bad is no model"),
        ("{model: crash}", 5, "these options make Options fail (KeyError: 'crash'); tell the plugin's authors"),
    ],
)
def test_a_wrong_option_is_said_with_place_and_fix(options: str, column: int, says: str, refuse: Refuse) -> None:
    (problem,) = refuse(judge(options))
    assert says in str(problem)
    assert (problem.origin.line, problem.origin.column) == (5, column)


def test_all_wrong_options_come_at_once(refuse: Refuse) -> None:
    problems = refuse(judge("{modle: 1, steps: x, mode: y, inner: {d: 1, depth: z}, stop: [1, a, 2]}"))
    assert [problem.path.removeprefix("judges.0.with.") for problem in problems] == [
        "modle",
        "steps",
        "mode",
        "inner.d",
        "inner.depth",
        "stop.0",
        "stop.2",
    ]


def test_numbers_written_in_the_manner_of_yaml_1_2_are_numbers(load: Load) -> None:
    options: Any = load(judge("{temperature: 1e-5, steps: 3, stop: ['1e-5', \"no\"]}")).judges[0].options
    assert (options.temperature, options.steps, options.stop) == (1e-5, 3, ("1e-5", "no"))


@pytest.mark.parametrize(
    ("entry", "advice"), [("plain", "; write {use: plain}"), ("'a: b'", ""), ("'7'", ""), ("'${env:HOME}'", "")]
)
def test_a_word_in_place_of_an_entry_is_spelt_out(entry: str, advice: str, refuse: Refuse) -> None:
    (problem,) = refuse(f"name: x\ntasks: [{entry}]\njudges: [{{use: judge}}]\n")
    assert problem.message == f"must be a mapping, got the text {entry.strip(chr(39))!r}{advice}"


def test_a_missing_option_points_at_the_entry(refuse: Refuse) -> None:
    (problem,) = refuse("name: x\ntasks: [{use: plain}]\njudges:\n  - use: needy\n")
    assert str(problem).startswith("m.yaml:4:5: judges[0].with.from: required key is missing; add it")
    (problem,) = refuse("name: x\ntasks: [{use: plain}]\njudges:\n  - use: needy\n    with: {}\n")
    assert problem.origin.line == 5


def test_only_the_alias_of_an_option_is_its_key(refuse: Refuse) -> None:
    problems = refuse("name: x\ntasks: [{use: plain}]\njudges: [{use: needy, with: {path: x}}]\n")
    assert {problem.message.partition(".")[0] for problem in problems} == {
        "unknown key",
        "required key is missing; add it",
    }


def _node(text: str) -> Node:
    return read_text(text, label="m.yaml", folder=Path("/base"), problems=ManifestProblems())


class Several(BaseModel):
    either: int | list[int] = 0
    marks: dict[str, Annotated[str, IsPath()]] = {}
    nested: list[dict[str, Annotated[str, IsPath] | None]] = []
    named: Annotated[str, IsPath()] = Field(default="", validation_alias=AliasChoices("named", "called"))


def test_members_of_a_union_become_one_sentence() -> None:
    problems = ManifestProblems()
    assert validate(Several, _node("either: x"), "o", problems) is None
    with pytest.raises(Exception, match=r"must be a whole number, .*; or must be a list, "):
        problems.raise_if_any()


def test_paths_are_made_absolute_wherever_they_are_marked() -> None:
    node = _node("either: 1\nmarks: {a: x, b: /y/../z}\nnested: [{c: ../w}, {d: ~}]\ncalled: v/./u\n")
    assert absolute_paths(Several, node, mark=IsPath).data() == {
        "either": 1,
        "marks": {"a": "/base/x", "b": "/z"},
        "nested": [{"c": "/w"}, {"d": None}],
        "called": "/base/v/u",
    }


def test_a_text_with_a_scheme_is_no_path() -> None:
    node = _node('marks: {a: "hub:org/name@v1", b: "C:/x", c: ./hub:x}')
    assert absolute_paths(Several, node, mark=IsPath).data() == {
        "marks": {"a": "hub:org/name@v1", "b": "/base/C:/x", "c": "/base/hub:x"}
    }


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert absolute_paths(Several, _node("marks: {a: ~/x}"), mark=IsPath).data() == {"marks": {"a": "/home/me/x"}}


def test_a_model_that_allows_more_keys_is_taken_at_its_word() -> None:
    class Open(BaseModel, extra="allow"):
        a: int = 1

    problems = ManifestProblems()
    made = validate(Open, _node("a: 2\nb: 3"), "o", problems)
    problems.raise_if_any()
    assert made is not None
    assert made.model_dump() == {"a": 2, "b": 3}


def test_keys_of_a_field_begin_with_the_preferred_one() -> None:
    assert keys_of("named", Several.model_fields["named"]) == ["named", "called", "named"]
    assert keys_of("either", Several.model_fields["either"]) == ["either"]
