from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harness.api import Trainer, TrainerCard
from harness.testing import FakeContext
from harness_trl.plugin import harness_trainers

from .conftest import accuracy, points, rewarded, training

CARDS = {card.name: card for card in harness_trainers()}


def attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def test_listing_and_planning_import_no_torch() -> None:
    code = (
        "import sys, harness_trl.plugin as plugin; plugin.harness_trainers()\n"
        "print([name for name in ('torch', 'pydantic', 'trl', 'harness_grpo') if name in sys.modules])\n"
        "import harness_trl.train, harness_trl.options\n"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets', 'accelerate') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_makes_a_trainer_whose_fingerprint_is_that_of_the_weights(
    card: TrainerCard, taught: Path, tmp_path: Path
) -> None:
    trainer = attribute(card.factory)(attribute(card.options)(), FakeContext(workspace=tmp_path))
    assert isinstance(trainer, Trainer)
    recipe = training(tmp_path, taught, tasks=[points("red", 2)], rewards=rewarded(accuracy))
    (copy := tmp_path / "copy").mkdir()
    for path in taught.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    same = training(tmp_path, copy, tasks=[points("red", 2)], rewards=rewarded(accuracy))
    assert trainer.fingerprint(recipe) == trainer.fingerprint(same)
    with (copy / "model.safetensors").open("ab") as stream:
        stream.write(b" ")
    assert trainer.fingerprint(recipe) != trainer.fingerprint(same)
