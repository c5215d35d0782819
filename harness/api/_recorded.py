"""The records of a run, for hooks that compute something of their own: its cells, and the answers in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Status
from harness.api._spaces import AnswerSpace, Verdict


class RecordedAnswer(NamedTuple):
    """One answered request of a run, together with its item."""

    item: str
    """`Item.id`."""
    group: str
    """`Item.group`: the cluster for statistics."""
    category: str
    """`Item.category`."""
    space: AnswerSpace
    """The answers that were allowed."""
    gold: Verdict
    """The right answer, in canonical places."""
    order: tuple[int, ...]
    """The permutation shown; `()` without candidates."""
    sample: int
    """Number of the repeat, from 0."""
    status: Status
    """Outcome of the request."""
    verdict: Verdict | None
    """The answer in *shown* places. `None` unless the status is `ok`."""
    probabilities: Mapping[str, float] | None = None
    """Probability of each verdict by its name, in *shown* places, where the judge gives one."""
    annotations: Mapping[str, Verdict] = MappingProxyType({})
    """`Item.annotations`: verdicts of several people, in canonical places, by annotator."""


class RecordedCell(Protocol):
    """One judge on one task of a run, as recorded."""

    @property
    def task(self) -> str:
        """Name of the task in the plan."""

    @property
    def judge(self) -> str:
        """Name of the judge in the plan."""

    @property
    def task_id(self) -> str:
        """Canonical id of the task."""

    @property
    def judge_id(self) -> str:
        """Canonical id of the judge."""

    @property
    def protocol(self) -> ScoringProtocol:
        """The protocol that was used."""

    @property
    def format(self) -> str:
        """Id of the verdict format."""

    @property
    def metric(self) -> str:
        """Metric on the leaderboard: that of the manifest, else the first of the protocol."""

    @property
    def state(self) -> str:
        """`complete` or `partial`."""

    @property
    def wraps(self) -> tuple[str, ...]:
        """Names of the plan's tasks whose items and split this task shows in a changed form (`Task.wraps`)."""

    def answers(self) -> Iterator[RecordedAnswer]:
        """Stream the answers, ordered by item, order and sample. Requests without an answer are left out."""
