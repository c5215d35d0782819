"""`--set path=value` reaches any value, and says so when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.libraries.config import Problem
from harness.manifest.load import LoadedManifest

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]

TEXT = """\
name: x
vars: {data: here, model: m}
tasks:
  - use: plain
  - use: rich
judges:
  - use: judge
    with: {model: "${vars.model}"}
report: {metric: accuracy}
"""


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("tasks.0.limit=10", ["tasks", 0, "limit"], 10),
        ("run.seed=3", ["run", "seed"], 3),
        ("run={seed: 4, limit: 2}", ["run", "limit"], 2),
        ("report.metric=macro_f1", ["report", "metric"], "macro_f1"),
        ("vars.model=other", ["judges", 0, "with", "model"], "other"),
        ("judges.0.with.stop=[a, 'b']", ["judges", 0, "with", "stop"], ["a", "b"]),
        ("judges.0.with.inner.depth=2", ["judges", 0, "with", "inner", "depth"], 2),
        ("tasks=[{use: plain, limit: 1}]", ["tasks", 0, "limit"], 1),
        ("description=a=b", ["description"], "a=b"),
        ("tasks.1.limit=~", ["tasks", 1, "limit"], None),
    ],
)
def test_a_set_value_is_used_and_recorded_verbatim(argument: str, path: list[Any], value: Any, load: Load) -> None:
    loaded = load(TEXT, argument)
    found: Any = loaded.content
    for step in path:
        found = found[step]
    assert found == value
    leaf = next(key for key in loaded.origins if key.startswith(".".join(map(str, path))))
    assert loaded.origins[leaf] == f"--set {argument}"


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("run.seeed=3", "run.seeed: unknown key. Did you mean 'seed'?"),
        ("taks.0.limit=3", "taks: unknown key. Did you mean 'tasks'?"),
        ("tasks.0.limt=3", "tasks[0].limt: unknown key. Did you mean 'limit' or 'split'?"),
        ("tasks.2.limit=3", "tasks[2]: tasks is a list; its indexes are 0 to 1"),
        ("tasks.-1.limit=3", "its indexes are 0 to 1"),
        ("tasks.one.limit=3", "its indexes are 0 to 1"),
        ("name.x=3", "name is a single value; it has no 'x'"),
        ("vars.dta=3", "there is no such variable. Did you mean 'data'?"),
        ("run.seed=x", "run.seed: must be a whole number, got the text 'x'"),
        ("run.seed", "write it as path.to.key=value"),
        ("=3", "write it as path.to.key=value"),
        ("run..seed=3", "is not a path of keys"),
        ("run.seed=[", "the value after = is read as YAML"),
        ("run.seed=*a", "aliases (*a) are not allowed"),
        ("run.seed={a: 1, a: 2}", "duplicate key 'a'"),
        (".".join(["a"] * 100) + "=1", "is not a path of keys"),
        ("extends=other.yaml", "extends: unknown key"),
    ],
)
def test_a_set_that_cannot_be_done_is_refused(argument: str, says: str, refuse: Refuse) -> None:
    problems = refuse(TEXT, argument)
    assert any(str(p).startswith(f"--set {argument}: ") and says in str(p) for p in problems), [
        str(p) for p in problems
    ]


def test_a_new_variable_is_refused_where_there_are_none(refuse: Refuse) -> None:
    text = "name: x\ntasks: [{use: plain}]\njudges: [{use: simple}]\n"
    assert "the manifest has no vars:" in refuse(text, "vars.a=1")[0].message


def test_the_last_set_wins(load: Load) -> None:
    assert load(TEXT, "run.seed=1", "run.seed=2").manifest.run.seed == 2


def test_a_path_from_a_set_is_relative_to_the_working_directory(
    folder: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "data").mkdir()
    (folder / "deep").mkdir()
    (folder / "deep" / "data").mkdir()
    manifest = folder / "m.yaml"
    monkeypatch.chdir(folder)
    assert load(TEXT + "", "tasks.0.data=data").tasks[0].entry.data == str(folder / "data")
    monkeypatch.chdir(folder / "deep")
    text = TEXT.replace("use: plain", "use: plain\n    data: ${vars.data}")
    assert load(text, "vars.data=data").tasks[0].entry.data == str(folder / "deep" / "data")
    assert manifest.exists()


def test_sets_come_after_extends(folder: Path, load: Load) -> None:
    (folder / "base.yaml").write_text(TEXT, encoding="utf-8")
    assert load("extends: base.yaml\nrun: {seed: 1}\n", "run.seed=2").manifest.run.seed == 2
