"""`${vars.x}` and `${env:NAME}`, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.api import scrub
from harness.inspection.origins import render_with_origins
from harness.libraries.config import Problem, render
from harness.manifest.load import LoadedManifest

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]


def manifest(vars_: str, anything: str) -> str:
    judge = f"{{use: judge, with: {{anything: {anything}}}}}"
    return f"name: x\nvars: {vars_}\ntasks: [{{use: plain}}]\njudges: [{judge}]\n"


def value(loaded: LoadedManifest) -> Any:
    return getattr(loaded.judges[0].options, "anything", None)


@pytest.mark.parametrize(
    ("vars_", "text", "expected"),
    [
        ("{a: 7}", "'${vars.a}'", 7),
        ("{a: 7}", "'n=${vars.a}'", "n=7"),
        ("{a: 1e-5}", "'n=${vars.a}'", "n=1e-5"),
        ("{a: no}", "'is ${vars.a}'", "is no"),
        ("{a: [1, {b: 2}]}", "'${vars.a}'", [1, {"b": 2}]),
        ("{a: {b: {c: 3}}}", "'${vars.a.b.c}'", 3),
        ("{a: [x, y]}", "'${vars.a.1}'", "y"),
        ("{a: 'x${vars.b}', b: '${vars.c}z', c: y}", "'${vars.a}'", "xyz"),
        ("{a: 1}", "'$${vars.a}'", "${vars.a}"),
        ("{a: 1}", "'$$${vars.a}'", "$${vars.a}"),
        ("{a: 1}", "'$ {vars.a} $x {y} ${vars.a}'", "$ {vars.a} $x {y} 1"),
        ("{a: '$${b}'}", "'${vars.a}!'", "${b}!"),
        ("{a: ~}", "['${vars.a}', {k: '${vars.a}'}]", [None, {"k": None}]),
    ],
)
def test_variables_are_put_in(vars_: str, text: str, expected: Any, load: Load) -> None:
    loaded = load(manifest(vars_, text))
    assert value(loaded) == expected
    assert load(render(loaded.content)).content == loaded.content


@pytest.mark.parametrize(
    ("vars_", "text", "says"),
    [
        ("{model: 1}", "'${vars.modle}'", "there is no variable 'modle'. Did you mean 'model'?"),
        ("{a: {bee: 1}}", "'${vars.a.be}'", "there is no 'vars.a.be'. Did you mean 'bee'?"),
        ("{a: 1}", "'${a}'", "only ${vars.NAME} and ${env:NAME} are interpolated; write $${"),
        ("{a: 1}", "'${vars.a'", "only ${vars.NAME}"),
        ("{a: 1}", "'${ENV:HOME}'", "only ${vars.NAME}"),
        ("{a: [1]}", "'x${vars.a}'", "cannot stand within text"),
        ("{a: '${vars.b}', b: '${vars.a}'}", "1", "variables that refer to each other in a circle: a -> b -> a"),
        ("{a: 'x${vars.a}'}", "1", "in a circle: a -> a"),
        ("{1a: 2}", "1", "names of variables are letters"),
        ("3", "1", "must be a mapping of names"),
        ("{a: 1}", "'${env:HARNESS_NOT_SET}'", "the environment variable 'HARNESS_NOT_SET' is not set"),
        ("{a: 1}", "'${env:}'", "is not set"),
    ],
)
def test_what_cannot_be_put_in_is_said(vars_: str, text: str, says: str, refuse: Refuse) -> None:
    (problem,) = refuse(manifest(vars_, text))
    assert says in problem.message


def test_an_unused_variable_is_checked_as_well(refuse: Refuse) -> None:
    (problem,) = refuse(manifest("{a: '${vars.b}'}", "1"))
    assert str(problem).startswith("m.yaml:2:11: vars.a: there is no variable 'b'")


def test_a_value_from_a_variable_has_the_place_of_the_variable(refuse: Refuse, load: Load) -> None:
    text = manifest("{a: 7}", "'${vars.a}'")
    assert load(text).origins["judges.0.with.anything"] == "m.yaml:2:11"
    (problem,) = refuse(text.replace("anything: '", "model: '"))
    assert str(problem).startswith("m.yaml:2:11: judges[0].with.model: must be text, got the number 7; quote it: '7'")


def test_an_environment_variable_is_text(load: Load, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY", "7")
    assert value(load(manifest("{}", "'${env:TOY}'"))) == "7"
    assert (
        "must be a whole number" in refuse(manifest("{}", "1").replace("anything: 1", "steps: '${env:TOY}'"))[0].message
    )


def test_a_secret_reaches_the_options_and_nothing_that_is_written(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_KEY", "s3cret")
    loaded = load(manifest("{k: 'Bearer ${env:TOY_KEY}'}", "{deep: ['${vars.k}', '${env:TOY_KEY}']}"))
    assert value(loaded) == {"deep": ["Bearer s3cret", "s3cret"]}
    assert "s3cret" not in repr(loaded.content) + render_with_origins(loaded) + repr(loaded.origins)
    assert loaded.content["judges"][0]["with"]["anything"]["deep"] == ["Bearer ${env:TOY_KEY}", "${env:TOY_KEY}"]
    before = loaded.hash
    monkeypatch.setenv("TOY_KEY", "another")
    assert load(manifest("{k: 'Bearer ${env:TOY_KEY}'}", "{deep: ['${vars.k}', '${env:TOY_KEY}']}")).hash == before


@pytest.mark.parametrize("field", ["model", "mode", "temperature", "missing"])
def test_no_message_repeats_a_secret(field: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_KEY", "bad")
    text = manifest("{}", "1").replace("anything: 1", f"{field}: '${{env:TOY_KEY}}'")
    assert all("bad" not in str(problem) for problem in refuse(text))


def test_what_an_environment_variable_holds_is_not_interpolated(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY", "${vars.a} ${env:HOME}")
    assert value(load(manifest("{a: 1}", "'${env:TOY}'"))) == "${vars.a} ${env:HOME}"


def test_billion_laughs_by_variables_are_stopped(refuse: Refuse) -> None:
    names = [f"v{number}" for number in range(40)]
    lists = ["v0: [lol]"] + [f"{b}: ['${{vars.{a}}}', '${{vars.{a}}}']" for a, b in pairwise(names)]
    assert any("grow too large" in p.message for p in refuse(manifest("{" + ", ".join(lists) + "}", "1")))
    texts = ["v0: lol"] + [f"{b}: '${{vars.{a}}}${{vars.{a}}}'" for a, b in pairwise(names)]
    assert any("grow too large" in p.message for p in refuse(manifest("{" + ", ".join(texts) + "}", "1")))


def test_a_long_chain_of_variables_is_refused(refuse: Refuse) -> None:
    chain = ", ".join(f"v{number}: '${{vars.v{number + 1}}}'" for number in range(5000))
    assert any("too long a chain" in p.message for p in refuse(manifest("{" + chain + ", v5000: 1}", "1")))


def test_folders_of_paths_follow_the_variable(folder: Path, load: Load) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "base.yaml").write_text("vars: {d: here, e: '${vars.d}/x'}\n", encoding="utf-8")
    loaded = load("extends: sub/base.yaml\n" + manifest("{}", "1").replace("anything: 1", "answers: '${vars.e}'"))
    assert getattr(loaded.judges[0].options, "answers", None) == str(folder / "sub" / "here" / "x")


def test_a_path_that_begins_with_a_variable_follows_it_too(folder: Path, load: Load) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "base.yaml").write_text("vars: {d: here}\n", encoding="utf-8")
    text = "extends: sub/base.yaml\n" + manifest("{}", "1").replace("anything: 1", "answers: '${vars.d}/../x'")
    loaded = load(text)
    assert getattr(loaded.judges[0].options, "answers", None) == str(folder / "sub" / "x")
    assert load(render(loaded.content)).content == loaded.content


def test_values_of_the_environment_are_hidden_from_then_on(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_USER", "user-4711-private")
    load(manifest("{}", "'${env:TOY_USER}'"))
    assert scrub("for user-4711-private: no") == "for ${env:TOY_USER}: no"


def test_a_value_in_a_name_is_there_to_be_read(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_MODEL", "qwen2-vl-7b")
    text = manifest("{}", "'${env:TOY_MODEL}'").replace("name: ", "name: ${env:TOY_MODEL}-", 1)
    assert load(text).manifest.name.startswith("qwen2-vl-7b-")
    assert scrub("qwen2-vl-7b") == "qwen2-vl-7b"


@pytest.mark.parametrize("path", ["anything", "model", "{token: X}"])
def test_a_pasted_key_is_refused_and_never_shown(path: str, refuse: Refuse) -> None:
    key = "hf_abcdEFGHijklMNOPqrstUV12"
    text = manifest("{}", f"{{token: {key}}}" if path.startswith("{") else key)
    (problem, *_) = refuse(text.replace("anything", path) if path == "model" else text)
    assert "looks like a key" in problem.message
    assert key not in str(problem)
    assert "[key removed]" in str(problem)


def test_a_key_in_a_line_that_is_wrong_is_not_shown_either(refuse: Refuse) -> None:
    key = "sk-proj-0123456789abcdefghij"
    for text in (f"name: [{key}", f"a: {key}\n\tb: 1", f"{'x' * 150}: {key} : 1"):
        (problem, *_) = refuse(text)
        assert key[8:20] not in str(problem)
