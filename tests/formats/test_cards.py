from __future__ import annotations

import subprocess
import sys

import pytest

from harness.api import Choice, FormatCard, Preference
from harness.discovery import Offer
from harness.formats.cards import FORMATS
from harness.testing import read


@pytest.mark.parametrize("card", FORMATS, ids=lambda card: card.name)
def test_each_card_makes_the_format_of_its_own_id(card: FormatCard) -> None:
    made = Offer(f"harness/{card.name}", card, "judge-harness", "0").create(None, None)
    assert made.name == f"harness/{card.name}"
    space = Preference(2) if card.name == "arena" else Choice(("yes", "no"))
    verdict = space.verdicts()[0]
    assert read(made, made.write(verdict, space), space).verdict == verdict


def test_reading_the_cards_imports_no_format() -> None:
    code = (
        "import sys; import harness.formats.cards; "
        "print([m for m in sys.modules if m.startswith('harness.formats.') and m != 'harness.formats.cards'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
