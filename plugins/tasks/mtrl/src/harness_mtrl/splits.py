"""Which split a row is in: by a hash of its image, by a seeded permutation of the rows, or as the authors have it.

Not for reading: a splitter looks at keys and numbers of rows, never at pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.api.data import Row, Source

SPLITS = ("train", "validation", "test")
"""Names of the splits of every task."""

Sides = NDArray[np.uint8]
"""Shape (rows,): place in `SPLITS` of the split of each row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How much goes where; train is the rest."""

    seed: int = 0
    """Another seed is another split."""
    validation: float = 0.1
    """Share of validation."""
    test: float = 0.1
    """Share of test."""


def split_of_key(key: str, shares: Shares) -> str:
    """The split of all rows with this key: by its hash alone, so that other rows and their order do not matter.

    Shares are expectations. The keys in test do not depend on the share of validation.

    Args:
        key: What rows that must stay together share, such as the name of their image.
        shares: Of the keys.
    """
    # SHA-256 is the same on every machine and version, which no generator of random numbers promises.
    digest = hashlib.sha256(f"{shares.seed}:{key}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    # Test comes first, so that another share of validation leaves it as it is.
    if point < shares.test:
        return "test"
    return "validation" if point < shares.test + shares.validation else "train"


def sides_of_rows(count: int, *, shares: Shares) -> Sides:
    """A split of rows by a seeded permutation: shares of the rows rounded to whole rows, and train is the rest."""
    order = np.random.default_rng(shares.seed).permutation(count)
    tested, validated = round(shares.test * count), round(shares.validation * count)
    sides = np.zeros(count, dtype=np.uint8)
    sides[order[:tested]] = SPLITS.index("test")
    sides[order[tested : tested + validated]] = SPLITS.index("validation")
    return sides


def sides_of_agin(count: int) -> Sides:
    """AGIN's own split: the first 70 % of a permutation are train, the rest is test, and there is no validation.

    `AGIN_dataloader` in JOINT/AGINDataset.py of zijianchen98/AGIN: `numpy.random.seed(0)`, then
    `numpy.random.permutation`, cut at `int(0.7 * n)`.
    """
    # The old generator, as the authors' loader calls it: the new one gives another permutation for seed 0.
    order = np.random.RandomState(0).permutation(count)
    sides = np.full(count, SPLITS.index("test"), dtype=np.uint8)
    sides[order[: int(count * 0.7)]] = SPLITS.index("train")
    return sides


def sides_of_test(count: int) -> Sides:
    """Everything is test."""
    return np.full(count, SPLITS.index("test"), dtype=np.uint8)


@dataclass(kw_only=True)
class ByKey:
    """Rows of a table by a hash of what they share."""

    source: Source
    key: Callable[[Row], str]
    shares: Shares

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split.

        Raises:
            DataError: A row has no key, or the table cannot be read.
        """
        for row in self.source.rows():
            if split_of_key(self.key(row), self.shares) == split:
                yield row


@dataclass(kw_only=True)
class ByNumber:
    """Rows of a table by their number. The table is read once more, to count its rows."""

    source: Source
    sides: Callable[[int], Sides]
    """Gives the sides of so many rows."""
    _sides: Sides | None = field(default=None, init=False)

    def rows(self, split: str) -> Iterator[Row]:
        """Stream the rows of a split.

        Raises:
            DataError: The table cannot be read.
        """
        # The permutation needs the number of rows. Counting costs a second pass, but no memory for the rows.
        if self._sides is None:
            self._sides = self.sides(sum(1 for _ in self.source.rows()))
        wanted = SPLITS.index(split)
        for row in self.source.rows():
            if self._sides[row.number] == wanted:
                yield row
