"""A sample of what will be asked, rendered: so many items of each task, chosen by their hash with the seed."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from harness.api import Item, Request
from harness.price.known import ShownPrompt
from harness.runner.planned import PlannedTask
from harness.runner.requests import Shard, list_permutations

SIZE = 64
"""Rendered prompts of each task. Only their images are opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledPrompt:
    """One rendered request."""

    request: Request
    """As a judge would get it, but for the number of its sample."""
    shown: ShownPrompt
    """What its tokens depend on."""


def sample_prompts(
    task: PlannedTask, *, seed: int, shard: Shard | None = None, size: int = SIZE
) -> Sequence[SampledPrompt]:
    """Some requests of a task.

    Args:
        task: The task. All its items are streamed, and those of the sample rendered.
        seed: Of the choice.
        shard: Only items of this part.
        size: How many.

    Raises:
        DataError: The data cannot be used.
    """
    kept: list[tuple[int, int, Item]] = []
    for ordinal, item in task.items():
        if shard is not None and not shard.holds(item.id):
            continue
        digest = hashlib.sha256(f"{seed}\0{task.name}\0{item.id}".encode("utf-8", "surrogatepass")).digest()
        # Negative: a heap gives its smallest, and those of the smallest hashes are kept.
        entry = (-int.from_bytes(digest[:8]), -ordinal, item)
        if len(kept) < size:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    found = []
    for _, _, item in sorted(kept, key=lambda entry: -entry[1]):
        # One of its orders: they show the same candidates in other places.
        order = list_permutations(item, task.protocol)[0]
        request = task.task.render(item, order=order, format=task.format)
        found.append(SampledPrompt(request=request, shown=ShownPrompt.of(request, task=task.name)))
    return found
