"""An overall order of judges over tasks whose metrics differ: the mean rank.

Values of different metrics have no mean, but ranks do. The rank sets of all tasks are made as one family, so that all
of them hold at once with the confidence asked for (Mogstad, Romano, Shaikh and Wilhelm 2024). Then the mean of their
lower ends and the mean of their upper ends enclose a judge's true mean rank, for all judges at once. Not for means of
one metric: `harness.report.suites`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from harness.report.places import Field, find_ranked
from harness.report.records import MEAN_RANK, Row
from harness.score.contest import Contest, Round
from harness.score.families import Family, family_of_gaps
from harness.score.ranks import Standing, standings
from harness.score.records import Comparison
from harness.score.significance import Rules, compare_pair, remove_circles

METHOD = "rank-sets"
"""How its intervals and comparisons were made."""


def mean_ranks(
    rows: Mapping[str, Row],
    by_judge: Mapping[str, Sequence[Row]],
    rounds: Mapping[str, Round],
    *,
    rules: Rules,
    compare: bool,
) -> Field:
    """One block for a suite whose tasks have different metrics.

    Args:
        rows: The row of each judge, without a value.
        by_judge: Its rows on the tasks.
        rounds: The judges of each task.
        rules: How they are compared.
        compare: Whether they are. Without comparisons there are no rank sets.
    """
    rows = {judge: _clear_task(row) for judge, row in rows.items()}
    # No row has a value yet, so whether a judge is ranked depends on its flags alone.
    inside = find_ranked([replace(row, value=0.0) for row in rows.values()])
    own = {judge: {row.task: row for row in by_judge[judge]} for judge in inside}
    points = [_rank_values([own[judge][task] for judge in inside]) for task in rounds]
    compared = _compare_tasks(inside, own, rounds, rules=rules) if compare and len(inside) > 1 else []
    # One rank set for each task. All of them hold at once, since their tests are one family.
    sets = [standings(inside, pairs) for pairs in compared]
    means = {
        judge: _Mean.over([ranks[k] for ranks in points], [places[judge] for places in sets])
        for k, judge in enumerate(inside)
    }
    for judge, mean in means.items():
        method = METHOD if sets else ""
        rows[judge] = replace(rows[judge], value=mean.value, ci_low=mean.low, ci_high=mean.high, method=method)
    pairs = [
        _compare_means(a, b, means, n=sum(pair.n for pair in same))
        for (a, b), *same in zip(combinations(inside, 2), *compared, strict=True)
        if same
    ]
    return Field(rows=tuple(rows.values()), comparisons=tuple(pairs))


class _Mean(NamedTuple):
    """A mean rank, and what encloses the true one. Not a number where judges were not compared."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def over(cls, points: Sequence[float], sets: Sequence[Standing]) -> _Mean:
        """The mean over tasks."""
        value = sum(points) / len(points)
        if not sets:
            return cls(value, None, None)
        # No sampling distribution is needed: where all sets hold, so do the means of their ends.
        return cls(value, sum(place.low for place in sets) / len(sets), sum(place.high for place in sets) / len(sets))


def _clear_task(row: Row) -> Row:
    return replace(
        row,
        metric=MEAN_RANK,
        greater_is_better=False,
        unit="score",
        excluded=None,
        worst_case=None,
        basis="",
        others={},
    )


def _rank_values(rows: Sequence[Row]) -> list[float]:
    """Ranks of the values as they are. Equal values share the mean of their ranks."""
    # The sign makes smaller better for every metric.
    signed = [(-1 if row.greater_is_better else 1) * (row.value or 0.0) for row in rows]
    return [sum(other < own for other in signed) + (1 + signed.count(own)) / 2 for own in signed]


def _compare_tasks(
    judges: Sequence[str], own: Mapping[str, Mapping[str, Row]], rounds: Mapping[str, Round], *, rules: Rules
) -> list[tuple[Comparison, ...]]:
    """Every two judges on each task, all of them one family."""
    contests = {task: Contest([each]) for task, each in rounds.items()}
    # The family is made of all tasks before any pair is tested: its size sets the correction.
    family = _make_family(judges, contests, rules)
    found = []
    for task, contest in contests.items():
        first = own[judges[0]][task]
        compared = [
            compare_pair(
                contest,
                a,
                b,
                metric_name=first.metric,
                family=family,
                rules=rules,
                greater_is_better=first.greater_is_better,
            )
            for a, b in combinations(judges, 2)
        ]
        found.append(remove_circles(compared))
    return found


def _make_family(judges: Sequence[str], contests: Mapping[str, Contest], rules: Rules) -> Family:
    gaps = []
    for contest in contests.values():
        for a, b in combinations(judges, 2):
            met = contest.meet(a, b)
            if met.gap is not None:
                gaps.append(met.gap)
    return family_of_gaps(gaps, draws=rules.draws, seed=rules.seed)


def _compare_means(a: str, b: str, means: Mapping[str, _Mean], *, n: int) -> Comparison:
    """Two judges by their mean ranks: one is better where what encloses them lies apart."""
    (value_a, low_a, high_a), (value_b, low_b, high_b) = means[a], means[b]
    # Without rank sets nothing encloses a mean, and so nothing is said of the pair.
    if low_a is None or high_a is None or low_b is None or high_b is None:
        return Comparison(judge_a=a, judge_b=b, metric=MEAN_RANK, greater_is_better=False)
    return Comparison(
        judge_a=a,
        judge_b=b,
        metric=MEAN_RANK,
        value_a=value_a,
        value_b=value_b,
        difference=value_a - value_b,
        ci_low=low_a - high_b,
        ci_high=high_a - low_b,
        method=METHOD,
        better=a if high_a < low_b else b if high_b < low_a else None,
        n=n,
        greater_is_better=False,
    )
