"""The recorded judges that authors publish, from their own files, by the shipped manifest, value by value.

The files are other people's work and are not shipped. They are read from beside the checkout or from
`HARNESS_TEST_DATA`, and the tests skip where they are absent. `expected.json` beside them has the published values.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
BIAS = ("preference/bias_accuracy", "preference/normalized_dispersion", "preference/gini_equality")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of the leaderboard by task and judge."""
    if not (DATA / "authors").is_dir():
        pytest.skip(f"the files of the authors are not in {DATA}; set HARNESS_TEST_DATA")
    runs = tmp_path_factory.mktemp("authors")
    for manifest, folder in (("authors", "authors"), ("genai_bench", "genai_bench"), ("judgebench", "judgebench")):
        arguments = [str(ROOT / "benchmarks" / f"{manifest}.yaml"), "--set", f"vars.data={DATA / folder}"]
        with pytest.raises(SystemExit) as caught:
            main(["run", *arguments, "--runs", str(runs)])
        assert caught.value.code == 0
    boards = [json.loads(file.read_text()) for file in sorted(runs.glob("*/leaderboard.json"))]
    return {(row["task"], row["judge"]): row for board in boards for row in board["rows"]}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    file = DATA / "authors" / "expected.json"
    if not file.is_file():
        pytest.skip(f"{file} is not there; set HARNESS_TEST_DATA")
    plain: dict[str, Any] = json.loads(file.read_text())
    return plain


def percent(row: dict[str, Any], metric: str = "") -> float:
    """A value of a row in percent, to the second decimal as it is published."""
    value: float = row["value"] if metric in ("", row["metric"]) else row["others"][metric]["value"]
    return round(100 * value, 2)


def section(expected: dict[str, Any], start: str) -> dict[str, Any]:
    """The part of the published values whose name begins so."""
    (found,) = [values for name, values in expected.items() if name.startswith(start)]
    assert isinstance(found, dict)
    return found


@pytest.mark.slow
def test_genai_bench(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    published = section(expected, "genai_bench")
    found = {judge: {task: percent(rows[task, judge]) for task in of} for judge, of in published.items()}
    assert found == published
    assert [percent(rows[task, "otterimage"]) for task in ("image_generation", "image_edition")] == [0, 0]


@pytest.mark.slow
def test_judgebench(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    published = section(expected, "judgebench")
    names = {name: next(judge for task, judge in rows if judge.startswith(name)) for name in published}
    assert {name: percent(rows["judgebench-gpt", judge]) for name, judge in names.items()} == published


@pytest.mark.slow
def test_mj_bench(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    for name, published in section(expected, "mj_bench (").items():
        perspective, size = name.split()
        task = f"mj-bench-{perspective}"
        assert {judge: percent(rows[task, judge]) for judge in published} == published
        assert {rows[task, judge]["n"] for judge in published} == {int(size)}


@pytest.mark.slow
def test_mj_bench_bias(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    for name, published in section(expected, "mj_bench_bias").items():
        metrics = [f"{metric}@group_size" if name.startswith("script") else metric for metric in BIAS]
        found = {judge: [percent(rows["mj-bench-bias", judge], metric) for metric in metrics] for judge in published}
        assert found == published


@pytest.mark.slow
def test_pick_a_pic(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    published = section(expected, "pick_a_pic")
    assert {judge: percent(rows["pick-a-pic", judge]) for judge in published} == published


@pytest.mark.slow
def test_pandalm(rows: dict[tuple[str, str], dict[str, Any]], expected: dict[str, Any]) -> None:
    for judge, published in section(expected, "pandalm").items():
        assert [percent(rows["pandalm", judge], metric) for metric in ("accuracy", "macro_f1")] == published


def statistics() -> Iterator[tuple[str, str, dict[str, float]]]:
    """Subset, evaluator and the numbers of each file of statistics that the authors of LLMBar give."""
    for file in sorted((DATA / "authors" / "llmbar").rglob("statistics.json.gz")):
        plain = json.loads(gzip.decompress(file.read_bytes()))
        numbers = {name: float(str(plain[name]).rpartition("=")[2].strip(" %")) for name in plain}
        yield file.parts[-5], f"{file.parts[-3]}/{file.parts[-2]}", numbers


@pytest.mark.slow
def test_llmbar(rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    metrics = {
        "correct_average": "accuracy",
        "correct_both": "all_right@group",
        "equal": "preference/same_winner@group",
    }
    seen = 0
    for subset, judge, numbers in statistics():
        row = rows[f"llmbar-{subset}", judge]
        found = {name: percent(row, metric) for name, metric in metrics.items()}
        assert found == {name: round(numbers[name], 2) for name in metrics}, (subset, judge)
        seen += 1
    assert seen >= 16
