"""Images as texts in base64, within the limits of the endpoint. The same image gives the same bytes every time."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import DataError, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_JPEG = frozenset({"image/jpeg", "image/mpo"})  # losses are there already: scaled down, they stay small files
_QUALITIES = (92, 85, 75)
_SMALLEST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """Limits on an image."""

    side: int | None
    """Pixels on the longer side."""
    bytes: int
    """Size of the file, before base64 adds a third."""


def data_url(image: Image, limits: ImageLimits) -> str:
    """The picture that a person sees as a data URL. See `base64_of`."""
    media, data = base64_of(image, limits)
    return f"data:{media};base64,{data}"


def base64_of(image: Image, limits: ImageLimits) -> tuple[str, str]:
    """The picture that a person sees: its media type, and its file in base64.

    Within the limits it is `Image.encode`: the file as it is, or a PNG of the same pixels. A larger side is scaled
    down (Lanczos). What is then too large a file becomes a JPEG, and is scaled down until it fits.

    Raises:
        DataError: It cannot be read, or not even a thumbnail fits.
    """
    try:
        raw, media = _whole(image, limits) or _reduce(image, limits)
    finally:
        image.forget()  # many requests are in flight at once
    return media, base64.b64encode(raw).decode("ascii")


def _whole(image: Image, limits: ImageLimits) -> tuple[bytes, str] | None:
    """The picture with all its pixels, where the limits allow it."""
    if limits.side is not None and max(image.load().size) > limits.side:
        return None
    raw, media = image.encode()
    return (raw, media) if len(raw) <= limits.bytes else None


def _reduce(image: Image, limits: ImageLimits) -> tuple[bytes, str]:
    picture = image.load()
    if limits.side is not None and max(picture.size) > limits.side:
        picture = _scale(picture, limits.side / max(picture.size))
        # PNG first: no new losses where the source had none.
        if image.media_type not in _JPEG and len(encoded := _encode(picture, "PNG")) <= limits.bytes:
            return encoded, "image/png"
    # Quality before size: fewer pixels lose small details for good.
    while max(picture.size) >= _SMALLEST:
        for quality in _QUALITIES:
            encoded = _encode(picture, "JPEG", quality=quality)
            if len(encoded) <= limits.bytes:
                return encoded, "image/jpeg"
        picture = _scale(picture, 0.75)
    raise DataError(
        f"image {image.name}: does not fit into {limits.bytes:,} bytes, however small; raise max_image_bytes"
    )


def _scale(picture: PILImage, factor: float) -> PILImage:
    import PIL.Image

    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, PIL.Image.Resampling.LANCZOS)


def _encode(picture: PILImage, kind: str, **settings: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **settings)
    return buffer.getvalue()
