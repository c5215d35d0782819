"""Images as data URLs, within the limits of the endpoint. The same image gives the same bytes every time."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import DataError, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_TAKEN = frozenset({"image/png", "image/jpeg", "image/webp"})  # what every endpoint with eyes decodes
_QUALITIES = (92, 85, 75)
_SMALLEST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an image may be."""

    side: int | None
    """Pixels on the longer side."""
    bytes: int
    """Size of the file, before base64 adds a third."""


def data_url(image: Image, limits: Limits) -> str:
    """The image as a data URL.

    PNG, JPEG and WebP within the limits go as they are. A larger side is scaled down (Lanczos), another kind (GIF,
    TIFF, BMP, ...: the first frame) becomes PNG; a file that is still too large becomes JPEG on white, and is scaled
    down until it fits.

    Raises:
        DataError: It cannot be read, or not even a thumbnail fits.
    """
    raw, media = image.encoded()
    if media not in _TAKEN or len(raw) > limits.bytes or limits.side is not None:
        raw, media = _fitted(image, raw, media, limits)
    return f"data:{media};base64,{base64.b64encode(raw).decode('ascii')}"


def _fitted(image: Image, raw: bytes, media: str, limits: Limits) -> tuple[bytes, str]:
    picture = image.load()
    small = limits.side is None or max(picture.size) <= limits.side
    if small and media in _TAKEN and len(raw) <= limits.bytes:
        return raw, media
    if not small:
        assert limits.side is not None
        picture = _scaled(picture, limits.side / max(picture.size))
    if media != "image/jpeg":
        encoded = _saved(_plain(picture), "PNG")
        if len(encoded) <= limits.bytes:
            return encoded, "image/png"
    picture = _on_white(picture)
    while max(picture.size) >= _SMALLEST:
        for quality in _QUALITIES:
            encoded = _saved(picture, "JPEG", quality=quality)
            if len(encoded) <= limits.bytes:
                return encoded, "image/jpeg"
        picture = _scaled(picture, 0.75)
    raise DataError(
        f"image {image.name}: does not fit into {limits.bytes:,} bytes, however small; raise max_image_bytes"
    )


def _scaled(picture: PILImage, factor: float) -> PILImage:
    import PIL.Image

    if picture.mode not in ("RGB", "RGBA", "L", "LA"):
        picture = _plain(picture)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, PIL.Image.Resampling.LANCZOS)


def _plain(picture: PILImage) -> PILImage:
    """In a mode that PNG and every decoder know, transparency kept."""
    if picture.mode in ("RGB", "RGBA", "L", "LA"):
        return picture
    see_through = "transparency" in picture.info or picture.mode in ("PA", "RGBa", "La")
    return picture.convert("RGBA" if see_through else "RGB")


def _on_white(picture: PILImage) -> PILImage:
    import PIL.Image

    picture = _plain(picture)
    if picture.mode in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, "white")
        picture = PIL.Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _saved(picture: PILImage, kind: str, **settings: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return buffer.getvalue()
