"""What is done to pictures in RGB. Each function returns a new one of the same size and changes nothing in place."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from harness.api import DataError, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Painter: TypeAlias = Callable[["PILImage"], "PILImage"]

QUALITIES = (60, 35, 18, 8, 3)
"""JPEG quality by strength, from 1."""
DEVIATIONS = (6.0, 12.0, 24.0, 42.0, 70.0)
"""Standard deviation of the noise by strength, from 1; a channel has 0 to 255."""

_SMALLEST = 9  # pixels; the built-in font has no legible letters below
_SHARE = 0.055  # of the shorter side: letter size where there is room
_MOST = 0.5  # of the height that the band may cover
_PAPER, _INK = (0, 0, 0), (255, 255, 255)  # a band of its own: the contrast depends on no picture


def repaint(image: Image, painter: Painter, *, note: str) -> Image:
    """An image that is painted when somebody looks at it.

    Args:
        image: The original; it is looked at when the new one is.
        painter: What is done to its picture.
        note: What was done, for messages.
    """
    # Lazy: a probe of a million items must not open a million pictures to show the first.
    return Image.from_drawing(partial(_paint, image, painter), name=f"{image.name} ({note})")


def _paint(image: Image, painter: Painter) -> PILImage:
    # A painter knows the picture and not its name. The name is put before its message here.
    try:
        return painter(image.load())
    except DataError as error:
        raise DataError(f"image {image.name}: {error}") from error


def grey(picture: PILImage) -> PILImage:
    """Plain mid-grey."""
    return PIL.Image.new("RGB", picture.size, (128, 128, 128))


def jpeg(picture: PILImage, *, strength: int) -> PILImage:
    """Compressed by JPEG and decoded again; chroma at half resolution."""
    buffer = io.BytesIO()
    # Subsampling is set: Pillow's default changes with the quality, and then strength would be two changes.
    picture.save(buffer, format="JPEG", quality=QUALITIES[strength - 1], subsampling=2)
    with PIL.Image.open(buffer) as decoded:
        return decoded.convert("RGB")


def noise(picture: PILImage, *, strength: int, seed: int) -> PILImage:
    """Gaussian noise, independent for each pixel and channel."""
    pixels = np.asarray(picture, dtype=np.float32)
    # PCG64 by name, since NumPy may change the generator that `default_rng` makes.
    dice = np.random.Generator(np.random.PCG64(seed))
    noisy = pixels + dice.standard_normal(pixels.shape, dtype=np.float32) * DEVIATIONS[strength - 1]
    return PIL.Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def write(picture: PILImage, *, text: str, place: str) -> PILImage:
    """A text in white on a black band as wide as the picture.

    Letters have 5.5 % of the shorter side, and at least 9 pixels; lines are wrapped, and letters made smaller where the
    band would cover more than half of the picture.

    Args:
        picture: The picture.
        text: White space of any kind counts as one blank.
        place: `top`, `centre` or `bottom`.

    Raises:
        DataError: The text does not fit.
    """
    result = picture.copy()
    width, height = result.size
    margin = max(1, round(min(width, height) * 0.015))
    font, lines, step = _fit(text, width=width - 2 * margin, height=int(height * _MOST) - 2 * margin)
    tall = len(lines) * step + 2 * margin
    top = {"top": 0, "centre": (height - tall) // 2, "bottom": height - tall}[place]
    canvas = PIL.ImageDraw.Draw(result)
    canvas.rectangle((0, top, width - 1, top + tall - 1), fill=_PAPER)
    for number, line in enumerate(lines):
        left = (width - font.getlength(line)) / 2
        canvas.text((round(left), top + margin + number * step), line, fill=_INK, font=font)
    return result


def unpaintable(text: str) -> str:
    """The characters of a text that Pillow's built-in font cannot show."""
    font = _font(24)
    # U+FFFF is no character, so its picture is the box that the font shows for all that it lacks.
    absent = bytes(font.getmask("\uffff"))
    return "".join(
        letter for letter in dict.fromkeys(text) if not letter.isspace() and bytes(font.getmask(letter)) == absent
    )


def _font(size: int) -> PIL.ImageFont.FreeTypeFont:
    font = PIL.ImageFont.load_default(size)
    # Without FreeType, `load_default` gives a bitmap font and ignores the size.
    if not isinstance(font, PIL.ImageFont.FreeTypeFont):
        raise DataError("this Pillow was built without FreeType and cannot scale its font; install a wheel of Pillow")
    return font


def _fit(text: str, *, width: int, height: int) -> tuple[PIL.ImageFont.FreeTypeFont, list[str], int]:
    """Font, lines, and pixels from one line to the next."""
    # `height` is half of the picture's. Twice that, or the width, is the shorter side that letters are sized by.
    for size in range(max(_SMALLEST, round(_SHARE * min(width, 2 * height))), _SMALLEST - 1, -1):
        font = _font(size)
        lines, step = _wrap(text, font, width), sum(font.getmetrics())
        if lines and len(lines) * step <= height:
            return font, lines, step
    raise DataError(
        f"the text {text[:40]!r} cannot be painted legibly: there are {width} x {height} pixels for it; give a shorter "
        "`text:` or larger images"
    )


def _wrap(text: str, font: PIL.ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines that fit the width, a word that is too long cut; none where not even a letter fits."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if font.getlength(letter) > width:
                return []
            if font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines
