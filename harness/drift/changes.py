"""How far answers changed between two dates: by request, by cluster, and from which verdict to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.api import Measurement, Score
from harness.drift.history import AnchorAnswer
from harness.score.arrays import Floats
from harness.score.direct import UnitStatistics

Answers = Mapping[tuple[str, tuple[int, ...], int], AnchorAnswer]
"""What a judge said on a task, by item, order and sample."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The requests that were answered at both of two dates."""

    moved: Floats
    """Shape (N,): 0 for an answer that stayed, 1 for another one; of scores the part of the scale in between."""
    groups: tuple[str, ...]
    """Shape (N,): the cluster of each."""
    flips: Mapping[tuple[str, str], int]
    """How often one verdict became another one."""

    @property
    def count(self) -> int:
        """Answers that are not what they were."""
        return int((self.moved > 0).sum())

    def rate(self, *, confidence: float) -> Measurement:
        """The share of answers that changed, with its interval; of scores the mean distance in parts of the scale."""
        return UnitStatistics().measure_share(self.moved, self.groups, confidence=confidence)

    def by_group(self, groups: Sequence[str]) -> Floats:
        """The mean change in each cluster, shape (C,); NaN where it has no answer at both dates."""
        place = {group: number for number, group in enumerate(groups)}
        where = np.array([place[group] for group in self.groups], dtype=np.int64)
        totals = np.bincount(where, weights=self.moved, minlength=len(groups))
        counts = np.bincount(where, minlength=len(groups))
        means: Floats = np.divide(totals, counts, out=np.full(len(groups), np.nan), where=counts > 0)
        return means


def compare_answers(before: Answers, after: Answers, *, among_samples: bool = False) -> Changes:
    """What changed between two dates.

    Args:
        before: The answers of the one.
        after: The answers of the other.
        among_samples: Hold every sample of `after` against the first one of `before`: the samples of one date then say
            how much two of them differ.
    """
    moved, groups, flips = [], [], Counter[tuple[str, str]]()
    for (item, order, sample), now in after.items():
        was = before.get((item, order, 0 if among_samples else sample))
        # An answer of one date alone says nothing of change, and the first sample is not held against itself.
        if was is None or (was is now):
            continue
        step = distance(was, now)
        moved.append(step)
        groups.append(now.answer.group)
        if step:
            flips[was.name, now.name] += 1
    return Changes(moved=np.array(moved, dtype=np.float64), groups=tuple(groups), flips=flips)


def distance(was: AnchorAnswer, now: AnchorAnswer) -> float:
    """How far apart two answers to one request are, from 0 to 1."""
    first, second = was.answer.verdict, now.answer.verdict
    space = now.answer.space
    # A score that moves by a step is no other verdict. On a fine scale each would else count as changed.
    if isinstance(space, Score) and isinstance(first, int | float) and isinstance(second, int | float):
        return min(1.0, abs(float(first) - float(second)) / (space.high - space.low))
    return float(was.name != now.name)
