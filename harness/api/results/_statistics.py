"""Numbers with intervals for plugins that measure something of their own, by the methods of the leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.api.results._metrics import Metric, Units

if TYPE_CHECKING:  # at run time it would make every command slow
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value and its interval. `None` where the data define none.

    >>> Measurement(0.9, low=0.82, high=0.95)
    Measurement(value=0.9, low=0.82, high=0.95)
    """

    value: float | None
    """The value."""
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None
    """Upper end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A metric before and after a change, where each question was answered twice."""

    before: float | None
    """The metric of the first answers."""
    after: float | None
    """The metric of the second answers."""
    difference: Measurement
    """`after - before`, with its interval."""


class Statistics(Protocol):
    """The statistics of the leaderboard, for `harness_report_sections`. The page "Statistics" explains the methods."""

    def measure_share(
        self, hits: NDArray[np.float64], groups: Sequence[str], *, confidence: float = 0.95
    ) -> Measurement:
        """The share of hits, with the interval that a leaderboard would print beside it.

        The interval has a width even if every trial is a hit, or none is.

        Args:
            hits: Shape (N,): 1 for a hit, else 0.
            groups: Shape (N,): the cluster of each trial, such as `Item.group`. One cluster has no interval.
            confidence: Of the interval.
        """

    def measure_change(
        self, metric: Metric, before: Units, after: Units, groups: Sequence[str], *, confidence: float = 0.95
    ) -> Change:
        """The change of a metric between two answers to each question, with the interval of a paired comparison.

        The interval has a width even if no answer changes. Fewer than four clusters have none.

        Args:
            metric: The metric to compute.
            before: N units.
            after: The same N questions in the same order, answered again.
            groups: Shape (N,): the cluster of each question, such as `Item.group`.
            confidence: Of the interval.

        Raises:
            UserError: The metric is not defined for the answer space.
        """
