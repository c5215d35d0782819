"""Examples for the judges that learn, and the models fitted on them. Not for a model itself: see the judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from harness.api import Context, Example, HarnessError, UserError

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class NoTrainSplit:
    """There is nothing to learn from, and why."""

    reason: str


class Lessons(Generic[M]):
    """A model for each task, from its own train split, or one model for all, from the train splits named.

    Learned at the first question and kept as long as the judge lives. A failure is kept as well: broken training data
    is read once, not once for each request.

    Args:
        context: Gives the examples.
        train: Names of the tasks to learn from; `None`: the task that is judged.
        limit: At most so many examples of a task.
        fit: Makes a model from streamed examples.
    """

    def __init__(
        self, context: Context, *, train: list[str] | None, limit: int | None, fit: Callable[[Iterator[Example]], M]
    ) -> None:
        self._context = context
        self._train = train
        self._limit = limit
        self._fit = fit
        self._models: dict[str | None, M | NoTrainSplit | HarnessError] = {}

    def model(self, task: str) -> M | NoTrainSplit:
        """The model that was fitted for a task.

        Raises:
            UserError: A task of `train` does not exist or has no train split, or training data cannot be used.
        """
        # With `train:` all tasks share one model, kept under the key None.
        scope = task if self._train is None else None
        if scope not in self._models:
            try:
                self._models[scope] = self._fit(self._examples(self._train or [task]))
            except HarnessError as error:
                # A task without a train split raises UserError itself; its subclasses tell of something broken.
                absent = self._train is None and type(error) is UserError
                self._models[scope] = NoTrainSplit(f"no train split to learn from ({error})") if absent else error
        known = self._models[scope]
        if isinstance(known, HarnessError):
            raise known
        return known

    def fingerprints(self) -> list[str]:
        """Fingerprints of the tasks named in `train`. The task that is judged is part of every request already."""
        return [self._context.fingerprint(task) for task in self._train or []]

    def _examples(self, tasks: list[str]) -> Iterator[Example]:
        # Streamed: a train split may be larger than memory, and `limit` stops reading.
        for task in tasks:
            yield from islice(self._context.examples(task, "train"), self._limit)
