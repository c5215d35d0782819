"""The board in one table: a row for each judge, a column for each task, and the overall order with its rank sets.

What is in a cell and in which order judges stand. Drawing it is `harness.report.terminal_summary`, and other renderers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from harness.api import write_interval, write_number
from harness.report import notes
from harness.report.numbers import NOTHING, heading
from harness.report.places import UNRANKED
from harness.report.records import MEAN_RANK, Leaderboard, LeaderboardRow

BEST = "*"
"""Stands at values of judges that may be the best."""

_UNREAD = "too few verdicts"
_WHY = {
    "does-not-hold": "its bundle does not hold",
    "partial": "not finished",
    "no-answers": _UNREAD,
    "low-coverage": _UNREAD,
}
"""Why a judge is not ranked on a task, the first that applies."""
_TOP = 2  # reasons that a line names


def has_summary(leaderboard: Leaderboard) -> bool:
    """Whether the board has several tasks. One of a single task, or of suites or categories, is its own summary."""
    return leaderboard.group_by == "task" and len(list_tasks(leaderboard)) > 1


def list_tasks(leaderboard: Leaderboard) -> list[str]:
    """Names of the tasks, in the order of the board."""
    return list(dict.fromkeys(row.task for row in leaderboard.rows))


def list_judges(leaderboard: Leaderboard) -> list[str]:
    """Names of the judges by their place overall. Those without one come last, by the number of tasks with a value."""
    overall = {row.judge: row for row in leaderboard.overall}
    valued = dict.fromkeys((row.judge for row in leaderboard.rows), 0)
    for row in leaderboard.rows:
        valued[row.judge] += row.value is not None

    def key(judge: str) -> tuple[float, float, int, str]:
        row = overall.get(judge)
        rank = math.inf if row is None or row.rank_low is None else row.rank_low
        value = 0.0 if row is None or row.value is None else row.value
        return rank, value if row is None or not row.greater_is_better else -value, -valued[judge], judge

    return sorted(valued, key=key)


def rows_of(leaderboard: Leaderboard) -> dict[str, dict[str, LeaderboardRow]]:
    """The rows of each judge by task."""
    found: dict[str, dict[str, LeaderboardRow]] = {}
    for row in leaderboard.rows:
        found.setdefault(row.judge, {})[row.task] = row
    return found


def heads(rows: Sequence[LeaderboardRow]) -> tuple[str, str]:
    """What stands beneath a task's name: its metric with the unit, and how many units its values rest on."""
    counts = sorted({row.n for row in rows if row.value is not None})
    shown = "" if not counts else f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,}–{counts[-1]:,}"
    return _metric_text(rows[0]), f"n {shown}" if shown else ""


def overall_head(leaderboard: Leaderboard) -> str:
    """What the values overall are: `mean rank`, or the mean of a metric."""
    row = leaderboard.overall[0]
    return "mean rank" if row.metric == MEAN_RANK else f"mean {_metric_text(row)}"


def _metric_text(row: LeaderboardRow) -> str:
    # A column is as narrow as its title, so the comma goes.
    return heading(row.metric, row.unit).replace(", %", " %")


def interval_text(row: LeaderboardRow | None) -> str:
    """A value with its interval: `74.4 (70.7–77.8)`. In brackets as a whole where the judge is not ranked."""
    if row is None or row.value is None:
        return NOTHING
    text = write_number(row.unit, row.value, row.ci_low, row.ci_high)
    within = write_interval(row.unit, row.ci_low, row.ci_high)
    text += f" ({within})" if within != NOTHING else ""
    return text if is_ranked(row) else f"[{text}]"


def value_text(row: LeaderboardRow | None) -> str:
    """A value with the larger half of its interval: `74.4 ±3.6`. In brackets where the judge is not ranked."""
    if row is None or row.value is None:
        return NOTHING
    text = write_number(row.unit, row.value, row.ci_low, row.ci_high)
    if row.ci_low is not None and row.ci_high is not None:
        half = max(row.value - row.ci_low, row.ci_high - row.value)
        # The ends decide the decimals, as they do for the value. A half of 0 would claim that nothing is uncertain.
        text += f" ±{write_number(row.unit, half, row.ci_low, row.ci_high)}"
    return text if is_ranked(row) else f"({text})"


def is_ranked(row: LeaderboardRow) -> bool:
    """Whether the row has a place, or would have one if judges were compared."""
    return row.value is not None and not UNRANKED & set(row.flags)


def is_best(row: LeaderboardRow | None) -> bool:
    """Whether the judge may be the best: its rank set begins at 1."""
    return row is not None and row.rank_low == 1


def list_facts(leaderboard: Leaderboard) -> list[str]:
    """What to know before one believes the table, a line each: who is not ranked and why, flags, what was not asked."""
    rows = rows_of(leaderboard)
    said = []
    for judge in list_judges(leaderboard):
        parts = [*_list_unranked(list(rows[judge].values())), *_list_flags(list(rows[judge].values()))]
        if parts:
            said.append(f"{judge}: {'; '.join(parts)}")
    for flag in notes.OF_THE_TASK:
        tasks = dict.fromkeys(row.task for row in leaderboard.rows if flag in row.flags)
        if tasks:
            said.append(f"{flag}: {', '.join(tasks)}")
    return [*said, *notes.cells_left_out(leaderboard)]


def list_legend(leaderboard: Leaderboard, *, margin: bool = True, best: str = BEST) -> list[str]:
    """How to read the table, a sentence each.

    Args:
        leaderboard: The board.
        margin: Whether values stand with `±`, and not with their interval.
        best: How judges that may be the best are marked.
    """
    confidence = f"{(1 - leaderboard.alpha) * 100:g} %"
    said = [
        f"±: the longer side of the {confidence} interval; (…) and –: not ranked, for the reason above"
        if margin
        else f"in brackets the {confidence} interval; […] and –: not ranked, for the reason above"
    ]
    if any(is_best(row) for row in (*leaderboard.rows, *leaderboard.overall)):
        said.append(f"{best} may be the best: its {confidence} confidence set of ranks begins at 1")
    if leaderboard.overall:
        tasks = len(list_tasks(leaderboard))
        low = "" if leaderboard.overall[0].greater_is_better else " (1 is best)"
        said.append(
            f"overall: the {overall_head(leaderboard)} over all {tasks} tasks{low}, and rank its confidence set; who "
            "is not ranked on a task is last there"
        )
    return said


def why_unranked(row: LeaderboardRow) -> str:
    """Why a judge has no place on a task, in a few words; empty where it has one."""
    found = next((words for flag, words in _WHY.items() if flag in row.flags), "")
    return found or ("its metric is not defined for these answers" if row.value is None else "")


def _list_unranked(rows: Sequence[LeaderboardRow]) -> list[str]:
    """Tasks without a place by their reason, with the answers that have no verdict."""
    by_reason: dict[str, list[LeaderboardRow]] = {}
    for row in rows:
        if reason := why_unranked(row):
            by_reason.setdefault(reason, []).append(row)
    said = []
    for reason, same in by_reason.items():
        why = _count_unread(same) if reason == _UNREAD else reason
        said.append(f"not ranked on {', '.join(row.task for row in same)} ({why})")
    # A judge that is ranked may lack some verdicts too. Who reads its value should know how many.
    others = [row for row in rows if row.unread and not why_unranked(row)]
    return [*said, f"ranked with {_count_unread(others)}"] if others else said


def _count_unread(rows: Sequence[LeaderboardRow]) -> str:
    """`80 of 80 answers without a verdict: 73 outside, 4 reasoning never closes`."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.unread)
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in counts.most_common(_TOP))
    return f"{counts.total():,} of {sum(row.asked for row in rows):,} answers without a verdict: {reasons}"


def _list_flags(rows: Sequence[LeaderboardRow]) -> list[str]:
    """The judge's own flags, each with the tasks that it was earned on."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for flag in notes.own_flags(row):
            if flag not in UNRANKED and flag not in notes.OF_ANSWERS:
                found.setdefault(flag, []).append(row.task)
    return [f"{flag} on {', '.join(tasks)}" for flag, tasks in found.items()]
