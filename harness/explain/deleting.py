"""Deletion: cells of a picture are covered in the order of a map, and each time the verdict is less likely, or not.

If a map is right about what the verdict rests on, the verdict falls at once. The area under that curve is compared with
the areas of two other orders of the same cells: dealt out at random, and by the edges of the picture, which asked no
judge. After Petsiuk et al. 2018 (arXiv 1806.07421).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.api import Image, TextWeights
from harness.explain.maps import Map, Window, edge_map, list_windows, make_map

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)
"""Parts of the cells that are covered, from none to all."""

OWN, CHANCE, EDGES = "map", "chance", "edges"
"""The orders in which cells are covered."""


class GridCell(NamedTuple):
    """A part of one of the pictures that is covered at once. Cells do not overlap, unlike the windows of a map."""

    image: int
    """Number of the picture."""
    window: Window
    """Its edges."""


def list_cells(images: Sequence[Image], step: int) -> list[GridCell]:
    """All cells of all pictures, as large as the step between two windows, row by row."""
    found = []
    for number, image in enumerate(images):
        width, height = image.load().size
        found += [GridCell(number, window) for window in list_windows(width, height, side=step, step=step)]
    return found


def list_picture_windows(images: Sequence[Image], side: int, step: int) -> list[list[Window]]:
    """The windows of each picture."""
    return [list_windows(*image.load().size, side=side, step=step) for image in images]


def drop_maps(
    weights: Sequence[TextWeights], start: int, end: int, images: Sequence[Image], windows: Sequence[Sequence[Window]]
) -> list[Map]:
    """How much less likely a part of the text is without each place. What becomes more likely counts as nothing.

    Args:
        weights: Without a cover, then of each window of each picture.
        start: Where the part of the text begins.
        end: Where it ends.
        images: The pictures.
        windows: Of each picture.
    """
    base, *covered = (found.of(start, end) for found in weights)
    maps, begin = [], 0
    for image, own in zip(images, windows, strict=True):
        # All pictures of a request are one row of windows in `weights`.
        drops = [max(0.0, base - score) for score in covered[begin : begin + len(own)]]
        begin += len(own)
        width, height = image.load().size
        maps.append(make_map(drops, own, width=width, height=height))
    return maps


def edge_maps(images: Sequence[Image], windows: Sequence[Sequence[Window]]) -> list[Map]:
    """A map of the edges of each picture."""
    return [edge_map(image, own) for image, own in zip(images, windows, strict=True)]


def deal_cells(cells: Sequence[GridCell], *, seed: int, name: str) -> list[GridCell]:
    """The cells in an order dealt at random.

    Args:
        cells: The cells.
        seed: Another one gives other orders.
        name: Of the question, so that each question has an order of its own.
    """
    # By a hash, since Python's own differs from one process to the next.
    rng = np.random.default_rng(int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:16], 16))
    return [cells[place] for place in rng.permutation(len(cells))]


def order_cells(maps: Sequence[Map], dealt: Sequence[GridCell]) -> list[GridCell]:
    """The cells by a map, most important first.

    Args:
        maps: Of each picture.
        dealt: The cells in an order dealt at random. Cells of which the map says the same stay in it: a flat map is
            then no better and no worse than chance.
    """
    values = []
    for number, (left, top, right, bottom) in dealt:
        # Rounded, or the order of equal cells would hang on how their mean was added up.
        values.append(round(float(maps[number][top:bottom, left:right].mean()), 9))
    return [dealt[place] for place in sorted(range(len(dealt)), key=lambda place: -values[place])]


def count_cells(cells: int) -> list[int]:
    """How many cells are covered in each step: at least one in the first.

    >>> count_cells(64)
    [0, 3, 6, 13, 26, 64]
    """
    return [max(round(share * cells), int(share > 0)) for share in SHARES]


def measure_area(curve: Sequence[float]) -> float:
    """The area under a curve of probabilities, from 0 to 1.

    >>> round(measure_area([1, 1, 1, 1, 1, 1]), 9), round(measure_area([1, 0, 0, 0, 0, 0]), 9)
    (1.0, 0.025)
    """
    heights: NDArray[np.float64] = np.asarray(curve, dtype=np.float64)
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(SHARES)).sum())
