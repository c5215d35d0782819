"""Simple image features in NumPy, many pictures at once: what a judge without any learned vision can see.

Not for deep features: nothing here was trained on anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from harness.api import Image

SIDE = 64  # a power of two: cells of 8 and three halvings come out even
"""Every picture is scaled to this many pixels a side first."""

_BINS = 8  # orientations without sign would be blind to the side of a shadow: these cover the whole circle
_CELL = 8
_EPS = 1e-6  # keeps the logarithm finite where a picture is flat

Floats = NDArray[np.float32]


def pixels_of(image: Image) -> Floats:
    """The picture as floats from 0 to 1, shape (SIDE, SIDE, 3).

    Raises:
        DataError: It cannot be read.
    """
    import PIL.Image

    picture = image.load()
    if picture.size != (SIDE, SIDE):
        # `reduce` first: a photograph of many megapixels is scaled in a fraction of the time.
        picture = picture.resize((SIDE, SIDE), PIL.Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def describe(pictures: Floats) -> Floats:
    """Features of pictures.

    Args:
        pictures: Shape (N, SIDE, SIDE, 3), from 0 to 1.

    Returns:
        Shape (N, D): colour histograms, orientation histograms (HOG-like, Dalal and Triggs 2005), sharpness from the
        Laplacian, contrast and block edges, and a coarse thumbnail.
    """
    # Luma weights of ITU-R BT.601, as in JPEG. Not as a matrix product: that of one processor differs from another's in
    # the last bits, which turn directions and splits of trees, and moved accuracies by 2 points.
    red, green, blue = (pictures[..., channel] for channel in range(3))
    grey: Floats = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    # float32 throughout: the trees bin every feature into 64 levels anyway.
    parts = (_colours(pictures), _orientations(grey), _sharpness(grey), _contrast(grey), _thumbnail(pictures))
    # Rounded, so that what is equal but for a processor's last bits is equal for the trees.
    return np.round(np.concatenate(parts, axis=1), 4).astype(np.float32)


def describe_all(images: Sequence[Sequence[Image]]) -> Floats:
    """Features of N requests with the same number of images each, shape (N, images x D)."""
    count = len(images[0])
    # `stack` refuses an empty list; questions without images still have words.
    if count == 0:
        return np.zeros((len(images), 0), dtype=np.float32)
    pictures = np.stack([pixels_of(image) for row in images for image in row])
    return describe(pictures).reshape(len(images), -1)


def _colours(pictures: Floats) -> Floats:
    """Square roots of a joint histogram of 4 x 4 x 4 colours, and of a saturation-weighted histogram of 12 hues."""
    count = len(pictures)
    flat = pictures[:, ::2, ::2].reshape(count, -1, 3)  # every fourth pixel tells as much about colours
    levels = np.minimum((flat * 4).astype(np.int64), 3)
    joint = _histogram((levels[..., 0] * 4 + levels[..., 1]) * 4 + levels[..., 2], np.ones(flat.shape[:2]), 64)
    red, green, blue = flat[..., 0], flat[..., 1], flat[..., 2]
    # The hue as an angle in the plane of the two colour differences.
    across, up = 2 * red - green - blue, np.sqrt(3.0) * (green - blue)
    angle = _turns(up, across)
    hues = _histogram(_bin_turns(angle, 12), np.hypot(across, up) / 2, 12)
    # What is white in the picture tells the colour of its light.
    brightest = np.argpartition(flat.sum(axis=2), -flat.shape[1] // 20, axis=1)[:, -flat.shape[1] // 20 :]
    white = np.take_along_axis(flat, brightest[..., None], axis=1).mean(axis=1)
    moments = (flat.mean(axis=1), flat.std(axis=1), white, white - white.mean(axis=1, keepdims=True))
    # Square roots (the Hellinger map) keep a few large bins from hiding the small ones.
    return np.concatenate([np.sqrt(joint), np.sqrt(hues), *moments], axis=1)


def _turns(up: NDArray[np.floating], across: NDArray[np.floating]) -> NDArray[np.floating]:
    """Directions as shares of a whole turn, from 0 to 1."""
    turns: NDArray[np.floating] = np.arctan2(up, across) / (2 * np.pi)
    turns -= np.floor(turns)  # as `% 1`, in a twentieth of the time
    return turns


def _percentiles(values: Floats, shares: tuple[int, ...]) -> Floats:
    """Percentiles of each row. NumPy finds them in a quarter of the time where the rows are sorted."""
    found: Floats = np.percentile(np.sort(values, axis=1), shares, axis=1).T
    return found


def _bin_turns(turns: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Bins of angles in turns, from 0 to 1.

    Pure colours and straight edges lie exactly between two bins. Rounding puts them into the same one on every
    processor, whose arc tangents differ in the last bits.
    """
    return np.round(turns * count, 4).astype(np.int64) % count


def _histogram(bins: NDArray[np.int64], weights: NDArray[np.floating], size: int) -> Floats:
    """Weighted histogram of each row, divided by the number of pixels. Shape (N, size)."""
    count, length = bins.shape
    # One `bincount` for all rows: each row counts in a range of bins of its own.
    index = bins + np.arange(count)[:, None] * size
    sums = np.bincount(index.ravel(), weights=weights.ravel(), minlength=count * size)
    histogram: Floats = (sums.reshape(count, size) / length).astype(np.float32)
    return histogram


def _orientations(grey: Floats) -> Floats:
    """Histograms of gradient directions in cells of 8 x 8 pixels, each cell normalised, and their mean."""
    count = len(grey)
    rows: Floats = np.gradient(grey, axis=1)
    columns: Floats = np.gradient(grey, axis=2)
    strength = np.hypot(rows, columns)
    bins = _bin_turns(_turns(rows, columns), _BINS)
    cells = SIDE // _CELL
    line = np.arange(SIDE) // _CELL
    cell = line[:, None] * cells + line[None, :]
    index = (cell[None] * _BINS + bins).reshape(count, -1)
    sums = _histogram(index, strength.reshape(count, -1), cells * cells * _BINS).reshape(count, cells * cells, _BINS)
    whole = sums.sum(axis=1)
    energy = np.sqrt((sums**2).sum(axis=2, keepdims=True))
    # Normalising each cell removes local contrast, as in HOG; the small term keeps noise in flat cells small.
    normed = sums / (energy + 1e-3)
    return np.concatenate([normed.reshape(count, -1), np.log(whole + _EPS)], axis=1)


def _sharpness(grey: Floats) -> Floats:
    """Logarithms of the spread of the Laplacian at three scales, and of its percentiles at the finest."""
    columns = []
    level: Floats = grey
    for scale in range(3):
        response = np.abs(
            4 * level[:, 1:-1, 1:-1]
            - level[:, :-2, 1:-1]
            - level[:, 2:, 1:-1]
            - level[:, 1:-1, :-2]
            - level[:, 1:-1, 2:]
        ).reshape(len(grey), -1)
        columns.append(np.stack([response.mean(axis=1), response.std(axis=1)], axis=1))
        if scale == 0:
            columns.append(_percentiles(response, (5, 25, 50, 75, 90, 99)))
        # Halve by averaging, not by dropping pixels: aliasing would look like sharpness.
        level = (level[:, ::2, ::2] + level[:, 1::2, ::2] + level[:, ::2, 1::2] + level[:, 1::2, 1::2]) / np.float32(4)
    return np.log(np.concatenate(columns, axis=1) + 1e-3).astype(np.float32)


def _contrast(grey: Floats) -> Floats:
    """Percentiles of brightness, of local contrast (the spread within 8 x 8 blocks), and edges of JPEG's blocks."""
    count = len(grey)
    blocks = grey.reshape(count, SIDE // 8, 8, SIDE // 8, 8).std(axis=(2, 4)).reshape(count, -1)
    local = _percentiles(blocks, (5, 25, 50, 75, 95))
    tones = _percentiles(grey.reshape(count, -1), (1, 10, 25, 50, 75, 90, 99))
    steps = np.abs(np.diff(grey, axis=2)).mean(axis=1)
    lines = np.abs(np.diff(grey, axis=1)).mean(axis=2)
    # JPEG codes blocks of 8 x 8 pixels: strong compression leaves steps at every eighth column and row.
    seam = np.arange(SIDE - 1) % 8 == 7
    edges = [np.log((s[:, seam].mean(axis=1) + 1e-3) / (s[:, ~seam].mean(axis=1) + 1e-3)) for s in (steps, lines)]
    # Straight seams stand out of the profile of steps between neighbouring columns, or rows.
    profiles = [np.log(s + 1e-2) for s in (steps, lines)]
    parts = (np.log(local + 1e-3), tones, np.stack(edges, axis=1), *profiles)
    return np.concatenate(parts, axis=1).astype(np.float32)


def _thumbnail(pictures: Floats) -> Floats:
    """The picture at 8 x 8."""
    count = len(pictures)
    small: Floats = pictures.reshape(count, 8, SIDE // 8, 8, SIDE // 8, 3).mean(axis=(2, 4)).reshape(count, -1)
    return small
