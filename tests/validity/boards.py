"""The thin joint between simulated judges and the product: tables go in, scores and leaderboards come out.

All that a script knows of the product's records is here; nothing is computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.api import Metric, Protocol, RecordedAnswer, UnreadAnswer, Usage, UserError
from harness.manifest.model import ReportSettings
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard, LeaderboardRow
from harness.report.scored import ScoredCell
from harness.score import agreement, correlation, metrics, ranking
from harness.score.cell import score_cell
from harness.score.flags import INTERVAL_FLAGS
from harness.score.records import CellScores, Comparison, Estimate
from harness.score.table import CellTable

CLASSES = ("accuracy", "macro_f1", "balanced_accuracy", "f1", "kappa", "roc_auc")
SCORES = ("pearson", "spearman", "kendall", "mae", "weighted_kappa")
RANKINGS = ("rank_accuracy", "levenshtein")

_FACTORIES = {
    "accuracy": metrics.make_accuracy,
    "all_right": metrics.make_all_right,
    "mae": metrics.make_mae,
    **{name: getattr(agreement, f"make_{name}") for name in CLASSES[1:]},
    **{name: getattr(correlation, f"make_{name}") for name in SCORES if name != "mae"},
    **{name: getattr(ranking, f"make_{name}") for name in RANKINGS},
}


def find_metric(name: str) -> Metric:
    """A metric of the core by its name, with or without an average."""
    bare, _ = Protocol.parse_metric(name)
    if bare not in _FACTORIES:
        raise UserError(f"there is no metric {name!r}; there are {', '.join(sorted(_FACTORIES))}")
    found: Metric = _FACTORIES[bare](None, None)
    return found


def score(table: CellTable, *, task: str = "task", judge: str = "judge", suite: str = "") -> CellScores:
    """The scores of one cell by the metrics of its protocol."""
    named = {name: find_metric(name) for name in table.protocol.metrics}
    return score_cell(table, task=task, judge=judge, metrics=named, data_hash="simulated", suite=suite)


def estimates(scores: CellScores) -> dict[str, Estimate]:
    """All numbers with an interval, by name."""
    return {found.metric: found for found in (*scores.estimates, *scores.consistency)}


def is_flagged(table: CellTable, name: str) -> bool:
    """Whether the board says of this metric's interval that it is not to be trusted."""
    scores = score_cell(table, task="task", judge="judge", metrics={name: find_metric(name)}, data_hash="simulated")
    return bool(INTERVAL_FLAGS & set(scores.flags))


@dataclass(frozen=True, kw_only=True)
class NoAnswers:
    """None are kept: a mass of tables has no journal. Implements `harness.api.AnswerSource`."""

    def answers(self, *, texts: bool = False) -> Iterator[RecordedAnswer]:
        """None."""
        return iter(())

    def unread(self) -> Iterator[UnreadAnswer]:
        """None."""
        return iter(())

    def usage(self) -> Usage:
        """Simulated judges cost nothing."""
        return Usage()


@dataclass(frozen=True, kw_only=True)
class SimulatedCell(ScoredCell):
    """A cell of a simulated judge, whose units are there already."""

    units: CellTable

    def table(self) -> CellTable:
        """The units."""
        return self.units


def cell_of(units: CellTable, *, task: str, judge: str, suite: str = "") -> SimulatedCell:
    """The cell of some units."""
    return SimulatedCell(
        units=units,
        run="simulated",
        task=task,
        judge=judge,
        suite=suite,
        task_id="simulated/task",
        judge_id="simulated/judge",
        protocol=units.protocol,
        format="simulated/format",
        metric=units.protocol.metrics[0],
        data_hash="simulated",
        state="complete",
        source=NoAnswers(),
        scores=score(units, task=task, judge=judge, suite=suite),
    )


def board(cells: list[SimulatedCell], *, group_by: Literal["task", "category", "suite"] = "task") -> Leaderboard:
    """The leaderboard of some cells."""
    return build_leaderboard(cells, ReportSettings(group_by=group_by), find_metric=find_metric)


def board_of(tables: Mapping[str, CellTable]) -> Leaderboard:
    """The leaderboard of one task, judges by name."""
    return board([cell_of(table, task="task", judge=judge) for judge, table in tables.items()])


def letters(row: LeaderboardRow) -> frozenset[str]:
    """The letters that a row shares with those that it cannot be told from."""
    return frozenset(row.letters.split(".") if "." in row.letters else row.letters)


def excludes_zero(pair: Comparison) -> bool:
    """Whether the interval of the difference leaves no room for 0."""
    return pair.ci_low is not None and pair.ci_high is not None and (pair.ci_low > 0 or pair.ci_high < 0)


def is_above(row: LeaderboardRow, other: LeaderboardRow) -> bool:
    """Whether a judge stands in a better rank than another, without any rank in common."""
    return row.rank_high is not None and other.rank_low is not None and row.rank_high < other.rank_low
