"""The base of the core's metrics, and those that look at units one by one: accuracy in its kinds, and MAE.

Not for intervals. A metric never sees an item: it sees distinct units and how often each occurs.

A metric is any callable that keeps to `harness.api.Metric`. These attributes are optional. Each has a safe default:

- `uses`: the columns it reads, of `gold`, `predicted`, `credit`, `positive` (default all). Units that are equal in
  those are one unit to it, which is what makes leaving out fast. One that names `positive` is given units that all
  have a probability, or none that has. A missing answer that counts as wrong is `None` and has none.
- `prepare(units)`: returns the function of the weights alone, so that encoding the units is done once.
- `values(units)`: for a plain mean over units, the value of each. It makes the average over groups fast.
- `averages_credit`: true for plain means of `Units.credit`, the only metrics for which a missing answer can be worth
  a half or the chance of a guess. To all others it is then a seeded blind guess.
- `answers`: kinds of answer space that it is defined for (default all).
- `greater_is_better`: false for errors and distances (default true).
- `unit`: what the values are, by which they are printed: `share`, `correlation`, `distance` or `score` (the default:
  printed as they are). A share is within [0, 1], a correlation within [-1, 1], a distance is 0 or more and less is
  better. See `harness.api.Unit`.
- `bounds(space)`: the least and the greatest value that it can have on an answer space, if that is not implied by
  the unit. Either may be infinite. Intervals do not reach beyond them.
- `of_groups`: true for metrics that only mean something within one group, such as those that compare its answers with
  one another: they are refused with any average but those of groups (`gini_equality@group`), and their weights are
  counts.
- `group_weight(units)`: for a metric of groups, returns the function that says how much each group counts in the mean
  over groups, as `prepare` does for its value (default: 1, or its number of units).
- `compares_candidates`: true for a metric of groups whose units it compares by candidate. It is refused where each
  unit counts shown places, in an order of its own.
- `fit(units)`: for a metric of groups, the metric once all answers of the cell are known, such as their range.
- `limit(units)`: how often it is worth evaluating for one interval, or `None` (default): clusters are then left out in
  at most so many blocks.
- `without(units)`: a quicker way to leave units out than to evaluate all the others, or `None` (default): see
  `harness.score.patterns.Without`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar, cast, get_args

import numpy as np

from harness.api import AnswerSpace, Card, Metric, Score, Unit, Units, UserError, Verdict
from harness.score.arrays import Floats
from harness.score.patterns import Statistic, Without, divide

COLUMNS = ("gold", "predicted", "credit", "positive")
"""The columns that a metric may read."""
OF_GROUPS = ("group", "group_size")
"""The averages over groups."""

_KINDS = frozenset({"choice", "preference", "score", "ranking", "rubric"})
# What a unit promises. A score promises nothing, and its interval may reach anywhere.
_BOUNDS = {"share": (0.0, 1.0), "correlation": (-1.0, 1.0), "distance": (0.0, np.inf), "score": (-np.inf, np.inf)}


class CoreMetric(ABC):
    """A metric of the core: encodes the units once, then works on weights alone."""

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = _KINDS
    unit: Unit = "score"
    greater_is_better: bool = True
    averages_credit: ClassVar[bool] = False

    @abstractmethod
    def prepare(self, units: Units) -> Statistic:
        """The metric as a function of weights of shape (B, T). It returns shape (B,)."""

    def limit(self, units: Units) -> int | None:
        """The most evaluations that one interval is worth."""
        return None

    def without(self, units: Units) -> Without | None:
        """A quicker way to leave units out."""
        return None

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights. See `harness.api.Metric`."""
        return self.prepare(units)(weights)


class MeanMetric(CoreMetric):
    """The plain mean of a value that each unit has on its own."""

    @abstractmethod
    def values(self, units: Units) -> Floats:
        """Shape (T,)."""

    def prepare(self, units: Units) -> Statistic:
        """The weighted mean of `values`."""
        values = self.values(units)
        return lambda weights: divide(weights @ values, weights.sum(axis=1))


class Accuracy(MeanMetric):
    """Mean credit under the protocol: the share of right answers where each is right or wrong."""

    uses = ("credit",)
    unit = "share"
    averages_credit = True

    def values(self, units: Units) -> Floats:
        """The credit itself."""
        return units.credit


class AccuracyWithoutTies(CoreMetric):
    """Mean credit over the units where gold and answer are both no tie (MJ-Bench, MLLM-as-a-Judge).

    Every unit whose gold is a tie is dropped, and every unit that was answered with a tie. A missing answer that counts
    as wrong is no tie and stays in. So does an answer that the protocol made wrong already: two orders that disagree,
    or a tie under `ties: skip`. NaN if nothing is left.
    """

    uses = ("gold", "predicted", "credit")
    answers = frozenset({"preference"})
    unit = "share"

    def prepare(self, units: Units) -> Statistic:
        """The weighted mean over what is kept."""
        pairs = zip(units.gold, units.predicted, strict=True)
        kept = np.array([not isinstance(gold, str) and not isinstance(said, str) for gold, said in pairs], dtype=float)
        right = kept * units.credit
        return lambda weights: divide(weights @ right, weights @ kept)


class AllRight(CoreMetric):
    """1 if every unit has a credit of 1, else 0: as `all_right@group` the share of groups without any error.

    That is the ACC+ of MM-RLHF-RewardBench, where the pairs of one id are a group.
    """

    uses = ("credit",)
    unit = "share"

    def prepare(self, units: Units) -> Statistic:
        """Whether anything that is not right has a weight."""
        wrong = (units.credit < 1).astype(np.float64)

        def value(weights: Floats) -> Floats:
            # Nothing at all is not `all right`: a group without weight has no value.
            right: Floats = np.where(weights.sum(axis=1) > 0, weights @ wrong == 0, np.nan)
            return right

        return value


class MeanAbsoluteError(MeanMetric):
    """Mean absolute difference between score and gold, in the units of the scale.

    A missing answer that counts as wrong is at the end of the scale farther from the gold.
    """

    answers = frozenset({"score"})
    unit = "distance"
    greater_is_better = False

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """From 0 to the width of the scale."""
        if not isinstance(space, Score):
            raise TypeError(f"mae: a score task is needed, got {space}")
        return 0.0, space.high - space.low

    def values(self, units: Units) -> Floats:
        """Absolute differences."""
        gold, predicted = as_numbers(units)
        return np.abs(gold - predicted)


def averages_credit(metric: Metric) -> bool:
    """Whether the metric is a plain mean of `Units.credit`.

    Example:
        >>> averages_credit(Accuracy()), averages_credit(AllRight())
        (True, False)
    """
    return bool(getattr(metric, "averages_credit", False))


def unit_of(metric: Metric, *, name: str = "") -> Unit:
    """The unit of the metric's values. `score` where it does not say.

    Args:
        metric: The metric.
        name: What an error calls it.

    Raises:
        UserError: It says something that is no unit.
    """
    unit = getattr(metric, "unit", "score")
    if unit not in get_args(Unit):
        raise UserError(
            f"metric {name or type(metric).__name__}: unit must be one of {', '.join(get_args(Unit))}, got {unit!r}"
        )
    return cast("Unit", unit)


def card_conflict(card: Card, metric: Metric) -> str:
    """The attribute in which a card and its metric differ, and what to do about it. Empty if they agree."""
    # An attribute that is not said has its default, so that a card and a metric may both leave it out.
    for attribute, usual in (("greater_is_better", True), ("unit", "score")):
        on_card, own = getattr(card, attribute, usual), getattr(metric, attribute, usual)
        if on_card != own:
            return (
                f"its card says {attribute}={on_card!r} and the metric itself says {own!r}; say the same on both (what "
                f"is not said is {usual!r})"
            )
    return ""


def bounds_of(metric: Metric, space: AnswerSpace) -> tuple[float, float]:
    """The least and the greatest value that a metric can have on an answer space. Infinite if it is not known.

    Raises:
        UserError: As `unit_of`.
    """
    own = getattr(metric, "bounds", None)
    # The metric's own range is the narrower one: `mae` of a scale from 1 to 5 is at most 4.
    low, high = _BOUNDS[unit_of(metric)] if own is None else own(space)
    return float(low), float(high)


def bind(metric: Metric, units: Units) -> Statistic:
    """The metric as a function of the weights alone.

    A stranger's metric has weights of its own, which it may change, and its values are looked at.

    Raises:
        UserError: It prepares no function, or, when called, the values are not one number for each row of weights.
    """
    prepare = getattr(metric, "prepare", None)
    statistic = cast("Statistic", prepare(units)) if prepare is not None else partial(metric, units)
    # The core's metrics keep to the contract, and the checks below cost time in every chunk of weights.
    if isinstance(metric, CoreMetric):
        return statistic

    name = getattr(metric, "__name__", type(metric).__name__)  # a metric may be a function
    if not callable(statistic):
        raise UserError(f"metric {name}: `prepare` gave {statistic!r:.200}; give a function of the weights")

    def value(weights: Floats) -> Floats:
        given = statistic(weights.copy())
        try:
            found = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"metric {name}: expected numbers, and got {given!r:.200}") from error
        if found.shape != (len(weights),):
            raise UserError(
                f"metric {name}: expected one value for each row of weights, shape ({len(weights)},), and got shape "
                f"{found.shape}"
            )
        return np.where(np.isfinite(found), found, np.nan)

    return value


def fill_missing(units: Units) -> tuple[Verdict, ...]:
    """The answers of a score or ranking task, a missing one replaced by the answer farthest from the gold."""
    return tuple(
        units.space.worst(gold) if predicted is None else predicted
        for gold, predicted in zip(units.gold, units.predicted, strict=True)
    )


def as_numbers(units: Units) -> tuple[Floats, Floats]:
    """Gold and answer of a score task as numbers, a missing answer at the worst end of the scale."""
    if not isinstance(units.space, Score):
        raise TypeError(f"numbers: a score task is needed, got {units.space}")
    return np.array(units.gold, dtype=np.float64), np.array(fill_missing(units), dtype=np.float64)


def make_accuracy(options: Any, context: Any) -> Metric:
    """Factory of `harness/accuracy`."""
    return Accuracy()


def make_accuracy_without_ties(options: Any, context: Any) -> Metric:
    """Factory of `harness/accuracy_without_ties`."""
    return AccuracyWithoutTies()


def make_all_right(options: Any, context: Any) -> Metric:
    """Factory of `harness/all_right`."""
    return AllRight()


def make_mae(options: Any, context: Any) -> Metric:
    """Factory of `harness/mae`."""
    return MeanAbsoluteError()
