"""The pictures of a run. A journal has only their keys: they are made again from the run's own tasks.

A picture is shown where its key is the recorded one, and nowhere else. So a page never shows other data in its place.
Not for decoding, which is `harness.api.Image`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import DataError, Image, Item, UserError
from harness.runner.folder import MANIFEST

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.runner.planned import PlannedTask

SIDE = 240
"""Longest side of a thumbnail, in pixels."""

MOST_BYTES = 6 * 2**20
"""Bytes of all thumbnails of one file, as they stand in it."""

MOST_PIXELS = 300_000_000
"""Pixels that are decoded for them: photographs of a telephone have 12 million each, and take a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, as it stands in a file."""

    source: str
    """A `data:` address."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


class Gallery:
    """The tasks of a run, made again when the first picture is wanted."""

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self._folder, self._plugins = folder, plugins
        self._tasks: dict[str, PlannedTask] | None = None
        self.problem = ""
        """Why there are no pictures, in words; empty where there is no reason."""

    def find(self, task: str, ordinals: Sequence[int]) -> Iterator[tuple[int, dict[str, Image]]]:
        """The pictures of some items of a task, by key.

        Args:
            task: Name of the task.
            ordinals: Places of the items in the data, ascending.
        """
        wanted = set(ordinals)
        # Items are streamed: what comes after the last wanted one is never made.
        for ordinal, item in enumerate(islice(self._items(task), max(wanted, default=-1) + 1)):
            if ordinal in wanted:
                yield ordinal, _by_key(item, self._render(task, item))

    def full(self, task: str, ordinal: int, key: str) -> tuple[bytes, str] | None:
        """One picture at full size with its media type, or `None` where it is not there."""
        for _, found in self.find(task, [ordinal]):
            if key in found:
                return found[key].encode()
        return None

    def _render(self, task: str, item: Item) -> Sequence[Image]:
        """The pictures that a judge is shown, which a task may draw from those of the item."""
        planned = (self._tasks or {})[task]
        try:
            order = tuple(range(len(item.candidates)))
            return planned.task.render(item, order=order, format=planned.format).images
        except Exception:  # a plugin's own code: the pictures of the item are left
            return ()

    def _items(self, task: str) -> Iterator[Item]:
        if self._tasks is None:
            self._tasks = self._load()
        planned = self._tasks.get(task)
        if planned is None:
            return
        try:
            yield from planned.read(planned.split)
        except UserError as error:
            self.problem = str(error)
        # A task of a plugin may fail in any way, and a page without pictures is better than none.
        except Exception as error:
            self.problem = f"{planned.id}: {error!r}"

    def _load(self) -> dict[str, PlannedTask]:
        from harness.manifest.load import load_manifest
        from harness.runner.plan import plan_tasks

        try:
            loaded = load_manifest(self._folder / MANIFEST, plugins=self._plugins)
            plan = plan_tasks(loaded, self._plugins, workspace=self._folder.parent / ".workspace")
        except (UserError, OSError) as error:
            self.problem = str(error)
            return {}
        return {task.name: task for task in plan.tasks}


def make_thumbnails(
    gallery: Gallery, wanted: Mapping[str, Mapping[int, Sequence[str]]], *, most_bytes: int = MOST_BYTES
) -> dict[str, Thumbnail]:
    """Small pictures by key, until the budget is spent.

    Args:
        gallery: Where pictures are.
        wanted: Keys of the pictures of each item, by task and by place in the data.
        most_bytes: Bytes of all of them.
    """
    made: dict[str, Thumbnail] = {}
    left, pixels = most_bytes, MOST_PIXELS
    for task, items in wanted.items():
        for ordinal, found in gallery.find(task, sorted(items)):
            for key in items[ordinal]:
                if key in made or key not in found or left <= 0 or pixels <= 0:
                    continue
                try:
                    thumbnail, size = shrink(found[key])
                except DataError:
                    continue  # the item's answer says what is wrong with it
                # Counted after the fact: how large a picture is shows when it is decoded.
                pixels -= size
                if len(thumbnail.source) <= left:
                    left -= len(thumbnail.source)
                    made[key] = thumbnail
            if left <= 0 or pixels <= 0:
                break
    return made


def shrink(image: Image) -> tuple[Thumbnail, int]:
    """A thumbnail, and how many pixels were decoded for it."""
    from PIL.Image import Resampling

    picture = image.load()
    size = picture.width * picture.height
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Resampling.BICUBIC, reducing_gap=2.0)
    stream = io.BytesIO()
    # WebP is half of JPEG at this size, and every browser of the last five years shows it.
    small.save(stream, "WEBP", quality=72, method=1)
    source = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()
    return Thumbnail(source, small.width, small.height), size


def _by_key(item: Item, shown: Sequence[Image]) -> dict[str, Image]:
    """The pictures of an item by the name that requests have for them."""
    found = {}
    for part in (*item.question, *(part for candidate in item.candidates for part in candidate), *shown):
        if isinstance(part, Image):
            try:
                found[part.key] = part
            except DataError:
                continue
    return found
