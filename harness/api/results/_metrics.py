"""What a metric is, and what it is given: the distinct answers of a cell, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.api.spaces._kinds import Verdict

if TYPE_CHECKING:  # its import is slow, and commands that only list plugins do not need it
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Metric(Protocol):
    """A score of many answers, vectorised over weightings of the data.

    The same function gives the value (one row of weights), its interval (a row for the data without each cluster) and
    the paired comparison. `units` are the *distinct* combinations of gold and prediction in a cell. `weights[b, t]` is
    the number of times that unit `t` occurs in row `b`. See `docs/explanation/statistics.md`.

    >>> import numpy as np
    >>> class MeanCredit:
    ...     def __call__(self, units, weights):
    ...         return weights @ units.credit / weights.sum(axis=1)
    >>> units = Units(
    ...     space="any",
    ...     gold=("yes", "no"),
    ...     predicted=("yes", "yes"),
    ...     credit=np.array([1.0, 0.0]),
    ...     positive=np.array([np.nan, np.nan]),
    ... )
    >>> MeanCredit()(units, np.array([[3.0, 1.0], [1.0, 1.0]])).tolist()
    [0.75, 0.5]
    """

    def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value for each row of weights.

        Args:
            units: T distinct answered units.
            weights: Shape (B, T), non-negative. The harness only gives whole numbers.

        Returns:
            Shape (B,). NaN where the metric is not defined.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """T distinct answered units of one cell, as columns."""

    space: Any
    """The answer space. For preferences and rankings it is the largest one that occurs."""
    gold: tuple[Verdict, ...]
    """Length T: the right answers. Preferences are in shown places where each order counts on its own."""
    predicted: tuple[Verdict | None, ...]
    """Length T: the answers, in the same places. `None` where the protocol counts a missing answer as wrong."""
    credit: NDArray[np.float64]
    """Shape (T,): points for the answer under the protocol, from 0 to 1. Accuracy is their mean."""
    positive: NDArray[np.float64]
    """Shape (T,): probability of the positive class (the first label or candidate), NaN where not known."""
