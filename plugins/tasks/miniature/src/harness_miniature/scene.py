"""A scene as data, and the painter that turns it into pixels: handwritten numerals on cards before a photograph.

Everything that the gold rests on is in the record; the painter adds nothing by chance. Positions and lengths are
fractions of the picture's width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageOps

from harness_miniature.degrade import Degradation
from harness_miniature.sources import load

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (208, 24, 32),
    "green": (16, 138, 48),
    "blue": (30, 70, 214),
    "purple": (140, 36, 168),
}
"""Ink colours of the train split."""
UNSEEN_COLOURS: dict[str, Colour] = {"orange": (238, 128, 16), "black": (24, 24, 24), "turquoise": (0, 172, 176)}
"""Ink colours that no train split shows."""
CASTS: dict[str, tuple[float, float, float]] = {
    "green": (0.5, 1.0, 0.5),
    "magenta": (1.0, 0.42, 0.95),
    "blue": (0.45, 0.6, 1.0),
}
"""Strengths of red, green and blue under an unnatural cast."""

_PAPER = (250, 248, 242)
_EDGE = (150, 146, 138)
# Share of white in the background: shadows and cards stay visible before dark leaves.
_WASH = 0.22


@dataclass(frozen=True, slots=True, kw_only=True)
class NumeralCard:
    """One handwritten numeral on a square paper card."""

    scan: int
    """Index of the scan in scikit-learn's digits."""
    left: float
    top: float
    side: float
    ink: str
    """A name in `COLOURS` or `UNSEEN_COLOURS`."""
    shadow: tuple[float, float] = (0.035, 0.035)
    """Where its shadow falls: to the right, down."""
    mirrored: bool = False
    """The numeral is written the wrong way round."""
    swapped: bool = False
    """The left and right halves of the numeral have changed places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A sign in the picture."""

    hazard: bool
    """The yellow triangle with a black border; otherwise a blue disc."""
    left: float
    top: float
    side: float = 0.36


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a picture is made from."""

    photograph: str
    """Name of the photograph."""
    crop: tuple[int, int, int, int]
    """The part of it that is the background: left, top, right, bottom, in its pixels."""
    gain: float = 1.0
    """Brightness of the background."""
    cards: tuple[NumeralCard, ...] = ()
    sign: Sign | None = None
    backdrop: str = "plain"
    """`plain`, `negative` (the photograph's colours inverted) or `tiles` (its pieces in the wrong places)."""
    tiles: tuple[int, ...] = ()
    """For `tiles`: which of the 16 pieces is shown in each place."""
    cast: str = ""
    """A name in `CASTS`, or none."""
    degradation: Degradation | None = None


_LEVELS = np.arange(256)


def _table(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """What becomes of each of the 256 levels, from numbers that may lie beyond them."""
    table: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return table


_SHADOW = _table(_LEVELS * 0.28)
_SHARPEN = _table(255 * np.clip((_LEVELS - 104) / 64, 0.0, 1.0))
_CASTS = {name: np.stack([_table(_LEVELS * factor) for factor in factors]) for name, factors in CASTS.items()}


def _map_levels(picture: PILImage, table: NDArray[np.uint8]) -> PILImage:
    """Look each level of a picture up: in one table, or in one for each of its three colours.

    Pillow's own `point` goes through its table in Python, which takes longer than a small picture does.
    """
    if table.ndim == 1:
        return PIL.Image.frombytes(picture.mode, picture.size, picture.tobytes().translate(table.tobytes()))
    return PIL.Image.fromarray(table[np.arange(3), np.asarray(picture)])


def paint(scene: Scene, size: int) -> PILImage:
    """Draw a scene.

    Returns:
        An RGB picture of `size` x `size` pixels.
    """
    picture = _background(scene, size)
    for card in scene.cards:
        _put_card(picture, card)
    if scene.sign is not None:
        _put_sign(picture, scene.sign)
    # The cast comes over cards and sign, as light does. Degradations come last, as a camera's do.
    if scene.cast:
        picture = _map_levels(picture, _CASTS[scene.cast])
    return picture if scene.degradation is None else scene.degradation.apply(picture)


def _background(scene: Scene, size: int) -> PILImage:
    photograph = load().photographs[scene.photograph]
    picture = photograph.resize((size, size), PIL.Image.Resampling.BICUBIC, box=scene.crop)
    if scene.backdrop == "negative":
        picture = PIL.ImageOps.invert(picture)
    elif scene.backdrop == "tiles":
        picture = _mix_pieces(picture, scene.tiles)
    return _map_levels(picture, _table((_LEVELS * (1 - _WASH) + 255 * _WASH) * scene.gain))


def _mix_pieces(picture: PILImage, tiles: tuple[int, ...]) -> PILImage:
    # Where the size is no multiple of 4 the pieces differ by a pixel, so each is fitted to its new place.
    edges = [round(k * picture.width / 4) for k in range(5)]
    boxes = [(edges[k % 4], edges[k // 4], edges[k % 4 + 1], edges[k // 4 + 1]) for k in range(16)]
    result = picture.copy()
    for place, tile in enumerate(tiles):
        left, top, right, bottom = boxes[place]
        result.paste(picture.resize((right - left, bottom - top), box=boxes[tile]), (left, top))
    return result


def _put_card(picture: PILImage, card: NumeralCard) -> None:
    size = picture.width
    left, top, side = round(card.left * size), round(card.top * size), round(card.side * size)
    dx, dy = (round(part * size) for part in card.shadow)
    # A shadow darkens what is there. A grey box would hide the photograph and look the same on every scene.
    fallen = (left + dx, top + dy, left + dx + side, top + dy + side)
    picture.paste(_map_levels(picture.crop(fallen), _SHADOW), fallen[:2])
    canvas = PIL.ImageDraw.Draw(picture)
    canvas.rectangle((left, top, left + side - 1, top + side - 1), fill=_PAPER, outline=_EDGE)
    margin = max(1, round(side * 0.1))
    ink = COLOURS.get(card.ink) or UNSEEN_COLOURS[card.ink]
    picture.paste(ink, (left + margin, top + margin), _ink_mask(card, side - 2 * margin))


def _ink_mask(card: NumeralCard, side: int) -> PILImage:
    """The scan enlarged to `side` pixels; a steep tone curve gives the strokes clean edges."""
    scan = PIL.Image.frombytes("L", (8, 8), load().scans[card.scan])
    if card.mirrored:
        scan = PIL.ImageOps.mirror(scan)
    mask = _SHARPEN[np.asarray(scan.resize((side, side), PIL.Image.Resampling.BICUBIC))]
    return PIL.Image.fromarray(np.roll(mask, side // 2, axis=1) if card.swapped else mask)


def _put_sign(picture: PILImage, sign: Sign) -> None:
    size = picture.width
    side = round(sign.side * size)
    big = side * 4  # drawn large and made small: smooth edges
    stamp = PIL.Image.new("RGBA", (big, big), (0, 0, 0, 0))
    canvas = PIL.ImageDraw.Draw(stamp)
    if sign.hazard:
        canvas.polygon([(big * 0.5, 0), (big - 1, big * 0.9), (0, big * 0.9)], fill=(16, 16, 16))
        canvas.polygon([(big * 0.5, big * 0.2), (big * 0.83, big * 0.8), (big * 0.17, big * 0.8)], fill=(255, 210, 0))
        canvas.rectangle((big * 0.46, big * 0.38, big * 0.54, big * 0.6), fill=(16, 16, 16))
        canvas.rectangle((big * 0.46, big * 0.66, big * 0.54, big * 0.74), fill=(16, 16, 16))
    else:
        canvas.ellipse((big * 0.05, big * 0.05, big * 0.95, big * 0.95), fill=(245, 245, 245))
        canvas.ellipse((big * 0.12, big * 0.12, big * 0.88, big * 0.88), fill=(20, 90, 190))
        canvas.rectangle((big * 0.28, big * 0.44, big * 0.72, big * 0.56), fill=(245, 245, 245))
    stamp = stamp.resize((side, side), PIL.Image.Resampling.BOX)
    picture.paste(stamp, (round(sign.left * size), round(sign.top * size)), stamp)
