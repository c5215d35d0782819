"""Against the processors of transformers themselves: what they make of an image, with the bounds and without."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL.Image
import pytest

from harness.api import UserError
from harness.testing import FakeContext
from harness_transformers.judge import LocalJudge
from harness_transformers.loading import open_processor, source_of
from harness_transformers.options import GenerativeOptions
from harness_transformers.resolution import pixel_bounds, set_pixel_bounds
from harness_transformers.testing.tiny import make_tokenizer

SHAPES = [(1600, 900), (300, 2000), (40, 30), (512, 512)]
"""Widths and heights of images."""


def processor(family: str, name: str, **options: Any) -> Any:
    """An image processor by PIL, as it is within the processor of a model."""
    module = importlib.import_module(f"transformers.models.{family}.image_processing_pil_{family}")
    return SimpleNamespace(image_processor=getattr(module, f"{name}ImageProcessorPil")(**options))


def pixels_of(made: Any, width: int, height: int) -> int:
    """Pixels that the model is shown of an image."""
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    found = made.image_processor([PIL.Image.fromarray(noise)], return_tensors="pt")
    if "image_grid_thw" in found:
        time, rows, columns = found["image_grid_thw"][0].tolist()
        return int(time * rows * columns * made.image_processor.patch_size**2)
    pixels = found["pixel_values"]
    # Of images cut into tiles the last tile is the whole image once more.
    tiles = max(1, pixels.shape[-4] - 1) if pixels.ndim == 5 else 1
    return int(tiles * pixels.shape[-1] * pixels.shape[-2])


QWEN: tuple[str, str, dict[str, Any]] = ("qwen2_vl", "Qwen2VL", {"patch_size": 16})
AREAS = [QWEN, ("glm4v", "Glm4v", {})]
SIDES: list[tuple[str, str, dict[str, Any]]] = [
    ("pixtral", "Pixtral", {}),
    ("idefics2", "Idefics2", {}),
    ("smolvlm", "SmolVLM", {}),
]


@pytest.mark.parametrize(("family", "name", "options"), [*AREAS, *SIDES], ids=lambda value: str(value)[:9])
@pytest.mark.parametrize("most", [200_000, 600_000])
def test_no_image_has_more_pixels(family: str, name: str, options: dict[str, Any], most: int) -> None:
    made = processor(family, name, **options)
    before = [pixels_of(made, *shape) for shape in SHAPES]
    set_pixel_bounds(made, least=None, most=most, who="judge j")
    after = [pixels_of(made, *shape) for shape in SHAPES]
    assert max(after) <= most
    assert max(after) > 0.4 * min(most, max(before)), "and nearly as many, where an image is large"


@pytest.mark.parametrize(("family", "name", "options"), AREAS, ids=lambda value: str(value)[:9])
def test_no_image_has_fewer_pixels(family: str, name: str, options: dict[str, Any]) -> None:
    made = processor(family, name, **options)
    assert pixels_of(made, 40, 30) < 100_000
    set_pixel_bounds(made, least=100_000, most=None, who="judge j")
    assert 100_000 <= pixels_of(made, 40, 30) < 140_000
    assert pixel_bounds(made)[0] == 100_000


def test_the_shorter_side_is_bounded_where_sides_are() -> None:
    made = processor("idefics2", "Idefics2")
    set_pixel_bounds(made, least=500 * 500 - 1, most=None, who="judge j")
    assert made.image_processor.size.shortest_edge == 500
    assert pixels_of(made, 512, 400) >= 500 * 500


def test_what_is_saved_has_the_bounds() -> None:
    made = processor(*QWEN[:2], **QWEN[2])
    set_pixel_bounds(made, least=65_536, most=1_048_576, who="judge j")
    assert made.image_processor.to_dict()["size"] == {"shortest_edge": 65_536, "longest_edge": 1_048_576}
    assert pixel_bounds(made) == (65_536, 1_048_576)


def test_without_bounds_nothing_is_touched() -> None:
    made = processor(*QWEN[:2], **QWEN[2])
    size = made.image_processor.size
    set_pixel_bounds(made, least=None, most=None, who="judge j")
    assert made.image_processor.size is size
    set_pixel_bounds(SimpleNamespace(), least=None, most=None, who="judge j")


def test_what_a_size_of_its_own_says() -> None:
    assert pixel_bounds(processor("clip", "CLIP")) == (224 * 224, 224 * 224)
    assert pixel_bounds(processor("llava_onevision", "LlavaOnevision")) == (384 * 384, 384 * 384)
    assert pixel_bounds(processor("pixtral", "Pixtral")) == (None, 1024 * 1024)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [{"least": 1000, "most": None}, {"least": None, "most": 90_000}])
def test_a_processor_of_one_size_has_no_bounds(bounds: dict[str, int | None]) -> None:
    with pytest.raises(UserError, match=r"judge j: m.._pixels: .*CLIP.* has no bound of pixels, its size is shortest"):
        set_pixel_bounds(processor("clip", "CLIP"), **bounds, who="judge j")
    with pytest.raises(UserError, match="its size is height 384, width 384"):
        set_pixel_bounds(processor("llava_onevision", "LlavaOnevision"), **bounds, who="judge j")


def test_a_text_model_is_shown_no_images() -> None:
    with pytest.raises(UserError, match="judge j: max_pixels: this is a text model"):
        set_pixel_bounds(SimpleNamespace(), least=None, most=90_000, who="judge j")


def test_bounds_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(UserError, match=r"at least 3,136 and at most 1,000 .*set both"):
        set_pixel_bounds(processor(*QWEN[:2], **QWEN[2]), least=None, most=1000, who="judge j")
    with pytest.raises(UserError, match="bounds the longest side of an image only"):
        set_pixel_bounds(processor("pixtral", "Pixtral"), least=1000, most=None, who="judge j")
    with pytest.raises(UserError, match="at least one patch or tile of 364 x 364; set 132,496"):
        set_pixel_bounds(processor("smolvlm", "SmolVLM"), least=None, most=100_000, who="judge j")


def test_bounds_are_options_that_decide_what_is_answered() -> None:
    from harness.api import Operational

    for name in ("min_pixels", "max_pixels"):
        field = GenerativeOptions.model_fields[name]
        assert not any(isinstance(entry, Operational) for entry in field.metadata), "so they are part of every hash"


# -- from the options to what is saved ---------------------------------------------------------------------------------


def test_what_was_opened_with_bounds_is_saved_with_them(tmp_path: Path) -> None:
    from transformers import AutoProcessor, LlavaProcessor
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    tokenizer = make_tokenizer(640)
    LlavaProcessor(PixtralImageProcessorPil(), tokenizer, patch_size=16, image_token="<image>").save_pretrained(
        tmp_path
    )
    (tmp_path / "config.json").write_text("{}")
    options = GenerativeOptions(model=str(tmp_path), max_pixels=300_000)
    opened = open_processor(AutoProcessor, source_of("model", str(tmp_path), "judge j"), options, "judge j")
    assert pixels_of(opened, 1600, 900) <= 300_000
    opened.save_pretrained(tmp_path / "saved")
    again = AutoProcessor.from_pretrained(tmp_path / "saved")
    assert pixel_bounds(again) == pixel_bounds(opened)
    assert pixels_of(again, 1600, 900) == pixels_of(opened, 1600, 900)


def test_a_judge_whose_model_has_no_bounds_says_so(tiny: Path) -> None:
    judge = LocalJudge(
        GenerativeOptions(model=str(tiny), device="cpu", threads=1, max_pixels=90_000), FakeContext(workspace=tiny)
    )
    with pytest.raises(UserError, match=r"max_pixels: the image processor of the model .*CLIP"):
        judge._open()
