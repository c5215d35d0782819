"""From items to requests: in which orders, how often, and under which key. Streams; holds one item at a time."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harness.api import AnswerSpace, DataError, Image, Item, Part, Protocol, Request
from harness.run.rows import AskRow, ItemRow, annotations_text, verdict_text

if TYPE_CHECKING:
    from harness.run.planned import PlannedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `count` parts of every task, by hash of the item's id."""

    index: int
    """From 1."""
    count: int

    def holds(self, item: str) -> bool:
        """Whether an item belongs to this part."""
        return int.from_bytes(hashlib.sha256(item.encode()).digest()[:8]) % self.count == self.index - 1


class Ask(NamedTuple):
    """One request of one item, with the rows that the journal keeps of both."""

    item: Item
    """The item."""
    item_row: ItemRow | None
    """The item's row, with its first request only."""
    ask_row: AskRow
    """The request's row."""
    request: Request | None
    """What to ask; `None` when it cannot be asked."""
    problem: str = ""
    """Why it cannot be asked (an image that cannot be read, ...)."""


def asks_of(planned: PlannedTask, *, split: str | None = None, shard: Shard | None = None) -> Iterator[Ask]:
    """Stream every request of a task.

    Raises:
        DataError: There is no item, or the task's data cannot be used.
    """
    empty = True
    limit = planned.limit if split is None else None
    for ordinal, item in enumerate(planned.task.items(split or planned.split)):
        if limit is not None and ordinal >= limit:
            break
        empty = False
        if shard is None or shard.holds(item.id):
            yield from _asks_of_item(planned, item, ordinal)
    if empty:
        raise DataError(
            f"task {planned.name} ({planned.id}): split {split or planned.split!r} has no items; check `data:`"
        )


def _asks_of_item(planned: PlannedTask, item: Item, ordinal: int) -> Iterator[Ask]:
    item_row: ItemRow | None = _item_row(planned.name, item, ordinal)
    rendered: dict[tuple[int, ...], Request] = {}
    for place, (order, sample) in enumerate(_turns_of(item, planned.protocol)):
        if order not in rendered:
            rendered[order] = planned.task.render(item, order=order, format=planned.format)
        problem = ""
        request = replace(
            rendered[order],
            task=planned.name,
            item=item.id,
            order=order,
            sample=sample,
            question=item.question,
            candidates=tuple([item.candidates[candidate] for candidate in order]),
        )
        try:
            key, content = request.key, request.content
        except DataError as error:
            problem = str(error)
            key, content = _unreadable_key(planned.name, item.id, place), "{}"
        row = AskRow(planned.name, item.id, place, verdict_text(order), sample, key, content)
        yield Ask(item=item, item_row=item_row, ask_row=row, request=None if problem else request, problem=problem)
        item_row = None


def _turns_of(item: Item, protocol: Protocol) -> list[tuple[tuple[int, ...], int]]:
    """The order and the sample number of each request of an item."""
    samples = range(protocol.samples)
    if protocol.order == "reshuffled":
        return [(order, sample) for sample in samples for order in orders_of(item, protocol, sample=sample)]
    return [(order, sample) for order in orders_of(item, protocol) for sample in samples]


def orders_of(item: Item, protocol: Protocol, *, sample: int = 0) -> list[tuple[int, ...]]:
    """The permutations of the candidates to show: `order[k]` is the candidate in place k.

    Args:
        item: With its candidates.
        protocol: The task's protocol.
        sample: Number of the repeat; only `order: reshuffled` depends on it.
    """
    count = len(item.candidates)
    forward = tuple(range(count))
    if count < 2 or protocol.order == "fixed":
        return [forward]
    if protocol.order == "both":
        return [forward, forward[::-1]]
    seed = f"{protocol.order_seed}:{item.id}"
    if protocol.order == "reshuffled":
        seed += f":{sample}"
    shuffled = list(forward)
    random.Random(seed).shuffle(shuffled)
    return [tuple(shuffled)]


def _item_row(task: str, item: Item, ordinal: int) -> ItemRow:
    space = _space_json(item.space)
    gold = verdict_text(item.gold)
    annotations = annotations_text(item.annotations)
    try:
        parts = (_plain(item.question), *(_plain(candidate) for candidate in item.candidates))
        facts = (item.id, item.group, item.category, space, gold, parts, *([annotations] if annotations else []))
        text = repr(facts)  # of tuples of text: exact, and quick; without annotations as before there were any
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    except DataError:
        digest = ""  # an image cannot be read; the request says so
    tags = json.dumps(dict(item.tags))
    return ItemRow(task, item.id, ordinal, item.group, item.category, space, gold, tags, digest, annotations)


def _plain(parts: tuple[Part, ...]) -> tuple[str | tuple[str, str], ...]:
    return tuple([("image", part.digest) if isinstance(part, Image) else part for part in parts])


@lru_cache(maxsize=256)
def _space_json(space: AnswerSpace) -> str:
    return json.dumps(space.to_json(), sort_keys=True)


def _unreadable_key(task: str, item: str, place: int) -> str:
    return "unreadable-" + hashlib.sha256(json.dumps([task, item, place]).encode()).hexdigest()[:21]
