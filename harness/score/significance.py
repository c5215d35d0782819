"""Can the data tell judges apart? Every two of them compared, as one family. Not for scoring one judge.

Tests are `harness.score.pairs`, their correction `harness.score.families`, ranks and letters `harness.score.ranks`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias

from harness.api import Metric, Unit
from harness.score.contest import Contest, Meeting, Round
from harness.score.families import Family, family_of_judges
from harness.score.metrics import unit_of
from harness.score.pairs import Gap, p_value
from harness.score.records import Comparison
from harness.score.table import CellTable

METHOD = "score-pivot"
"""`Comparison.method`."""

Missing: TypeAlias = Literal["counts", "at-random"]
"""Whether a judge must be better with its missing answers counted wrong too, or they are declared missing at random."""

_POWER = 0.8  # of which `Comparison.detectable` speaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a comparison of judges."""

    confidence: float = 0.95
    """Of the intervals. Tests have level 1 - confidence, within the family."""
    draws: int = 2000
    """Random flips that the family's quantile rests on."""
    seed: int = 0
    """Of the flips."""
    missing: Missing = "counts"
    """The part of missing answers in placing one judge above another."""
    equivalence: float | None = None
    """Judges whose difference is shown to be smaller than this are equivalent. `None`: nothing is said."""


RULES = Rules()


def compare_cells(
    a: CellTable,
    b: CellTable,
    metric: Metric,
    *,
    names: tuple[str, str] = ("a", "b"),
    metric_name: str = "accuracy",
    rules: Rules = RULES,
    greater_is_better: bool | None = None,
) -> Comparison:
    """Compare two judges of one task, alone.

    Args:
        a: One cell.
        b: Another judge's cell of the same task, under the same protocol.
        metric: What to compare.
        names: Names of the judges.
        metric_name: Name of the metric, with its own average where it has one.
        rules: How.
        greater_is_better: From the metric's card. `None`: as the metric itself says.

    Raises:
        DataError: The cells have different protocols, or different golds on a shared unit.
        UserError: The metric does not fit the answer space or the protocol.

    Example:
        >>> from harness.api import Choice, Protocol, RecordedAnswer, Status
        >>> from harness.score.metrics import Accuracy
        >>> from harness.score.units import build_cell
        >>> def cell(*verdicts):
        ...     answers = (
        ...         RecordedAnswer(
        ...             item=f"i{k}", group=f"i{k}", category="", space=Choice(("yes", "no")), gold="yes",
        ...             order=(), sample=0, status=Status.OK, verdict=verdict,
        ...         )
        ...         for k, verdict in enumerate(verdicts)
        ...     )
        ...     return build_cell(answers, Protocol())
        >>> good, fair = cell(*["yes"] * 36, *["no"] * 4), cell(*["yes"] * 20, *["no"] * 20)
        >>> found = compare_cells(good, fair, Accuracy(), names=("good", "fair"))
        >>> found.better, round(found.difference, 3), round(found.ci_low, 2), round(found.ci_high, 2)
        ('good', 0.4, 0.23, 0.57)
    """
    (found,) = compare_all(
        dict(zip(names, (a, b), strict=True)),
        metric,
        metric_name=metric_name,
        rules=rules,
        greater_is_better=greater_is_better,
    )
    return found


def compare_all(
    tables: Mapping[str, CellTable],
    metric: Metric,
    *,
    metric_name: str = "accuracy",
    ranked: Collection[str] | None = None,
    rules: Rules = RULES,
    greater_is_better: bool | None = None,
) -> tuple[Comparison, ...]:
    """Compare every two judges of one task, as one family of those that are ranked.

    A metric of probabilities is compared on the units where both have them, or, where one judge has none at all, by the
    verdicts of both.

    Args:
        tables: Cells of one task by judge.
        metric: What to compare.
        metric_name: Name of the metric, with its own average where it has one.
        ranked: The judges of the family. `None`: all. A pair with another judge has a p-value and no corrected one.
        rules: How.
        greater_is_better: From the metric's card. `None`: as the metric itself says.

    Raises:
        DataError: The cells have different protocols, or different golds on a shared unit.
        UserError: The metric does not fit the answer space or the protocol.
    """
    contest = Contest([Round(tables, metric, name=metric_name)])
    greater = getattr(metric, "greater_is_better", True) if greater_is_better is None else greater_is_better
    return compare_contest(
        contest,
        list(tables),
        metric_name=metric_name,
        ranked=ranked,
        rules=rules,
        greater_is_better=greater,
        unit=unit_of(metric, name=metric_name),
    )


def compare_contest(
    contest: Contest,
    judges: Collection[str],
    *,
    metric_name: str,
    ranked: Collection[str] | None = None,
    rules: Rules = RULES,
    greater_is_better: bool = True,
    unit: Unit = "score",
) -> tuple[Comparison, ...]:
    """As `compare_all`, on one task or on the mean over several.

    Args:
        contest: The tasks.
        judges: All judges, each with a cell of every task.
        metric_name: Name of the metric.
        ranked: The judges of the family. `None`: all.
        rules: How.
        greater_is_better: False for errors and distances.
        unit: Of the metric's values.
    """
    # A judge without a rank must not cost the others power: the family is theirs alone.
    inside = [judge for judge in judges if ranked is None or judge in ranked]
    values = [own for judge in inside if (own := contest.own(judge, rivals=inside)) is not None]
    family = family_of_judges(values, draws=rules.draws, seed=rules.seed)
    found = [
        compare_pair(
            contest,
            a,
            b,
            metric_name=metric_name,
            family=family,
            rules=rules,
            ranked=a in inside and b in inside,
            greater_is_better=greater_is_better,
            unit=unit,
        )
        # All pairs, ranked or not: a pair outside the family has a p-value of its own.
        for a, b in combinations(judges, 2)
    ]
    return remove_circles(found)


def remove_circles(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same without placements that go round in a circle, which depend on what was missing.

    A can be better than B, B than C and C than A where each pair is compared on other items: only with `missing:
    at-random`, since counting every missing answer wrong orders all judges by one number.
    """
    above: dict[str, set[str]] = {}
    for pair in comparisons:
        if pair.better is not None and pair.worse is not None:
            above.setdefault(pair.better, set()).add(pair.worse)
    # A placement is part of a circle where the better judge can be reached from the worse one.
    reach = {judge: _find_below(judge, above) for judge in above}
    return tuple(
        replace(pair, better=None, depends_on_missing=True)
        if pair.better is not None and pair.better in reach.get(pair.worse or "", ())
        else pair
        for pair in comparisons
    )


def _find_below(start: str, above: Mapping[str, Collection[str]]) -> set[str]:
    """All that stand below, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = set(above.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def compare_pair(
    contest: Contest,
    a: str,
    b: str,
    *,
    metric_name: str,
    family: Family,
    rules: Rules,
    ranked: bool = True,
    greater_is_better: bool = True,
    unit: Unit = "score",
) -> Comparison:
    """Compare two judges of a contest.

    Args:
        contest: The tasks.
        a: One judge.
        b: The other.
        metric_name: Name of the metric.
        family: The family that the pair belongs to, or stands beside.
        rules: How.
        ranked: Whether it belongs to the family.
        greater_is_better: False for errors and distances.
        unit: Of the metric's values.
    """
    met = contest.meet(a, b)
    found = Comparison(
        judge_a=a,
        judge_b=b,
        metric=metric_name,
        greater_is_better=greater_is_better,
        unit=unit,
        basis=contest.basis(a, b),
    )
    found = _add_counts(met, found)
    gap = met.gap
    if gap is None or met.of_a is None or met.of_b is None:
        return found
    found = replace(found, value_a=met.of_a.value, value_b=met.of_b.value)
    found = _add_test(found, gap, family=family, rules=rules, ranked=ranked)
    if not ranked:
        return found
    # Placed above only if the data say so in every way of counting: a judge must not rise by not answering.
    ways, quantile = [gap, *_other_ways(contest, a, b, rules)], family.quantile(rules.confidence)
    found = _add_placement(found, ways, quantile)
    if rules.equivalence is not None:
        found = replace(found, equivalent=_is_equivalent(ways, quantile, margin=rules.equivalence))
    # Without missing answers the bounds would both be the difference itself.
    return found if contest.complete(a, b) else _add_bounds(found, contest, quantile)


def _add_counts(met: Meeting, found: Comparison) -> Comparison:
    """With the counts of units on which two judges differ."""
    points = [a.credit - b.credit for a, b in met.views]
    return replace(
        found,
        n=sum(len(a) for a, _ in met.views),
        disagreements=sum(int((a.predicted != b.predicted).sum()) for a, b in met.views),
        only_a=sum(int((margin > 0).sum()) for margin in points),
        only_b=sum(int((margin < 0).sum()) for margin in points),
    )


def _add_test(found: Comparison, gap: Gap, *, family: Family, rules: Rules, ranked: bool) -> Comparison:
    """With the interval of the difference, its p-values, and what could be detected."""
    quantile = family.quantile(rules.confidence)
    low, high = gap.interval(quantile) or (None, None)
    # Equal answers everywhere are a difference of 0 with p = 1, and no failed test.
    testable = gap.testable(quantile) and gap.scale > 0
    alone = p_value(gap.statistic) if testable or not gap.difference else None
    return replace(
        found,
        difference=gap.difference,
        ci_low=low,
        ci_high=high,
        p_value=alone,
        p_adjusted=family.adjust_p(gap.statistic) if ranked and alone is not None else None,
        method=METHOD if alone is not None else "",
        detectable=gap.detectable(quantile, power=_POWER),
    )


def _other_ways(contest: Contest, a: str, b: str, rules: Rules) -> list[Gap | None]:
    """The difference on the answers of both, and with every missing answer counted wrong."""
    if rules.missing == "at-random" or contest.complete(a, b):
        return []
    return [contest.meet(a, b, "excluded").gap, contest.meet(a, b, "worst").gap]


def _add_placement(found: Comparison, ways: list[Gap | None], quantile: float) -> Comparison:
    """With the judge that is above the other: significantly better in every way to count missing answers."""
    leads = {way.difference > 0 if way is not None and way.significant(quantile) else None for way in ways}
    # A set: one element means that every way is significant, and for the same judge.
    if len(leads) == 1 and None not in leads:
        return replace(found, better=found.judge_a if leads.pop() == found.greater_is_better else found.judge_b)
    first = ways[0]
    return replace(found, depends_on_missing=first is not None and first.significant(quantile))


def _is_equivalent(ways: list[Gap | None], quantile: float, *, margin: float) -> bool:
    """Whether the whole interval lies within the margin on both sides of 0, in every way to count missing answers."""
    ends = [None if way is None else way.interval(quantile) for way in ways]
    return all(end is not None and max(-end[0], end[1]) < margin for end in ends)


def _add_bounds(found: Comparison, contest: Contest, quantile: float) -> Comparison:
    """With the least and the greatest difference that any missing answers allow."""
    ends = contest.extremes(found.judge_a, found.judge_b)
    if ends is None:
        return found
    low, high = ends
    # Both ends on one side of 0: no way to fill in the missing answers turns the order round.
    firm = all(end.significant(quantile) for end in ends) and (low.difference > 0) == (high.difference > 0)
    return replace(found, bound_low=low.difference, bound_high=high.difference, whatever_missing=firm)
