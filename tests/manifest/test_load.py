"""The whole way: everything wrong at once, and what is right comes out typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import ManifestError
from harness.discovery import Plugins
from harness.libraries.config import Problem, did_you_mean, display
from harness.manifest.load import LoadedManifest, load_document
from harness.manifest.problems import InvalidManifestError

Load = Callable[..., LoadedManifest]
Refuse = Callable[..., list[Problem]]

GOOD = "name: good\ntasks: [{use: plain}]\njudges: [{use: simple}]\n"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_problems_of_every_stage_come_at_once_sorted_by_position(refuse: Refuse) -> None:
    problems = refuse(
        "name: Bad\n"
        "vars: {a: '${vars.b}'}\n"
        "tasks:\n"
        "  - {use: plan, limt: 3}\n"
        "  - {use: rich, with: {steps: x}, protocol: {oder: both}}\n"
        "judges: []\n"
        "judges: [{use: simple}]\n"
        "report: {metric: acuracy, grup_by: task}\n",
        "run.sed=1",
    )
    assert [f"{problem.origin} {problem.path}" for problem in problems] == [
        "m.yaml:1:7 name",
        "m.yaml:2:11 vars.a",
        "m.yaml:4:11 tasks.0.use",
        "m.yaml:4:17 tasks.0.limt",
        "m.yaml:5:31 tasks.1.with.steps",
        "m.yaml:5:46 tasks.1.protocol.oder",
        "m.yaml:6:9 judges",
        "m.yaml:7:1 judges",
        "m.yaml:8:18 report.metric",
        "m.yaml:8:27 report.grup_by",
        "--set run.sed=1 run.sed",
    ]


def test_missing_parts_are_all_named(refuse: Refuse) -> None:
    problems = refuse("description: x\n")
    assert [problem.path for problem in problems] == ["judges", "name", "tasks"]
    assert {problem.message for problem in problems} == {"required key is missing; add it"}


@pytest.mark.parametrize("name", ["Ood", "a b", "-a", "", "a" * 81, "a/b", "../x", "é"])
def test_a_name_must_do_as_a_folder(name: str, refuse: Refuse) -> None:
    (problem,) = refuse(f"name: '{name}'\ntasks: [{{use: plain}}]\njudges: [{{use: simple}}]\n")
    assert problem.path == "name"


def test_the_error_is_a_user_error_that_carries_its_problems(load: Load) -> None:
    with pytest.raises(ManifestError) as caught:
        load("a: 1\n")
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, InvalidManifestError)
    assert str(caught.value).count("m.yaml:1:1") == len(caught.value.problems)


def test_infinite_settings_are_refused(refuse: Refuse) -> None:
    text = "name: x\ntasks: [{use: plain}]\njudges: [{use: simple}]\nrun: {timeout: .inf}\n"
    assert "must be a finite number" in refuse(text)[0].message


def test_a_section_that_is_left_empty_is_said(refuse: Refuse) -> None:
    (problem,) = refuse("name: x\ntasks: [{use: plain}]\njudges: [{use: simple}]\nrun:\n")
    assert "run: must be a mapping, got nothing" in str(problem)


WHOLE = sorted(path for path in BENCHMARKS.glob("**/*.yaml") if path.parent.name not in ("parts", "accelerate"))
"""Manifests and recipes; what lies in `parts/` is only ever extended, and `accelerate/` is for that launcher."""


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_the_manifests_of_this_repository_load(path: Path, tmp_path: Path) -> None:
    named = re.findall(r"(?:\.\./)?parts/\w+\.yaml", path.read_text(encoding="utf-8"))
    parts = [path.parent / name for name in named]
    text = "".join(file.read_text(encoding="utf-8") for file in (path, *parts))
    declared = set(re.findall(r"^vars: \{.*?\b(root|data): data", text, re.MULTILINE))
    for name in re.findall(r"\$\{vars\.(?:root|data)\}/(\w+)", text):
        (tmp_path / name).mkdir(exist_ok=True)
    sets = [f"vars.{name}={tmp_path}" for name in sorted(declared)]
    loaded = load_document(path, sets=sets, plugins=Plugins.load())
    assert loaded.tasks


def test_paths_are_shown_as_people_write_them() -> None:
    assert display("tasks.0.with.model") == "tasks[0].with.model"
    assert did_you_mean("jugde", ["judge", "name"]) == " Did you mean 'judge'?"
    assert did_you_mean("zzz", ["b", "a"]) == " Known: a, b."
    assert did_you_mean("zzz", []) == ""


def test_all_problems_of_a_file_come_at_once(refuse: Refuse) -> None:
    problems = refuse("a: &x 1\nb: *x\nb: 2\nc: !t 3\n7: 1\n" + GOOD)
    assert [p.origin.line for p in problems if "unknown" not in p.message] == [2, 3, 4, 5]


def test_a_byte_order_mark_is_fine(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + GOOD.encode()).manifest.name == "good"
