"""The real pixels: 1,797 digit scans and two photographs, read where scikit-learn keeps them, by split.

The partition is part of the suite and depends on no option. So no two splits of any tasks share a scan or a piece of a
photograph, under any seeds.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image

from harness.api import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SPLITS = ("train", "validation", "test")
PHOTOGRAPHS = ("china.jpg", "flower.jpg")
_SHARES = (0.60, 0.15, 0.25)
_SCANS = 1797

Region = tuple[str, tuple[int, int, int, int]]
"""A photograph's name and a rectangle in it: left, top, right, bottom, in pixels."""

# The grid that is laid over each photograph: column edges, row edges, and a letter for each cell: its split, or `.` for
# plain sky, lake and dark leaves, which are not used. By eye, so that each split sees walls, roofs, trees and petals.
_GRIDS: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]] = {
    "china.jpg": ((0, 107, 213, 320, 427, 533, 640), (107, 214, 320, 427), (".et..t", "ttv..e", "ettvtt")),
    "flower.jpg": ((165, 259, 353, 447), (92, 182, 272, 362), ("tet", "etv", "tet")),
}


def _regions(letter: str) -> tuple[Region, ...]:
    return tuple(
        (photograph, (columns[x], rows[y], columns[x + 1], rows[y + 1]))
        for photograph, (columns, rows, cells) in _GRIDS.items()
        for y, line in enumerate(cells)
        for x, cell in enumerate(line)
        if cell == letter
    )


REGIONS: dict[str, tuple[Region, ...]] = {
    "train": _regions("t"),
    "validation": _regions("v"),
    "test": _regions("e"),
}
"""The pieces of the photographs that each split may use; no two overlap."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The decoded sources. All tasks of a process share them, and none changes them."""

    scans: tuple[bytes, ...]
    """Length 1,797: 64 bytes each, the 8 x 8 ink values stretched from 0..16 to 0..255, rows first."""
    digits: tuple[int, ...]
    """Length 1,797: the digit that was written."""
    photographs: dict[str, PILImage]
    """The two photographs, RGB, 640 x 427."""


@functools.cache
def load() -> Sources:
    """Read the files that ship with scikit-learn.

    The files are opened directly: `import sklearn.datasets` costs two seconds of CPU, the files a tenth of one.

    Raises:
        DataError: scikit-learn is missing or lacks a file.
    """
    folder = _folder()
    try:
        with gzip.open(folder / "data" / "digits.csv.gz", "rt", encoding="ascii") as lines:
            rows = [[int(float(value)) for value in line.split(",")] for line in lines]
        photographs = {name: _photograph(folder / "images" / name) for name in PHOTOGRAPHS}
    except (OSError, ValueError) as error:
        raise DataError(
            f"miniature: cannot read scikit-learn's sample data ({error}); reinstall scikit-learn"
        ) from error
    # The partition is by index: with other rows the same index would be another scan, and splits could leak.
    if len(rows) != _SCANS or any(len(row) != 65 for row in rows):
        raise DataError(f"miniature: {folder}/data/digits.csv.gz is not the digits data set; reinstall scikit-learn")
    scans = tuple(bytes(min(255, ink * 16) for ink in row[:64]) for row in rows)
    return Sources(scans=scans, digits=tuple(row[64] for row in rows), photographs=photographs)


def _folder() -> Path:
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DataError("miniature: scikit-learn is not installed; `pip install scikit-learn`")
    return Path(spec.submodule_search_locations[0]) / "datasets"


def _photograph(path: Path) -> PILImage:
    with PIL.Image.open(path) as picture:
        return picture.convert("RGB")


@functools.cache
def partition(split: str) -> tuple[int, ...]:
    """Indices of a split's scans, stratified by digit, in a fixed shuffled order.

    A scan's place is decided by the SHA-256 of its index alone.
    """
    digits = load().digits
    shuffled = sorted(range(_SCANS), key=lambda scan: hashlib.sha256(b"scan %d" % scan).digest())
    # Each digit is divided by itself, so that every split has the digits in the same shares.
    start = sum(_SHARES[: SPLITS.index(split)])
    end = start + _SHARES[SPLITS.index(split)]
    chosen = set()
    for digit in range(10):
        same = [scan for scan in shuffled if digits[scan] == digit]
        chosen.update(same[round(start * len(same)) : round(end * len(same))])
    return tuple(scan for scan in shuffled if scan in chosen)


@functools.cache
def couples(split: str) -> tuple[tuple[int, int], ...]:
    """Fixed couples of a split's scans: a digit below five and one of five or more; no scan is in two couples."""
    digits = load().digits
    low = [scan for scan in partition(split) if digits[scan] < 5]
    high = [scan for scan in partition(split) if digits[scan] >= 5]
    # The longer side's last scans stay without a partner.
    return tuple(zip(low, high, strict=False))
