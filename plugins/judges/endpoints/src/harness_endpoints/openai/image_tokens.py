"""Tokens of an image by OpenAI's published rules, for a price before a run. No request depends on it.

The rules are those of the guide "Images and vision" (platform.openai.com/docs/guides/images-vision, "Calculating
costs"), read in 2025. Two ways are known: tiles of 512 pixels, and patches of 32 pixels. A judge sends no `detail`, and
the servers then take the high one. Models of other providers have rules of their own, so nothing is said of them.
"""

from __future__ import annotations

import math
import re

# Base tokens and tokens for a tile. The first pattern that fits the name counts.
_TILES: tuple[tuple[str, int, int], ...] = (
    (r"gpt-4o-mini", 2833, 5667),
    (r"gpt-4o|gpt-4\.1(?!-mini|-nano)|gpt-4\.5|chatgpt-4o", 85, 170),
    (r"o1|o3(?!-mini)", 75, 150),
    (r"gpt-5(?!-mini|-nano)(?:-|$)", 70, 140),
)
# What a patch is multiplied by.
_PATCHES: tuple[tuple[str, float], ...] = (
    (r"gpt-(?:4\.1|5)-mini", 1.62),
    (r"gpt-(?:4\.1|5)-nano", 2.46),
    (r"o4-mini", 1.72),
)
_MOST_PATCHES = 1536


def image_tokens(model: str, width: int, height: int) -> int | None:
    """Tokens that a model reads for one image; `None` where no rule is known.

    >>> image_tokens("gpt-4o-2024-11-20", 1024, 1024), image_tokens("gpt-4.1-mini", 1024, 1024)
    (765, 1659)
    """
    for pattern, factor in _PATCHES:
        if re.match(pattern, model):
            return round(_count_patches(width, height) * factor)
    for pattern, base, tile in _TILES:
        if re.match(pattern, model):
            return base + tile * _count_tiles(width, height)
    return None


def _count_tiles(width: int, height: int) -> int:
    """Squares of 512 pixels, once the image fits into 2048 and its shorter side into 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return math.ceil(round(width * scale) / 512) * math.ceil(round(height * scale) / 512)


def _count_patches(width: int, height: int) -> int:
    """Squares of 32 pixels, at most so many: a larger image is scaled down."""
    return min(_MOST_PATCHES, math.ceil(width / 32) * math.ceil(height / 32))
