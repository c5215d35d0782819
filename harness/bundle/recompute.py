"""The numbers of a run, computed again from its judgements as `harness score` computes them. Nothing recorded is used.

Metrics are those of installed plugins, found by name. `evaluate:NAME` loads code that the name chooses, so it is never
taken from a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from harness.api import HarnessError, Metric, PluginError, Protocol, RecordedCell
from harness.recorded.load import RecordedRun
from harness.report.leaderboard import build_leaderboard
from harness.report.scored import ScoredCell
from harness.score.cell import score_recorded
from harness.score.find import make_metric
from harness.score.table import CellTable
from harness.score.units import build_cell

if TYPE_CHECKING:
    from harness.discovery import Plugins

Key = tuple[str, str]
"""Task and judge: what names a cell of one run."""


@dataclass(frozen=True, kw_only=True)
class TabledCell(ScoredCell):
    """A scored cell that keeps its units: they are needed for its scores and again for its comparisons."""

    units: CellTable = field(repr=False)
    """The units that the protocol makes of the answers."""

    def table(self) -> CellTable:
        """The same."""
        return self.units


@dataclass(kw_only=True)
class Recomputed:
    """Numbers that were made here."""

    cells: dict[Key, ScoredCell] = field(default_factory=dict)
    """The cells that could be scored, with every metric that is installed."""
    missing: dict[Key, dict[str, str]] = field(default_factory=dict)
    """Metrics of a cell that are not installed, with the reason."""
    uncomputed: dict[Key, str] = field(default_factory=dict)
    """Cells whose headline is not installed, with the reason. There are no numbers of them."""
    broken: dict[Key, str] = field(default_factory=dict)
    """Cells whose answers cannot be scored, with the reason. There are no numbers of them."""
    board: Mapping[str, Any] | None = None
    """The leaderboard of the cells that have their headline. `None`: there is none."""
    problem: str = ""
    """Why there is no leaderboard."""

    @property
    def tasks_without_numbers(self) -> dict[str, str]:
        """Tasks with a cell that has no numbers, with the reason."""
        return {task: reason for (task, _), reason in {**self.uncomputed, **self.broken}.items()}


def recompute_run(run: RecordedRun, plugins: Plugins) -> Recomputed:
    """Score every cell, and build the leaderboard."""
    found = Recomputed()
    for cell in run.cells:
        try:
            _score_cell(cell, run, plugins, found)
        # The answers are a stranger's: any way in which they break the statistics is a fault of the bundle.
        except Exception as error:
            found.broken[cell.task, cell.judge] = str(error) or type(error).__name__
    # A task is compared as a whole: without one of its judges the others' ranks are different ones.
    lost = found.tasks_without_numbers
    kept = [cell for cell in found.cells.values() if cell.task not in lost]
    if not kept:
        found.problem = "no cell can be scored here"
        return found
    try:
        board = build_leaderboard(
            kept, run.report, seed=run.seed, left_out=run.left_out, find_metric=lambda name: find_metric(name, plugins)
        )
        found.board = as_read(board.to_json())
    except Exception as error:  # as above
        found.problem = str(error) or type(error).__name__
    return found


def as_read(plain: Any) -> Any:
    """Plain data as JSON gives them back, so that they can be compared with what was written."""
    return json.loads(json.dumps(plain), parse_constant=lambda word: None)


def find_metric(name: str, plugins: Plugins) -> Metric:
    """A metric of an installed plugin.

    Raises:
        PluginError: It is not installed, or the name would load code from elsewhere.
    """
    if Protocol.parse_metric(name)[0].startswith("evaluate:"):
        raise PluginError(f"the metric {name!r} loads code that its name chooses; it is not computed from a bundle")
    return make_metric(name, plugins)


def _score_cell(cell: RecordedCell, run: RecordedRun, plugins: Plugins, found: Recomputed) -> None:
    key = (cell.task, cell.judge)
    metrics, missing = {}, {}
    for name in cell.protocol.metrics:
        try:
            metrics[name] = find_metric(name, plugins)
        except HarnessError as error:
            missing[name] = str(error)
    if missing:
        found.missing[key] = missing
    headline = cell.protocol.metrics[0]
    # Flags and categories are about the headline, and so is the place on the board.
    if headline in missing:
        found.uncomputed[key] = missing[headline]
        return
    if cell.metric not in metrics and cell.metric not in missing:
        try:
            find_metric(cell.metric, plugins)
        except HarnessError as error:
            found.uncomputed[key] = str(error)
            return
    table = build_cell(cell.answers(), cell.protocol)
    scores = score_recorded(cell, table, metrics=metrics, confidence=run.report.confidence)
    known = {spec.name: getattr(cell, spec.name) for spec in fields(RecordedCell)}
    found.cells[key] = TabledCell(**known, scores=scores, units=table)
