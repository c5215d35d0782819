"""Numbers of the experiment on transfer: macro-F1, differences of arms, and their intervals.

**Units.** The bases are the clusters: repeats of an arm from one base are averaged first, and a difference of arms is
paired within a base. With as many repeats for each base this is the test of a mixed model with a random intercept and a
random effect of the arm for each base: Student's t over base means, with one degree of freedom less than bases.

**Items.** All judges are asked the same test items, so what their choice adds is in no variation between bases. It is
measured by a jackknife that leaves out one group of items at a time (all items that share a scan, in all tasks), and
added. The two overlap in what a judge does on an item by chance, so the sum errs to the safe side (Owen 2007, The
pigeonhole bootstrap). Degrees of freedom are those of Satterthwaite (1946).
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
LEVEL = 0.95
_OTHER = {"y": "n", "n": "y", "A": "B", "B": "A"}
_PLACE = {"y": 0, "n": 1, "A": 0, "B": 1}


@dataclass(frozen=True, slots=True)
class Value:
    """A number in per cent, and what it would be without each group of items."""

    whole: float
    without: Floats
    """Length: the groups of all tasks."""

    def __add__(self, other: Value) -> Value:
        return Value(self.whole + other.whole, self.without + other.without)

    def __sub__(self, other: Value) -> Value:
        return Value(self.whole - other.whole, self.without - other.without)

    def __mul__(self, factor: float) -> Value:
        return Value(self.whole * factor, self.without * factor)


def mean_of(values: Iterable[Value]) -> Value:
    """The mean of values."""
    kept = list(values)
    whole = float(np.mean([value.whole for value in kept]))
    return Value(whole, np.mean([value.without for value in kept], axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over bases with its interval."""

    value: float
    variance_of_bases: float
    """Of the mean over bases: between bases, and between the repeats within them."""
    variance_of_items: float
    bases: int

    @property
    def error(self) -> float:
        """Standard error; NaN for one base."""
        return math.sqrt(self.variance_of_bases + self.variance_of_items)

    @property
    def freedom(self) -> float:
        """Degrees of freedom by Satterthwaite. Those of items are many, and count as endless."""
        if self.bases < 2:
            return math.nan
        if self.variance_of_bases == 0:
            return math.inf
        both = self.variance_of_bases + self.variance_of_items
        return (self.bases - 1) * (both / self.variance_of_bases) ** 2

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval; NaN for one base."""
        reach = float(stats.t.ppf((1 + LEVEL) / 2, self.freedom)) * self.error
        return self.value - reach, self.value + reach

    def p_value(self, *, side: str, threshold: float) -> float:
        """One-sided, of the hypothesis that the value is not on this side of the threshold; NaN for one base.

        Args:
            side: `greater` or `less`, which is what is predicted.
            threshold: In points.
        """
        distance = self.value - threshold if side == "greater" else threshold - self.value
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(stats.t.sf(distance / self.error, self.freedom))


def estimate(by_base: Mapping[int, Value]) -> Estimate:
    """The mean over bases of what has one value for each."""
    values = np.array([value.whole for value in by_base.values()])
    count = len(values)
    between = float(values.var(ddof=1)) / count if count > 1 else math.nan
    without = mean_of(by_base.values()).without
    groups = len(without)
    items = (groups - 1) / groups * float(((without - without.mean()) ** 2).sum()) if groups else 0.0
    return Estimate(value=float(values.mean()), variance_of_bases=between, variance_of_items=items, bases=count)


def macro_f1(counts: Floats) -> Floats:
    """Macro-F1 of two classes, in per cent.

    Args:
        counts: ... x 2 x 2, gold by said.
    """
    right = np.stack([counts[..., 0, 0], counts[..., 1, 1]], -1)
    both = counts.sum(-1) + counts.sum(-2)
    # A class that is neither gold nor said has no F1; as in scikit-learn it counts as 0.
    scores: Floats = 100 * np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0).mean(-1)
    return scores


def share(counts: Floats) -> Floats:
    """A share in per cent. Counts: ... x 2, those that have it and those that have not."""
    both = counts.sum(-1)
    shares: Floats = 100 * np.divide(counts[..., 0], both, out=np.zeros_like(both), where=both > 0)
    return shares


@dataclass(frozen=True, kw_only=True)
class Records:
    """All judges of a split, and the items they were asked."""

    records: Sequence[Mapping[str, Any]]
    items: Mapping[str, Mapping[str, Any]]
    _kept: dict[tuple[int, str, str], Value] = field(default_factory=dict, repr=False)

    @cached_property
    def groups(self) -> dict[str, int]:
        """Places of the groups of items. A group may have items of several tasks."""
        names = {group: None for item in self.items.values() for group in item["groups"]}
        return {name: place for place, name in enumerate(names)}

    def value(self, number: int, task: str, metric: str) -> Value:
        """A metric of one judge on one task.

        Args:
            number: Of the judge, in `records`.
            task: Name of the task.
            metric: A name in `METRICS`.
        """
        key = (number, task, metric)
        if key not in self._kept:
            count, score = METRICS[metric]
            mine = count(self.records[number]["answers"][task], self.items[task]["gold"])
            places = np.array([self.groups[name] for name in self.items[task]["groups"]])
            by_group = np.zeros((len(self.groups), *mine.shape[1:]))
            np.add.at(by_group, places, mine)
            whole = mine.sum(0)
            self._kept[key] = Value(float(score(whole)), score(whole - by_group))
        return self._kept[key]


def read_records(records: Path, items: Path) -> Records:
    """Records of a folder of `transfer_grid.py`, or of a file that it exported."""
    if records.is_dir():
        lines = [path.read_text(encoding="utf-8") for path in sorted(records.glob("*.json"))]
    else:
        lines = gzip.decompress(records.read_bytes()).decode("utf-8").splitlines()
    return Records(records=[json.loads(line) for line in lines], items=json.loads(items.read_text(encoding="utf-8")))


# -- metrics: counts of each item, and a number made of their sum ------------------------------------------------------


def _count_verdicts(answers: Mapping[str, Any], gold: str) -> Floats:
    """Items x gold x said. An answer without a verdict counts as the wrong one."""
    counts = np.zeros((len(gold), 2, 2))
    for said in answers["said"].values():
        for item, (right, letter) in enumerate(zip(gold, said, strict=True)):
            counts[item, _PLACE[right], _PLACE[letter if letter in _PLACE else _OTHER[right]]] += 1
    return counts


def _count(answers: Mapping[str, Any], gold: str, holds: Any) -> Floats:
    """Items x 2, of what holds or does not for gold, verdict and implied verdict."""
    counts = np.zeros((len(gold), 2))
    for order, said in answers["said"].items():
        for item, letters in enumerate(zip(gold, said, answers["implied"][order], strict=True)):
            counts[item, 0 if holds(*letters) else 1] += 1
    return counts


def _count_consistent(answers: Mapping[str, Any], gold: str) -> Floats:
    """Items x 2: whether all orders and samples have the same verdict."""
    columns = zip(*answers["said"].values(), strict=True)
    same = [len(set(letters)) == 1 and letters[0] in _PLACE for letters in columns]
    return np.array([[float(holds), float(not holds)] for holds in same]).reshape(len(gold), 2)


def _count_repeatable(answers: Mapping[str, Any], gold: str) -> Floats:
    """Items x 2: for each order, whether all samples have the same verdict."""
    counts = np.zeros((len(gold), 2))
    for order in {key.split("#")[0] for key in answers["said"]}:
        samples = {key: said for key, said in answers["said"].items() if key.split("#")[0] == order}
        counts += _count_consistent({"said": samples}, gold)
    return counts


METRICS: dict[str, tuple[Any, Any]] = {
    "macro_f1": (_count_verdicts, macro_f1),
    "accuracy": (lambda answers, gold: _count(answers, gold, lambda right, said, _: said == right), share),
    "outside": (lambda answers, gold: _count(answers, gold, lambda right, said, _: said == "o"), share),
    "consistency": (_count_consistent, share),
    "repeatable": (_count_repeatable, share),
    # Of the reasoning: that what it says decides, and rightly; and that the verdict is what it says.
    "reasoning": (lambda answers, gold: _count(answers, gold, lambda right, _, implied: implied == right), share),
    "follows": (
        lambda answers, gold: _count(answers, gold, lambda _, said, implied: implied != "-" and said == implied),
        share,
    ),
}
"""By name: how answers are counted, and the number in per cent."""
