"""The numbers that a leaderboard shows: taken from the scores where they are, else scored now from the journal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.api import Metric, UserError
from harness.report.entries import Entry
from harness.report.numbers import bare
from harness.report.records import Cell
from harness.report.text import clean
from harness.score.cell import score_cell
from harness.score.records import Answer, CellScores, Comparison
from harness.score.significance import compare_all
from harness.score.table import CellTable
from harness.score.units import build_cell

if TYPE_CHECKING:
    from harness.discovery import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How numbers are made: the metrics by name, and the settings of the bootstrap."""

    find_metric: Callable[[str], Metric]
    """Gives the metric of a name; raises `UserError` for an unknown one."""
    alpha: float
    """Intervals have confidence 1 - alpha."""
    resamples: int
    """Of the bootstrap."""
    seed: int
    """Of the bootstrap."""

    def entries(self, cell: Cell, *, metric: str | None, by_category: bool) -> Iterator[Entry]:
        """The entry of a cell, or one for each of its categories.

        Raises:
            UserError: The cell is not scored, or the metric is not defined for its answers.
        """
        if cell.scores is None:
            raise UserError(
                f"run {cell.run}: judge {clean(cell.judge)} on task {clean(cell.task)} has no scores; "
                f"`harness score` makes them from the journal"
            )
        name = cell.scores.estimates[0].metric if metric is None else metric
        if by_category:
            for category, answers in _by_category(cell).items():
                table = build_cell(answers, cell.protocol)
                yield self._entry(cell, self._scored(cell, table, name), name, category=category, table=_kept(table))
        elif any(bare(one.metric) == bare(name) for one in cell.scores.estimates):
            yield self._entry(cell, cell.scores, name, category="", table=cell.table)
        else:
            yield self._entry(cell, self._scored(cell, cell.table(), name), name, category="", table=cell.table)

    def compared(self, rivals: Sequence[Entry]) -> tuple[Comparison, ...]:
        """Every two entries of one block, p-values corrected by Holm.

        Raises:
            UserError: The metric cannot be compared, or two cells disagree about the gold.
        """
        name, greater = rivals[0].estimate.metric, rivals[0].estimate.greater_is_better
        pairs = len(rivals) * (len(rivals) - 1) // 2
        if not pairs:
            return ()
        try:
            compared = compare_all(
                {entry.judge: _for_one_metric(entry.table(), name) for entry in rivals},
                self.find_metric(name),
                metric_name=name,
                resamples=max(self.resamples, resamples_needed(pairs, alpha=self.alpha)),
                confidence=1 - self.alpha,
                seed=self.seed,
                greater_is_better=greater,
            )
            return tuple(replace(pair, unit=rivals[0].estimate.unit) for pair in compared)
        except UserError as error:
            raise UserError(f"task {clean(rivals[0].task)}: {error}") from error

    def _entry(
        self, cell: Cell, scores: CellScores, name: str, *, category: str, table: Callable[[], CellTable]
    ) -> Entry:
        estimate = next(one for one in scores.estimates if bare(one.metric) == bare(name))
        return Entry(
            run=cell.run, judge=cell.judge, category=category, cell=cell, scores=scores, estimate=estimate, table=table
        )

    def _scored(self, cell: Cell, table: CellTable, name: str) -> CellScores:
        try:
            return score_cell(
                table,
                task=cell.task,
                judge=cell.judge,
                suite=cell.suite,
                metrics={name: self.find_metric(name)},
                data_hash=cell.data_hash,
                confidence=1 - self.alpha,
            )
        except UserError as error:
            raise UserError(f"task {clean(cell.task)}: {error}") from error


def resamples_needed(pairs: int, *, alpha: float) -> int:
    """The fewest resamples with which a bootstrap can call a difference significant after Holm's correction.

    The smallest p-value of B resamples is 2 / (B + 1), and Holm multiplies it by the number of pairs: with 2,000
    resamples and 11 judges (55 pairs) no difference, however large, would be below 0.05. Here half of alpha is in
    reach.
    """
    return math.ceil(4 * pairs / alpha)


def installed_metric() -> Callable[[str], Metric]:
    """Finds metrics among the installed plugins, which are loaded once, when the first one is wanted."""

    @lru_cache(maxsize=1)
    def plugins() -> Plugins:
        from harness.discovery import Plugins

        return Plugins.load()

    def find(name: str) -> Metric:
        from harness.run.results import make_metric

        return make_metric(name, plugins())

    return find


def _by_category(cell: Cell) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in cell.answers():
        found.setdefault(answer.category, []).append(answer)
    return dict(sorted(found.items()))


def _kept(table: CellTable) -> Callable[[], CellTable]:
    return lambda: table


def _for_one_metric(table: CellTable, name: str) -> CellTable:
    """The same units; which other metrics the protocol lists is no difference between two cells."""
    return replace(table, protocol=replace(table.protocol, metrics=(name,)))
