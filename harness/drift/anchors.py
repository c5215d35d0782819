"""The anchor set: which items are asked at every date, frozen once with the content of each and of its requests.

Not for answers. A change of the data, the prompt or the format is found here, before a judge is asked, so that it is
never taken for a change of the judge.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import __version__
from harness.api import DataError, Item, Score, UserError
from harness.libraries.text import clean
from harness.runner.folder import write_atomically
from harness.runner.requests import stream_requests

if TYPE_CHECKING:
    from harness.runner.planned import Plan, PlannedTask

FILE = "anchors.json"
"""Name of the file in the folder of a drift."""

SCHEMA = "judge-harness/anchors/1"
"""Name and version of its form."""

_MOST_BYTES = 256 * 2**20
_FIFTHS = 5  # parts of a scale that golds are sorted into


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Anchor(_Record):
    """One item that is asked at every date."""

    item: str = Field(min_length=1)
    """`Item.id`."""
    hash: str
    """Of its content, its gold and its annotations, as in the journal."""
    requests: tuple[str, ...]
    """Keys of its requests, one for each order and sample: hashes of all that a judge is shown."""


class AnchorTask(_Record):
    """The anchors of one task."""

    name: str
    """Name of the task in the plan."""
    id: str
    """Canonical id of its plugin."""
    version: str
    """Version of the distribution that it came from."""
    split: str
    """Which split."""
    format: str
    """Id of the verdict format."""
    asked: tuple[str, int, int]
    """What of the protocol decides about the requests: order, seed of the order, samples."""
    items: tuple[Anchor, ...] = Field(min_length=1)
    """The anchors, in the order of the data."""


class AnchorSet(_Record):
    """All anchors of a manifest, and how they were chosen."""

    schema_: Literal["judge-harness/anchors/1"] = Field(default="judge-harness/anchors/1", alias="schema")
    """`judge-harness/anchors/1`."""
    manifest: str
    """Name of the manifest."""
    frozen: str
    """When, in UTC."""
    harness: str
    """Version of the harness."""
    seed: int
    """Of the choice."""
    again: int = Field(ge=0, le=20)
    """How often each question is asked again at the first date, to measure the judge's own noise."""
    alpha: float = Field(gt=0, lt=1)
    """Chance that any judge on any task ever rings falsely."""
    tasks: tuple[AnchorTask, ...] = Field(min_length=1)
    """The anchors of each task."""

    @property
    def items(self) -> Mapping[str, frozenset[str]]:
        """Ids of the anchors, by name of the task."""
        return {task.name: frozenset(anchor.item for anchor in task.items) for task in self.tasks}


def freeze_anchors(plan: Plan, *, name: str, count: int, seed: int, again: int, alpha: float) -> AnchorSet:
    """Choose so many items of each task, and note what each of them asks.

    Args:
        plan: The tasks.
        name: Of the manifest.
        count: Items of each task; all where there are fewer.
        seed: Of the choice.
        again: As `AnchorSet.again`.
        alpha: As `AnchorSet.alpha`.

    Raises:
        DataError: A task has no item, or an image of a chosen one cannot be read.
    """
    return AnchorSet(
        manifest=name,
        frozen=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        harness=__version__,
        seed=seed,
        again=again,
        alpha=alpha,
        tasks=tuple(
            _describe(task, plan, frozenset(choose_items(task, count=count, seed=seed))) for task in plan.tasks
        ),
    )


def choose_items(task: PlannedTask, *, count: int, seed: int) -> list[str]:
    """Ids of the items to ask: each class of golds has its share, and at least one item where it has any.

    Within a class, those whose hash with the seed is smallest: the choice does not depend on the order of the data.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    sizes: Counter[str] = Counter()
    for _, item in task.items():
        stratum = _stratum(item)
        sizes[stratum] += 1
        kept = found.setdefault(stratum, [])
        # Negative, as a heap gives its smallest: no more than `count` ids of a class are held at once.
        entry = (-_rank(f"{seed}\0{task.name}\0{item.id}"), item.id)
        if len(kept) < count:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    # More classes than anchors: no class can have a share.
    if len(sizes) > count:
        entries = heapq.nlargest(count, (entry for kept in found.values() for entry in kept))
        return [item for _, item in entries]
    return [
        item for stratum, share in _shares(sizes, count).items() for _, item in heapq.nlargest(share, found[stratum])
    ]


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many of each class: in proportion, one at least, the largest remainders rounded up (Hamilton's method)."""
    total = sum(sizes.values())
    count = min(count, total)
    exact = {stratum: count * size / total for stratum, size in sizes.items()}
    shares = {stratum: min(sizes[stratum], max(1, int(part))) for stratum, part in exact.items()}
    by_remainder = sorted(exact, key=lambda stratum: (int(exact[stratum]) - exact[stratum], stratum))
    while sum(shares.values()) < count:
        shares[next(s for s in _endlessly(by_remainder) if shares[s] < sizes[s])] += 1
        by_remainder = [*by_remainder[1:], by_remainder[0]]
    while sum(shares.values()) > count:
        shares[max(shares, key=lambda stratum: (shares[stratum], stratum))] -= 1
    return shares


def _endlessly(names: list[str]) -> Iterator[str]:
    while True:
        yield from names


def _stratum(item: Item) -> str:
    """The class of an item: its gold by name, a score by the fifth of the scale that it is in."""
    space = item.space
    if isinstance(space, Score):
        width = (space.high - space.low) or 1
        return str(min(_FIFTHS - 1, int(_FIFTHS * (float(str(item.gold)) - space.low) / width)))
    return space.name(item.gold)


def _rank(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def _describe(task: PlannedTask, plan: Plan, chosen: frozenset[str]) -> AnchorTask:
    """What the chosen items of a task ask now."""
    items: dict[str, tuple[str, list[str]]] = {}
    for planned in stream_requests(replace(task, only=chosen)):
        if planned.problem:
            raise DataError(planned.problem)
        if planned.item_row is not None:
            items[planned.item.id] = (planned.item_row.hash, [])
        items[planned.item.id][1].append(planned.request_row.request)
    return AnchorTask(
        name=task.name,
        id=task.id,
        version=plan.plugins.find("task", task.id).version,
        split=task.split,
        format=task.format.name,
        asked=(task.protocol.order, task.protocol.order_seed, task.protocol.samples),
        items=tuple(Anchor(item=item, hash=digest, requests=tuple(keys)) for item, (digest, keys) in items.items()),
    )


def find_changes(anchors: AnchorSet, plan: Plan) -> list[str]:
    """What the anchors no longer ask as they did, each with its cause. Nothing is asked to find out.

    Raises:
        DataError: An image cannot be read.
    """
    problems = []
    now = {task.name: task for task in plan.tasks}
    for frozen in anchors.tasks:
        task = now.pop(frozen.name, None)
        if task is None:
            problems.append(f"task {clean(frozen.name)}: the manifest has it no longer")
            continue
        ids = frozenset(anchor.item for anchor in frozen.items)
        try:
            problems += _compare(frozen, _describe(task, plan, ids))
        except ValidationError:  # not one of the items is there
            problems.append(f"task {clean(frozen.name)}: the data changed: none of its {len(ids)} anchors is there")
    problems += [f"task {clean(name)}: was not there when the anchors were frozen" for name in now]
    return problems


def _compare(frozen: AnchorTask, now: AnchorTask) -> list[str]:
    """The differences of one task."""
    who = f"task {clean(frozen.name)}"
    if frozen.id != now.id:
        return [f"{who}: it is {now.id} now, and was {frozen.id}"]
    found = {anchor.item: anchor for anchor in now.items}
    gone = [anchor.item for anchor in frozen.items if anchor.item not in found]
    both = [(anchor, found[anchor.item]) for anchor in frozen.items if anchor.item in found]
    changed = [old.item for old, new in both if old.hash != new.hash]
    # An item whose content changed asks otherwise for that reason alone.
    asked = [old.item for old, new in both if old.hash == new.hash and old.requests != new.requests]
    problems = []
    if gone:
        problems.append(f"{who}: the data changed: {_few(gone)} of {len(frozen.items)} anchors are gone")
    if changed:
        problems.append(f"{who}: the data changed: {_few(changed)} of {len(frozen.items)} anchors have other content")
    if asked:
        problems.append(f"{who}: {_cause(frozen, now)}: {_few(asked)} of {len(frozen.items)} anchors ask otherwise")
    return problems


def _cause(frozen: AnchorTask, now: AnchorTask) -> str:
    """Why equal items are other requests."""
    if frozen.format != now.format:
        return f"the format changed from {frozen.format} to {now.format}"
    if frozen.asked != now.asked:
        was, became = (
            f"order {order}, seed {seed}, samples {samples}" for order, seed, samples in (frozen.asked, now.asked)
        )
        return f"the protocol changed from {was} to {became}"
    if frozen.version != now.version:
        return f"the prompt changed, with {frozen.id} from version {frozen.version} to {now.version}"
    return f"the prompt changed: {frozen.id} or its options ask in other words"


def _few(names: list[str]) -> str:
    return f"{len(names)} (such as {clean(names[0])!r})"


def write_anchors(anchors: AnchorSet, folder: Path) -> None:
    """Write the file.

    Raises:
        JournalError: It cannot be written.
    """
    write_atomically(folder / FILE, json.dumps(anchors.model_dump(by_alias=True), indent=1) + "\n")


def read_anchors(folder: Path) -> AnchorSet | None:
    """The anchors of a folder; `None` where none are frozen yet.

    Raises:
        UserError: The file is damaged, or another version's.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("no plain file of a sensible size")
        return AnchorSet.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        cause = error.errors()[0] if isinstance(error, ValidationError) else None
        told = str(error) if cause is None else f"{'.'.join(map(str, cause['loc']))}: {cause['msg']}"
        raise UserError(
            f"{path}: the anchors cannot be read ({clean(told)[:300]}); put the file back, or freeze others with "
            "--fresh"
        ) from error
