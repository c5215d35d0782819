"""What is said about people around a block of the leaderboard: how far they agree, and the judge beside them."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import Unit, write_interval, write_number
from harness.report.numbers import NOTHING, bare
from harness.report.records import LeaderboardRow
from harness.score.records import AltTest, Ceiling, MetricCeiling

LEGEND = (
    "ceiling: what a person scores against the consensus of the other people, by the same metric; "
    "beneath, the judge against the same"
)


def ceiling_text(row: LeaderboardRow) -> str:
    """The ceiling of the metric on show."""
    found = None if row.ceiling is None else row.ceiling.of(row.metric)
    return NOTHING if found is None else write_number(row.unit, found.value, found.ci_low, found.ci_high)


def has_ceilings(rows: Sequence[LeaderboardRow]) -> bool:
    """Whether any row has a ceiling to show."""
    return any(row.ceiling is not None and row.ceiling.of(row.metric) is not None for row in rows)


def notes(rows: Sequence[LeaderboardRow]) -> list[str]:
    """How far people agree, once for a block, and then a sentence for each judge."""
    known = [(row, row.ceiling) for row in rows if row.ceiling is not None]
    if not known:
        return []
    # Said once and first: the people are the same for all judges of a block.
    said = [_describe_people(known[0][0].metric, [ceiling for _, ceiling in known])]
    for row, ceiling in known:
        found = ceiling.of(row.metric)
        parts = [] if found is None else [_compare_with_people(found, row.unit, greater=row.greater_is_better)]
        parts += [] if ceiling.alt_test.reason else [_describe_test(ceiling.alt_test)]
        if parts:
            said.append(f"{row.judge}: {'; '.join(parts)}")
    return said


def _describe_people(metric: str, ceilings: Sequence[Ceiling]) -> str:
    """What is true of the people beside any judge."""
    # A cell that the run has not finished knows fewer items. The largest set says most about the people.
    first = max(ceilings, key=lambda ceiling: ceiling.items)
    alpha = _with_interval("correlation", first.alpha, first.alpha_low, first.alpha_high)
    said = [
        f"people: {first.annotators:,} annotators, {first.items:,} items with two or more; Krippendorff's alpha {alpha}"
    ]
    own = next((found for found in first.metrics if bare(found.metric) == bare(metric)), None)
    if own is not None and own.reason:
        said.append(f"no ceiling of {bare(metric)}: it {own.reason}")
    if all(ceiling.alt_test.reason for ceiling in ceilings):
        said.append(f"no alternative-annotator test: {first.alt_test.reason}")
    return "; ".join(said)


def _compare_with_people(of: MetricCeiling, unit: Unit, *, greater: bool) -> str:
    """`85.0 of a ceiling of 87.2 (84.1–90.0), worse than a person (-2.2, -4.0 … -0.4)`."""
    judge = write_number(unit, of.judge, of.judge_low, of.judge_high)
    said = f"{judge} of a ceiling of {_with_interval(unit, of.value, of.ci_low, of.ci_high)}"
    if of.difference is None or of.difference_low is None or of.difference_high is None:
        return said
    ends = (of.difference_low, of.difference_high)
    apart = f"{write_number(unit, of.difference, *ends, signed=True)}, {write_interval(unit, *ends, signed=True)}"
    # An interval that holds 0 does not show that the two are equal, so the words are not "as good as".
    if of.difference_low <= 0 <= of.difference_high:
        verdict = "not told apart from a person"
    else:
        verdict = "better than a person" if (of.difference > 0) == greater else "worse than a person"
    return f"{said}, {verdict} ({apart})"


def _describe_test(test: AltTest) -> str:
    beaten = sum(annotator.beaten for annotator in test.tests)
    ends = (test.advantage_low, test.advantage_high)
    within = write_interval("share", *ends)
    return (
        f"alternative-annotator test (ε = {test.epsilon:g}) {'passed' if test.passed else 'not passed'}: "
        f"no worse than {beaten} of {len(test.tests)} annotators, "
        f"advantage {write_number('share', test.advantage, *ends)} %" + ("" if within == NOTHING else f" ({within})")
    )


def _with_interval(unit: Unit, value: float | None, low: float | None, high: float | None) -> str:
    within = write_interval(unit, low, high)
    shown = write_number(unit, value, low, high)
    return shown if within == NOTHING else f"{shown} ({within})"
