"""The optional members of plugin objects, as one `typing.Protocol` for each member.

Use one as a base or in an annotation, and a type checker finds a misspelt or mistyped member. No base class is needed,
since the harness only looks for the member.

>>> class Metric:
...     unit = "share"
>>> isinstance(Metric(), HasUnit), isinstance(Metric(), HasDirection)
(True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from harness.api._contracts import Task
from harness.api.explaining import Continues, HasBlindTwin, Implies, MakesClaims, WeighsText
from harness.api.pricing import EstimatesTokens, HasPricing
from harness.api.reading._optional import AsksForReasoning, HasSchema, MarksReasoning
from harness.api.results._optional import (
    AveragesCredit,
    Fits,
    GivesValues,
    HasBounds,
    HasDirection,
    HasUnit,
    LeavesOut,
    Limits,
    OfGroups,
    Prepares,
    ReadsColumns,
    ServesAnswers,
)
from harness.api.training._training import PlansMemory, RewardsOrders, RewardsSteps

__all__ = [
    "AnswersByItem",
    "AsksForReasoning",
    "AveragesCredit",
    "Closes",
    "Continues",
    "CountsItems",
    "Covers",
    "EstimatesTokens",
    "Fits",
    "GivesValues",
    "HasBlindTwin",
    "HasBounds",
    "HasDirection",
    "HasMedia",
    "HasPricing",
    "HasProvenance",
    "HasSchema",
    "HasUnit",
    "HoldsRequests",
    "IgnoresTask",
    "Implies",
    "LeavesOut",
    "Limits",
    "MakesClaims",
    "MarksReasoning",
    "OfGroups",
    "PlansMemory",
    "Prepares",
    "ReadsColumns",
    "RewardsOrders",
    "RewardsSteps",
    "ServesAnswers",
    "WeighsText",
    "Wraps",
]


@runtime_checkable
class CountsItems(Protocol):
    """A task that knows how many items a split has, for progress bars and `--dry-run`."""

    def count_items(self, split: str) -> int:
        """The number of items of a split. It must be cheap."""


@runtime_checkable
class HasProvenance(Protocol):
    """A task that states the source of its data."""

    def provenance(self) -> str:
        """The data that it read, with the commit of a hub dataset, for `run.json`."""


@runtime_checkable
class HasMedia(Protocol):
    """A task whose pictures may be absent."""

    @property
    def media(self) -> str:
        """`absent` where there are no pictures. Only judges whose card says that they need none are then asked."""


@runtime_checkable
class Wraps(Protocol):
    """A task that shows the items of another task in a changed form."""

    @property
    def wraps(self) -> tuple[Task, str]:
        """The other task, from `Context.task`, and its split."""


@runtime_checkable
class Closes(Protocol):
    """A judge that holds weights or connections."""

    def close(self) -> None:
        """Free them. Called when its last task is done. The judge must be able to answer again afterwards."""


@runtime_checkable
class HoldsRequests(Protocol):
    """A judge that holds many requests for long, such as one that submits them in batches."""

    @property
    def holds(self) -> tuple[int, float] | None:
        """The most requests that it takes before it answers one, and its longest silence in seconds.

        They stand in place of 2,048 and of `run.timeout`. What it waits for goes on without it, so Ctrl-C leaves it at
        once. `None`: it is like other judges.
        """


@runtime_checkable
class AnswersByItem(Protocol):
    """A judge that may give different answers to equal questions."""

    @property
    def answers_by_item(self) -> bool:
        """True where an answer depends on which item is asked, or on chance (recorded answers, a temperature above 0).

        Two items of equal content are then two questions, each with its own key and seed. By default they are one.
        """


@runtime_checkable
class Covers(Protocol):
    """A judge that only has answers to some items."""

    def covers(self, task: str, item: str) -> bool:
        """Whether it has an answer to the item of this id. It must be cheap. By default there is one to every item.

        A judge is not asked a task of which it covers no item, and reports say so.
        """


@runtime_checkable
class IgnoresTask(Protocol):
    """A judge that `covers` items by their ids alone."""

    @property
    def ignores_task(self) -> bool:
        """True where it has one answer to all items of an id, of whichever task.

        Two tasks that ask different things about items of one id are then refused before it is asked.
        """


# `harness check` goes through this table: a member with a similar name is reported as misspelt.
OPTIONAL: Mapping[str, tuple[type, ...]] = {
    "task": (CountsItems, HasProvenance, HasMedia, Wraps, Implies, MakesClaims),
    "judge": (
        Closes,
        AnswersByItem,
        Covers,
        IgnoresTask,
        EstimatesTokens,
        HasPricing,
        HoldsRequests,
        Continues,
        WeighsText,
        HasBlindTwin,
    ),
    "reward": (RewardsOrders, RewardsSteps),
    "trainer": (PlansMemory,),
    "manifest": (),
    "renderer": (),
    "command": (),
    "executor": (),
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
        Fits,
        Limits,
        LeavesOut,
    ),
}
"""The optional members of each kind of plugin object."""
