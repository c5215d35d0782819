"""Tiny copies of the data in their published layouts, with rows in every split."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from harness_mtrl.splits import SPLITS, Shares, split_of_key


def of_each_split(
    key: Callable[[int], str], *, count: int = 2, splits: tuple[str, ...] = SPLITS, shares: Shares | None = None
) -> list[int]:
    """The first numbers whose keys are in each split, split by split.

    Args:
        key: Gives the key of a number.
        count: How many in each split.
        splits: Splits that are wanted.
        shares: Those of the default options by default.
    """
    found: dict[str, list[int]] = {split: [] for split in splits}
    for number in itertools.count():
        # Counting up until every split has its rows: the example then fits any hash that the split may use.
        own = split_of_key(key(number), shares or Shares())
        if own in found and len(found[own]) < count:
            found[own].append(number)
        if all(len(numbers) == count for numbers in found.values()):
            break
    return [number for numbers in found.values() for number in numbers]
