"""For plugins that take part in a run: answers that are known already, and a display of how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.api._records import Judgement
from harness.api._requests import Request


class KnownAnswers(Protocol):
    """Answers that need not be asked for, from the hook `harness_answers_known`."""

    def find(self, judge: str, requests: Sequence[Request]) -> Mapping[str, tuple[str, Judgement]]:
        """Those of a judge's answers to some requests that are known. Called from one thread at a time.

        Args:
            judge: Key of the judge. It changes whenever its answers may.
            requests: A few hundred at most, as they are put to this judge.

        Returns:
            By key of the request: where the answer is from, in words, and the answer. It is no error.
        """

    def close(self) -> None:
        """Free what it holds, once the run has ended."""


class CellProgress:
    """Shows how far a run is, told cell by cell: from the hook `harness_progress_wanted`. This one shows nothing.

    The cells of judges that are asked at the same time each have a display of their own, made by `beside`.
    """

    def beside(self) -> CellProgress:
        """The display of another cell, which is shown at the same time."""
        return self

    def expect(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """A cell is part of the run, and the journal has so much of it. Called for all cells before one starts."""

    def start(self, judge: str, task: str, *, total: int | None, done: int, answered: int) -> None:
        """A cell begins. `done` of its `total` requests are in the journal, `answered` of them with a verdict."""

    def update(self, *, done: int, answered: int) -> None:
        """So many requests are done, so many of them with a verdict. Called about twenty times a second."""

    def end(self) -> None:
        """The cell is over."""

    def __enter__(self) -> CellProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """The run is over, or has failed."""
