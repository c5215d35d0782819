"""The F1 of VLRMBench: that of both labels of a step, each weighted by the share of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.api import Unit, Units

Floats = NDArray[np.float64]


class VlrmbenchF1:
    """F1 of the first label times the share of the second one in the gold, and the other way round.

    So the rarer label, a step with an error, weighs more. It is `F1_w` of `get_F1Score` in model_eval/utils.py of
    https://github.com/JCruan519/VLRMBench. An F1 of nothing over nothing is 0, as in scikit-learn.
    """

    uses: ClassVar[tuple[str, ...]] = ("gold", "predicted")
    answers: ClassVar[frozenset[str]] = frozenset({"choice"})
    unit: ClassVar[Unit] = "share"

    def prepare(self, units: Units) -> Callable[[Floats], Floats]:
        """The value as a function of weights of shape (B, T); it returns shape (B,)."""
        labels = units.space.verdicts()[:2]
        gold = np.array([[is_ == label for label in labels] for is_ in units.gold], dtype=np.float64)
        said = np.array([[it == label for label in labels] for it in units.predicted], dtype=np.float64)
        gold, said = gold.reshape(-1, 2), said.reshape(-1, 2)

        def value(weights: Floats) -> Floats:
            of_gold, right = weights @ gold, weights @ (gold * said)
            both = of_gold + weights @ said
            f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
            total = of_gold.sum(axis=1)
            weighted = (f1 * of_gold[:, ::-1]).sum(axis=1)
            found: Floats = np.divide(weighted, total, out=np.full(len(total), np.nan), where=total > 0)
            return found

        return value

    def __call__(self, units: Units, weights: Floats) -> Floats:
        """Value for each row of weights; see `harness.api.Metric`."""
        return self.prepare(units)(weights)


def vlrmbench_f1(options: Any, context: Any) -> VlrmbenchF1:
    """Factory of `preference/vlrmbench_f1`."""
    return VlrmbenchF1()
