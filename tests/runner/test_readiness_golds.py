from __future__ import annotations

import pytest

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.readiness import describe_lacking

LEVELS = Choice(("bad", "fair", "good"))


@pytest.mark.parametrize(
    ("golds", "space", "said"),
    [
        ({"bad"}, LEVELS, "the gold of these is always bad; a judge that always says it scores 1"),
        ({"bad", "good"}, LEVELS, "no gold of these is fair; a judge that never says it is not found out"),
        ({"bad", "fair", "good"}, LEVELS, ""),
        ({0}, Preference(2), "the gold of these is always A; a judge that always says it scores 1"),
        ({0, 1}, Preference(2, ("tie",)), ""),  # a tie is rare, and no place is without gold
        ({1.0}, Score(1, 5), ""),
        ({(0, 1, 2)}, Ranking(3), ""),
        (set(), LEVELS, ""),
    ],
)
def test_golds_that_never_come_are_named(golds: set[Verdict], space: AnswerSpace, said: str) -> None:
    assert describe_lacking(golds, {space}, what="these") == said


def test_items_with_answers_of_their_own_have_no_classes_in_common() -> None:
    assert describe_lacking({"bad"}, {LEVELS, Choice(("a", "b"))}, what="these") == ""
