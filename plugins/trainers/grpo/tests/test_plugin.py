from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harness.api import Trainer, TrainerCard
from harness.testing import FakeContext, checks_for
from harness_grpo.plugin import harness_trainers

CARDS = {card.name: card for card in harness_trainers()}


def attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def test_listing_and_reading_options_import_no_torch() -> None:
    code = (
        "import sys\n"
        "import harness_grpo.plugin as plugin; plugin.harness_trainers()\n"
        "import harness_grpo.options\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'numpy', 'sklearn') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_makes_a_trainer_of_its_options(card: TrainerCard, tmp_path: Path) -> None:
    made = attribute(card.factory)(attribute(card.options)(), FakeContext(workspace=tmp_path))
    assert isinstance(made, Trainer)


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_cards_keep_the_contract(card: TrainerCard) -> None:
    for name, check in checks_for(card):
        print(name)
        check()
