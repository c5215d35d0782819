"""The pictures of one split as hashes: 16 bytes for each picture, and the place of the first item that shows it."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from harness.api import DataError, Image, Item, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.doctor.splits import TaskSplit

HASHED = 16
"""Bytes kept of a SHA-256: among a billion pictures two different ones agree with a chance of 1e-21."""


class _NothingError(DataError):
    """Not one item of a split can be read."""


@dataclass(frozen=True, kw_only=True)
class SplitImages:
    """Pictures that were read of one split."""

    items: int = 0
    """Items read."""
    images: int = 0
    """Pictures in them. One that an item shows twice counts once."""
    hashes: NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, dtype=f"S{HASHED}"), repr=False)
    """Shape (D,), sorted: the D distinct pictures."""
    first: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, dtype=np.uint32), repr=False)
    """Shape (D,): number of the first item that shows the picture, from 0."""
    skipped: str = ""
    """Reason why nothing was read."""

    @property
    def distinct(self) -> int:
        """Distinct pictures."""
        return len(self.hashes)


def read_split(split: TaskSplit, *, pixels: bool, limit: int | None) -> SplitImages:
    """Hash every picture of a split, one item in memory at a time.

    Args:
        split: The split.
        pixels: Compare what is decoded. Else the content of files, and the pixels of what is drawn.
        limit: At most so many items.

    Raises:
        DataError: A row or a picture cannot be read (names task, split and item), or the split holds no item although
            a manifest or recipe uses it. A split without a user is then skipped.
    """
    # 20 bytes a picture, and no Python objects: ten million pictures are 200 MB.
    hashes, owners = bytearray(), array("I")
    items = 0
    try:
        for item in _items(split, limit):
            for key in _keys(split, item, pixels=pixels):
                hashes += key
                owners.append(items)
            items += 1
    except _NothingError as error:
        if split.is_used:
            raise
        return SplitImages(skipped=str(error.__cause__ or "it has no items"))
    # `return_index` gives the first place, and places are in the order of items: the first item that shows it.
    distinct, places = np.unique(np.frombuffer(hashes, dtype=f"S{HASHED}"), return_index=True)
    first = np.frombuffer(owners, dtype=np.uint32)[places]
    return SplitImages(items=items, images=len(owners), hashes=distinct, first=first)


def item_ids(split: TaskSplit, numbers: set[int]) -> dict[int, str]:
    """The ids of some items by their number. They are streamed once more, and no picture is opened."""
    # Reading stops after the last item that is wanted.
    last = max(numbers, default=-1)
    return {k: item.id for k, item in enumerate(islice(_items(split, None), last + 1)) if k in numbers}


def hash_of(image: Image, *, pixels: bool) -> bytes:
    """Hash of a picture, `HASHED` bytes, which equal pictures have in common.

    Pixels are compared as they are shown to a judge, so that the format of the file, a palette or an orientation in
    EXIF makes no difference where a person sees the same picture.

    Raises:
        DataError: The picture cannot be read, or with `pixels` not be decoded.
    """
    if not pixels:
        return bytes.fromhex(image.digest)[:HASHED]
    picture = image.load()
    # The size goes in too: 2 x 8 and 4 x 4 pixels of the same bytes are different pictures.
    sha = hashlib.sha256(f"{picture.width}x{picture.height}:".encode())
    sha.update(picture.tobytes())
    return sha.digest()[:HASHED]


def _items(split: TaskSplit, limit: int | None) -> Iterator[Item]:
    """The items of a split. What is wrong says where it is."""
    last = ""
    try:
        for item in islice(split.made.items(split.split), limit):
            last = item.id
            yield item
    except UserError as error:
        if not last:
            raise _NothingError(f"task {split.task}, split {split.split}: {error}") from error
        # Items are streamed, so the row at fault is the one after the last that came.
        raise DataError(f"task {split.task}, split {split.split}, after item {last!r}: {error}") from error
    if not last:
        raise _NothingError(f"task {split.task}, split {split.split}: it has no items; check `data:`")


def _keys(split: TaskSplit, item: Item, *, pixels: bool) -> set[bytes]:
    """Hashes of the pictures of an item. Each picture is let go of before the next is opened."""
    found: set[bytes] = set()
    for part in (*item.question, *(part for candidate in item.candidates for part in candidate)):
        if not isinstance(part, Image):
            continue
        try:
            found.add(hash_of(part, pixels=pixels))
        except DataError as error:
            raise DataError(f"task {split.task}, split {split.split}, item {item.id!r}: {error}") from error
        finally:
            part.forget()
    return found
