"""What entries refer to is found, checked and put in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.libraries.config import Problem
from harness.manifest.load import LoadedManifest

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]


def task(*fields: str) -> str:
    lines = "\n".join(f"    {field}" for field in fields)
    return f"name: x\ntasks:\n  - use: plain\n{lines}\njudges: [{{use: simple}}]\n"


def tasks(*entries: str) -> str:
    return "name: x\ntasks:\n" + "".join(f"  - {entry}\n" for entry in entries) + "judges: [{use: simple}]\n"


def test_a_bare_name_becomes_the_canonical_id(load: Load) -> None:
    loaded = load(task("format: tagged"))
    assert loaded.tasks[0].offer.id == loaded.tasks[0].entry.use == loaded.content["tasks"][0]["use"] == "toy/plain"
    assert loaded.tasks[0].entry.format == "toy/tagged"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("format: taged", "tasks[0].format: there is no format 'taged'. Did you mean 'tagged'"),
        ("split: tset", "tasks[0].split: task toy/plain has no split 'tset'. Did you mean 'test'?"),
        ("with: {a: 1}", "tasks[0].with.a: task toy/plain takes no options; remove with:"),
        ("with: [a]", "tasks[0].with: must be a mapping, got a list"),
        ("with:", "tasks[0].with: must be a mapping, got nothing"),
        ("limit: 0", "tasks[0].limit: must be greater than or equal to 1"),
        ("data: hub:name", "write a dataset of the hub as hub:ORG/NAME or hub:ORG/NAME@REVISION"),
        ("data: ''", "tasks[0].data: String should have at least 1 character"),
        ("protocol: {oder: both}", "tasks[0].protocol.oder: unknown key. Did you mean 'order'?"),
        ("protocol: {order: bth}", "tasks[0].protocol.order: must be 'fixed', 'shuffled', 'both' or 'reshuffled'"),
        ("protocol: {samples: 0}", "tasks[0].protocol.samples: samples must be 1 or more, got 0"),
        ("protocol: {samples: '2'}", "must be a whole number, got the text '2'; remove the quotes"),
        ("protocol: {min_coverage: 2}", "min_coverage must be from 0 to 1, got 2"),
        ("protocol: {metrics: []}", "metrics must name at least one metric"),
        ("protocol: {metrics: accuracy}", "tasks[0].protocol.metrics: must be a list, got the text 'accuracy'"),
        ("protocol: {metrics: [acuracy]}", "tasks[0].protocol.metrics[0]: there is no metric 'acuracy'. Did you mean"),
        ("protocol: {metrics: [acuracy@group]}", "protocol.metrics[0]: there is no metric 'acuracy'. Did you mean"),
        (
            "protocol: {metrics: [accuracy@groups]}",
            "tasks[0].protocol.metrics[0]: metrics must be names, each with or without @ and one of micro, category",
        ),
        ("protocol: {order: fixed, pooling: sum}", "tasks[0].protocol.pooling: pooling 'sum' needs order: both"),
        ("suite: 3", "tasks[0].suite: must be text, got the number 3; quote it: '3'"),
        ("nmae: x", "tasks[0].nmae: unknown key. Did you mean 'name'?"),
    ],
)
def test_a_wrong_field_of_a_task_is_said(field: str, says: str, refuse: Refuse) -> None:
    (problem,) = refuse(task(field))
    assert says in str(problem)
    assert problem.origin.line == 4


def test_overrides_of_a_protocol_are_partial(load: Load) -> None:
    assert load(task("protocol: {pooling: sum}")).tasks[0].entry.protocol == {"pooling": "sum"}
    metrics = load(task("protocol: {metrics: [macro_f1, 'evaluate:bleu']}")).tasks[0].entry.protocol["metrics"]
    assert metrics == ["macro_f1", "evaluate:bleu"]


def test_an_unknown_plugin_object_names_near_misses(refuse: Refuse) -> None:
    (problem,) = refuse(tasks("{use: toy/pliny}", "{use: rich}"))
    assert str(problem).startswith("m.yaml:3:11: tasks[0].use: there is no task 'toy/pliny'. Did you mean 'toy/plain'")


def test_a_plugin_that_cannot_be_loaded_repeats_its_cause(refuse: Refuse) -> None:
    (problem,) = refuse(tasks("{use: unloadable}"))
    assert problem.path == "tasks.0.use"
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in problem.message


def test_the_default_split_must_exist_as_well(refuse: Refuse) -> None:
    (problem,) = refuse(tasks("{use: train-only}"))
    assert "task toy/train-only has no split 'test'. Known: train." in problem.message
    assert problem.origin.column == 11


def test_data_is_absolute_and_relative_to_the_manifest(folder: Path, load: Load) -> None:
    (folder / "some").mkdir()
    assert load(task("data: some/../some")).tasks[0].entry.data == str(folder / "some")
    assert load(task("data: hub:org/name@v1")).content["tasks"][0]["data"] == "hub:org/name@v1"


def test_missing_data_names_the_path_and_the_fix(folder: Path, refuse: Refuse) -> None:
    (problem,) = refuse(task("data: org/name"))
    assert f"there is nothing at {folder / 'org' / 'name'}; give an existing file" in problem.message
    assert "or hub:org/name for a dataset of the hub" in problem.message
    assert (problem.origin.line, problem.origin.column) == (4, 11)
    refuse(task(f"data: {'x' * 5000}"))
    refuse(task('data: "\\0"'))


def test_data_by_environment_is_absolute_but_not_expanded_when_stored(
    folder: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "some").mkdir()
    monkeypatch.setenv("TOY", "some")
    loaded = load(task("data: ${env:TOY}"))
    assert loaded.tasks[0].entry.data == str(folder / "some")
    assert loaded.content["tasks"][0]["data"] == f"{folder}/${{env:TOY}}"
    monkeypatch.setenv("TOY", str(folder / "some"))
    loaded = load(task("data: ${env:TOY}"))
    assert loaded.tasks[0].entry.data == str(folder / "some")
    assert loaded.content["tasks"][0]["data"] == "${env:TOY}"


def test_names_are_derived_and_unique(load: Load) -> None:
    loaded = load(
        tasks("{use: plain}", "{use: plain, name: plain-2}", "{use: plain, name: ~}", "{use: rich}", "{use: many}")
    )
    assert [one.entry.name for one in loaded.tasks] == ["plain", "plain-2", "plain-3", "rich", None]
    assert loaded.origins["tasks.0.name"] == "default"


def test_two_entries_of_one_name_are_refused(refuse: Refuse) -> None:
    (problem,) = refuse(tasks("{use: plain, name: a}", "{use: rich, name: a}"))
    assert str(problem).startswith("m.yaml:4:23: tasks[1].name: two tasks are named 'a', the other one at m.yaml:3:24")


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "a  b"), ("caf\\u00e9", "cafe\\u0301"), ("a\\u200bb", "a\\u200db"), ("x2", "x\\u00b2")]
)
def test_two_names_that_look_alike_are_refused(refuse: Refuse, one: str, other: str) -> None:
    (problem,) = refuse(tasks(f'{{use: plain, name: "{one}"}}', f'{{use: rich, name: "{other}"}}'))
    assert "two tasks are named" in str(problem)
    assert "which looks alike, at m.yaml:3" in str(problem)


def test_names_that_differ_to_the_eye_are_left_alone(load: Load) -> None:
    names = ["a b", "ab", "A b", "a-b", "a_b"]
    loaded = load(tasks(*(f'{{use: plain, name: "{name}"}}' for name in names)))
    assert [one.entry.name for one in loaded.tasks] == names
    # A name that is made up gives way to one that looks like it.
    loaded = load(tasks("{use: plain}", '{use: rich, name: "pl\\uff41in"}'))
    assert loaded.tasks[0].entry.name == "plain-2"


def test_the_metric_of_the_report_is_installed(refuse: Refuse) -> None:
    (problem,) = refuse(task() + "report: {metric: acuracy}\n")
    assert str(problem).startswith("m.yaml:6:18: report.metric: there is no metric 'acuracy'. Did you mean 'accuracy'")
