from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel

from harness.api import Judge, JudgeCard
from harness_baselines.options import ConstantOptions
from harness_baselines.plugin import harness_judges

CARDS = {card.name: card for card in harness_judges()}


def attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def test_the_plugin_module_imports_nothing_heavy() -> None:
    heavy = ["numpy", "scipy", "sklearn", "PIL", "pydantic"]
    look = f"print([name for name in {heavy} if name in sys.modules])"
    code = f"import sys, harness_baselines.plugin as plugin; plugin.harness_judges(); {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_names_an_options_model_and_a_factory_that_makes_a_judge(
    card: JudgeCard, plan: Any, tmp_path: Any
) -> None:
    model = attribute(card.options)
    assert issubclass(model, BaseModel)
    (tmp_path / "a.jsonl").write_text('{"id": 1, "response": "[[A]]"}\n')
    needed: dict[str, dict[str, Any]] = {"replay": {"answers": str(tmp_path / "a.jsonl")}, "jury": {"judges": ["a"]}}
    member = attribute(CARDS["constant"].factory)(ConstantOptions(), plan())
    context = plan(judges={"a": member})
    judge = attribute(card.factory)(model(**needed.get(card.name, {})), context)
    assert isinstance(judge, Judge)
    assert judge.fingerprint() == judge.fingerprint() != ""
    assert context.lessons == [], "making a judge and naming it must not read training data"


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_misspelt_option_is_refused(card: JudgeCard) -> None:
    with pytest.raises(ValueError, match="anser"):
        attribute(card.options)(anser=1)
