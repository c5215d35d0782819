"""Bounds of the number of pixels that a model is shown of each image, for the processors that have any.

There are two kinds. Those of the Qwen-VL family say in `size` how many pixels an image has at least and at most
(`shortest_edge` and `longest_edge` are areas there). Others (Idefics, SmolVLM, Pixtral) say how long its sides are. All
else makes every image the same size, and has no such bound.
"""

from __future__ import annotations

import math
from typing import Any

from harness.api import UserError

_LONGEST_SIDE = 16_384
"""What is more than this is an area and no side: an image of that side has 268 million pixels."""


def set_pixel_bounds(processor: Any, *, least: int | None, most: int | None, who: str) -> None:
    """Set the bounds of a processor. What `save_pretrained` of it writes has them too.

    Args:
        processor: With an `image_processor`, which is changed.
        least: Fewest pixels of an image; `None` to leave it as it is.
        most: Most pixels of an image.
        who: For messages, such as `judge NAME`.

    Raises:
        UserError: The processor has no such bound, or the two do not go together.
    """
    if least is None and most is None:
        return
    images = getattr(processor, "image_processor", None)
    name = "max_pixels" if least is None else "min_pixels"
    if images is None:
        raise UserError(f"{who}: {name}: this is a text model, which is shown no images; remove it")
    kind = type(images).__name__
    size = {edge: value for edge, value in dict(images.to_dict().get("size") or {}).items() if value}
    if "longest_edge" not in size:
        shown = ", ".join(f"{edge} {value}" for edge, value in size.items()) or "nothing"
        raise UserError(
            f"{who}: {name}: the image processor of the model ({kind}) has no bound of pixels, its size is {shown}; "
            "remove min_pixels and max_pixels"
        )
    made = (_areas if _bounds_areas(images, size) else _sides)(images, size, least, most, who)
    if made.get("shortest_edge", 0) > made["longest_edge"]:
        raise UserError(
            f"{who}: {name}: with it an image would have at least {made['shortest_edge']:,} and at most "
            f"{made['longest_edge']:,} ({kind}); set both min_pixels and max_pixels"
        )
    # The type is kept: some processors read the edges as attributes.
    images.size = type(images.size)(**made)
    for own, value in (("min_pixels", least), ("max_pixels", most)):
        if value is not None and getattr(images, own, None) is not None:  # of older transformers
            setattr(images, own, value)


def pixel_bounds(processor: Any) -> tuple[int | None, int | None]:
    """Fewest and most pixels of an image by the processor's own size; `None` where it has no such bound."""
    images = getattr(processor, "image_processor", processor)
    size = {edge: value for edge, value in dict(images.to_dict().get("size") or {}).items() if value}
    if "height" in size and "width" in size:
        return size["height"] * size["width"], size["height"] * size["width"]
    least, most = size.get("shortest_edge"), size.get("longest_edge")
    if most is None:
        return (None, None) if least is None else (least**2, least**2)
    if _bounds_areas(images, size):
        frames = _frames(images, size)
        return None if least is None else least // frames, most // frames
    return None if least is None else least**2, most**2


def _bounds_areas(images: Any, size: dict[str, int]) -> bool:
    known: dict[str, Any] = getattr(getattr(images, "valid_kwargs", None), "__annotations__", {})
    return "max_pixels" in known or size["longest_edge"] > _LONGEST_SIDE


def _areas(images: Any, size: dict[str, int], least: int | None, most: int | None, who: str) -> dict[str, int]:
    frames = _frames(images, size)
    made = {**size, **({} if least is None else {"shortest_edge": least * frames})}
    return {**made, **({} if most is None else {"longest_edge": most * frames})}


def _frames(images: Any, size: dict[str, int]) -> int:
    """How often a processor counts a pixel: those of GLM take an image for a film of two frames."""
    count = getattr(images, "get_number_of_image_patches", None)
    if count is None:
        return 1
    side = 2 * math.isqrt(size["longest_edge"])  # of an image that has to be reduced
    shown: float = count(side, side, {}) * images.patch_size**2
    return max(1, round(size["longest_edge"] / shown))


def _sides(images: Any, size: dict[str, int], least: int | None, most: int | None, who: str) -> dict[str, int]:
    made = dict(size)
    if least is not None:
        if "shortest_edge" not in size:
            raise UserError(
                f"{who}: min_pixels: the image processor of the model ({type(images).__name__}) bounds the longest "
                "side of an image only; remove min_pixels"
            )
        made["shortest_edge"] = math.isqrt(least - 1) + 1  # rounded up
    if most is not None:
        step = _step(images)
        # No image has more pixels than a square of its longest side, which processors round up to whole patches.
        made["longest_edge"] = math.isqrt(most) // step * step
        if not made["longest_edge"]:
            raise UserError(
                f"{who}: max_pixels: an image is at least one patch or tile of {step} x {step}; set {step * step:,}"
            )
        if "shortest_edge" in made and least is None:
            made["shortest_edge"] = min(made["shortest_edge"], made["longest_edge"])
    return made


def _step(images: Any) -> int:
    """Sides are a multiple of this: the side of a tile, where images are cut into tiles, or of a patch."""
    for given in (getattr(images, "max_image_size", None), getattr(images, "patch_size", None)):
        if given:
            return int(given if isinstance(given, int) else max(value for value in dict(given).values() if value))
    return 1
