"""Pictures that are easily misread, each beside a plain one that shows the same."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.api import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_SIDE = 32  # pixels of one field
_RED, _GREEN, _BLUE, _WHITE, _BLACK = (230, 20, 20), (20, 180, 20), (20, 20, 230), (255, 255, 255), (0, 0, 0)
_SIDEWAYS = 6  # EXIF: a viewer turns the picture by 90 degrees, clockwise


def odd_pictures() -> Iterator[tuple[str, Image, Image]]:
    """Pictures as a judge may get them: sideways, transparent, of 16 bits, of ink, animated, ...

    A judge or a task that looks at pictures must do the same with both of a pair. What the plain one shows is written
    by hand, and not taken from the code that decodes.

    Yields:
        What is odd, the odd picture, and a PNG with the pixels that a person sees.
    """
    upright = [[_RED, _GREEN, _BLUE], [_WHITE, _BLACK, _RED]]
    lying = _fields([[_BLUE, _RED], [_GREEN, _BLACK], [_RED, _WHITE]])
    yield "sideways PNG", _encode(lying, "PNG", exif=_exif()), _plain(upright)
    yield "sideways WebP", _encode(lying, "WEBP", lossless=True, exif=_exif()), _plain(upright)
    yield "sideways TIFF", _encode(lying, "TIFF", tiffinfo={0x0112: _SIDEWAYS}), _plain(upright)

    drawing = _fields([[_BLACK, _RED, _BLACK]])
    drawing.putalpha(_grey([[255, 255, 0]]))
    yield "transparent PNG", _encode(drawing, "PNG"), _plain([[_BLACK, _RED, _WHITE]])
    pencil = _grey([[0, 80, 0]])
    pencil.putalpha(_grey([[255, 255, 0]]))
    yield "transparent grey", _encode(pencil, "PNG"), _plain([[_BLACK, (80, 80, 80), _WHITE]])
    painted = _fields([[_BLACK, _RED, _GREEN]]).quantize(3)
    clear = painted.getpixel((0, 0))
    yield "palette with a clear colour", _encode(painted, "PNG", transparency=clear), _plain([[_WHITE, _RED, _GREEN]])

    steps, grey = _grey([[0, 80, 255]]), _plain([[_BLACK, (80, 80, 80), _WHITE]])
    yield "16 bits", _encode(steps.convert("I").point(lambda level: level * 257).convert("I;16"), "PNG"), grey
    yield "floating point", _encode(steps.convert("F").point(lambda level: level * (1 / 255)), "TIFF"), grey
    yield "CMYK", _encode(_fields([[_BLACK, _RED]]).convert("CMYK"), "TIFF"), _plain([[_BLACK, _RED]])

    frames = [_fields([[_RED, _BLUE]]), _fields([[_GREEN, _GREEN]])]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        named = {"lossless": True} if kind == "WEBP" else {}
        moving = _encode(frames[0], kind, save_all=True, append_images=frames[1:], **named)
        yield f"two frames of {kind}", moving, _plain([[_RED, _BLUE]])


def _fields(rows: list[list[tuple[int, int, int]]]) -> PILImage:
    """A picture in RGB of square fields, each of one colour."""
    import PIL.Image

    small = PIL.Image.new("RGB", (len(rows[0]), len(rows)))
    small.putdata([colour for row in rows for colour in row])
    return small.resize((small.width * _SIDE, small.height * _SIDE), PIL.Image.Resampling.NEAREST)


def _grey(rows: list[list[int]]) -> PILImage:
    return _fields([[(value, value, value) for value in row] for row in rows]).convert("L")


def _exif() -> bytes:
    import PIL.Image

    exif = PIL.Image.Exif()
    exif[0x0112] = _SIDEWAYS
    return exif.tobytes()


def _plain(rows: list[list[tuple[int, int, int]]]) -> Image:
    return _encode(_fields(rows), "PNG")


def _encode(picture: PILImage, kind: str, **settings: object) -> Image:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return Image.from_bytes(buffer.getvalue(), name=f"a {kind}")
