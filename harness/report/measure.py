"""The numbers that a leaderboard shows: taken from the scores where they are, else scored now from the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.api import Metric, RecordedAnswer, UserError
from harness.libraries.text import clean
from harness.report.entries import LeaderboardEntry
from harness.report.numbers import bare
from harness.report.scored import ScoredCell
from harness.score.cell import score_recorded
from harness.score.contest import Contest, Round
from harness.score.records import CellScores, Comparison
from harness.score.significance import RULES, Rules, compare_contest
from harness.score.table import CellTable
from harness.score.units import build_cell

if TYPE_CHECKING:
    from harness.discovery import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardMeasure:
    """How numbers are made: the metrics by name, and how judges are compared."""

    find_metric: Callable[[str], Metric]
    """Gives the metric of a name; raises `UserError` for an unknown one."""
    rules: Rules = RULES
    """How judges are compared."""
    rounds: dict[tuple[int, ...], Round] = field(default_factory=dict, repr=False)
    """The rounds of whole tasks that were made: the order over all tasks needs each of them once more."""

    def entries(self, cell: ScoredCell, *, metric: str | None, by_category: bool) -> Iterator[LeaderboardEntry]:
        """The entry of a cell, or one for each of its categories.

        Raises:
            UserError: The metric is not defined for its answers.
        """
        # The first metric of the protocol is its headline.
        name = cell.scores.estimates[0].metric if metric is None else metric
        if by_category:
            for category, answers in _group_by_category(cell).items():
                table = build_cell(answers, cell.protocol)
                yield self._make_entry(
                    cell, self._score(cell, table, name), name, category=category, table=_constant(table)
                )
        # The kept scores hold the whole cell only. A category is scored from the journal, and so is a metric that no
        # one asked for at the time.
        elif any(bare(estimate.metric) == bare(name) for estimate in cell.scores.estimates):
            yield self._make_entry(cell, self._take_flags(cell, cell.scores, name), name, category="", table=cell.table)
        else:
            yield self._make_entry(cell, self._score(cell, cell.table(), name), name, category="", table=cell.table)

    def round(self, rivals: Sequence[LeaderboardEntry], *, metric: str | None = None) -> Round:
        """The judges of one task, or of one of its categories.

        Args:
            rivals: Their entries.
            metric: Name of the metric. `None`: the one on show.

        Raises:
            UserError: The metric cannot be compared.
        """
        name = metric or rivals[0].estimate.metric
        # Reading the answers of a task takes longer than all that is done with them.
        key = tuple(id(entry) for entry in rivals)
        if metric is None and key in self.rounds:
            return self.rounds[key]
        # Judges are compared on the same units, which a round makes from the tables of all of them.
        tables = {entry.judge: _keep_metric(entry.table(), name) for entry in rivals}
        with _name_task(rivals[0].task):
            made = Round(tables, self.find_metric(name), name=name)
        if metric is None and not rivals[0].category:
            self.rounds[key] = made
        return made

    def compare(self, rivals: Sequence[LeaderboardEntry], *, ranked: Collection[str]) -> tuple[Comparison, ...]:
        """Every two entries of one block, as one family of those that are ranked.

        Raises:
            UserError: The metric cannot be compared, or two cells disagree about the gold.
        """
        if len(rivals) < 2:
            return ()
        estimate = rivals[0].estimate
        with _name_task(rivals[0].task):
            return compare_contest(
                Contest([self.round(rivals)]),
                [entry.judge for entry in rivals],
                metric_name=estimate.metric,
                ranked=ranked,
                rules=self.rules,
                greater_is_better=estimate.greater_is_better,
                unit=estimate.unit,
            )

    def _make_entry(
        self, cell: ScoredCell, scores: CellScores, name: str, *, category: str, table: Callable[[], CellTable]
    ) -> LeaderboardEntry:
        estimate = next(found for found in scores.estimates if bare(found.metric) == bare(name))
        return LeaderboardEntry(
            run=cell.run, judge=cell.judge, category=category, cell=cell, scores=scores, estimate=estimate, table=table
        )

    def _take_flags(self, cell: ScoredCell, scores: CellScores, name: str) -> CellScores:
        """The scores with the flags of the metric on show: a run keeps those of its headline."""
        # Flags such as `rare-class` are of a metric and its interval, not of the cell.
        if bare(scores.estimates[0].metric) == bare(name):
            return scores
        return replace(scores, flags=self._score(cell, cell.table(), name).flags)

    def _score(self, cell: ScoredCell, table: CellTable, name: str) -> CellScores:
        with _name_task(cell.task):
            metrics = {name: self.find_metric(name)}
            return score_recorded(cell, table, metrics=metrics, confidence=self.rules.confidence)


@contextmanager
def _name_task(task: str) -> Iterator[None]:
    """Says which task an error is about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"task {clean(task)}: {error}") from error


def metric_finder() -> Callable[[str], Metric]:
    """Finds metrics among the installed plugins, which are loaded once, when the first one is wanted."""

    # Once, and only when a metric is wanted: loading plugins takes longer than scoring with most metrics.
    @lru_cache(maxsize=1)
    def plugins() -> Plugins:
        from harness.discovery import Plugins

        return Plugins.load()

    def find(name: str) -> Metric:
        from harness.score.find import make_metric

        return make_metric(name, plugins())

    return find


def _group_by_category(cell: ScoredCell) -> dict[str, list[RecordedAnswer]]:
    found: dict[str, list[RecordedAnswer]] = {}
    for answer in cell.answers():
        found.setdefault(answer.category, []).append(answer)
    # The order of the answers is that of the items, which may change. Categories by name do not.
    return dict(sorted(found.items()))


def _constant(table: CellTable) -> Callable[[], CellTable]:
    return lambda: table


def _keep_metric(table: CellTable, name: str) -> CellTable:
    """The same units. Which other metrics the protocol lists is no difference between two cells."""
    return replace(table, protocol=replace(table.protocol, metrics=(name,)))
