"""Maps over a picture: windows that are covered one after the other, and what a map says of a place.

A map has a number for each pixel: the mean, over the windows that cover it, of how much the score changed. Occlusion as
in Zeiler and Fergus 2014 (arXiv 1311.2901); the pointing game as in Zhang et al. 2016 (arXiv 1608.00507).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.api import Box, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Map: TypeAlias = NDArray[np.float64]
"""Shape (H, W)."""

Window: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""

GREY = (128, 128, 128)
"""What covers a window. The mean colour does as well; a blur shows the colours of what it hides."""


def list_windows(width: int, height: int, *, side: int, step: int) -> list[Window]:
    """Windows over a picture, row by row. The last of a row ends at the edge.

    >>> list_windows(32, 16, side=16, step=8)
    [(0, 0, 16, 16), (8, 0, 24, 16), (16, 0, 32, 16)]
    """
    # A picture that is smaller than a window is one window.
    side = min(side, width, height)
    lefts, tops = ([*range(0, most - side, step), most - side] for most in (width, height))
    return [(left, top, left + side, top + side) for top in tops for left in lefts]


def cover(image: Image, window: Window) -> Image:
    """The picture with a window filled with grey."""
    return Image.from_drawing(partial(_paint, image, window), name=f"{image.name} without {window}")


def cover_parts(image: Image, windows: Sequence[Window]) -> Image:
    """The picture with several windows filled with grey."""
    return Image.from_drawing(partial(_paint_parts, image, windows), name=f"{image.name} without {len(windows)} parts")


def cover_all(image: Image) -> Image:
    """A grey picture of the same size."""
    width, height = image.load().size
    return cover(image, (0, 0, width, height))


def _paint(image: Image, window: Window) -> PILImage:
    return _paint_parts(image, [window])


def _paint_parts(image: Image, windows: Sequence[Window]) -> PILImage:
    picture = image.load().copy()
    for window in windows:
        picture.paste(GREY, window)
    return picture


def make_map(changes: Sequence[float], windows: Sequence[Window], *, width: int, height: int) -> Map:
    """From a change for each window to a number for each pixel.

    Args:
        changes: How much the score changed, its sign left out.
        windows: As many.
        width: Of the picture.
        height: Of the picture.
    """
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for change, (left, top, right, bottom) in zip(changes, windows, strict=True):
        # Without its sign: a place that speaks against the verdict matters as much as one that speaks for it.
        total[top:bottom, left:right] += abs(change)
        count[top:bottom, left:right] += 1
    return total / np.maximum(count, 1)


def edge_map(image: Image, windows: Sequence[Window]) -> Map:
    """Where the picture has edges, over the same windows: a map that asked no judge."""
    grey = np.asarray(image.load().convert("L"), dtype=np.float64)
    down, across = np.gradient(grey)
    strength = np.hypot(down, across)
    changes = [float(strength[top:bottom, left:right].mean()) for left, top, right, bottom in windows]
    return make_map(changes, windows, width=grey.shape[1], height=grey.shape[0])


def mask_of(boxes: Sequence[Box], *, image: int, width: int, height: int) -> NDArray[np.bool_]:
    """The pixels of one picture that lie in any of the boxes."""
    inside = np.zeros((height, width), dtype=bool)
    for box in boxes:
        if box.image == image:
            left, right = round(box.left * width), round(box.right * width)
            top, bottom = round(box.top * height), round(box.bottom * height)
            inside[top:bottom, left:right] = True
    return inside


def points_into(maps: Sequence[Map], masks: Sequence[NDArray[np.bool_]]) -> float:
    """Whether the strongest place of all pictures lies inside: the share of its pixels that do.

    Several pixels share the greatest value, since windows are larger than a pixel. A map of one value everywhere points
    nowhere: its share is that of the area.
    """
    most = max(float(found.max()) for found in maps)
    # Means of the same windows differ in their last digit, by the order in which they were added up.
    strongest = [found >= most - 1e-12 for found in maps]
    hits = sum(int((place & mask).sum()) for place, mask in zip(strongest, masks, strict=True))
    return hits / sum(int(place.sum()) for place in strongest)


def leans(maps: Sequence[Map], first: Sequence[NDArray[np.bool_]], second: Sequence[NDArray[np.bool_]]) -> float:
    """How much more a map says of one place than of another: the logarithm of the ratio of its means there."""
    means = []
    for masks in (first, second):
        values = np.concatenate([found[mask] for found, mask in zip(maps, masks, strict=True)])
        means.append(float(values.mean()) if len(values) else 0.0)
    # A map that is 0 in both places leans to neither.
    return float(np.log((means[0] + 1e-9) / (means[1] + 1e-9)))
