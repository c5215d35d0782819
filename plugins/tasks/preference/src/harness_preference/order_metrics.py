"""How far a judge keeps to one winner when two candidates change places, as the authors of LLMBar count it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import Unit, Units

Floats = NDArray[np.float64]


class SameWinner:
    """1 where both orders of a pair have the same winner or both have none, else 0; `@group` is the share of pairs.

    It is `equal` of `LLMEvaluator/evaluate.py` in https://github.com/princeton-nlp/LLMBar. The group must be one pair.
    One with more than two answers has no value and leaves the mean. An answer without a winner is only there where the
    protocol counts it as wrong.
    """

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"preference"})
    unit: ClassVar[Unit] = "share"
    of_groups: ClassVar[bool] = True

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights, NaN for a group that is not one pair in two orders."""
        # Each order has its own places. Whether an answer is right says which candidate it names, in any order.
        winners = np.array(
            [-1 if said is None else int(said == gold) for gold, said in zip(units.gold, units.predicted, strict=True)]
        )
        kinds = np.stack([weights[:, winners == kind].sum(axis=1) for kind in (-1, 0, 1)], axis=1)
        same = (kinds == 2).any(axis=1).astype(np.float64)
        return np.where(weights.sum(axis=1) == 2, same, np.nan)


def same_winner(options: Any, context: Any) -> SameWinner:
    """Factory of `preference/same_winner`."""
    return SameWinner()
