"""An overall order of judges over tasks whose metrics differ: the mean rank.

Values of different metrics have no mean, but ranks do. The rank sets of all tasks are made as one family, so that all
of them hold at once with the confidence asked for (Mogstad, Romano, Shaikh and Wilhelm 2024). Then the mean of their
lower ends and the mean of their upper ends enclose a judge's true mean rank, for all judges at once. A judge that has
no place on a task shares the last ranks there: they are known, and not estimated. Not for means of one metric:
`harness.report.suites`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from harness.report.places import Field, find_ranked
from harness.report.records import MEAN_RANK, LeaderboardRow
from harness.score.contest import Contest, Round
from harness.score.families import Family, family_of_gaps
from harness.score.ranks import standings
from harness.score.records import Comparison
from harness.score.significance import Rules, compare_pair, remove_circles

METHOD = "rank-sets"
"""How its intervals and comparisons were made."""


def mean_ranks(
    rows: Mapping[str, LeaderboardRow],
    by_judge: Mapping[str, Sequence[LeaderboardRow]],
    rounds: Mapping[str, Round],
    *,
    inside: Sequence[str],
    rules: Rules,
    compare: bool,
) -> Field:
    """One block for a suite whose tasks have different metrics.

    Args:
        rows: The row of each judge, without a value.
        by_judge: Its rows on the tasks.
        rounds: The judges of each task.
        inside: The judges that get a mean rank. Where one of them has no place on a task, it is last there.
        rules: How they are compared.
        compare: Whether they are. Without comparisons there are no rank sets.
    """
    rows = {judge: _clear_task(row) for judge, row in rows.items()}
    own = {judge: {row.task: row for row in by_judge[judge]} for judge in inside}
    present = {task: find_ranked([own[judge][task] for judge in inside if task in own[judge]]) for task in rounds}
    points = [_rank_all(inside, present[task], {judge: own[judge].get(task) for judge in inside}) for task in rounds]
    compared = _compare_tasks(present, own, rounds, rules=rules) if compare and len(inside) > 1 else []
    # One rank set for each task. All of them hold at once, since their tests are one family.
    sets = [_place_all(inside, present[task], pairs) for task, pairs in zip(rounds, compared, strict=False)]
    means = {
        judge: _mean_over([ranks[judge] for ranks in points], [places[judge] for places in sets]) for judge in inside
    }
    for judge, (value, ends) in means.items():
        low, high = ends or (None, None)
        rows[judge] = replace(rows[judge], value=value, ci_low=low, ci_high=high, method=METHOD if ends else "")
    met = dict.fromkeys(combinations(inside, 2), 0) if sets else {}
    for pair in (pair for pairs in compared for pair in pairs):
        met[pair.judge_a, pair.judge_b] += pair.n
    pairs = [_compare_means(a, b, means, n=n) for (a, b), n in met.items()]
    return Field(rows=tuple(rows.values()), comparisons=tuple(pairs))


def _rank_all(
    inside: Sequence[str], present: Sequence[str], own: Mapping[str, LeaderboardRow | None]
) -> dict[str, float]:
    """Ranks on one task. Those without a place share the last ones."""
    last = (len(present) + 1 + len(inside)) / 2
    found = dict.fromkeys(inside, last)
    rows = [row for judge in present if (row := own[judge]) is not None]
    return found | dict(zip(present, _rank_values(rows), strict=True))


def _place_all(
    inside: Sequence[str], present: Sequence[str], pairs: Sequence[Comparison]
) -> dict[str, tuple[int, int]]:
    """Rank sets on one task. Those without a place may have any of the last ranks."""
    found = dict.fromkeys(inside, (len(present) + 1, len(inside)))
    return found | {judge: (place.low, place.high) for judge, place in standings(present, pairs).items()}


def _mean_over(points: Sequence[float], sets: Sequence[tuple[int, int]]) -> tuple[float, tuple[float, float] | None]:
    """A mean rank over tasks, and the ends that enclose the true one: none where judges were not compared."""
    value = sum(points) / len(points)
    if not sets:
        return value, None
    # No sampling distribution is needed: where all sets hold, so do the means of their ends.
    return value, (sum(low for low, _ in sets) / len(sets), sum(high for _, high in sets) / len(sets))


def _clear_task(row: LeaderboardRow) -> LeaderboardRow:
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


def _rank_values(rows: Sequence[LeaderboardRow]) -> list[float]:
    """Ranks of the values as they are. Equal values share the mean of their ranks."""
    # The sign makes smaller better for every metric.
    signed = [(-1 if row.greater_is_better else 1) * (row.value or 0.0) for row in rows]
    return [sum(other < own for other in signed) + (1 + signed.count(own)) / 2 for own in signed]


def _compare_tasks(
    present: Mapping[str, Sequence[str]],
    own: Mapping[str, Mapping[str, LeaderboardRow]],
    rounds: Mapping[str, Round],
    *,
    rules: Rules,
) -> list[tuple[Comparison, ...]]:
    """Every two judges that have a place on a task, for each task, all of them one family."""
    contests = {task: Contest([each]) for task, each in rounds.items()}
    # The family is made of all tasks before any pair is tested: its size sets the correction.
    family = _make_family(present, contests, rules)
    found = []
    for task, contest in contests.items():
        compared = [
            compare_pair(
                contest,
                a,
                b,
                metric_name=own[a][task].metric,
                family=family,
                rules=rules,
                greater_is_better=own[a][task].greater_is_better,
            )
            for a, b in combinations(present[task], 2)
        ]
        found.append(remove_circles(compared))
    return found


def _make_family(present: Mapping[str, Sequence[str]], contests: Mapping[str, Contest], rules: Rules) -> Family:
    gaps = []
    for task, contest in contests.items():
        for a, b in combinations(present[task], 2):
            met = contest.meet(a, b)
            if met.gap is not None:
                gaps.append(met.gap)
    return family_of_gaps(gaps, draws=rules.draws, seed=rules.seed)


def _compare_means(
    a: str, b: str, means: Mapping[str, tuple[float, tuple[float, float] | None]], *, n: int
) -> Comparison:
    """Two judges by their mean ranks: one is better where what encloses them lies apart."""
    (value_a, ends_a), (value_b, ends_b) = means[a], means[b]
    # Without rank sets nothing encloses a mean, and so nothing is said of the pair.
    if ends_a is None or ends_b is None:
        return Comparison(judge_a=a, judge_b=b, metric=MEAN_RANK, greater_is_better=False)
    return Comparison(
        judge_a=a,
        judge_b=b,
        metric=MEAN_RANK,
        value_a=value_a,
        value_b=value_b,
        difference=value_a - value_b,
        ci_low=ends_a[0] - ends_b[1],
        ci_high=ends_a[1] - ends_b[0],
        method=METHOD,
        better=a if ends_a[1] < ends_b[0] else b if ends_b[1] < ends_a[0] else None,
        n=n,
        greater_is_better=False,
    )
