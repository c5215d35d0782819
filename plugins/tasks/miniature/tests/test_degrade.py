from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL.Image import Image as PILImage

from harness_miniature.degrade import LEVELS, TRAINED, UNSEEN, WORDS, Degradation
from harness_miniature.sampling import Draw
from harness_miniature.scene import paint


def _clean(index: int, size: int = 64) -> PILImage:
    draw = Draw.of(seed=1, task="t", split="train", index=index, versions=1, shared=False)
    return paint(draw.scene(cards=draw.two_cards(*draw.couple(), stacked=False)), size)


def _grey(picture: PILImage) -> NDArray[np.float64]:
    return np.asarray(picture.convert("L"), dtype=float)


def _sharpness(picture: PILImage) -> float:
    """Variance of the Laplacian."""
    g = _grey(picture)
    return float((4 * g[1:-1, 1:-1] - g[:-2, 1:-1] - g[2:, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:]).var())


@pytest.mark.parametrize("size", [32, 64, 150])
@pytest.mark.parametrize("kind", TRAINED + UNSEEN)
def test_every_level_is_farther_from_the_clean_picture_than_the_one_before(kind: str, size: int) -> None:
    for index in range(6):
        clean = _clean(index, size)
        levels = [Degradation(kind, level, 7).apply(clean) for level in range(LEVELS)]
        errors = [float(np.mean((np.asarray(p, float) - np.asarray(clean, float)) ** 2)) for p in levels]
        assert errors[0] == 0
        # Only the trained kinds are ever scored or ranked; of the others it is enough that they get worse in all.
        steps = errors if kind in TRAINED else [errors[0], errors[1], errors[4]]
        assert all(after > before for before, after in pairwise(steps)), errors
        assert all(p.size == (size, size) and p.mode == "RGB" for p in levels)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_each_kind_does_what_its_name_says(level: int) -> None:
    for index in range(10):
        clean = _clean(index)
        assert _sharpness(Degradation("blur", level).apply(clean)) < 0.8 * _sharpness(clean)
        assert _sharpness(Degradation("noise", level).apply(clean)) > _sharpness(clean)
        assert _grey(Degradation("contrast", level).apply(clean)).std() < 0.8 * _grey(clean).std()
        tones = len(set(np.asarray(Degradation("posterise", level).apply(clean)).ravel().tolist()))
        assert tones == (6, 4, 3, 2)[level - 1]


def test_noise_is_a_function_of_its_seed() -> None:
    clean = _clean(0)
    assert Degradation("noise", 2, 5).apply(clean).tobytes() == Degradation("noise", 2, 5).apply(clean).tobytes()
    assert Degradation("noise", 2, 5).apply(clean).tobytes() != Degradation("noise", 2, 6).apply(clean).tobytes()


def test_no_kind_is_both_trained_and_unseen() -> None:
    assert not set(TRAINED) & set(UNSEEN)
    assert set(WORDS) == set(TRAINED) | set(UNSEEN)
