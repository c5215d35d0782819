"""Decodes an image file to the picture that a person sees: upright, opaque, 8 bits, RGB, the first frame.

Where viewers agree, their rule is followed. Where they do not, the plainest rule is taken:

- The picture is turned as its EXIF orientation says.
- Transparent pixels lie on white.
- 16 bits become 8 by dividing by 257, so that 65535 is 255. Wider whole numbers, and floating-point ones outside of
  0 to 1, have no agreed white: the range of the picture becomes 0 to 255 (a flat picture is black). Floating-point
  numbers within 0 to 1 are multiplied by 255. NaN is black.
- CMYK is multiplied out, (255 - C) (255 - K) / 255. A JPEG stores it inverted, as Adobe does. Pillow's colour
  management converts LAB.
- Colour profiles are not applied. No preprocessing of a model does so, and all judges should see the same numbers.

Not for reading files or for naming pictures: see `_image`.
"""

from __future__ import annotations

import importlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage
    from PIL.Image import Transpose

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded. A small file can hide many gigabytes of pixels."""

MAX_BYTES = 256 * 2**20
"""Larger files are refused before they are read."""

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
"""Endings of the pictures in a folder that has no table to name them."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # a closed list: Pillow would run Ghostscript for PostScript
# Brands of the containers that HEIC and AVIF share, at the beginning of a file.
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_AVIF = frozenset({b"avif", b"avis", b"mif1", b"msf1"})
_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9", "WEBP": b""}
"""The last bytes of the formats that every vision endpoint decodes. Pillow reads files without them. Others may not."""
_ORIENTATION = 0x0112  # the EXIF tag
_NARROW = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})  # 8 bits or less, nothing to scale


class UnseenError(Exception):
    """A picture cannot be shown. The message gives the reason and the fix."""


class Stored(NamedTuple):
    """A picture, and how its file compares with it."""

    picture: PILImage
    """In RGB, with nothing attached to it."""
    kind: str
    """Media type of the file."""
    plain: bool
    """Whether every decoder shows exactly this picture, so that the file can be sent as it is."""


def decode_picture(raw: bytes) -> Stored:
    """The picture in the bytes of a file.

    Raises:
        UnseenError: Too large, of an unknown kind, truncated, or damaged.
    """
    import PIL.Image

    picture = _open(raw)
    kind = PIL.Image.MIME.get(picture.format or "", "application/octet-stream")
    try:
        picture.load()
        # An alpha channel that is 255 everywhere hides nothing: most PNGs of screenshots have one.
        opaque = picture.mode in ("L", "RGB") and not picture.has_transparency_data
        opaque = opaque or (picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255))
        plain = (
            opaque
            and picture.format in _ENDS
            and _ENDS[picture.format] in raw[-64:]
            and not getattr(picture, "is_animated", False)
            and _find_turn(picture) is None
            and _depth(picture, raw) == 8
        )
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... on bad files
        raise _unreadable_error(error) from error
    return Stored(to_visible(picture), kind, plain)


def to_visible(picture: PILImage) -> PILImage:
    """Make the picture that a person sees, as a new one in RGB with nothing attached to it.

    Raises:
        UnseenError: It cannot be decoded or converted.
    """
    try:
        picture.load()
        turn = _find_turn(picture)
        result = _on_white(_to_8_bits(picture))
        if turn is not None:
            result = result.transpose(turn)
    except Exception as error:
        raise _unreadable_error(error) from error
    result.info.clear()  # an orientation that was applied must not be applied again
    return result


def is_shown_as_stored(raw: bytes) -> bool:
    """Whether a file's pixels are shown unchanged, apart from a conversion to RGB. Nothing is decoded.

    It is false for a file that may hold transparency, even if it holds none. It is true for a file that cannot be read,
    since nothing of it is shown.
    """
    try:
        picture = _open(raw)
        # EXIF data of a PNG may stand after the pixels, where Pillow only finds them by decoding.
        late = picture.format == "PNG" and "exif" not in picture.info and _has_exif(raw)
        seen_through = picture.mode not in _NARROW or picture.has_transparency_data
        return not (seen_through or late or _find_turn(picture) is not None)
    except Exception:
        return True


def _open(raw: bytes) -> PILImage:
    """The picture with its header read and no pixel decoded."""
    import PIL.Image

    try:
        picture = PIL.Image.open(io.BytesIO(raw), formats=_formats(raw))
        _check_size(picture)
        if picture.format == "PNG":
            _scale_transparency(picture, _depth(picture, raw))
    except UnseenError:
        raise
    except PIL.UnidentifiedImageError:  # its own message holds the address of an object
        known = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
        raise UnseenError(f"not a readable image (empty, damaged, or none of {known}); replace the file") from None
    except PIL.Image.DecompressionBombError as error:
        raise UnseenError(f"{error}; scale it down") from error
    except Exception as error:
        raise _unreadable_error(error) from error
    return picture


def _check_size(picture: PILImage) -> None:
    tags = getattr(picture, "tag_v2", {})
    for width, height in (picture.size, (tags.get(322, 0), tags.get(323, 0))):  # a tile of a TIFF is decoded whole
        if width * height > MAX_PIXELS:
            raise UnseenError(
                f"{width} x {height} pixels are more than the {MAX_PIXELS:,} allowed; a file like this can exhaust "
                "memory: scale it down"
            )


def _formats(raw: bytes) -> tuple[str, ...]:
    """Names of Pillow's formats to try."""
    # A container of ISO media files begins with its length and "ftyp", then lists its brands.
    if raw[4:8] != b"ftyp":
        return _FORMATS
    size = min(int.from_bytes(raw[:4]), 4096)
    brands = {raw[at : at + 4] for at in range(8, size, 4)}
    if brands & _HEIC:
        try:
            importlib.import_module("pillow_heif").register_heif_opener()
        except ImportError:
            raise UnseenError("HEIC needs the library pillow-heif: pip install 'judge-harness[heic]'") from None
        return ("HEIF",)
    if not brands & _AVIF:
        return _FORMATS
    import PIL.Image

    PIL.Image.init()
    if "AVIF" not in PIL.Image.OPEN:
        raise UnseenError("AVIF needs Pillow 11.3 or later: pip install -U pillow")
    return ("AVIF",)


def _unreadable_error(error: Exception) -> UnseenError:
    # Some errors of Pillow's have no text.
    return UnseenError(f"not a readable image ({error or type(error).__name__}); replace the file or remove the item")


def _depth(picture: PILImage, raw: bytes) -> int:
    """Bits of a sample in the file."""
    # Byte 24 of a PNG is the bit depth in its header. Pillow opens 16-bit RGB as 8 bits and does not tell.
    return raw[24] if picture.format == "PNG" else 8


def _has_exif(raw: bytes) -> bool:
    """Whether a PNG holds EXIF data, before the pixels or after them."""
    at = 8  # after the signature. Each chunk has a length, a type of four letters, its data and a checksum
    while at < len(raw):
        if raw[at + 4 : at + 8] == b"eXIf":
            return True
        at += 12 + int.from_bytes(raw[at : at + 4])
    return False


def _scale_transparency(picture: PILImage, depth: int) -> None:
    """Bring the transparent colour of a PNG from the samples of its file to the 8 bits of its pixels."""
    colour, top = picture.info.get("transparency"), 2**depth - 1
    if isinstance(colour, int) and picture.mode in ("1", "L"):
        picture.info["transparency"] = (colour & top) * 255 // top
    elif isinstance(colour, tuple):
        picture.info["transparency"] = tuple((sample & top) >> (depth - 8) for sample in colour)  # as Pillow narrows


def _find_turn(picture: PILImage) -> Transpose | None:
    """The transposition that makes the picture upright. `None` where it is upright."""
    import PIL.Image

    if picture.format == "TIFF":  # Pillow turns it while it decodes
        return None
    ways = PIL.Image.Transpose
    turns = {
        2: ways.FLIP_LEFT_RIGHT,
        3: ways.ROTATE_180,
        4: ways.FLIP_TOP_BOTTOM,
        5: ways.TRANSPOSE,
        6: ways.ROTATE_270,
        7: ways.TRANSVERSE,
        8: ways.ROTATE_90,
    }
    try:
        # Of the base class: that of a PNG would decode the picture, in search of EXIF data after the pixels.
        return turns.get(PIL.Image.Image.getexif(picture).get(_ORIENTATION, 1))
    except Exception:  # a viewer shows a picture with damaged EXIF data as it is stored
        return None


def _to_8_bits(picture: PILImage) -> PILImage:
    """The picture with 8 bits a channel."""
    # Mode I has 32 bits, but Pillow opens PNGs of 16 bits in it as well.
    if picture.mode.startswith("I;16"):
        return _of_16_bits(picture)
    if picture.mode == "I" and all(edge in range(2**16) for edge in picture.getextrema()):
        return _of_16_bits(picture)
    return _stretch(picture) if picture.mode in ("I", "F") else picture


def _of_16_bits(picture: PILImage) -> PILImage:
    """Grey of 16 bits as grey of 8, with alpha where one value is transparent. A TIFF may use fewer of the 16."""
    import PIL.Image

    values = picture.convert("I")
    tags = getattr(picture, "tag_v2", {})  # of a TIFF: 258 is the bits of a sample, 262 whether 0 is white
    (bits, *_) = tags.get(258) or (16,)
    grey = values.point(_levels(bits if bits in range(9, 16) else 16, white_is_zero=tags.get(262) == 0), "L")
    clear = picture.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    return PIL.Image.merge("LA", (grey, values.point([255 * (value != clear) for value in range(2**16)], "L")))


@lru_cache(maxsize=16)
def _levels(bits: int, *, white_is_zero: bool) -> list[int]:
    """The level of 8 bits for each value of 16."""
    top = 2**bits - 1
    levels = [(min(value, top) * 255 + top // 2) // top for value in range(2**16)]
    return [255 - level for level in levels] if white_is_zero else levels


def _stretch(picture: PILImage) -> PILImage:
    """Numbers of any range as grey of 8 bits."""
    import numpy as np
    import PIL.Image

    values = np.asarray(picture)
    numbers = values[np.isfinite(values)]
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    span = (high - low) or 1.0
    grey = np.empty(values.shape, dtype=np.uint8)
    for row, numbers in zip(grey, values, strict=True):  # in double precision, but never the whole of a large picture
        share = np.nan_to_num((numbers.astype(np.float64) - low) / span, nan=0.0, posinf=1.0, neginf=0.0)
        row[:] = np.rint(np.clip(share, 0.0, 1.0) * 255)
    return PIL.Image.fromarray(grey)


def _on_white(picture: PILImage) -> PILImage:
    """The picture in RGB, with its transparent pixels on white."""
    import PIL.Image

    if not picture.has_transparency_data:
        # Pillow's own way to a new picture around the same pixels: for most pictures, no copy is made.
        return picture._new(picture.im) if picture.mode == "RGB" else picture.convert("RGB")
    above = picture.convert("RGBA")
    if above.getchannel("A").getextrema() == (255, 255):
        return above.convert("RGB")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", above.size, "white"), above).convert("RGB")
