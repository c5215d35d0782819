from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from harness.api import RewardCard
from harness.testing import parametrize_with_checks
from harness_verdict.plugin import harness_rewards

CARDS = {card.name: card for card in harness_rewards()}


@parametrize_with_checks([card for card in CARDS.values() if card.name != "length"])
def test_the_contract_is_kept(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks([CARDS["length"]], options={"limit": 30, "buffer": 12})
def test_the_contract_is_kept_with_options(check: Callable[[], None]) -> None:
    check()


def test_the_plugin_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, harness_verdict.plugin as plugin; plugin.harness_rewards(); "
        "print(sorted({'numpy', 'PIL', 'pydantic', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_are_listed_with_their_summaries() -> None:
    command = [sys.executable, "-m", "harness", "list", "rewards", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    listed = {row["id"]: row for row in json.loads(done.stdout) if row["id"].startswith("verdict/")}
    assert {name.removeprefix("verdict/") for name in listed} == set(CARDS)
    for card in CARDS.values():
        row = listed[f"verdict/{card.name}"]
        assert row["summary"] == card.summary
        assert row["distribution"] == "judge-harness-rewards"


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_every_card_says_whose_idea_it_is_and_which_spaces_it_is_for(card: RewardCard) -> None:
    assert "arXiv:" in card.source
    assert card.description.count("Every space") or card.description.count(" only.")
