"""Splits that share pictures, and leaks among them: learnt from on one side, tested on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from harness.doctor.images import SplitImages, item_ids, read_split
from harness.doctor.splits import TaskSplit

EXAMPLES = 3
"""Shared pictures of two splits for which items are named."""

Read = tuple[TaskSplit, SplitImages]
"""A split, and what was read of it."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Two splits that share pictures, or one split that is both learnt from and tested on."""

    a: Read
    """Of a leak, the one that is learnt from."""
    b: Read
    """Of a leak, the one that is tested on."""
    images: int
    """Distinct pictures in both."""
    leak: bool
    """Whether one side is learnt from and the other is tested on."""
    examples: tuple[tuple[str, str], ...]
    """For up to `EXAMPLES` shared pictures: the first item of `a` that shows it, and the first one of `b`."""

    @property
    def shares(self) -> tuple[float, float]:
        """Share of the distinct pictures of `a`, and of `b`, from 0 to 1."""
        return self.images / max(1, self.a[1].distinct), self.images / max(1, self.b[1].distinct)


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Result of the comparison of all splits."""

    splits: tuple[Read, ...]
    """Every split, those included that could not be read."""
    pairs: tuple[Shared, ...]
    """Leaks first, then by number of shared pictures."""
    pixels: bool
    """Whether pixels were compared, and not the content of files."""
    limit: int | None
    """At most so many items of each split were read."""

    @property
    def leaks(self) -> int:
        """Number of leaks."""
        return sum(pair.leak for pair in self.pairs)

    def to_json(self) -> dict[str, Any]:
        """Plain data for programs."""
        return {
            "schema": "judge-harness/overlap/1",
            "compared": "pixels" if self.pixels else "content",
            "limit": self.limit,
            "splits": [
                {
                    "task": split.task,
                    "split": split.split,
                    "id": split.id,
                    "asked_by": split.asked,
                    "trains": split.trains,
                    "selects": split.selects,
                    "items": read.items,
                    "images": read.images,
                    "distinct": read.distinct,
                    "skipped": read.skipped or None,
                }
                for split, read in self.splits
            ],
            "pairs": [
                {
                    "leak": pair.leak,
                    "a": {"task": pair.a[0].task, "split": pair.a[0].split, "share": pair.shares[0]},
                    "b": {"task": pair.b[0].task, "split": pair.b[0].split, "share": pair.shares[1]},
                    "images": pair.images,
                    "examples": [list(example) for example in pair.examples],
                }
                for pair in self.pairs
            ],
        }


def find_overlap(
    splits: Iterable[TaskSplit], *, pixels: bool, limit: int | None, say: Callable[[str], None]
) -> Overlap:
    """Read every split and compare every two.

    Args:
        splits: The splits.
        pixels: Compare decoded pixels, which also finds a copy that was stored in another way without a loss.
        limit: Read at most so many items of each split.
        say: Takes a line for each split that is read.

    Raises:
        DataError: A row or a picture cannot be read. The message names task, split and item.
    """
    done: list[Read] = []
    for split in splits:
        say(f"reading {split.name}")
        done.append((split, read_split(split, pixels=pixels, limit=limit)))
    # `combinations` never pairs a split with itself, and one that is both learnt from and tested on is the worst
    # leak.
    pairs = [_share_with_itself(read) for read in done if read[0].is_learnt and read[0].is_tested and read[1].items]
    pairs += [pair for a, b in combinations(done, 2) if (pair := _find_shared(a, b)) is not None]
    return Overlap(
        splits=tuple(done),
        pairs=tuple(sorted(pairs, key=lambda pair: (not pair.leak, -pair.images))),
        pixels=pixels,
        limit=limit,
    )


def _share_with_itself(read: Read) -> Shared:
    return Shared(a=read, b=read, images=read[1].distinct, leak=True, examples=())


def _find_shared(a: Read, b: Read) -> Shared | None:
    """Pictures that two splits share. `None` if there are none."""
    leak = (a[0].is_learnt and b[0].is_tested) or (b[0].is_learnt and a[0].is_tested)
    # The side that is learnt from stands first, as the columns of the table say.
    if leak and not (a[0].is_learnt and b[0].is_tested):
        a, b = b, a
    # Hashes are sorted and distinct on both sides, so that this is one merge.
    shared, in_a, in_b = np.intersect1d(a[1].hashes, b[1].hashes, assume_unique=True, return_indices=True)
    if not len(shared):
        return None
    first_a, first_b = a[1].first[in_a], b[1].first[in_b]
    # Examples in the order of the data: hashes would name random items.
    shown = np.argsort(first_a, kind="stable")[:EXAMPLES]
    places = [(int(first_a[k]), int(first_b[k])) for k in shown]
    ids_a, ids_b = item_ids(a[0], {k for k, _ in places}), item_ids(b[0], {k for _, k in places})
    return Shared(a=a, b=b, images=len(shared), leak=leak, examples=tuple((ids_a[j], ids_b[k]) for j, k in places))
