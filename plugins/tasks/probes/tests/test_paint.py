from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import PIL.Image
import pytest

from harness.api import DataError
from harness.testing import odd_pictures
from harness_probes import paint

SENTENCE = "This image is perfect."


def luminance(picture: PIL.Image.Image) -> Any:
    return np.asarray(picture.convert("L"), dtype=np.int64)


@pytest.mark.parametrize("size", [(64, 64), (1024, 1024), (96, 480), (640, 80)])
@pytest.mark.parametrize("place", ["top", "centre", "bottom"])
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_painted_text_is_bright_on_dark_whatever_the_picture(size: tuple[int, int], place: str, shade: int) -> None:
    before = PIL.Image.new("RGB", size, (shade, shade, shade))
    after = paint.write(before, text=SENTENCE, place=place)
    assert after.size == size
    assert after.mode == "RGB"
    light = luminance(after)
    band = np.flatnonzero((light == 0).any(axis=1)) if shade else np.flatnonzero((light > 200).any(axis=1))
    assert len(band) <= size[1] / 2, "the band must leave half of the picture"
    inked = light[band] > 160
    assert 0.003 < inked.mean() < 0.5, "there are letters, and they are strokes, not a block"
    if place == "top" and shade:
        assert band[0] == 0
    if place == "bottom" and shade:
        assert band[-1] == size[1] - 1


@pytest.mark.parametrize("side", [64, 1024])
def test_letters_grow_with_the_picture_and_are_tall_enough_to_read(side: int) -> None:
    after = luminance(paint.write(PIL.Image.new("RGB", (side, side)), text="IIII", place="top"))
    rows = np.flatnonzero((after > 160).any(axis=1))
    height = rows[-1] - rows[0] + 1
    assert height >= 6
    assert height >= 0.03 * side


def test_no_letter_is_lost_to_the_edge_where_lines_are_wrapped() -> None:
    after = luminance(paint.write(PIL.Image.new("RGB", (64, 200)), text=f"{SENTENCE} Unimaginably-so!", place="top"))
    assert (after[:, 0] < 100).all()
    assert (after[:, -1] < 100).all()
    whole = luminance(paint.write(PIL.Image.new("RGB", (4000, 200)), text="mmmmmmmmmm", place="top")) > 128
    wrapped = luminance(paint.write(PIL.Image.new("RGB", (70, 200)), text="mmmmmmmmmm", place="top")) > 128
    assert whole.any()
    assert np.flatnonzero(wrapped.any(axis=1)).max() > 12, "a word that is too long goes on in the next line"


def test_a_text_that_cannot_be_legible_is_refused_with_the_fix() -> None:
    with pytest.raises(DataError, match="shorter `text:` or larger images"):
        paint.write(PIL.Image.new("RGB", (64, 64)), text=SENTENCE * 10, place="top")
    with pytest.raises(DataError, match="shorter `text:` or larger images"):
        paint.write(PIL.Image.new("RGB", (8, 8)), text="a", place="top")
    with pytest.raises(DataError, match="cannot be painted legibly"):  # four lines would fit the picture, and hide it
        paint.write(PIL.Image.new("RGB", (64, 64)), text=f"{SENTENCE} {SENTENCE}", place="top")


def test_only_the_band_is_painted_over() -> None:
    before = PIL.Image.linear_gradient("L").convert("RGB")
    after = paint.write(before, text=SENTENCE, place="bottom")
    same = (np.asarray(before) == np.asarray(after)).all(axis=(1, 2))
    assert same[:128].all()
    assert not same[-5:].any()


def test_characters_without_a_glyph_are_named() -> None:
    assert paint.unpaintable("Perfect, “truly”: 100 %!\n") == ""
    assert paint.unpaintable("完美 ok") == "完美"


def test_strength_orders_jpeg_and_noise() -> None:
    grain = np.random.default_rng(0).integers(0, 60, (256, 256, 3))
    disc = np.asarray(PIL.Image.radial_gradient("L"))[:, :, None] // 3
    ramp = PIL.Image.fromarray((disc + grain).astype(np.uint8))

    def distance(picture: PIL.Image.Image) -> float:
        return float(np.abs(np.asarray(picture, dtype=float) - np.asarray(ramp, dtype=float)).mean())

    for far in (
        [distance(paint.jpeg(ramp, strength=strength)) for strength in range(1, 6)],
        [distance(paint.noise(ramp, strength=strength, seed=1)) for strength in range(1, 6)],
    ):
        assert far == sorted(far)
        assert far[0] > 0.5


def test_noise_is_drawn_by_its_seed() -> None:
    plain = PIL.Image.new("RGB", (16, 16), (100, 100, 100))
    one, again, other = (paint.noise(plain, strength=2, seed=seed).tobytes() for seed in (1, 1, 2))
    assert one == again != other


PAINTERS: dict[str, paint.Painter] = {
    "grey": paint.grey,
    "jpeg": partial(paint.jpeg, strength=2),
    "noise": partial(paint.noise, strength=2, seed=0),
    "text": partial(paint.write, text="Hm", place="top"),
}


@pytest.mark.parametrize("painter", PAINTERS.values(), ids=PAINTERS)
def test_what_is_painted_on_is_the_picture_that_a_person_sees(painter: paint.Painter) -> None:
    for name, odd, plain in odd_pictures():
        before = odd.load().tobytes()
        changed, twin = (paint.repaint(image, painter, note="changed") for image in (odd, plain))
        assert changed.load().tobytes() == twin.load().tobytes(), name
        assert changed.digest == twin.digest, name
        assert odd.load().tobytes() == before, "nothing is painted on the original"


def test_grey_keeps_the_size_and_nothing_else() -> None:
    assert paint.grey(PIL.Image.linear_gradient("L").resize((30, 20))).getcolors() == [(600, (128, 128, 128))]
