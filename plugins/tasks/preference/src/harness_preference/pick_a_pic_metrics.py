"""What an answer is worth where people and judges may both call a tie, as the authors of Pick-a-Pic count it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import Unit, Units

Floats = NDArray[np.float64]


class PickAPicScore:
    """1 for the right answer, a half where either the gold or the answer is a tie and the other is none, else 0.

    It is `calc_score` of `trainer/scripts/eval_preference_predictor.py` in https://github.com/yuvalkirstain/PickScore.
    An answer without a verdict that counts as wrong is worth nothing.
    """

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"preference"})
    unit: ClassVar[Unit] = "share"

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """The weighted mean for each row of weights, NaN where they are all 0."""
        pairs = zip(units.gold, units.predicted, strict=True)
        points = np.array([_points(gold, said) for gold, said in pairs], dtype=np.float64)
        total = weights.sum(axis=1)
        means: Floats = np.divide(weights @ points, total, out=np.full(len(weights), np.nan), where=total > 0)
        return means


def _points(gold: object, said: object) -> float:
    if said is None:
        return 0.0
    # A tie is the only verdict of this space that is a text.
    ties = isinstance(gold, str) + isinstance(said, str)
    return 0.5 if ties == 1 else float(ties == 2 or said == gold)


def pick_a_pic_score(options: Any, context: Any) -> PickAPicScore:
    """Factory of `preference/pick_a_pic_score`."""
    return PickAPicScore()
