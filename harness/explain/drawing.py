"""Maps drawn over their pictures, as PNG files in the run folder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.api import Box, Image, JournalError
from harness.explain.maps import Map
from harness.libraries.files import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FOLDER = "explanations"
"""Name of the folder of drawings in the run folder."""

_SIDE = 256
"""Pixels of the longer side of a picture, at least: a map over a stamp cannot be seen."""
_GAP = 8
_HEAT = (255, 64, 0)
_FRAME = (0, 90, 220)


def draw_map(
    folder: Path, images: Sequence[Image], maps: Sequence[Map], boxes: Sequence[Box], *, what: Sequence[str]
) -> str:
    """Draw maps over their pictures, side by side, with frames around the places where the fact is to be seen.

    Args:
        folder: The run folder.
        images: The pictures.
        maps: As many, of one scale.
        boxes: Where the fact is to be seen.
        what: Names the drawing. Names of items are hostile, so that the file is called by their hash.

    Returns:
        Path of the file in the run folder.

    Raises:
        JournalError: It cannot be written.
    """
    # One scale for all pictures of an item: the stronger place must look stronger.
    most = max(float(found.max()) for found in maps) or 1.0
    drawn = [
        _draw(image, found / most, [box for box in boxes if box.image == number])
        for number, (image, found) in enumerate(zip(images, maps, strict=True))
    ]
    name = f"{FOLDER}/{hashlib.sha256(repr(tuple(what)).encode('utf-8', 'surrogatepass')).hexdigest()[:20]}.png"
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        write_whole(folder / name, _encode(_join(drawn)))
    except OSError as error:
        raise JournalError(f"{folder / name}: cannot be written ({error.strerror or error})") from error
    return name


def _draw(image: Image, found: Map, boxes: Sequence[Box]) -> PILImage:
    import PIL.Image
    import PIL.ImageDraw

    picture = image.load()
    scale = max(1, -(-_SIDE // max(picture.size)))
    size = (picture.width * scale, picture.height * scale)
    # The picture in whole pixels, as the judge saw it. The map is smooth, since its windows overlap.
    large = picture.resize(size, PIL.Image.Resampling.NEAREST)
    strength = PIL.Image.fromarray(np.uint8(np.clip(found, 0, 1) * 170)).resize(size, PIL.Image.Resampling.BILINEAR)
    large.paste(_HEAT, (0, 0), strength)
    canvas = PIL.ImageDraw.Draw(large)
    for box in boxes:
        edges = (box.left * size[0], box.top * size[1], box.right * size[0] - 1, box.bottom * size[1] - 1)
        canvas.rectangle(edges, outline=_FRAME, width=2)
    return large


def _join(drawn: Sequence[PILImage]) -> PILImage:
    """Pictures side by side."""
    import PIL.Image

    width = sum(picture.width for picture in drawn) + _GAP * (len(drawn) - 1)
    whole = PIL.Image.new("RGB", (width, max(picture.height for picture in drawn)), (255, 255, 255))
    left = 0
    for picture in drawn:
        whole.paste(picture, (left, 0))
        left += picture.width + _GAP
    return whole


def _encode(picture: PILImage) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
