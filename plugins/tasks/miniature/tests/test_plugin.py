from __future__ import annotations

import subprocess
import sys

from harness.api import TaskCard


def test_reading_the_cards_imports_nothing_heavy() -> None:
    code = (
        "import sys; from harness_miniature.plugin import harness_tasks; harness_tasks(); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'PIL', 'sklearn', 'pydantic', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_six_tasks_can_be_trained_and_at_least_five_cannot(cards: dict[str, TaskCard]) -> None:
    suites = [card.suite for card in cards.values()]
    assert suites.count("miniature-in-distribution") == 6
    assert suites.count("miniature-ood") >= 5
    for card in cards.values():
        assert ("train" in card.splits) == (card.suite == "miniature-in-distribution")


def test_every_card_says_that_it_is_no_human_preference_and_whose_the_data_is(cards: dict[str, TaskCard]) -> None:
    for card in cards.values():
        assert "not human preference" in card.description
        assert "CC BY 4.0" in card.licence
        assert "danielbuechele" in card.licence
