"""What holds for the training of the eyes: a folder that opens, the same bytes for a seed, and learning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, LlavaForConditionalGeneration

from harness.api import Example, UserError
from harness.testing import FakeContext
from harness_miniature_judges.eyes import train_eyes
from harness_miniature_judges.naming import Naming
from harness_miniature_judges.shape import Shape
from harness_miniature_judges.views import CARD, PICTURE, draw_views
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions

Train = Callable[..., dict[str, float]]
SMALL = Shape(vision_hidden=32, vision_layers=1, vision_heads=2, hidden=32, layers=1, heads=2)


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_folder_opens_with_the_auto_classes_and_its_judge_answers(
    trained: Path, tmp_path: Path, suite: dict[str, list[Example]]
) -> None:
    processor = AutoProcessor.from_pretrained(trained)
    assert isinstance(AutoModelForImageTextToText.from_pretrained(trained), LlavaForConditionalGeneration)
    assert processor.tokenizer.convert_ids_to_tokens([3]) == ["<image>"]
    judge = LocalJudge(
        GenerativeOptions(model=str(trained), threads=1, max_new_tokens=4), FakeContext(workspace=tmp_path)
    )
    requests = [examples[0].request for examples in suite.values()]
    assert len(list(judge.judge(iter(requests)))) == len(requests)


def test_the_same_seed_gives_the_same_bytes(trained: Path, tmp_path: Path, train: Train) -> None:
    train(tmp_path / "again")
    assert _digests(tmp_path / "again") == _digests(trained)
    train(tmp_path / "other", seed=1)
    assert _digests(tmp_path / "other")["model.safetensors"] != _digests(trained)["model.safetensors"]


def test_training_leaves_the_state_of_the_dice_alone(tmp_path: Path, train: Train) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tmp_path, steps=1)
    assert torch.equal(torch.rand(3), expected)


def test_some_steps_reduce_the_loss(tmp_path: Path, train: Train) -> None:
    before, after = train(tmp_path, steps=1), train(tmp_path, steps=150)
    assert after["loss"] < 0.75 * before["loss"]


def test_recalls_name_every_attribute(tmp_path: Path, train: Train) -> None:
    found = train(tmp_path, steps=1)
    assert set(found) == {one.name for one in (*PICTURE, *CARD)} | {"loss", "cpu_seconds"}
    assert all(0 <= found[one.name] <= 1 for one in (*PICTURE, *CARD))


def test_the_eyes_are_trained_on_the_very_numbers_that_the_processor_makes(trained: Path) -> None:
    processor = AutoProcessor.from_pretrained(trained)
    model = AutoModelForImageTextToText.from_pretrained(trained)
    looks = processor.image_processor
    naming = Naming(model.model.vision_tower, mean=looks.image_mean, std=looks.image_std)
    pixels = draw_views("validation", 6, seed=0, size=64).pixels
    processed = looks(list(pixels.numpy().astype(np.uint8)), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(naming.normal(pixels), processed, atol=1e-5, rtol=0)


def test_the_heads_read_the_tokens_that_the_language_model_reads(trained: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(trained)
    naming = Naming(model.model.vision_tower, mean=[0.5] * 3, std=[0.5] * 3)
    pixels = draw_views("validation", 3, seed=0, size=64).pixels
    read: list[torch.Tensor] = []
    naming.of_card.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    naming(pixels)
    model.model.multi_modal_projector.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    model.model.get_image_features(pixel_values=naming.normal(pixels))
    torch.testing.assert_close(read[0].flatten(), read[1].flatten())


def test_bad_input_is_refused_and_a_run_that_fails_writes_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with pytest.raises(UserError, match="train_eyes: batch is 0; give at least 1"):
        train_eyes(folder, seed=0, batch=0)
    with pytest.raises(UserError, match="train_eyes: the loss of step 2 is nan; lower the rate, which is inf"):
        train_eyes(folder, seed=0, steps=4, pictures=16, batch=8, rate=float("inf"), shape=SMALL)
    assert not folder.exists()
