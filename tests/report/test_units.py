"""A metric's unit travels from the metric to every printer, so that a foreign share prints like ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.api import Metric, Protocol, Unit, Units, UserError
from harness.discovery import Plugins
from harness.manifest.model import ReportSettings
from harness.report.compare import compare_judges, render_comparison
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard
from harness.report.renderers import FORMATS, render_board
from harness.report.terminal import print_comparison
from harness.score.find import make_metric
from harness.score.metrics import unit_of
from harness.score.records import CellScores

GOLD = "AB" * 100
SAID = GOLD[:150] + "BA" * 25  # 150 of 200
SHARE = {"terminal": "75.0", "md": "75.0", "latex": "75.0", "csv": "0.75", "json": "0.75"}


class Foreign:
    """Mean credit, by another name than ours."""

    def __init__(self, unit: str | None) -> None:
        if unit is not None:
            self.unit = unit

    def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = weights @ units.credit / weights.sum(axis=1)
        return found


def board(make_cell: Any, unit: str | None, **changes: Any) -> Leaderboard:
    metric: Metric = Foreign(unit)
    cells = [make_cell("good", SAID, GOLD), make_cell("one-sided", "A" * 200, GOLD)]
    settings = ReportSettings(metric="mine/agreed", resamples=200, **changes)
    return build_leaderboard(cells, settings, find_metric=lambda _: metric)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("group_by", ["task", "suite", "category"])
def test_a_foreign_share_prints_like_ours_in_every_format(make_cell: Any, format: str, group_by: str) -> None:
    text = render_board(board(make_cell, "share", group_by=group_by), format)
    assert SHARE[format] in text
    if format in ("terminal", "md"):
        assert "mine/agreed, %" in text
        assert "0.75" not in text


@pytest.mark.parametrize(
    ("unit", "shown"), [(None, "0.750"), ("score", "0.750"), ("correlation", "0.750"), ("distance", "0.750")]
)
def test_any_other_unit_is_printed_as_it_is(make_cell: Any, unit: str | None, shown: str) -> None:
    text = render_board(board(make_cell, unit), "terminal")
    assert "mine/agreed\n" in text, "no percent sign"
    assert re.search(rf"good +{shown} +0\.6\d\d–0\.8\d\d", text)


def test_the_unit_is_in_the_json_of_rows_pairs_and_other_metrics(make_cell: Any) -> None:
    found = board(make_cell, "share").to_json()
    assert {row["unit"] for row in found["rows"]} == {"share"}
    assert {pair["unit"] for pair in found["comparisons"]} == {"share"}
    cells = [make_cell("good", SAID, GOLD, protocol=Protocol(metrics=("accuracy", "macro_f1")))]
    other = build_leaderboard(cells, ReportSettings(resamples=200)).rows[0].others
    assert other["macro_f1"]["unit"] == "share"
    assert {row["unit"] for row in board(make_cell, None).to_json()["rows"]} == {"score"}


def test_a_difference_has_the_unit_of_its_metric(make_cell: Any) -> None:
    text = render_board(board(make_cell, "share"), "md").partition("### Paired differences")[2]
    assert re.search(r"\| +\+25(\.0)? \|", text)
    cells = [make_cell("good", SAID, GOLD)], [make_cell("one-sided", "A" * 200, GOLD)]
    shown: dict[Unit | None, str] = {"share": r"\+25(\.0)? ", None: r"\+0\.25\d* "}
    for unit, pattern in shown.items():
        metric = Foreign(unit)
        compared = compare_judges(
            *cells, ReportSettings(metric="mine/agreed", resamples=200), find_metric={"mine/agreed": metric}.__getitem__
        )
        assert re.search(pattern, render_comparison(compared, "md"))
        assert json.loads(render_comparison(compared, "json"))["tasks"][0]["unit"] == (unit or "score")
        assert re.search(pattern, printed(compared))


def printed(compared: Any) -> str:
    import io

    from rich.console import Console

    stream = io.StringIO()
    print_comparison(compared, Console(file=stream, width=120))
    return stream.getvalue()


def without(plain: Any, *names: str) -> Any:
    """JSON from before these fields."""
    if isinstance(plain, Mapping):
        return {key: without(value, *names) for key, value in plain.items() if key not in names}
    return [without(value, *names) for value in plain] if isinstance(plain, list) else plain


def test_scores_from_before_the_unit_still_open(make_cell: Any) -> None:
    scores: CellScores = make_cell("good", SAID, GOLD).scores
    assert scores.consistency
    old = without(json.loads(json.dumps(scores.to_json())), "unit")
    assert CellScores.from_json(old) == CellScores.from_json(json.loads(json.dumps(scores.to_json())))
    old["estimates"][0]["metric"] = "mine/agreed"
    assert CellScores.from_json(old).estimates[0].unit == "score", "nobody knows"


PLUGIN = """
from harness.api import MetricCard, hookimpl

class Alarms:
    def __call__(self, units, weights):
        return weights @ units.credit
    {says}

@hookimpl
def harness_metrics():
    return [MetricCard(name="alarms", summary="s", factory=lambda options, context: Alarms(), unit={unit!r})]
"""


@pytest.mark.parametrize(
    ("unit", "says", "problem"),
    [
        ("share", "", "its card says unit='share' and the metric itself says 'score'; say the same on both"),
        ("score", "unit = 'share'", "its card says unit='score' and the metric itself says 'share'"),
        ("percent", "unit = 'percent'", "unit must be one of share, score, correlation, distance, got 'percent'"),
        ("score", "greater_is_better = False", "its card says greater_is_better=True and the metric itself says False"),
        ("share", "unit = 'share'", ""),
    ],
)
def test_card_and_metric_say_the_same_unit(unit: str, says: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "alarms.py"
    path.write_text(PLUGIN.format(unit=unit, says=says), encoding="utf-8")
    plugins = Plugins.load(extra=[str(path)])
    if not problem:
        assert unit_of(make_metric("alarms/alarms", plugins)) == unit
        return
    with pytest.raises(UserError, match=re.escape(f"metric alarms/alarms: {problem}")):
        make_metric("alarms/alarms", plugins)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (("Alarms()", "None"), "its factory returned None, which cannot be called"),
        (("self, units, weights", "self, units"), "it takes (units) instead of (units, weights): too many positional"),
    ],
)
def test_a_metric_is_called_as_it_says_or_is_refused(changed: tuple[str, str], problem: str, tmp_path: Path) -> None:
    path = tmp_path / "alarms.py"
    path.write_text(PLUGIN.format(unit="score", says="").replace(*changed), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"metric alarms/alarms: {problem}")):
        make_metric("alarms/alarms", Plugins.load(extra=[str(path)]))
