"""From run folders to entries that may stand side by side: rivals checked, and names told apart.

Not for ranking. That is `harness.report.leaderboard`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.api import Protocol, UserError
from harness.libraries.text import clean, fold_name
from harness.report.scored import ScoredCell

if TYPE_CHECKING:
    from harness.score.records import CellScores, Estimate
    from harness.score.table import CellTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardEntry:
    """One judge in one block, before it has a rank."""

    run: str
    """Name of the run folder."""
    judge: str
    """Name of the judge, unique within its block."""
    category: str
    """The category, when grouped by category."""
    cell: ScoredCell
    """Where it comes from."""
    scores: CellScores
    """The numbers of the cell, or of its part in the category."""
    estimate: Estimate
    """The metric on show."""
    table: Callable[[], CellTable]
    """The units; built when first asked for."""

    @property
    def task(self) -> str:
        """Name of the task in the plan."""
        return self.scores.task


def disambiguate_judges(entries: Iterable[LeaderboardEntry]) -> list[LeaderboardEntry]:
    """The entries with every judge's name unique in its block: `judge (run)` where two runs share the name.

    Two runs that give one name to two different plugins' judges are told apart as well. Names that look alike are one
    name to a reader, and are told apart too.

    Raises:
        UserError: Names are still the same after that.
    """
    listed = list(entries)
    clashing: set[str] = set()
    for name, same in itertools.groupby(sorted(listed, key=lambda entry: entry.judge), key=lambda entry: entry.judge):
        group = list(same)
        places = [(entry.task, entry.category) for entry in group]
        # Two runs on different tasks may share a name, since no block holds it twice. Two judges may not: on the row of
        # a suite they would be one.
        if len(set(places)) < len(places) or len({entry.cell.judge_id for entry in group}) > 1:
            clashing.add(name)
    alike: dict[str, set[tuple[str, str]]] = {}
    for entry in listed:
        alike.setdefault(fold_name(entry.judge), set()).add((entry.judge, entry.run))
    for own in alike.values():
        names, runs = map(set, zip(*own, strict=True))
        # Within one run its name would tell nothing apart.
        if len(names) > 1 and len(runs) > 1:
            clashing |= names
    named = [
        replace(entry, judge=f"{entry.judge} ({entry.run})") if entry.judge in clashing else entry for entry in listed
    ]
    seen: dict[tuple[str, str, str], LeaderboardEntry] = {}
    for entry in named:
        # Run folders of one name in two places give the same `judge (run)` again.
        other = seen.setdefault((entry.task, entry.category, entry.judge), entry)
        if other is not entry:
            raise UserError(
                f"task {clean(entry.task)}: judge {clean(entry.judge)} stands twice on the leaderboard, from run "
                f"{clean(other.run)} and from run {clean(entry.run)}; leave one out, or rename the judge in one "
                "manifest"
            )
    return named


def check_rivals(entries: Sequence[LeaderboardEntry]) -> None:
    """Entries of one task must have seen the same items and be scored by the same rules.

    The list of a protocol's `metrics` may differ: the one on show is compared, and the others change nothing in it.

    Raises:
        UserError: They differ. The message names both runs and what differs.
    """
    for task, same in itertools.groupby(sorted(entries, key=lambda entry: entry.task), key=lambda entry: entry.task):
        # To be alike is transitive, so each is held against the first only.
        first, *others = list(same)
        for other in others:
            problems = _find_differences(first, other)
            if problems:
                runs = f"run {first.run}" if first.run == other.run else f"runs {first.run} and {other.run}"
                raise UserError(
                    f"task {clean(task)}: {clean(first.judge)} and {clean(other.judge)} of {runs} cannot be compared:\n"
                    + "\n".join(f"  {problem}" for problem in problems)
                    + "\nRun both by one manifest, or show them one run at a time."
                )


def _find_differences(first: LeaderboardEntry, other: LeaderboardEntry) -> list[str]:
    problems = []
    if first.cell.task_id != other.cell.task_id:
        problems.append(f"the task: {first.cell.task_id} in {first.run}, {other.cell.task_id} in {other.run}")
    # The name of a task says nothing about its data: two runs may have read two versions of a file.
    if first.scores.data_hash != other.scores.data_hash:
        problems.append(
            f"the data: the items differ (hash {first.scores.data_hash[:12]} in {first.run}, "
            f"{other.scores.data_hash[:12]} in {other.run})"
        )
    usual = Protocol().to_json()  # of a field that is younger than one of the runs
    ours, theirs = ({**usual, **entry.scores.protocol} for entry in (first, other))
    for name in sorted({*ours, *theirs} - {"metrics"}):
        if ours.get(name) != theirs.get(name):
            problems.append(
                f"the protocol: {name} is {_value_text(ours.get(name))} in {first.run}, "
                f"{_value_text(theirs.get(name))} in {other.run}"
            )
    if first.estimate.metric != other.estimate.metric:
        problems.append(
            f"the headline metric: {first.estimate.metric} in {first.run}, {other.estimate.metric} in {other.run}; "
            "choose one with --metric"
        )
    return problems


def _value_text(value: Any) -> str:
    return "not set" if value is None else str(value)
