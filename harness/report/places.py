"""One block of the leaderboard: its rows, their comparisons, and the places that follow from these.

Not for making either: rows and comparisons come from `harness.report.leaderboard` and `harness.report.suites`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.report.records import Compare, LeaderboardRow
from harness.score.ranks import Standing, standings
from harness.score.records import Comparison

UNRANKED = frozenset({"does-not-hold", "incomplete", "low-coverage", "no-answers", "partial"})
"""Flags that keep a row off the ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The judges of one block."""

    rows: tuple[LeaderboardRow, ...]
    """One for each judge."""
    comparisons: tuple[Comparison, ...]
    """Of every two of them."""


def find_ranked(rows: Iterable[LeaderboardRow]) -> list[str]:
    """The judges that are ranked."""
    return [row.judge for row in rows if row.value is not None and not UNRANKED & set(row.flags)]


def place_judges(field: Field, compare: Compare) -> Field:
    """The block with rank sets and letters, and with a flag on judges whose place depends on missing answers.

    Without comparisons nothing is ranked.
    """
    if compare == "none":
        return field
    inside = set(find_ranked(field.rows))
    # Letters are given from the best judge down, so that `a` is at the top.
    best_first = sorted((row for row in field.rows if row.judge in inside), key=_value_key)
    found = standings([row.judge for row in best_first], field.comparisons)
    # Both judges of such a pair are flagged: either of them may be the better one.
    unsure = {judge for pair in field.comparisons if pair.depends_on_missing for judge in (pair.judge_a, pair.judge_b)}
    return replace(field, rows=tuple(_set_place(row, found, unsure) for row in field.rows))


def _set_place(row: LeaderboardRow, found: dict[str, Standing], unsure: set[str]) -> LeaderboardRow:
    if row.judge in unsure:
        row = replace(row, flags=(*row.flags, "depends-on-missing"))
    if row.judge not in found:
        return row
    place = found[row.judge]
    return replace(row, rank_low=place.low, rank_high=place.high, letters=place.letters)


def _value_key(row: LeaderboardRow) -> tuple[float, str]:
    value = row.value or 0.0
    return -value if row.greater_is_better else value, row.judge
