"""Flip rate and change of the metric: a judge's answers to a probe against its answers to the base, paired.

Both numbers rest on the requests to which the judge gave a verdict both times, each order and sample by itself; a
metric of probabilities on those with probabilities both times, or on the verdicts where one side has none. The
intervals are those of the paired cluster bootstrap: whole groups of items are drawn, the same for both sides (Field and
Welsh 2007), and the ends are percentiles (Efron and Tibshirani 1993, chapter 13). A flip rate over independent pairs
has that of Wilson (1927), and so has one of 0 or 1, of which the bootstrap would be sure; there a group is one trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from harness.api import TIE, AnswerSpace, Choice, Metric, Preference, RecordedAnswer, Unit, Units, Verdict
from harness_probes.verdicts import expected, same

RESAMPLES = 2000
SEED = 0
CONFIDENCE = 0.95
_DEFINED = 0.9  # share of resamples on which a number must be defined for an interval to be stated
_AT_ONCE = 2_000_000  # weights in memory at once

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One request of the base and the same request of the probe, both with a verdict."""

    base: RecordedAnswer
    probe: RecordedAnswer

    def flipped(self, probe: str) -> bool:
        """Whether the verdict on the probe says something else than that on the base."""
        said = expected(probe, self.base.space, _canonical(self.base))
        return not same(self.probe.space, said, _canonical(self.probe))


@dataclass(frozen=True, slots=True)
class Number:
    """A value and its interval, `None` where they are not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def turned(self) -> Number:
        """With the other sign."""
        return Number(*(None if one is None else 0.0 - one for one in (self.value, self.high, self.low)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
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
    """Groups among these: what is resampled."""
    counted: int
    """Pairs that the metric rests on: fewer than n where ties are skipped, or where it is of probabilities and some
    pairs lack them."""
    base_lost: int
    """Pairs without a verdict on the base."""
    probe_lost: int
    """Pairs without a verdict on the probe; a pair may be counted as lost on both."""
    flips: int
    """Pairs whose verdicts differ."""
    flip_rate: Number
    """Share of flips."""
    base_value: float | None
    """The metric on the base's side of the pairs."""
    probe_value: float | None
    """The metric on the probe's side."""
    change: Number
    """`probe_value - base_value`."""
    lift: Number | None
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
    ties: str = "class",
) -> Comparison:
    """Compare one judge's answers.

    Args:
        probe: Name of the probe's card.
        judge: Name of the judge.
        base: Answers to the base.
        probed: Answers to the probe.
        metric_name: The task's headline metric.
        metric: That metric.
        ties: `Protocol.ties`.
    """
    before = {_place(answer): answer for answer in base}
    given = list(probed)
    pairs = [Pair(before[place], answer) for answer in given if (place := _place(answer)) in before]
    answered = [pair for pair in pairs if pair.base.verdict is not None and pair.probe.verdict is not None]
    flips = np.array([pair.flipped(probe) for pair in answered], dtype=np.float64)
    counted = [pair for pair in answered if ties != "skip" or not _is_tie(pair.base.space, pair.base.gold)]
    by_verdict = False
    if "positive" in getattr(metric, "uses", ()):
        counted, by_verdict = _alike(counted)
    base_value, probe_value, change = (
        _change(counted, metric, ties=ties, by_verdict=by_verdict) if counted else (None, None, Number(None))
    )
    better = getattr(metric, "greater_is_better", True)
    return Comparison(
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
        flip_rate=_flip_rate(answered, flips),
        base_value=base_value,
        probe_value=probe_value,
        change=change,
        lift=None if probe != "blind" else change.turned() if better else change,
        unit=getattr(metric, "unit", "score"),
    )


def _alike(pairs: Sequence[Pair]) -> tuple[list[Pair], bool]:
    """The pairs with probabilities on both sides; where one side has none at all, every pair, to be read by verdict."""
    known = [(bool(pair.base.probabilities), bool(pair.probe.probabilities)) for pair in pairs]
    if not (any(base for base, _ in known) and any(probe for _, probe in known)):
        return list(pairs), True
    return [pair for pair, sides in zip(pairs, known, strict=True) if all(sides)], False


def _place(answer: RecordedAnswer) -> tuple[str, tuple[int, ...], int]:
    """What pairs an answer to a probe with one to its base."""
    return answer.item, answer.order, answer.sample


def _flip_rate(pairs: Sequence[Pair], flips: Floats) -> Number:
    if not pairs:
        return Number(None)
    cluster, share = _clusters(pairs), float(flips.mean())
    groups = int(cluster.max()) + 1
    if groups > 1 and (groups == len(pairs) or share in (0.0, 1.0)):
        return wilson(share, groups)
    return _number(share, [weights @ flips / weights.sum(axis=1) for weights in _resampled(cluster)])


def wilson(share: float, n: int) -> Number:
    """A share among n independent trials, with the score interval of Wilson (1927)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre, scale = share + z * z / (2 * n), 1 + z * z / n
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Number(share, max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def _change(
    pairs: Sequence[Pair], metric: Metric, *, ties: str, by_verdict: bool
) -> tuple[float | None, float | None, Number]:
    """The metric on the base's side, on the probe's side, and the difference."""
    sides = [
        [_unit(answer, ties=ties, by_verdict=by_verdict) for answer in answers]
        for answers in ([pair.base for pair in pairs], [pair.probe for pair in pairs])
    ]
    kinds: dict[tuple[object, object], int] = {}
    types = np.array([kinds.setdefault((repr(a), repr(b)), len(kinds)) for a, b in zip(*sides, strict=True)])
    first = [int(row) for row in np.unique(types, return_index=True)[1]]
    space = max((pair.base.space for pair in pairs), key=lambda one: getattr(one, "n", 0))
    before, after = (_units(space, [side[row] for row in first]) for side in sides)
    whole = np.bincount(types, minlength=len(first)).astype(np.float64)[None, :]
    values = [float(metric(units, whole)[0]) for units in (before, after)]
    by_type = np.argsort(types, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(types[by_type]) != 0])
    differences = []
    for weights in _resampled(_clusters(pairs)):
        grouped = np.add.reduceat(weights[:, by_type], starts, axis=1)
        differences.append(metric(after, grouped) - metric(before, grouped))
    return _defined(values[0]), _defined(values[1]), _number(values[1] - values[0], differences)


def _clusters(pairs: Sequence[Pair]) -> NDArray[np.int64]:
    return np.unique([pair.base.group for pair in pairs], return_inverse=True)[1].astype(np.int64)


def _resampled(cluster: NDArray[np.int64]) -> Iterator[Floats]:
    """How often each of n pairs was drawn, in blocks of shape (b, n); no blocks where there is one cluster."""
    count, dice = int(cluster.max()) + 1, np.random.default_rng(SEED)
    rows = max(1, _AT_ONCE // len(cluster))
    for start in range(0, RESAMPLES if count > 1 else 0, rows):
        size = min(rows, RESAMPLES - start)
        drawn = dice.multinomial(count, np.full(count, 1 / count), size=size)
        yield drawn[:, cluster].astype(np.float64)


def _number(value: float, blocks: Sequence[Floats]) -> Number:
    """A value with the percentile interval of resampled values, given in blocks."""
    resampled = np.concatenate(blocks) if blocks else np.empty(0)
    known = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not len(known) or len(known) < _DEFINED * len(resampled):
        return Number(_defined(value))
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Number(value, float(low), float(high))


def _defined(value: float) -> float | None:
    return value if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class _Unit:
    """One answer as a metric sees it: gold and verdict in shown places, points, probability of the positive class."""

    gold: Verdict
    predicted: Verdict | None
    credit: float
    positive: float


def _unit(answer: RecordedAnswer, *, ties: str, by_verdict: bool) -> _Unit:
    space, gold, verdict = answer.space, answer.gold, cast("Verdict", answer.verdict)
    if answer.order:
        gold = space.shown(gold, answer.order)
    if isinstance(space, Preference) and verdict == TIE:  # a bare tie is the gold's kind of tie, else the first
        verdict = gold if isinstance(gold, str) else space.ties[0]
    credit = float(space.agrees(verdict, gold))
    if ties == "half" and _is_tie(space, gold):
        credit = 0.5
    elif ties == "right" and (_is_tie(space, gold) or _is_tie(space, verdict)):
        credit = 1.0
    wrong = ties == "skip" and _is_tie(space, verdict)  # a tie is no answer where no gold is one
    return _Unit(gold, None if wrong else verdict, credit, float("nan") if by_verdict else _positive(answer))


def _positive(answer: RecordedAnswer) -> float:
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
    return answer.space.canonical(verdict, answer.order) if answer.order else verdict


def _is_tie(space: AnswerSpace, verdict: Verdict) -> bool:
    return isinstance(space, Preference) and isinstance(verdict, str)
