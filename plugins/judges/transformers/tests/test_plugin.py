from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from harness.api import JudgeCard
from harness.testing import FakeContext, judge_checks
from harness_transformers.plugin import harness_judges

CARDS = {card.name: card for card in harness_judges()}


def attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def test_listing_validating_and_planning_import_no_torch(tiny: Path) -> None:
    heavy = ["torch", "transformers", "tokenizers", "peft", "numpy", "PIL"]
    code = (
        "import sys, pathlib\n"
        "import harness_transformers.plugin as plugin; plugin.harness_judges()\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
        "from harness_transformers.judge import make\n"
        "from harness_transformers.options import GenerativeOptions\n"
        "from harness.testing import FakeContext\n"
        f"judge = make(GenerativeOptions(model={str(tiny)!r}), FakeContext(workspace=pathlib.Path({str(tiny)!r})))\n"
        "judge.fingerprint()\n"
        "print([name for name in ['torch', 'transformers', 'peft'] if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_names_an_options_model_and_a_factory(card: JudgeCard) -> None:
    with pytest.raises(ValueError, match="anser"):
        attribute(card.options)(anser=1)
    assert callable(attribute(card.factory))


@pytest.mark.parametrize("mode", ["generate", "verdict", "reason-then-verdict"])
def test_it_keeps_the_contract_of_judges(mode: str, tiny: Path, tmp_path: Path) -> None:
    options = attribute(CARDS["transformers"].options)(model=str(tiny), mode=mode, max_new_tokens=8)
    for name, check in judge_checks(CARDS["transformers"], options=options, context=FakeContext(workspace=tmp_path)):
        print(name)
        check()
