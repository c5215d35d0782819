"""From items to requests: in which permutations, how often, and under which key. Holds one item at a time."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from harness.api import DataError, Image, Item, Part, PluginError, Protocol, Request
from harness.registration import cause_of
from harness.runner.rows import ItemRow, RequestRow, annotations_text, space_text, verdict_text

if TYPE_CHECKING:
    from harness.runner.planned import PlannedTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of `count` parts of every task, by hash of the item's id."""

    index: int
    """From 1."""
    count: int

    def holds(self, item: str) -> bool:
        """Whether an item belongs to this part."""
        return int.from_bytes(hashlib.sha256(item.encode()).digest()[:8]) % self.count == self.index - 1


class PlannedRequest(NamedTuple):
    """One request of one item, with the rows that the journal keeps of both."""

    item: Item
    """The item."""
    item_row: ItemRow | None
    """The item's row, with its first request only."""
    request_row: RequestRow
    """The request's row."""
    request: Request | None
    """What to ask; `None` when it cannot be asked."""
    problem: str = ""
    """Why it cannot be asked (an image that cannot be read, ...)."""


def stream_requests(
    planned: PlannedTask, *, split: str | None = None, shard: Shard | None = None
) -> Iterator[PlannedRequest]:
    """Stream every request of a task.

    Raises:
        DataError: There is no item, or the task's data cannot be used.
    """
    empty = True
    # The limits of the plan are about the split that is asked, not about splits that a judge learns from.
    items, only = planned.items(), planned.only
    if split is not None:
        items, only = enumerate(planned.read(split)), None
    for ordinal, item in items:
        empty = False
        if (shard is None or shard.holds(item.id)) and (only is None or item.id in only):
            yield from _stream_of_item(planned, item, ordinal)
    if empty:
        raise DataError(
            f"task {planned.name} ({planned.id}): split {split or planned.split!r} has no items; check `data:`"
        )


def _stream_of_item(planned: PlannedTask, item: Item, ordinal: int) -> Iterator[PlannedRequest]:
    item_row: ItemRow | None = _item_row(planned.name, item, ordinal)
    rendered: dict[tuple[int, ...], Request] = {}
    for place, (order, sample) in enumerate(_list_presentations(item, planned.protocol)):
        if order not in rendered:  # samples of one order differ in their number alone
            rendered[order] = _render(planned, item, order)
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
            # Without its image the request has no content to make a key of, and still needs a row to be counted.
            key, content = _unreadable_key(planned.name, item.id, place), "{}"
        except (AttributeError, TypeError) as error:
            raise PluginError(
                f"task {planned.name} ({planned.id}), item {item.id}: `render` must make a Request of Messages, with "
                f"the format that it is given, and made {request!r:.300} ({cause_of(error)})"
            ) from error
        row = RequestRow(planned.name, item.id, place, verdict_text(order), sample, key, content)
        yield PlannedRequest(
            item=item, item_row=item_row, request_row=row, request=None if problem else request, problem=problem
        )
        item_row = None


def _render(planned: PlannedTask, item: Item, order: tuple[int, ...]) -> Request:
    request = planned.task.render(item, order=order, format=planned.format)
    wanted: dict[str, object] = {"space": item.space, "order": order}
    # Otherwise the judge would be asked one question, and scored on another.
    for name, value in wanted.items():
        made = getattr(request, name, request)
        if not isinstance(request, Request) or (made != value and (name != "order" or len(order) > 1)):
            raise PluginError(
                f"task {planned.name} ({planned.id}), item {item.id}: `render` must make a Request whose `{name}` is "
                f"{value}, and made {made!r}"
            )
    return request


def _list_presentations(item: Item, protocol: Protocol) -> list[tuple[tuple[int, ...], int]]:
    """The permutation and the sample number of each request of an item."""
    samples = range(protocol.samples)
    if protocol.order == "reshuffled":
        return [(order, sample) for sample in samples for order in list_permutations(item, protocol, sample=sample)]
    return [(order, sample) for order in list_permutations(item, protocol) for sample in samples]


def list_permutations(item: Item, protocol: Protocol, *, sample: int = 0) -> list[tuple[int, ...]]:
    """The permutations in which the candidates are shown: `order[k]` is the candidate in place k.

    Args:
        item: With its candidates.
        protocol: The task's protocol.
        sample: Number of the repeat. Only `order: reshuffled` depends on it.
    """
    count = len(item.candidates)
    forward = tuple(range(count))
    if count < 2 or protocol.order == "fixed":
        return [forward]
    if protocol.order == "both":
        return [forward, forward[::-1]]
    seed = f"{protocol.order_seed}:{item.id}"
    if protocol.order == "reshuffled":
        seed += f":{sample}"  # so that the samples of one item differ in order too
    shuffled = list(forward)
    random.Random(seed).shuffle(shuffled)
    return [tuple(shuffled)]


def _item_row(task: str, item: Item, ordinal: int) -> ItemRow:
    space = space_text(item.space)
    gold = verdict_text(item.gold)
    annotations = annotations_text(item.annotations)
    # The answer space, the gold and the annotations count too: a corrected gold is another item for the scores.
    try:
        parts = (_plain(item.question), *(_plain(candidate) for candidate in item.candidates))
        facts = (item.id, item.group, item.category, space, gold, parts, *([annotations] if annotations else []))
        # The text of tuples of text is exact, and quick to make. An item without annotations has the hash that it had
        # before there were annotations, so that older journals still know it.
        text = repr(facts)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    except DataError:
        digest = ""  # an image cannot be read; the request says so
    try:
        tags = json.dumps(dict(item.tags))
    except (TypeError, ValueError) as error:
        raise DataError(f"task {task}, item {item.id!r}: tags must be texts by name, got {item.tags!r:.200}") from error
    return ItemRow(task, item.id, ordinal, item.group, item.category, space, gold, tags, digest, annotations)


def _plain(parts: tuple[Part, ...]) -> tuple[str | tuple[str, str], ...]:
    return tuple([("image", part.digest) if isinstance(part, Image) else part for part in parts])


def _unreadable_key(task: str, item: str, place: int) -> str:
    return "unreadable-" + hashlib.sha256(json.dumps([task, item, place]).encode()).hexdigest()[:21]
