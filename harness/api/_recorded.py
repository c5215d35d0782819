"""What a run recorded, for hooks that count something of their own: its cells, and the answers in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Status
from harness.api._spaces import AnswerSpace, Verdict


class RecordedAnswer(Protocol):
    """One answered request of a run, joined with its item."""

    @property
    def item(self) -> str:
        """`Item.id`."""

    @property
    def group(self) -> str:
        """`Item.group`: the cluster for statistics."""

    @property
    def category(self) -> str:
        """`Item.category`."""

    @property
    def space(self) -> AnswerSpace:
        """What could be answered."""

    @property
    def gold(self) -> Verdict:
        """The right answer, in canonical places."""

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation shown; `()` without candidates."""

    @property
    def sample(self) -> int:
        """Number of the repeat, from 0."""

    @property
    def status(self) -> Status:
        """What became of the request."""

    @property
    def verdict(self) -> Verdict | None:
        """The answer in *shown* places; `None` unless the status is `ok`."""

    @property
    def probabilities(self) -> Mapping[str, float] | None:
        """Probability of each verdict by its name, in *shown* places, where the judge said so."""


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


def recorded_cells(folder: Path) -> Sequence[RecordedCell]:
    """Read a run folder: its cells in the order of the manifest, each with its answers.

    Args:
        folder: Such as a hook is given.

    Raises:
        JournalError: It is no run folder, or it cannot be read.
    """
    from harness.run.results import load_run  # here, since only hooks need it

    return load_run(folder).cells
