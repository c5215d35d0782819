"""The stream of examples that a trainer learns from: through the same code as evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from harness.api import (
    AnswerSpace,
    DataError,
    Example,
    Request,
    UserError,
    Verdict,
    sample_items,
)
from harness.api.reading import NO_MARKS, Thinking
from harness.readiness import describe_lacking
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

    Where a class of the answer space is the gold of no item, a judge that never says it is not found out: a warning
    says so.

    Attributes:
        skipped: Ids of the items that were left out, by split.
        lacking: Which classes are the gold of no item, in words, by split.
    """

    def __init__(
        self, planned: PlannedTask, *, splits: tuple[str, ...], thinking: Thinking, say: Callable[[str], None]
    ) -> None:
        """Stream `splits` of a task; of `planned.split` a sample where there is a limit. Warnings go to `say`."""
        self._planned, self._splits, self._thinking, self._say = planned, splits, thinking, say
        self._samples: dict[tuple[str, int], frozenset[str]] = {}
        self.skipped: dict[str, set[str]] = {}
        self.lacking: dict[str, str] = {}

    def __call__(self, split: str) -> Iterator[Example]:
        """Stream a split: one example for each order that the protocol shows.

        Raises:
            UserError: The recipe does not give this split to the trainer.
            DataError: There is no item, none can be read, or the task's data cannot be used.
        """
        return self._stream(split, self._planned.limit if split == self._planned.split else None)

    def sample(self, split: str, limit: int) -> Iterator[Example]:
        """Stream at most `limit` items of a split; see `harness.api.sample_items`.

        Raises:
            UserError: The recipe does not give this split to the trainer.
            DataError: There is no item, none can be read, or the task's data cannot be used.
        """
        own = self._planned.limit if split == self._planned.split else None
        return self._stream(split, limit if own is None else min(own, limit))

    def _check(self, split: str) -> None:
        if split not in self._splits:
            given = " and ".join(self._splits)
            raise UserError(f"task {self._planned.name}: the recipe gives its trainer {given}, not {split!r}")

    def _choose_items(self, split: str, limit: int | None) -> PlannedTask:
        """The task with the items to stream."""
        if limit is None:
            return replace(self._planned, split=split, limit=None)
        if (split, limit) not in self._samples:  # epochs come again
            self._samples[split, limit] = sample_items(self._planned.read(split), limit=limit)
        return replace(self._planned, split=split, limit=None, only=self._samples[split, limit])

    def _stream(self, split: str, limit: int | None) -> Iterator[Example]:
        self._check(split)
        return self._read(split, limit)

    def _read(self, split: str, limit: int | None) -> Iterator[Example]:
        golds: dict[Verdict, int] = {}
        spaces: set[AnswerSpace] = set()
        skipped = self.skipped.setdefault(split, set())
        empty, problem = True, ""
        for ask in stream_requests(self._choose_items(split, limit)):
            unreadable = ask.problem if ask.request is None else _unreadable(ask.request)
            # The journal's key of an image is made of its bytes, so a damaged one shows only when it is decoded.
            if ask.request is not None and not unreadable:
                empty = False
                request = ask.request if self._thinking == NO_MARKS else replace(ask.request, thinking=self._thinking)
                example = example_of(ask.item, request)
                golds[example.gold] = golds.get(example.gold, 0) + 1
                spaces.add(request.space)
                yield example
                continue
            problem = unreadable
            if ask.item.id not in skipped:  # an item has a request for each order, and epochs come again
                skipped.add(ask.item.id)
                if len(skipped) <= _MOST_WARNINGS:
                    where = f"task {self._planned.name}, {split}"
                    self._say(f"warning: {where}: item {ask.item.id} is left out: {problem}")
        if empty:
            raise DataError(f"task {self._planned.name}: no item of {split} can be shown; the last one: {problem}")
        self._note_lacking(split, golds, spaces)

    def _note_lacking(self, split: str, golds: Mapping[Verdict, int], spaces: set[AnswerSpace]) -> None:
        """Warn once where a split has no item with some gold."""
        found = describe_lacking(golds, spaces, what=f"the {sum(golds.values())} examples")
        if found and split not in self.lacking:
            self.lacking[split] = found
            self._say(f"warning: task {self._planned.name}, {split}: {found}")


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
    known = planned.size_of(split)
    if known is not None:
        return known if limit is None else min(known, limit)
    return sum(1 for _ in islice(planned.read(split), limit))
