"""Technical degradations in graded strengths. Strength 0 leaves a picture as it is; 4 is severe.

Blur and coarse pixels scale with the picture; noise has the grain of one pixel, and JPEG's blocks are 8 pixels, always.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageFilter
import PIL.ImageOps

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

LEVELS = 5
"""Strengths 0 to 4."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """What was done to a picture."""

    kind: str
    """A name in `TRAINED` or `UNSEEN`."""
    level: int
    """0 (nothing) to 4 (severe)."""
    seed: int = 0
    """Seed of the noise."""

    def apply(self, picture: PILImage) -> PILImage:
        """The degraded picture: RGB, same size."""
        if self.level == 0:
            return picture
        # PCG64 by name: NumPy may change what `default_rng` is, and with it every noisy picture.
        return _KINDS[self.kind](picture, self.level - 1, np.random.Generator(np.random.PCG64(self.seed)))


def _blur(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    # The radii are meant for 64 pixels. They grow with the picture, or a large one would hardly be blurred.
    return picture.filter(PIL.ImageFilter.GaussianBlur((0.6, 1.1, 1.8, 2.9)[step] * picture.width / 64))


def _noise(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    pixels = np.asarray(picture, dtype=np.float32)
    noisy = pixels + rng.standard_normal(pixels.shape, dtype=np.float32) * (12, 24, 42, 70)[step]
    return PIL.Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def _jpeg(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    buffer = io.BytesIO()
    # Subsampling is set, as its default depends on the quality and on the version of Pillow.
    picture.save(buffer, format="JPEG", quality=(28, 14, 7, 2)[step], subsampling=2)
    with PIL.Image.open(buffer) as decoded:
        return decoded.convert("RGB")


def _contrast(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    return PIL.ImageEnhance.Contrast(picture).enhance((0.72, 0.5, 0.32, 0.18)[step])


def _pixelate(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    cells = (28, 20, 13, 8)[step]
    # A mean over each cell and hard edges: other filters would blur, which is a kind that is trained.
    small = picture.resize((cells, cells), PIL.Image.Resampling.BOX)
    return small.resize(picture.size, PIL.Image.Resampling.NEAREST)


def _posterise(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    steps = (6, 4, 3, 2)[step] - 1
    return picture.point([round(round(value / 255 * steps) * 255 / steps) for value in range(256)] * 3)


def _salt(picture: PILImage, step: int, rng: np.random.Generator) -> PILImage:
    pixels = np.array(picture)
    dice = rng.random(pixels.shape[:2])
    share = (0.02, 0.05, 0.11, 0.22)[step]
    # One throw a pixel for all three channels makes the specks grey, not coloured like noise.
    pixels[dice < share / 2] = 0
    pixels[dice > 1 - share / 2] = 255
    return PIL.Image.fromarray(pixels)


_KINDS: dict[str, Callable[[PILImage, int, np.random.Generator], PILImage]] = {
    "blur": _blur,
    "noise": _noise,
    "jpeg": _jpeg,
    "contrast": _contrast,
    "pixelate": _pixelate,
    "posterise": _posterise,
    "salt": _salt,
}
TRAINED = ("blur", "noise", "jpeg", "contrast")
"""Kinds that the train split of `technical` shows."""
UNSEEN = ("pixelate", "posterise", "salt")
"""Kinds that no train split shows."""
WORDS = {
    "blur": "blurred",
    "noise": "covered with noise",
    "jpeg": "damaged by strong JPEG compression",
    "contrast": "washed out",
    "pixelate": "broken up into coarse pixels",
    "posterise": "reduced to a few flat tones",
    "salt": "covered with black and white specks",
}
"""How a rationale names them."""
