"""Metrics of the `evaluate` library, offline, from a module written on the spot."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.allowed import AllowedCode
from harness.api import Choice, Metric, Protocol, RecordedAnswer, Status, UserError
from harness.score.cell import score_cell
from harness.score.evaluate_bridge import EVALUATIONS, EvaluateMetric, evaluate_metric
from harness.score.metrics import unit_of
from harness.score.units import build_cell

# Not `importorskip`: every worker would import it, and transformers with it, to find the tests.
if importlib.util.find_spec("evaluate") is None:
    pytest.skip("pip install evaluate", allow_module_level=True)
constants = pytest.importorskip("huggingface_hub.constants")

MODULE = """
import datasets
import evaluate


class Agreement(evaluate.Metric):
    {says}

    def _info(self):
        return evaluate.MetricInfo(
            description="share of equal pairs",
            citation="",
            inputs_description="",
            features=datasets.Features({{name: datasets.Value("int32") for name in ("predictions", "references")}}),
        )

    def _compute(self, predictions, references):
        return {result}
"""

SHARE = '{"share": sum(p == r for p, r in zip(predictions, references)) / len(references)}'


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in (("HF_HOME", "hf"), ("HF_MODULES_CACHE", "modules"), ("HF_EVALUATE_CACHE", "evaluate")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_EVALUATE_OFFLINE", "1")
    # The library reads its environment once, when it is imported.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf/hub"))


def make(name: str) -> Metric:
    """The metric of a file, or of a name, as the user allows it."""
    return evaluate_metric(name, AllowedCode((f"evaluate:{name}",)))


def write_module(folder: Path, result: str, *, name: str, says: str = "") -> str:
    path = folder / name / f"{name}.py"
    path.parent.mkdir()
    path.write_text(MODULE.format(result=result, says=says), encoding="utf-8")
    return str(path)


def answers() -> list[RecordedAnswer]:
    said = ["yes", "no", "yes", "no", "yes", None]
    gold = ["yes", "yes", "yes", "no", "no", "no"]
    return [
        RecordedAnswer(
            item=f"i{k}",
            group=f"i{k}",
            category="",
            space=Choice(("yes", "no")),
            gold=right,
            order=(),
            sample=0,
            status=Status.OK if verdict else Status.UNPARSED,
            verdict=verdict,
        )
        for k, (verdict, right) in enumerate(zip(said, gold, strict=True))
    ]


def test_a_local_module_is_scored_with_an_interval(tmp_path: Path) -> None:
    metric = make(write_module(tmp_path, SHARE, name="agreement_share"))
    table = build_cell(answers(), Protocol(unparsed="wrong"))
    cell = score_cell(table, task="t", judge="j", metrics={"evaluate:x": metric}, data_hash="h")
    estimate = cell.estimates[0]
    assert estimate.value == pytest.approx(3 / 6)
    assert estimate.excluded == pytest.approx(3 / 5)
    assert estimate.method == "cluster-jackknife"
    assert estimate.ci_low is not None
    assert estimate.ci_high is not None
    assert estimate.ci_low < 0.5 < estimate.ci_high


def test_a_module_is_called_at_most_so_often_for_an_interval() -> None:
    calls = []

    def compute(*, predictions: list[int], references: list[int]) -> dict[str, float]:
        calls.append(len(predictions))
        return {"mine": float(np.mean(np.array(predictions) == np.array(references)))}

    metric = EvaluateMetric("mine", compute)
    space = Choice(tuple(f"c{k}" for k in range(60)))
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 60, (3_000, 2))
    pairs[:, 1] = np.where(rng.random(3_000) < 0.5, pairs[:, 0], pairs[:, 1])
    many = [
        RecordedAnswer(f"i{k}", f"i{k}", "", space, f"c{gold}", (), 0, Status.OK, f"c{said}")
        for k, (gold, said) in enumerate(pairs.tolist())
    ]
    cell = score_cell(build_cell(many, Protocol()), task="t", judge="j", metrics={"x": metric}, data_hash="h")
    assert len({tuple(pair) for pair in pairs.tolist()}) > 4 * EVALUATIONS
    assert len(calls) <= 5 + EVALUATIONS + 2 * len(space.labels), (
        "blocks, two calls a class, value, centre, other cases"
    )
    estimate = cell.estimates[0]
    assert estimate.ci_low is not None
    assert estimate.ci_high is not None
    half = 1.96 * np.sqrt(0.25 / 3_000)
    assert (estimate.ci_high - estimate.ci_low) / 2 == pytest.approx(half, rel=0.25), "blocks say what clusters say"


def test_a_module_says_what_its_number_is(tmp_path: Path) -> None:
    plain = make(write_module(tmp_path, SHARE, name="plain"))
    assert (unit_of(plain), getattr(plain, "greater_is_better", None)) == ("score", True)
    says = "unit, greater_is_better = 'distance', False"
    error = make(write_module(tmp_path, SHARE, name="error_rate", says=says))
    cell = score_cell(build_cell(answers(), Protocol()), task="t", judge="j", metrics={"x": error}, data_hash="h")
    assert (cell.estimates[0].unit, cell.estimates[0].greater_is_better) == ("distance", False)
    with pytest.raises(UserError, match=r"metric evaluate:.*percents.*: unit must be one of share, .* got 'percent'"):
        make(write_module(tmp_path, SHARE, name="percents", says="unit = 'percent'"))


@pytest.mark.parametrize(
    ("name", "unit", "greater"),
    [("f1", "share", True), ("evaluate-metric/spearmanr", "correlation", True), ("mae", "distance", False)],
)
def test_the_librarys_own_metrics_are_known(name: str, unit: str, greater: bool, tmp_path: Path) -> None:
    repository = name if "/" in name else f"evaluate-metric/{name}"
    stem = repository.rpartition("/")[2]
    cached = tmp_path / "hf/hub" / f"spaces--{repository.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("a" * 40, encoding="utf-8")
    (cached / "snapshots" / ("a" * 40)).mkdir(parents=True)
    path = cached / "snapshots" / ("a" * 40) / f"{stem}.py"
    path.write_text(MODULE.format(result=SHARE, says=""), encoding="utf-8")
    pin = hashlib.sha256(path.read_bytes()).hexdigest()
    metric = evaluate_metric(name, AllowedCode((f"evaluate:{name}@sha256:{pin}",)))
    assert (unit_of(metric), getattr(metric, "greater_is_better", None)) == (unit, greater)


def test_a_metric_with_several_results_is_refused(tmp_path: Path) -> None:
    metric = make(write_module(tmp_path, '{"one": 1.0, "two": 2.0}', name="two_results"))
    table = build_cell(answers(), Protocol())
    with pytest.raises(UserError, match="'one', 'two'"):
        score_cell(table, task="t", judge="j", metrics={"x": metric}, data_hash="h")


def test_a_name_that_cannot_be_had_offline_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"metric evaluate:no-such-metric: .*path of a local metric module"):
        make("no-such-metric")


def test_a_missing_library_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evaluate", None)
    with pytest.raises(UserError, match=r"pip install 'judge-harness\[evaluate\]'"):
        make("accuracy")


def test_classes_are_whole_numbers_in_the_order_of_the_space() -> None:
    seen: dict[str, list[object]] = {}

    def compute(*, predictions: list[object], references: list[object]) -> dict[str, float]:
        seen.update(predictions=predictions, references=references)
        return {"mine": 1.0, "size": float(len(predictions))}

    metric = EvaluateMetric("folder/mine.py", compute)
    table = build_cell(answers(), Protocol(unparsed="wrong"))
    cell = score_cell(table, task="t", judge="j", metrics={"x": metric}, data_hash="h")
    assert cell.estimates[0].value == 1.0
    assert all(isinstance(code, int) for code in seen["predictions"])
    assert sorted(np.unique(np.array(seen["references"])).tolist()) == [0, 1]
