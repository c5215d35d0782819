"""Suites: the plain mean over tasks, with intervals and tests from those of the tasks.

Tasks are taken as independent of each other: the standard error of a mean over K tasks is the root of the summed
squares of theirs, divided by K. A task's standard error is the half-width of its interval over the normal quantile.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

from harness.api import UserError
from harness.report.records import LeftOut, Row
from harness.report.text import clean
from harness.score.records import Comparison
from harness.score.significance import adjusted

METHOD = "normal-of-tasks"
"""Name of the method in rows and comparisons."""


def suite_rows(rows: Sequence[Row], *, alpha: float, left_out: Sequence[LeftOut] = ()) -> list[Row]:
    """One row for each judge in each suite; a task without a suite is a suite of its own name.

    A judge that has no value on some task of the suite, those that it was not asked among them, is flagged
    `incomplete`. Where the metric is of probabilities on some tasks and of verdicts on others, its mean is over the
    former, since the two do not add up. Nothing is ranked here.

    Raises:
        UserError: The tasks of a suite have different headline metrics, whose mean would mean nothing.
    """
    found: list[Row] = []
    for suite, same in _by_suite(rows):
        tasks = sorted({row.task for row in same} | {one.task for one in left_out if (one.suite or one.task) == suite})
        metrics = sorted({row.metric for row in same})
        if len(metrics) > 1:
            raise UserError(
                f"suite {clean(suite)}: its tasks have different headline metrics ({', '.join(metrics)}), and a mean "
                "over them would mean nothing; choose one for all with --metric"
            )
        judges = sorted({row.judge for row in same})
        found += [_mean_row(suite, tasks, [row for row in same if row.judge == judge], alpha=alpha) for judge in judges]
    return found


def suite_comparisons(
    rows: Sequence[Row], by_task: Mapping[str, Sequence[Comparison]], *, alpha: float
) -> tuple[Comparison, ...]:
    """Compare the judges that answered all tasks of one suite, from their paired differences on the tasks.

    Args:
        rows: The rows of the suite.
        by_task: Every two judges compared, by task.
        alpha: Level of the intervals.

    Returns:
        A comparison of every two of them, p-values corrected by Holm.
    """
    found = {(task, one.a, one.b): one for task, pairs in by_task.items() for one in pairs}
    complete = sorted((row for row in rows if "incomplete" not in row.flags), key=lambda row: row.judge)
    means = [
        _mean_comparison([found[task, a.judge, b.judge] for task in a.tasks], alpha=alpha)
        for a, b in itertools.combinations(complete, 2)
    ]
    return adjusted(means)


def _by_suite(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.suite or row.task, []).append(row)
    return sorted(groups.items())


def _mean_row(suite: str, tasks: Sequence[str], rows: Sequence[Row], *, alpha: float) -> Row:
    valued = [row for row in rows if row.value is not None]
    basis = max((row.basis for row in valued), key=("", "verdicts", "probabilities").index, default="")
    valued = [row for row in valued if row.basis == basis]
    answers = sum(row.statuses.get("ok", 0) for row in rows)
    known = sum((row.with_probabilities or 0) * row.statuses.get("ok", 0) for row in rows)
    value = _mean([row.value for row in valued])
    low, high = _interval(value, [(row.ci_low, row.ci_high) for row in valued], alpha=alpha)
    asked = sum(row.asked for row in rows)
    flags = sorted({flag for row in rows for flag in row.flags} - {"constant-gold"})
    if len(valued) < len(tasks):
        flags.append("incomplete")
    return replace(
        rows[0],
        task="",
        task_id="",
        suite=suite,
        tasks=tuple(row.task for row in valued),
        run=", ".join(sorted({row.run for row in rows})),
        value=value,
        ci_low=low,
        ci_high=high,
        method=METHOD if low is not None else "",
        n=sum(row.n for row in valued),
        asked=asked,
        coverage=sum(row.statuses.get("ok", 0) for row in rows) / asked if asked else 0.0,
        excluded=_mean([row.excluded for row in valued]),
        worst_case=_mean([row.worst_case for row in valued]),
        rank_group=None,
        flags=tuple(flags),
        swap_consistency=_mean_of_known([row.swap_consistency for row in rows]),
        first_position=_mean_of_known([row.first_position for row in rows]),
        repeat_consistency=_mean_of_known([row.repeat_consistency for row in rows]),
        histogram={},
        shown_histogram={},
        gold_histogram={},
        statuses=_summed(row.statuses for row in rows),
        items=sum(row.items for row in rows),
        groups=sum(row.groups for row in rows),
        protocol={},
        data_hash=_joint_hash(rows),
        unread=_summed(row.unread for row in rows),
        with_probabilities=known / answers if answers else None,
        basis=basis,
        consistency={},
        ceiling=None,
    )


def _mean_comparison(pairs: Sequence[Comparison], *, alpha: float) -> Comparison:
    difference = _mean([pair.difference for pair in pairs])
    ends = [(pair.ci_low, pair.ci_high) for pair in pairs]
    low, high = _interval(difference, ends, alpha=alpha)
    p_value = _p_value(difference, _standard_error(ends, alpha=alpha))
    return replace(
        pairs[0],
        value_a=_mean([pair.value_a for pair in pairs]),
        value_b=_mean([pair.value_b for pair in pairs]),
        difference=difference,
        ci_low=low,
        ci_high=high,
        p=p_value,
        p_adjusted=p_value,
        method=METHOD,
        n=sum(pair.n for pair in pairs),
        disagreements=sum(pair.disagreements for pair in pairs),
        only_a=sum(pair.only_a for pair in pairs),
        only_b=sum(pair.only_b for pair in pairs),
    )


def _standard_error(ends: Sequence[tuple[float | None, float | None]], *, alpha: float) -> float | None:
    quantile = NormalDist().inv_cdf(1 - alpha / 2)
    squares = 0.0
    for low, high in ends:
        if low is None or high is None:
            return None
        squares += ((high - low) / (2 * quantile)) ** 2
    return math.sqrt(squares) / len(ends) if ends else None


def _interval(
    centre: float | None, ends: Sequence[tuple[float | None, float | None]], *, alpha: float
) -> tuple[float | None, float | None]:
    error = _standard_error(ends, alpha=alpha)
    if centre is None or error is None:
        return None, None
    half = NormalDist().inv_cdf(1 - alpha / 2) * error
    return centre - half, centre + half


def _p_value(difference: float | None, error: float | None) -> float | None:
    if difference is None or error is None:
        return None
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(difference) / error)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    return _mean([value for value in values if value is not None])


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _joint_hash(rows: Sequence[Row]) -> str:
    text = "\n".join(f"{row.task}\t{row.data_hash}" for row in sorted(rows, key=lambda row: row.task))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
