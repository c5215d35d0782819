"""Batches of requests: by prompt, by length, and smaller ones when memory runs out.

Not for what is computed. See `judge`.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from harness.api import DataError, Judgement, Request, Status
from harness_transformers.numerics import out_of_memory
from harness_transformers.prompts import Prompt, key_of

log = logging.getLogger(__name__)

Answered = tuple[Request, Judgement]
T = TypeVar("T")

WINDOW = 512
"""Most requests that are sorted by length at once. Below what the engine hands out before it wants answers."""


@dataclass(slots=True)
class Group:
    """Requests that are shown the same: one pass over the prompt serves them all."""

    prompt: Prompt
    requests: list[Request] = field(default_factory=list)


def windows(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    """The stream in pieces that are sorted each by itself."""
    stream = iter(requests)
    while window := list(islice(stream, max(1, min(size, WINDOW)))):
        yield window


def group_requests(
    window: Sequence[Request], prompt: Callable[[Request], Prompt], *, by_answers: bool
) -> tuple[list[Group], list[Answered]]:
    """Groups from the shortest prompt to the longest, and the requests that cannot be shown.

    Prompts of one length stay in the order of the stream, so that both orders of a pair are computed together.

    Args:
        window: The requests.
        prompt: Makes the prompt of the first request of a group.
        by_answers: Whether requests must also agree in what may be answered, and how, to share a group.
    """
    groups: dict[object, Group] = {}
    failed: list[Answered] = []
    for request in window:
        try:
            # In mode `verdict` the answers are read in the same pass as the prompt, so a group must agree in them.
            key = (key_of(request), *((request.format.name, request.space) if by_answers else ()))
            if key not in groups:
                groups[key] = Group(prompt(request))
        except DataError as error:  # an image that cannot be read fails its own request alone
            failed.append((request, Judgement.failure(Status.ERROR, str(error))))
            continue
        groups[key].requests.append(request)
    # By shape first: only neighbours share a batch. Then by length, so that little is padded.
    return sorted(groups.values(), key=lambda group: (shape_of(group.prompt), len(group.prompt.ids))), failed


def pack_batches(groups: Sequence[Group], rows: int, weight: Callable[[Group], int]) -> Iterator[list[Group]]:
    """Batches of at most `rows` rows. A group that weighs more is a batch of its own."""
    batch: list[Group] = []
    held = 0
    # Groups are not divided: all rows of a group share one pass over the prompt.
    for group in groups:
        full = held + weight(group) > rows
        if batch and (full or shape_of(batch[0].prompt) != shape_of(group.prompt)):
            yield batch
            batch, held = [], 0
        batch.append(group)
        held += weight(group)
    if batch:
        yield batch


def shape_of(prompt: Prompt) -> str:
    """Prompts whose pixels, or whose kinds of input, differ in shape cannot share a batch."""
    made = [prompt.pixels] if prompt.pixels else prompt.prepared
    shapes = {(name, tuple(value.shape[1:])) for part in made for name, value in part.items()}
    return repr([bool(prompt.pixels), sorted(prompt.per_token), sorted(shapes)])


class Room:
    """The number of rows that fit into memory, found out by running out of it.

    Args:
        rows: Rows to begin with.
        free: Called before a batch is tried again, to free what can be freed.
    """

    def __init__(self, rows: int, free: Callable[[], None]) -> None:
        self.rows = rows
        self._free = free

    def attempt(self, compute: Callable[[int], T]) -> T:
        """Call `compute` with the number of rows. Where memory runs out, halve it and try again.

        Raises:
            Exception: Memory runs out with a single row as well, or `compute` raises another error.
        """
        while True:
            try:
                return compute(self.rows)
            except Exception as error:
                if not out_of_memory(error) or self.rows == 1:
                    raise
                problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            # Out of the except clause: the traceback holds on to the tensors that filled the memory.
            self.rows = max(1, self.rows // 2)
            log.warning("out of memory (%s): going on with %d row(s) at once", problem[:200], self.rows)
            self._free()
            free_memory()


def free_memory() -> None:
    """Give memory that nothing uses any more back to the device."""
    import torch

    # Cycles (a traceback and its frames) hold tensors, and empty_cache gives back only what no tensor uses.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
