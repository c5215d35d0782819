from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from harness.api import UserError
from harness_miniature_judges.reading import train_reading
from harness_miniature_judges.shape import Shape, new_model, write_model


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForImageTextToText.from_pretrained(folder).state_dict())


@pytest.mark.slow
def test_reading_teaches_to_copy(tmp_path: Path) -> None:
    """Two layers are the least that can (a token finds its last occurrence, then what followed it)."""
    shape = Shape(vision_hidden=32, vision_layers=1, vision_heads=2, hidden=64, layers=2, heads=4)
    start = write_model(tmp_path / "start", *new_model(shape, seed=0))
    seen: list[dict[str, float]] = []
    found = train_reading(
        start, tmp_path / "a", seed=0, steps=200, batch=48, rate=6e-3, report=lambda step, metrics: seen.append(metrics)
    )
    assert len(seen) == 4
    assert seen[0]["copied"] < 0.02, "a guess among hundreds of words"
    assert seen[-1]["copied"] > 0.05
    assert found["copied"] == seen[-1]["copied"]


def test_eyes_stay_as_they_are_and_the_same_seed_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_reading(trained, tmp_path / name, seed=seed, steps=2, batch=4)
    before, after = weights(trained), weights(tmp_path / "a")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not [name for name in changed if "vision_tower" in name or "projector" in name]
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_training_that_diverges_leaves_no_folder(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lower the rate"):
        train_reading(trained, tmp_path / "a", seed=0, steps=40, batch=4, rate=1e30)
    assert not (tmp_path / "a").exists()
