"""Seeded draws: which scans, which piece of a photograph, which layout an item gets.

Every item is a function of (seed, task, split, index) alone, so that any item can be made without the ones before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from harness_miniature.scene import COLOURS, NumeralCard, Scene
from harness_miniature.sources import REGIONS, SPLITS, couples, load, partition

T = TypeVar("T")

NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Draw:
    """The dice of one item.

    Items come in blocks, one item for each version (each possible gold), in random order within the block: so the
    gold is exactly balanced. Where `shared`, the items of a block are the same scene but for what makes the gold.
    """

    split: str
    rng: np.random.Generator
    unit: int
    """Number of the scene, from a start of the task's own; consecutive scenes use up all scans before any twice."""
    version: int
    """Which of the possible golds this item has, from 0."""
    root: tuple[int, ...]
    """Seed, task and split, for dice that several items share."""

    @classmethod
    def of(cls, *, seed: int, task: str, split: str, index: int, versions: int, shared: bool) -> Draw:
        """The dice of item `index`."""
        block, place = divmod(index, versions)
        # `hash` of a string differs from process to process. CRC-32 is the same everywhere.
        number = zlib.crc32(task.encode())
        root = (seed, number, SPLITS.index(split))
        # Third number: 0 for blocks, 1 for items, 2 for turns. So no two uses share their random numbers.
        if shared:
            # The items of a block continue one generator from the same state, so they draw the same scene.
            rng = _generator(*root, 0, block)
            version = int(rng.permutation(versions)[place]) if versions > 1 else 0
            return cls(split, rng, seed + number + block, version, root)
        version = _permutation(versions, *root, 0, block)[place] if versions > 1 else 0
        return cls(split, _generator(*root, 1, index), seed + number + index, version, root)

    def uniform(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * float(self.rng.random())

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return int(self.rng.integers(count))

    def pick(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.below(len(values))]

    def turn(self, values: Sequence[T]) -> T:
        """One of `values`, all of which take turns in random order: each is drawn equally often."""
        # Drawing at random would leave the kinds unequal in a small split. Each round of turns has every value once.
        turn, place = divmod(self.unit, len(values))
        return values[_permutation(len(values), *self.root, 2, turn)[place]]

    def permute(self, values: Sequence[T]) -> list[T]:
        """`values` in random order."""
        return [values[int(k)] for k in self.rng.permutation(len(values))]

    def seed(self) -> int:
        """A seed for noise."""
        return self.below(2**31)

    def scan(self) -> int:
        """The scan of a scene with one numeral."""
        scans = partition(self.split)
        # In turn, so that a scan is used again only when all have been used: repeats make clusters, and wider
        # intervals.
        return scans[self.unit % len(scans)]

    def couple(self) -> tuple[int, int]:
        """The scans of a scene with two numerals: one below five, one of five or more."""
        pairs = couples(self.split)
        return pairs[self.unit % len(pairs)]

    def scene(self, **parts: Any) -> Scene:
        """A scene before a random piece of the split's photographs; `parts` are the other fields of `Scene`."""
        photograph, (left, top, right, bottom) = self.pick(REGIONS[self.split])
        # A smaller crop would be enlarged at the default size and look blurred, which is a flaw that tasks ask about.
        side = 64 + self.below(min(right - left, bottom - top) - 64 + 1)
        x = left + self.below(right - left - side + 1)
        y = top + self.below(bottom - top - side + 1)
        return Scene(photograph=photograph, crop=(x, y, x + side, y + side), gain=self.uniform(0.88, 1.06), **parts)

    def shadow(self) -> tuple[float, float]:
        """Where the light of a scene throws its shadows."""
        return self.pick((0.05, -0.05)), self.pick((0.05, -0.05))

    def one_card(self, scan: int, ink: str | None = None) -> NumeralCard:
        """A card anywhere in the picture."""
        side = self.uniform(0.5, 0.62)
        left, top = self.uniform(0.08, 0.92 - side), self.uniform(0.08, 0.92 - side)
        ink = ink or self.pick(tuple(COLOURS))
        return NumeralCard(scan=scan, left=left, top=top, side=side, ink=ink, shadow=self.shadow())

    def two_cards(self, first: int, second: int, *, stacked: bool) -> tuple[NumeralCard, NumeralCard]:
        """Two cards in one light: `first` is on the left, or above when `stacked`."""
        shadow = self.shadow()
        cards = []
        for scan, start in ((first, 0.07), (second, 0.53)):
            along, across = start + self.uniform(-0.02, 0.02), self.uniform(0.08, 0.52)
            left, top = (across, along) if stacked else (along, across)
            ink = self.pick(tuple(COLOURS))
            cards.append(NumeralCard(scan=scan, left=left, top=top, side=0.4, ink=ink, shadow=shadow))
        return cards[0], cards[1]


def digit(scan: int) -> int:
    """The digit on a scan."""
    return load().digits[scan]


@lru_cache(maxsize=256)
def _permutation(count: int, *entropy: int) -> tuple[int, ...]:
    """The order of a block or of a round of turns: the items that follow one another ask for the same one."""
    return tuple(int(number) for number in _generator(*entropy).permutation(count))


def _generator(*entropy: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
