from __future__ import annotations

import pytest

from harness.api import Choice, DataError, Preference, Ranking, Score, spell_answers
from harness.formats.arena import ArenaFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read


def test_the_opening_ends_where_the_verdicts_differ() -> None:
    found = spell_answers(TaggedFormat(), Choice(("yes", "no")), "Looks sharp.")
    assert found.opening == "<think>Looks sharp.</think><answer>"
    assert found.endings == ("yes</answer>", "no</answer>")
    assert found.verdicts == ("yes", "no")


def test_labels_that_begin_alike_share_more_of_the_opening() -> None:
    found = spell_answers(TaggedFormat(), Choice(("safe", "safest")))
    assert found.opening == "<think></think><answer>safe"
    assert found.endings == ("</answer>", "st</answer>")


def test_a_label_that_begins_another_ends_with_nothing() -> None:
    assert spell_answers(LabelFormat(), Choice(("A", "AB"))).endings == ("", "B")


def test_every_text_reads_back_as_its_verdict() -> None:
    form, space = ArenaFormat(), Preference(2, ("bothgood", "bothbad"))
    found = spell_answers(form, space)
    assert [read(form, text, space).verdict for text in found.texts] == list(found.verdicts)
    assert found.opening == "[["


@pytest.mark.parametrize("space", [Score(0, 1, 0), Score(0, 100, 0.25), Ranking(6)])
def test_a_space_too_large_to_weigh_is_refused(space: Score | Ranking) -> None:
    with pytest.raises(DataError, match="too many"):
        spell_answers(TaggedFormat(), space)
