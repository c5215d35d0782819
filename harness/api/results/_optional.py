"""The optional members of metrics. `harness.api.optional` has the public names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.api.results._metrics import Metric, Units
from harness.api.results._written import Unit
from harness.api.spaces._kinds import AnswerSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Prepares(Protocol):
    """A metric that encodes units once for many weightings."""

    def prepare(self, units: Units) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The metric as a function of weights of shape (B, T) alone. It returns shape (B,)."""


@runtime_checkable
class GivesValues(Protocol):
    """A metric that is a plain mean over units."""

    def values(self, units: Units) -> NDArray[np.float64]:
        """The value of each unit, shape (T,)."""


@runtime_checkable
class ReadsColumns(Protocol):
    """A metric that only reads some columns of a unit."""

    @property
    def uses(self) -> Sequence[str]:
        """The columns that it reads, of `gold`, `predicted`, `credit`, `positive`. By default all."""


@runtime_checkable
class AveragesCredit(Protocol):
    """A metric that may be a plain mean of `Units.credit`."""

    @property
    def averages_credit(self) -> bool:
        """True where it is. Only then can a missing answer be worth a half, or the chance of a guess."""


@runtime_checkable
class ServesAnswers(Protocol):
    """A metric that is not defined for every kind of answer space."""

    @property
    def answers(self) -> frozenset[str]:
        """The kinds for which it is defined. By default all."""


@runtime_checkable
class HasDirection(Protocol):
    """A metric where less may be better."""

    @property
    def greater_is_better(self) -> bool:
        """False for errors and distances. By default true."""


@runtime_checkable
class HasUnit(Protocol):
    """A metric that states the unit of its values."""

    @property
    def unit(self) -> Unit:
        """`share`, `correlation`, `distance` or `score`, which is the default. The card says the same."""


@runtime_checkable
class HasBounds(Protocol):
    """A metric whose range its unit does not imply."""

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """The least and the greatest value on an answer space. Either may be infinite."""


@runtime_checkable
class OfGroups(Protocol):
    """A metric that is only meaningful within one group."""

    @property
    def of_groups(self) -> bool:
        """True where it is. Any average but `group` is then refused, and its weights are counts."""


@runtime_checkable
class Fits(Protocol):
    """A metric of groups that first looks at all answers of a judge, such as one that scales by their range."""

    def fit(self, units: Units) -> Metric:
        """The metric for these answers. `units` are the distinct ones of all groups together."""


@runtime_checkable
class Limits(Protocol):
    """A metric that is slow to evaluate."""

    def limit(self, units: Units) -> int | None:
        """The most evaluations for one interval. `None` for as many as it takes."""


@runtime_checkable
class LeavesOut(Protocol):
    """A metric with a faster way to leave units out than to evaluate all the others again."""

    def without(self, units: Units) -> Any:
        """The faster way, as the core's rank correlations have one, or `None`."""
