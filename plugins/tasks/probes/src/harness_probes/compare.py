"""Flip rate and change of the metric: a judge's answers to a probe against its answers to the base, paired.

Both numbers rest on the requests to which the judge gave a verdict both times, each order and sample by itself. A
metric of probabilities rests on those with probabilities both times, or on the verdicts where one side has none. The
intervals are those of the leaderboard: that of a share, and that of two judges on the same groups of items.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from harness.api import (
    TIE,
    AnswerSpace,
    Change,
    Choice,
    Measurement,
    Metric,
    Preference,
    RecordedAnswer,
    Statistics,
    Unit,
    Units,
    Verdict,
)
from harness_probes.verdicts import expect_verdict, same


@dataclass(frozen=True, slots=True)
class ProbePair:
    """One request of the base and the same request of the probe, both with a verdict."""

    base: RecordedAnswer
    probe: RecordedAnswer

    def is_flip(self, probe: str) -> bool:
        """Whether the verdict on the probe says something else than that on the base."""
        # Canonical, so that a verdict is compared by candidate and not by the place where it was shown.
        wanted = expect_verdict(probe, self.base.space, _canonical(self.base))
        return not same(self.probe.space, wanted, _canonical(self.probe))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeComparison:
    """What a probe did to one judge."""

    judge: str
    """Name in the plan."""
    metric: str
    """The task's headline metric."""
    paired: int
    """Requests that were answered on both sides, with a verdict or without."""
    unpaired: int
    """Answered requests of the probe without such a partner in the base."""
    n: int
    """Pairs with a verdict on both sides: what the flip rate rests on."""
    items: int
    """Items among them."""
    groups: int
    """Groups among these: the clusters of the intervals."""
    counted: int
    """Pairs that the metric rests on: fewer than n where ties are skipped, or where it is of probabilities and some
    pairs lack them."""
    base_lost: int
    """Pairs without a verdict on the base."""
    probe_lost: int
    """Pairs without a verdict on the probe; a pair may be counted as lost on both."""
    flips: int
    """Pairs whose verdicts differ."""
    flip_rate: Measurement
    """Share of flips."""
    base_value: float | None
    """The metric on the base's side of the pairs."""
    probe_value: float | None
    """The metric on the probe's side."""
    change: Measurement
    """`probe_value - base_value`."""
    lift: Measurement | None
    """Lift over blind, of the probe `blind` alone: how much better the metric is with the images than without."""
    unit: Unit = "score"
    """The metric's unit."""

    @property
    def coverage(self) -> float | None:
        """Share of pairs with a verdict on both sides."""
        return self.n / self.paired if self.paired else None


def compare(
    probe: str,
    judge: str,
    *,
    base: Iterable[RecordedAnswer],
    probed: Iterable[RecordedAnswer],
    metric_name: str,
    metric: Metric,
    statistics: Statistics,
    ties: str = "class",
) -> ProbeComparison:
    """Compare one judge's answers.

    Args:
        probe: Name of the probe's card.
        judge: Name of the judge.
        base: Answers to the base.
        probed: Answers to the probe.
        metric_name: The task's headline metric.
        metric: That metric.
        statistics: Measures shares and changes.
        ties: `Protocol.ties`.
    """
    before = {_place(answer): answer for answer in base}
    given = list(probed)
    pairs = [ProbePair(before[place], answer) for answer in given if (place := _place(answer)) in before]
    # An answer without a verdict says nothing that could flip. Counting it would mix flips with unread answers.
    answered = [pair for pair in pairs if pair.base.verdict is not None and pair.probe.verdict is not None]
    flips = np.array([pair.is_flip(probe) for pair in answered], dtype=np.float64)
    # As the leaderboard does under `ties: skip`: items whose gold is a tie are left out of the metric.
    counted = [pair for pair in answered if ties != "skip" or not _is_tie(pair.base.space, pair.base.gold)]
    # ROC-AUC and its like read probabilities where there are some, and hard verdicts where there are none.
    by_verdict = False
    if "positive" in getattr(metric, "uses", ()):
        counted, by_verdict = _alike(counted)
    change = _change(counted, metric, statistics, ties=ties, by_verdict=by_verdict)
    better = getattr(metric, "greater_is_better", True)
    return ProbeComparison(
        judge=judge,
        metric=metric_name,
        paired=len(pairs),
        unpaired=len(given) - len(pairs),
        n=len(answered),
        counted=len(counted),
        items=len({pair.base.item for pair in answered}),
        groups=len({pair.base.group for pair in answered}),
        base_lost=sum(pair.base.verdict is None for pair in pairs),
        probe_lost=sum(pair.probe.verdict is None for pair in pairs),
        flips=int(flips.sum()),
        flip_rate=statistics.measure_share(flips, [pair.base.group for pair in answered]),
        base_value=change.before,
        probe_value=change.after,
        change=change.difference,
        lift=None if probe != "blind" else _negate(change.difference) if better else change.difference,
        unit=getattr(metric, "unit", "score"),
    )


def _alike(pairs: Sequence[ProbePair]) -> tuple[list[ProbePair], bool]:
    """The pairs with probabilities on both sides; where one side has none at all, every pair, to be read by verdict."""
    known = [(bool(pair.base.probabilities), bool(pair.probe.probabilities)) for pair in pairs]
    # Probabilities on one side against verdicts on the other would be a change of measure, not of the judge.
    if not (any(base for base, _ in known) and any(probe for _, probe in known)):
        return list(pairs), True
    return [pair for pair, sides in zip(pairs, known, strict=True) if all(sides)], False


def _place(answer: RecordedAnswer) -> tuple[str, tuple[int, ...], int]:
    """What pairs an answer to a probe with one to its base."""
    return answer.item, answer.order, answer.sample


def _negate(change: Measurement) -> Measurement:
    # High and low change places as well. `0.0 - x` prints no `-0.0`.
    return Measurement(*(None if end is None else 0.0 - end for end in (change.value, change.high, change.low)))


def _change(
    pairs: Sequence[ProbePair], metric: Metric, statistics: Statistics, *, ties: str, by_verdict: bool
) -> Change:
    """The metric on the base's side, on the probe's side, and the difference."""
    if not pairs:
        return Change(before=None, after=None, difference=Measurement(None))
    # Rankings may differ in length by item. The largest space knows every verdict of the smaller ones.
    space = max((pair.base.space for pair in pairs), key=lambda space: space.candidate_count)
    before, after = (
        _units(space, [_unit(answer, ties=ties, by_verdict=by_verdict) for answer in answers])
        for answers in ([pair.base for pair in pairs], [pair.probe for pair in pairs])
    )
    return statistics.measure_change(metric, before, after, [pair.base.group for pair in pairs])


@dataclass(frozen=True, slots=True)
class _Unit:
    """One answer as a metric sees it: gold and verdict in shown places, points, probability of the positive class."""

    gold: Verdict
    predicted: Verdict | None
    credit: float
    positive: float


def _unit(answer: RecordedAnswer, *, ties: str, by_verdict: bool) -> _Unit:
    space, gold, verdict = answer.space, answer.gold, cast("Verdict", answer.verdict)
    # Metrics count by shown place, as the leaderboard does, so that a class keeps its meaning in both orders.
    if answer.order:
        gold = space.to_shown(gold, answer.order)
    if isinstance(space, Preference) and verdict == TIE:  # a bare tie is the gold's kind of tie, else the first
        verdict = gold if isinstance(gold, str) else space.ties[0]
    credit = float(space.agrees(verdict, gold))
    # The same rules of ties as in scoring. A flip of policy between the two tables would look like an effect.
    if ties == "half" and _is_tie(space, gold):
        credit = 0.5
    elif ties == "right" and (_is_tie(space, gold) or _is_tie(space, verdict)):
        credit = 1.0
    wrong = ties == "skip" and _is_tie(space, verdict)  # a tie is no answer where no gold is one
    return _Unit(gold, None if wrong else verdict, credit, float("nan") if by_verdict else _positive(answer))


def _positive(answer: RecordedAnswer) -> float:
    # Only labels and places have a positive class.
    if not answer.probabilities or not isinstance(answer.space, Choice | Preference):
        return float("nan")
    return float(answer.probabilities.get(answer.space.name(answer.space.verdicts()[0]), 0.0))


def _units(space: AnswerSpace, units: Sequence[_Unit]) -> Units:
    return Units(
        space=space,
        gold=tuple(unit.gold for unit in units),
        predicted=tuple(unit.predicted for unit in units),
        credit=np.array([unit.credit for unit in units], dtype=np.float64),
        positive=np.array([unit.positive for unit in units], dtype=np.float64),
    )


def _canonical(answer: RecordedAnswer) -> Verdict:
    verdict = cast("Verdict", answer.verdict)
    return answer.space.to_canonical(verdict, answer.order) if answer.order else verdict


def _is_tie(space: AnswerSpace, verdict: Verdict) -> bool:
    return isinstance(space, Preference) and isinstance(verdict, str)
