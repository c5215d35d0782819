"""What plugin objects may have beside what they must: one `typing.Protocol` for each optional member.

Name one as a base, or in an annotation, and a type checker sees a misspelt or mistyped member. No base class is needed:
the harness looks for the member alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.api._contracts import Answer, Task, Units
from harness.api._spaces import AnswerSpace
from harness.api._written import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


__all__ = [
    "AnswersByItem",
    "AsksForReasoning",
    "AveragesCredit",
    "Closes",
    "CountsItems",
    "Covers",
    "GivesValues",
    "HasBounds",
    "HasDirection",
    "HasMedia",
    "HasProvenance",
    "HasSchema",
    "HasUnit",
    "LeavesOut",
    "Limits",
    "MarksReasoning",
    "OfGroups",
    "Prepares",
    "ReadsColumns",
    "RewardsOrders",
    "ServesAnswers",
    "Wraps",
]


@runtime_checkable
class CountsItems(Protocol):
    """A task that knows how many items a split has, for progress bars and `--dry-run`."""

    def count_items(self, split: str) -> int:
        """Number of items of a split. Cheap."""


@runtime_checkable
class HasProvenance(Protocol):
    """A task that says where its data come from."""

    def provenance(self) -> str:
        """What data it read, with the commit of a hub dataset, for `run.json`."""


@runtime_checkable
class HasMedia(Protocol):
    """A task whose pictures may not be there."""

    @property
    def media(self) -> str:
        """`absent` where the pictures are not there: only judges are asked whose card says that they need none."""


@runtime_checkable
class Wraps(Protocol):
    """A task that shows the items of another one changed."""

    @property
    def wraps(self) -> tuple[Task, str]:
        """That task, from `Context.task`, and its split."""


@runtime_checkable
class Closes(Protocol):
    """A judge that holds weights or connections."""

    def close(self) -> None:
        """Free them; called when its last task is done. It must be able to answer again afterwards."""


@runtime_checkable
class AnswersByItem(Protocol):
    """A judge that may answer equal questions differently."""

    @property
    def answers_by_item(self) -> bool:
        """True where an answer depends on which item is asked, or on chance. By default equal content is asked once."""


@runtime_checkable
class Covers(Protocol):
    """A judge that has answers to some items alone."""

    def covers(self, task: str, item: str) -> bool:
        """Whether it has an answer to the item of this id. Cheap. By default it has one to everything."""


@runtime_checkable
class RewardsOrders(Protocol):
    """A reward of the answers to both orders of an item at once."""

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        """The reward of each of the answers that share a sample number; `None` where it does not apply."""


@runtime_checkable
class HasSchema(Protocol):
    """A format that servers can enforce."""

    def schema(self, space: AnswerSpace) -> Mapping[str, Any]:
        """The JSON Schema of its answers."""


@runtime_checkable
class AsksForReasoning(Protocol):
    """A format whose instruction asks for reasoning."""

    @property
    def asks_for_reasoning(self) -> bool:
        """True where it does: an answer without a rationale is then well formed, and yet not all that was asked for."""


@runtime_checkable
class MarksReasoning(Protocol):
    """A format that asks for reasoning between marks."""

    @property
    def reasoning_marks(self) -> tuple[str, str]:
        """The opening and the closing mark; an answer without them is not well formed."""


@runtime_checkable
class Prepares(Protocol):
    """A metric that encodes units once for many weightings."""

    def prepare(self, units: Units) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """The metric as a function of weights of shape (B, T) alone; it returns shape (B,)."""


@runtime_checkable
class GivesValues(Protocol):
    """A metric that is a plain mean over units."""

    def values(self, units: Units) -> NDArray[np.float64]:
        """The value of each unit, shape (T,)."""


@runtime_checkable
class ReadsColumns(Protocol):
    """A metric that does not read all of a unit."""

    @property
    def uses(self) -> Sequence[str]:
        """The columns that it reads, of `gold`, `predicted`, `credit`, `positive`; by default all."""


@runtime_checkable
class AveragesCredit(Protocol):
    """A metric that may be a plain mean of `Units.credit`."""

    @property
    def averages_credit(self) -> bool:
        """True where it is: only then can a missing answer be worth a half, or the chance of a guess."""


@runtime_checkable
class ServesAnswers(Protocol):
    """A metric that is not defined for every kind of answer space."""

    @property
    def answers(self) -> frozenset[str]:
        """The kinds that it is defined for; by default all."""


@runtime_checkable
class HasDirection(Protocol):
    """A metric of which less may be better."""

    @property
    def greater_is_better(self) -> bool:
        """False for errors and distances; by default true."""


@runtime_checkable
class HasUnit(Protocol):
    """A metric that says what its values are."""

    @property
    def unit(self) -> Unit:
        """`share`, `correlation`, `distance` or `score`, the default. The card says the same."""


@runtime_checkable
class HasBounds(Protocol):
    """A metric whose range its unit does not imply."""

    def bounds(self, space: AnswerSpace) -> tuple[float, float]:
        """The least and the greatest value on an answer space; either may be infinite."""


@runtime_checkable
class OfGroups(Protocol):
    """A metric that only means something within one group."""

    @property
    def of_groups(self) -> bool:
        """True where it does: it is then refused with any average but `group`, and its weights are counts."""


@runtime_checkable
class Limits(Protocol):
    """A metric that is slow to evaluate."""

    def limit(self, units: Units) -> int | None:
        """How often it is worth evaluating for one interval; `None` for as often as it takes."""


@runtime_checkable
class LeavesOut(Protocol):
    """A metric with a quicker way to leave units out than to evaluate all the others."""

    def without(self, units: Units) -> Any:
        """That way, as those of the core's rank correlations, or `None`."""


OPTIONAL: Mapping[str, tuple[type, ...]] = {
    "task": (CountsItems, HasProvenance, HasMedia, Wraps),
    "judge": (Closes, AnswersByItem, Covers),
    "reward": (RewardsOrders,),
    "trainer": (),
    "manifest": (),
    "renderer": (),
    "command": (),
    "format": (HasSchema, AsksForReasoning, MarksReasoning),
    "metric": (
        Prepares,
        GivesValues,
        ReadsColumns,
        AveragesCredit,
        ServesAnswers,
        HasDirection,
        HasUnit,
        HasBounds,
        OfGroups,
        Limits,
        LeavesOut,
    ),
}
"""The optional members of each kind of plugin object."""
