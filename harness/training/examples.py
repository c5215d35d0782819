"""The stream of examples that a trainer learns from: through the same code as evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from harness.api import DataError, Example, Request, UserError
from harness.api.reading import NO_MARKS, Thinking
from harness.runner.context import example_of
from harness.runner.requests import stream_requests

if TYPE_CHECKING:
    from harness.runner.planned import PlannedTask

_MOST_WARNINGS = 3
"""Items left out of one split of which each is named."""


class Examples:
    """`TrainingTask.examples` of one task.

    An item that cannot be shown (a picture that cannot be read or decoded) is left out: warned about, and counted in
    `skipped`, which a trainer may read as `task.examples.skipped`. It need not: the harness writes the counts to
    `trained.json` and the model card. Pictures are looked at and let go of again: a trainer keeps examples, and decoded
    pictures of a whole split would fill the memory.

    Attributes:
        skipped: Ids of the items that were left out, by split.
    """

    def __init__(
        self, planned: PlannedTask, *, splits: tuple[str, ...], thinking: Thinking, say: Callable[[str], None]
    ) -> None:
        """Stream `splits` of a task; `planned.split` up to its limit. Warnings go to `say`."""
        self._planned, self._splits, self._thinking, self._say = planned, splits, thinking, say
        self.skipped: dict[str, set[str]] = {}

    def __call__(self, split: str) -> Iterator[Example]:
        """Stream a split: one example for each order that the protocol shows.

        Raises:
            UserError: The recipe does not give this split to the trainer.
            DataError: There is no item, none can be read, or the task's data cannot be used.
        """
        if split not in self._splits:
            given = " and ".join(self._splits)
            raise UserError(f"task {self._planned.name}: the recipe gives its trainer {given}, not {split!r}")
        return self._stream(split)

    def _stream(self, split: str) -> Iterator[Example]:
        skipped = self.skipped.setdefault(split, set())
        empty, problem = True, ""
        for ask in stream_requests(self._planned, split=None if split == self._planned.split else split):
            unreadable = ask.problem if ask.request is None else _unreadable(ask.request)
            # The journal's key of an image is made of its bytes, so a damaged one shows only when it is decoded.
            if ask.request is not None and not unreadable:
                empty = False
                request = ask.request if self._thinking == NO_MARKS else replace(ask.request, thinking=self._thinking)
                yield example_of(ask.item, request)
                continue
            problem = unreadable
            if ask.item.id not in skipped:  # an item has a request for each order, and epochs come again
                skipped.add(ask.item.id)
                if len(skipped) <= _MOST_WARNINGS:
                    where = f"task {self._planned.name}, {split}"
                    self._say(f"warning: {where}: item {ask.item.id} is left out: {problem}")
        if empty:
            raise DataError(f"task {self._planned.name}: no item of {split} can be shown; the last one: {problem}")


def _unreadable(request: Request) -> str:
    """Why a picture of a request cannot be decoded; empty where all can be."""
    for image in request.images:
        try:
            image.load()
        except DataError as error:
            return str(error)
        finally:
            image.forget()
    return ""


def size(planned: PlannedTask, split: str) -> int:
    """Number of items of a split, the limit of the one that is learnt from obeyed."""
    limit = planned.limit if split == planned.split else None
    counter = getattr(planned.task, "count_items", None)
    if counter is not None:
        known = int(counter(split))
        return known if limit is None else min(known, limit)
    return sum(1 for _ in islice(planned.task.items(split), limit))
