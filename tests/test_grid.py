"""The script of the comparison of training methods, `benchmarks/train/grid.py`, and its tables."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from scipy import stats

TRAIN = Path(__file__).parents[1] / "benchmarks" / "train"
sys.path.insert(0, str(TRAIN))

import curves  # noqa: E402
import grid  # noqa: E402
import tables  # noqa: E402
from tables import INSIDE, NEVER_MET, OUTSIDE, Result  # noqa: E402


def result(row: str, seed: int, task: str, value: float, outside: float = 0.0) -> Result:
    return Result(
        row=row,
        seed=seed,
        task=task,
        metric="macro_f1",
        value=value,
        answered=value,
        low=None,
        high=None,
        coverage=1 - outside,
        outside=outside,
        n=100,
    )


def results(values: dict[str, list[float]], tasks: tuple[str, ...] = ("a", "b")) -> list[Result]:
    """Each row's value of each seed, the second task 0.1 above the first."""
    return [
        result(row, seed, task, value + 0.1 * place)
        for row, column in values.items()
        for seed, value in enumerate(column)
        for place, task in enumerate(tasks)
    ]


def test_intervals_are_those_of_students_t() -> None:
    values = [70.0, 72.0, 71.0, 75.0, 69.0]
    mean, half = tables.interval(values)
    low, high = stats.t.interval(0.95, 4, loc=mean, scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert math.isnan(tables.interval([70.0])[1]), "one seed tells no interval"


def test_differences_are_paired_by_seed() -> None:
    found = results({"mt-rl-judge": [0.7, 0.5, 0.6], "other": [0.6, 0.4, 0.5]})
    assert tables.differences(found, "other", ["a", "b"]) == pytest.approx([-10, -10, -10])
    missing = [one for one in found if (one.row, one.seed, one.task) != ("other", 1, "b")]
    assert len(tables.differences(missing, "other", ["a", "b"])) == 2, "a seed counts where it has all tasks"


def test_a_row_without_seeds_is_compared_with_every_seed() -> None:
    found = results({"mt-rl-judge": [0.7, 0.5], "off-the-shelf": [0.4], "sft-unified": [0.4]})
    assert tables.differences(found, "off-the-shelf", ["a"]) == pytest.approx([-30, -10])
    assert tables.differences(found, "sft-unified", ["a"]) == pytest.approx([-30]), "not run for the other seed yet"
    assert set(tables.GIVEN) == {row.name for row in grid.ROWS if not row.seeded}
    assert tuple(row.name for row in grid.ROWS) == tables.ORDER
    assert tuple(row.name for row in grid.ROWS if row.part == "paper") == tables.PAPER


def test_p_values_are_corrected_over_the_table() -> None:
    found = results(
        {"mt-rl-judge": [0.7, 0.5, 0.6], "x": [0.6, 0.42, 0.5], "y": [0.1, 0.2, 0.3], "same": [0.7, 0.5, 0.6]}
    )
    likely = tables.p_values(found, ["mt-rl-judge", "x", "y", "same"], ["a"])
    raw = {row: stats.ttest_1samp(tables.differences(found, row, ["a"]), 0).pvalue for row in ("x", "y")}
    first, second = sorted(raw, key=raw.__getitem__)
    assert likely[first] == pytest.approx(2 * raw[first])
    assert likely[second] == pytest.approx(max(2 * raw[first], raw[second]))
    assert set(likely) == {"x", "y"}, "no test where nothing differs"


def test_the_table_shows_means_differences_and_what_is_outside() -> None:
    found = results({"mt-rl-judge": [0.7, 0.5], "off-the-shelf": [0.4]})
    found.append(result("sft", 0, "a", 0.0, outside=1.0))
    lines = tables.table(
        found, ["off-the-shelf", "sft", "mt-rl-judge", "absent"], ["a", "b"], over=["a", "b"]
    ).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| off-the-shelf", "| sft", "| mt-rl-judge"]
    base = lines[2].strip("| ").split(" | ")
    assert base[:4] == ["off-the-shelf", "40.0", "50.0", "45.0"]
    assert base[4].startswith("-20.0 ± ")
    assert "100.0" in lines[3]
    assert "–" in lines[3], "a row that lacks a task has no mean"
    half = tables.interval([70.0, 50.0])[1]
    assert f"60.0 ± {half:.1f}" in lines[4]


def test_a_lost_form_counts_as_wrong() -> None:
    cell = {
        "task": "pairwise-safety",
        "estimates": [{"metric": "macro_f1", "worst_case": 0.0, "excluded": None, "ci_low": None, "ci_high": None}],
        "coverage": 0.0,
        "statuses": {"outside": 150},
        "asked": 200,
    }
    read = Result.of_cell(cell, row="sft-unified", seed=3)
    assert (read.value, read.answered, read.outside, read.seed) == (0.0, None, 0.75, 3)


def test_every_task_out_of_distribution_has_one_judge_of_a_single_task() -> None:
    (row,) = (row for row in grid.ROWS if row.name == "rl-single")
    asked = [task for job in grid.jobs(row, 0) for task in job.tasks]
    assert sorted(asked) == sorted((*INSIDE, *OUTSIDE, *NEVER_MET))


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], subprocess.CompletedProcess[str]]:
    """A manifest of every row, by its name, and what `harness validate` says of all of them."""
    folder = tmp_path_factory.mktemp("rows")
    paths = {row.name: grid.write_manifest(next(grid.jobs(row, 3)), folder) for row in grid.ROWS}
    command = [sys.executable, "-m", "harness", "validate", *map(str, paths.values())]
    return paths, subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("row", grid.ROWS, ids=lambda row: row.name)
def test_manifests_of_every_row_are_valid(row: grid.Row, validated: Any) -> None:
    paths, done = validated
    assert f"{paths[row.name]}: ok (" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    job = next(grid.jobs(row, 3))
    recipe = yaml.safe_load((paths[row.name].parent / f"{job.label}.recipe.yaml").read_text())
    assert ("vars" in recipe) is row.seeded
    labels = [one.label for every in grid.ROWS for one in grid.jobs(every, 3)]
    assert len(set(labels)) == len(labels), "a folder each"


def test_the_page_shows_what_the_committed_results_say() -> None:
    records = json.loads((TRAIN / "results.json").read_text())
    read = [Result(**record) for record in records]
    page = (TRAIN.parents[1] / "docs" / "explanation" / "the-paper-in-miniature.md").read_text()
    shown = page.split("results.json -->\n")[1].split("\n<!-- /tables -->")[0]
    assert shown == tables.document(read).strip()
    assert {one.row for one in read} == {row.name for row in grid.ROWS}
    assert len({one.seed for one in read if one.row == tables.REFERENCE}) >= 5


def checkpoint(folder: Path, name: str, values: dict[int, float], *, done: bool = True) -> None:
    (folder / name).mkdir(parents=True)
    lines = [{"step": step, "metrics": {"validation/accuracy": value, "loss": 1.0}} for step, value in values.items()]
    (folder / name / "curves.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if done:
        (folder / name / "trained.json").write_text("{}")


def test_curves_are_read_over_the_seeds_of_one_recipe(tmp_path: Path) -> None:
    checkpoint(tmp_path, "mt-rl-judge-0123456789ab", {0: 0.5, 10: 0.75})
    checkpoint(tmp_path, "mt-rl-judge-1123456789ab", {0: 0.5, 10: 0.25})
    checkpoint(tmp_path, "mt-rl-judge-2123456789ab", {0: 0.9}, done=False)
    checkpoint(tmp_path, "mt-rl-judge-more-0123456789ab", {0: 0.9, 10: 0.9})
    assert curves.read(tmp_path, "mt-rl-judge", "validation/accuracy") == {0: [50, 50], 10: [75, 25]}


def test_curves_are_drawn_the_same_way_twice(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = {"first": {0: [50.0, 50.0], 10: [75.0, 25.0]}, "second": {0: [50.0], 10: [75.0]}}
    for name in "ab":
        curves.draw(drawn, tmp_path / f"{name}.svg", columns=2)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
