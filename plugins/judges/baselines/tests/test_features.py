from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFilter

from harness.api import DataError, Image
from harness.testing import odd_pictures
from harness_baselines.features import SIDE, _bin_turns, _turns, describe, describe_all, pixels_of


def noise(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Pillow.Image:
    dice = np.random.default_rng(seed)
    return Pillow.fromarray(dice.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def of(*pictures: Pillow.Image) -> Any:
    return describe_all([[Image.from_drawing(lambda p=p: p, name="drawn")] for p in pictures])  # type: ignore[misc]


def test_a_picture_has_the_same_features_alone_and_in_company() -> None:
    together = of(noise(1), noise(2), noise(3))
    assert np.allclose(together[1], of(noise(2))[0], atol=1e-5)
    assert not np.allclose(together[0], together[1], atol=1e-2)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (31, 200), (64, 64), (500, 300)])
def test_any_mode_and_size_gives_finite_numbers(mode: str, size: tuple[int, int]) -> None:
    features = of(noise(0, size).convert(mode))
    assert features.shape == of(noise(1)).shape
    assert np.isfinite(features).all()


def test_flat_pictures_are_no_trouble() -> None:
    for shade in (0, 255):
        assert np.isfinite(describe(np.full((2, SIDE, SIDE, 3), shade / 255, dtype=np.float32))).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
        lambda picture: picture.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT),
        lambda picture: Pillow.merge("RGB", picture.split()[::-1]),
        lambda picture: picture.point(lambda value: 64 + value // 2),
    ],
    ids=["blur", "mirror", "swapped colours", "low contrast"],
)
def test_what_quality_and_layout_change_is_seen(change: Any) -> None:
    scene = Pillow.fromarray(np.tile(np.linspace([250, 0, 0], [0, 60, 90], SIDE).astype(np.uint8), (SIDE, 1, 1)))
    scene.paste((255, 255, 0), (10, 10, 30, 40))
    assert np.abs(of(scene) - of(change(scene))).max() > 0.05


@pytest.mark.parametrize(("odd", "plain"), [pytest.param(*rest, id=name) for name, *rest in odd_pictures()])
def test_an_odd_picture_has_the_features_of_a_plain_one_that_shows_the_same(odd: Image, plain: Image) -> None:
    assert np.array_equal(pixels_of(odd), pixels_of(plain))


def test_images_of_a_request_stand_side_by_side() -> None:
    first, second = (Image.from_drawing(lambda k=k: noise(k), name="drawn") for k in (1, 2))  # type: ignore[misc]
    both = describe_all([[first, second]])
    assert np.allclose(both, np.concatenate([of(noise(1)), of(noise(2))], axis=1), atol=1e-5)
    assert describe_all([[], []]).shape == (2, 0)


def test_a_broken_image_is_named() -> None:
    with pytest.raises(DataError, match=r"broken\.png"):
        pixels_of(Image.from_bytes(b"no picture", name="broken.png"))


def test_straight_edges_and_pure_colours_have_one_bin_on_every_processor() -> None:
    exact = np.arange(12) / 12
    for bits in (0, 1e-7, -1e-7):
        assert _bin_turns(np.mod(exact + bits, 1.0), 12).tolist() == list(range(12))


def test_last_bits_of_a_picture_move_hardly_any_feature() -> None:
    rng = np.random.default_rng(0)
    pictures = np.repeat(np.repeat(rng.random((4, 8, 8, 3)), SIDE // 8, axis=1), SIDE // 8, axis=2).astype(np.float32)
    noise = np.float32(1) + np.float32(1e-7) * rng.choice([-1, 1], pictures.shape).astype(np.float32)
    plain, shaken = describe(pictures), describe(np.minimum(pictures * noise, 1))
    assert (plain != shaken).mean() < 0.03
    assert np.abs(plain - shaken).max() < 0.05


def test_a_direction_is_a_share_of_a_turn() -> None:
    up, across = np.array([0, 1, 1, 0, -1, -1]), np.array([1, 1, 0, -1, 0, 1])
    assert _turns(up, across) == pytest.approx([0, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8])
    dice = np.random.default_rng(0)
    up, across = dice.normal(size=1000).astype(np.float32), dice.normal(size=1000).astype(np.float32)
    assert (_turns(up, across) == np.arctan2(up, across) / (2 * np.pi) % 1.0).all()
