"""What a run recorded, for hooks that count something of their own: its cells, and the answers in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Status
from harness.api._spaces import AnswerSpace, Verdict


class RecordedAnswer(NamedTuple):
    """One answered request of a run, joined with its item."""

    item: str
    """`Item.id`."""
    group: str
    """`Item.group`: the cluster for statistics."""
    category: str
    """`Item.category`."""
    space: AnswerSpace
    """What could be answered."""
    gold: Verdict
    """The right answer, in canonical places."""
    order: tuple[int, ...]
    """The permutation shown; `()` without candidates."""
    sample: int
    """Number of the repeat, from 0."""
    status: Status
    """What became of the request."""
    verdict: Verdict | None
    """The answer in *shown* places; `None` unless the status is `ok`."""
    probabilities: Mapping[str, float] | None = None
    """Probability of each verdict by its name, in *shown* places, where the judge said so."""
    annotations: Mapping[str, Verdict] = MappingProxyType({})
    """`Item.annotations`: what several people said, in canonical places, by annotator."""


class RecordedCell(Protocol):
    """One judge on one task of a run, as recorded: what a hook needs that counts something of its own."""

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
        """The metric that the leaderboard shows: the manifest's, else the first of the protocol."""

    @property
    def state(self) -> str:
        """`complete` or `partial`."""

    @property
    def wraps(self) -> tuple[str, ...]:
        """Names of the tasks of the plan with the items and the split that this task shows changed (`Task.wraps`)."""

    def answers(self) -> Iterator[RecordedAnswer]:
        """Stream the answers, ordered by item, order and sample. What was not answered yet is left out."""
