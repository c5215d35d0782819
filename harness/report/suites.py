"""Suites: the plain mean over tasks, or the mean rank where their metrics differ.

A mean over tasks is one value like any other: a cluster is left out of every task that has it, so that tasks which
share images or prompts are not taken as independent. With one task it is that task's own numbers. Mean ranks are
`harness.report.overall`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from harness.recorded.load import LeftOut
from harness.report.entries import LeaderboardEntry
from harness.report.measure import LeaderboardMeasure
from harness.report.overall import mean_ranks
from harness.report.places import UNRANKED, Field, find_ranked
from harness.report.records import LeaderboardRow
from harness.score.contest import Contest, Round
from harness.score.flags import FEW, INTERVAL_FLAGS
from harness.score.intervals import JACKKNIFE, interval
from harness.score.metrics import unit_of
from harness.score.records import Block
from harness.score.significance import compare_contest

_OF_TASKS = frozenset({"constant-gold", "no-errors", *INTERVAL_FLAGS})
"""Flags of a task that say nothing about a mean over several."""


def rank_suites(
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[Block, Sequence[LeaderboardEntry]],
    *,
    measure: LeaderboardMeasure,
    left_out: Sequence[LeftOut] = (),
    compare: bool = True,
) -> list[Field]:
    """One block for each suite. A task without a suite is a suite of its own name.

    A judge that has no value on some task of the suite, those that it was not asked among them, is flagged
    `incomplete`. Where the metric is of probabilities on some tasks and of verdicts on others, its mean is over the
    former, since the two do not add up.

    Args:
        rows: Of all judges on all tasks.
        rivals: The same as entries, by task.
        measure: How numbers are made.
        left_out: What judges were not asked.
        compare: Whether judges are compared.
    """
    found = []
    for suite, same in _group_by_suite(rows):
        # A task that one judge was not asked belongs to the suite all the same. Without it that judge would be ranked
        # by the mean over the rest, which may be easier.
        tasks = sorted(
            {row.task for row in same} | {cell.task for cell in left_out if (cell.suite or cell.task) == suite}
        )
        own = {task: rivals[task, "", ""] for task in dict.fromkeys(row.task for row in same)}
        found.append(_rank_suite(suite, tasks, same, own, measure=measure, compare=compare))
    return found


def rank_overall(
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[Block, Sequence[LeaderboardEntry]],
    *,
    measure: LeaderboardMeasure,
    left_out: Sequence[LeftOut] = (),
) -> Field:
    """All tasks of a board as one suite without a name.

    It is the plain mean where all tasks have one metric and all judges a ranked value on each, else the mean rank. A
    judge that was asked a task and has no ranked value on it is last there: an answer that is missing must not pay. A
    judge that was not asked a task, or not to its end, has no place overall.
    """
    # Rows come in the order of the runs, and a board does not depend on that.
    rows = sorted(rows, key=lambda row: (row.judge, row.task))
    tasks = sorted({row.task for row in rows} | {cell.task for cell in left_out})
    own = {task: rivals[task, "", ""] for task in dict.fromkeys(row.task for row in rows)}
    if len({row.metric for row in rows}) == 1 and len(find_ranked(rows)) == len(rows):
        return _rank_suite("", tasks, rows, own, measure=measure, compare=True)
    by_judge = {judge: list(same) for judge, same in groupby(rows, key=lambda row: row.judge)}
    summed = {judge: _sum_rows("", tasks, same) for judge, same in by_judge.items()}
    inside = [judge for judge, same in by_judge.items() if _is_asked_all(same, tasks)]
    for judge in inside:
        summed[judge] = replace(summed[judge], flags=tuple(f for f in summed[judge].flags if f not in UNRANKED))
    rounds = {task: measure.round(same) for task, same in own.items()}
    return mean_ranks(summed, by_judge, rounds, inside=inside, rules=measure.rules, compare=True)


def _is_asked_all(rows: Sequence[LeaderboardRow], tasks: Sequence[str]) -> bool:
    """Whether a judge was asked all tasks to their end, and has a place on one of them at least."""
    unsure = {"partial", "does-not-hold"}
    done = {row.task for row in rows if not unsure & set(row.flags)}
    return done == set(tasks) and bool(find_ranked(rows))


def _rank_suite(
    suite: str,
    tasks: Sequence[str],
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[str, Sequence[LeaderboardEntry]],
    *,
    measure: LeaderboardMeasure,
    compare: bool,
) -> Field:
    rounds = {task: measure.round(own) for task, own in rivals.items()}
    by_judge = {judge: [row for row in rows if row.judge == judge] for judge in sorted({row.judge for row in rows})}
    summed = {judge: _sum_rows(suite, tasks, own) for judge, own in by_judge.items()}
    # A mean of an accuracy and a correlation has no meaning. Ranks can be averaged.
    if len({row.metric for row in rows}) > 1:
        # No row has a value yet, so whether a judge is ranked depends on its flags alone.
        inside = find_ranked([replace(row, value=0.0) for row in summed.values()])
        field = mean_ranks(summed, by_judge, rounds, inside=inside, rules=measure.rules, compare=compare)
        return replace(field, rows=_add_common_means(field.rows, rows, rivals, measure=measure))
    means = [
        _mean_row(row, by_judge[judge], rounds, confidence=measure.rules.confidence) for judge, row in summed.items()
    ]
    # Judges are compared over one set of tasks, so each of them needs a value on all.
    complete = [row for row in means if "incomplete" not in row.flags]
    if not compare or len(complete) < 2:
        return Field(rows=tuple(means), comparisons=())
    compared = compare_contest(
        Contest([rounds[task] for task in complete[0].tasks]),
        [row.judge for row in complete],
        metric_name=complete[0].metric,
        ranked=find_ranked(complete),
        rules=measure.rules,
        greater_is_better=complete[0].greater_is_better,
        unit=complete[0].unit,
    )
    return Field(rows=tuple(means), comparisons=compared)


def _add_common_means(
    means: Sequence[LeaderboardRow],
    rows: Sequence[LeaderboardRow],
    rivals: Mapping[str, Sequence[LeaderboardEntry]],
    *,
    measure: LeaderboardMeasure,
) -> tuple[LeaderboardRow, ...]:
    """With the mean of each metric that every task of the suite is scored by, though it is not their headline."""
    common = [
        metric
        for metric in (rows[0].metric, *rows[0].others)
        if all(metric in (row.metric, *row.others) for row in rows)
    ]
    found = {row.judge: row for row in means}
    for metric in common:
        rounds = [measure.round(own, metric=metric) for own in rivals.values()]
        for judge, row in found.items():
            # A mean over a part of the tasks would stand beside means over all of them.
            if len(row.tasks) < len(rounds):
                continue
            apart = Contest(rounds).own(judge)
            ends = None if apart is None else interval(apart, confidence=measure.rules.confidence)
            if apart is not None and ends is not None:
                mean = {"value": apart.value, "ci_low": ends[0], "ci_high": ends[1], "n": row.n}
                unit = unit_of(measure.find_metric(metric), name=metric)
                found[judge] = replace(row, others={**row.others, metric: {**mean, "unit": unit}})
    return tuple(found.values())


def _group_by_suite(rows: Iterable[LeaderboardRow]) -> list[tuple[str, list[LeaderboardRow]]]:
    groups: dict[str, list[LeaderboardRow]] = {}
    for row in rows:
        groups.setdefault(row.suite or row.task, []).append(row)
    return sorted(groups.items())


def _mean_row(
    row: LeaderboardRow, own: Sequence[LeaderboardRow], rounds: Mapping[str, Round], *, confidence: float
) -> LeaderboardRow:
    """The row of a suite with the mean over its tasks, and its interval."""
    alone = {task.task: task for task in own}
    # The interval of a task may be a closed formula. A jackknife of the same numbers would differ in the last digits.
    if len(row.tasks) == 1:
        task = alone[row.tasks[0]]
        flags = (*row.flags, *(flag for flag in task.flags if flag in _OF_TASKS - {"constant-gold"}))
        value, low, high = task.value, task.ci_low, task.ci_high
        return replace(row, value=value, ci_low=low, ci_high=high, method=task.method, flags=flags)
    # A cluster that several tasks share is left out of all of them at once, which keeps their dependence in the
    # interval.
    contest = Contest([rounds[task] for task in row.tasks])
    apart = contest.own(row.judge) if row.tasks else None
    if apart is None:
        return row
    low, high = interval(apart, confidence=confidence) or (None, None)
    # The flag of a task says nothing here: ten tasks of three clusters each have thirty.
    few = ("few-clusters",) if apart.kish < FEW else ()
    method = "" if low is None else JACKKNIFE
    return replace(row, value=apart.value, ci_low=low, ci_high=high, method=method, flags=(*row.flags, *few))


def _sum_rows(suite: str, tasks: Sequence[str], rows: Sequence[LeaderboardRow]) -> LeaderboardRow:
    """All that adds up over tasks. No value yet."""
    valued = [row for row in rows if row.value is not None]
    # Probabilities win over verdicts: the two do not add up, so the mean is over the tasks that have them.
    basis = max((row.basis for row in valued), key=("", "verdicts", "probabilities").index, default="")
    valued = [row for row in valued if row.basis == basis]
    answers = sum(row.statuses.get("ok", 0) for row in rows)
    known = sum((row.with_probabilities or 0) * row.statuses.get("ok", 0) for row in rows)
    asked = sum(row.asked for row in rows)
    # A judge that is biased on one task of the suite carries the flag on its mean too.
    flags = sorted({flag for row in rows for flag in row.flags} - _OF_TASKS)
    if len(valued) < len(tasks):
        flags.append("incomplete")
    return replace(
        rows[0],
        task="",
        task_id="",
        suite=suite,
        tasks=tuple(row.task for row in valued),
        run=", ".join(sorted({row.run for row in rows})),
        value=None,
        ci_low=None,
        ci_high=None,
        method="",
        n=sum(row.n for row in valued),
        asked=asked,
        coverage=answers / asked if asked else 0.0,
        excluded=_mean([row.excluded for row in valued]),
        # Of tasks without any answer too: there all are missing, and that is the worst case.
        worst_case=_mean([row.worst_case for row in rows if row.value is None or row.basis == basis]),
        flags=tuple(flags),
        swap_consistency=_mean_of_known([row.swap_consistency for row in rows]),
        first_position=_mean_of_known([row.first_position for row in rows]),
        repeat_consistency=_mean_of_known([row.repeat_consistency for row in rows]),
        histogram={},
        shown_histogram={},
        gold_histogram={},
        statuses=_add_counts(row.statuses for row in rows),
        items=sum(row.items for row in rows),
        groups=sum(row.groups for row in rows),
        protocol={},
        data_hash=_joint_hash(rows),
        others={},
        unread=_add_counts(row.unread for row in rows),
        with_probabilities=known / answers if answers else None,
        calibration=None,
        criteria_calibration={},
        noise=None,
        basis=basis,
        consistency={},
        ceiling=None,
        verified=_hold_all(rows),
        signed_by=rows[0].signed_by if len({row.signed_by for row in rows}) == 1 else "",
    )


def _hold_all(rows: Sequence[LeaderboardRow]) -> bool | None:
    """Whether a mean holds: where each part of it does, and not where one does not."""
    known = {row.verified for row in rows}
    return False if False in known else None if None in known else True


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    # A mean over the tasks that happen to have a value would be taken for one over all of them.
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _mean_of_known(values: Sequence[float | None]) -> float | None:
    return _mean([value for value in values if value is not None])


def _add_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def _joint_hash(rows: Sequence[LeaderboardRow]) -> str:
    # Names and hashes in one text: two suites that swap the data of two tasks are not the same.
    text = "\n".join(f"{row.task}\t{row.data_hash}" for row in sorted(rows, key=lambda row: row.task))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
