"""Pairwise from pointwise: scores are paid for putting items in the right order.

The fidelity reward of VisualQuality-R1 (arXiv:2505.14460): the chance that one item is better than another, from the
scores of both under Thurstone's model, is compared with the order of their golds. Scales need not agree between
annotators, data sets or judges: an order is all that is learnt from.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.api import Answer, Context, Judgement, Request, Reward, Score, Status, UserError, Verdict
from harness_verdict.options import FidelityOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """What a policy says of an item."""

    gold: float
    mean: float
    variance: float


class Fidelity:
    """The mean fidelity of an answer's order against all other items of its task in the step."""

    def __init__(self, options: FidelityOptions) -> None:
        self._gamma = options.gamma

    # A trainer calls this for every reward. One answer alone has no order.
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """`None` for all but scores.

        Raises:
            UserError: A score; the other items are needed.
        """
        if not isinstance(request.space, Score):
            return None
        raise UserError(
            f"reward fidelity: task {request.task}, item {request.item!r} was scored alone; use a trainer that gives "
            "the answers of a step together (`of_step`)"
        )

    def of_step(self, answers: Sequence[Answer]) -> list[float | None]:
        """The reward of each answer.

        Returns:
            From 0 to 1. 0 for an answer without a verdict. `None` for all but scores, in a step with one item, and
            where no other item has a score to compare with.
        """
        scores = [_score(answer) for answer in answers]
        groups = _groups(answers, scores)
        several = len({answer.item.id for answer in answers}) > 1
        return [
            self._value(answer, score, groups) if several and isinstance(answer.request.space, Score) else None
            for answer, score in zip(answers, scores, strict=True)
        ]

    def _value(self, answer: Answer, score: float | None, groups: Mapping[str, _Group]) -> float | None:
        if answer.judgement.status is Status.ERROR:
            return None
        if score is None:
            return 0.0
        mine = answer.item.id
        others = [group for item, group in groups.items() if item != mine]
        return statistics.fmean(self._fidelity(score, groups[mine], other) for other in others) if others else None

    def _fidelity(self, score: float, mine: _Group, other: _Group) -> float:
        """sqrt(p p') + sqrt((1 - p)(1 - p')): 1 where the chance p of being better is the p' of the golds."""
        spread = math.sqrt(mine.variance + other.variance + self._gamma)
        better = statistics.NormalDist().cdf((score - other.mean) / spread)
        wanted = 0.5 if mine.gold == other.gold else float(mine.gold > other.gold)
        return math.sqrt(wanted * better) + math.sqrt((1 - wanted) * (1 - better))


def _score(answer: Answer) -> float | None:
    """The score that an answer gives; `None` where it has no verdict, or the space has no scores."""
    verdict = answer.judgement.verdict
    if not isinstance(answer.request.space, Score) or not isinstance(verdict, int | float):
        return None
    return float(verdict)


def _groups(answers: Sequence[Answer], scores: Sequence[float | None]) -> dict[str, _Group]:
    """Gold, mean and variance of the scores of each item that has any."""
    given: dict[str, list[float]] = {}
    golds: dict[str, float] = {}
    for answer, score in zip(answers, scores, strict=True):
        if score is not None and isinstance(answer.gold, int | float):
            given.setdefault(answer.item.id, []).append(score)
            golds[answer.item.id] = float(answer.gold)
    return {
        item: _Group(
            gold=golds[item], mean=statistics.fmean(of), variance=statistics.variance(of) if len(of) > 1 else 0.0
        )
        for item, of in given.items()
    }


def make(options: FidelityOptions, context: Context) -> Reward:
    """The reward `fidelity`."""
    return Fidelity(options)
