"""What the tests share: a model folder whose eyes were trained for a moment, and every kind of prompt of the suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import Example
from harness.formats.tagged import TaggedFormat
from harness_miniature.options import Options
from harness_miniature.task import MiniatureTask, TaskKind
from harness_miniature_judges.eyes import train_eyes
from harness_miniature_judges.shape import Shape
from harness_miniature_judges.words import TRAINED, UNSEEN

SMALL = Shape(vision_hidden=32, vision_layers=1, vision_heads=2, hidden=32, layers=1, heads=2)

Train = Callable[..., dict[str, float]]


def _train(folder: Path, *, seed: int = 0, steps: int = 4) -> dict[str, float]:
    return train_eyes(folder, seed=seed, steps=steps, batch=16, pictures=64, checked=60, shape=SMALL)


@pytest.fixture(scope="session")
def train() -> Train:
    """`train_eyes` in a fraction of a second."""
    return _train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with a trained tower."""
    folder = tmp_path_factory.mktemp("trained")
    _train(folder)
    return folder


def _examples(recipe: TaskKind, count: int) -> list[Example]:
    task = MiniatureTask(recipe=recipe, options=Options(), name=recipe.name)
    form = TaggedFormat()
    examples = []
    for index in range(count):
        item = task.item("test", index)
        request = task.render(item, order=tuple(range(len(item.candidates))), format=form)
        examples.append(Example(request=request, gold=item.gold, item=item))
    return examples


@pytest.fixture(scope="session")
def suite() -> dict[str, list[Example]]:
    """Test examples of all twelve tasks, in the format that the suite asks for."""
    return {recipe.name: _examples(recipe, 40) for recipe in (*TRAINED, *UNSEEN)}
