from __future__ import annotations

import pytest

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.formats.brackets import BracketsFormat
from harness.testing import read

FORM, PAIR, YES_NO = BracketsFormat(), Preference(2, ("tie",)), Choice(("yes", "no"))


@pytest.mark.parametrize(
    ("text", "space", "verdict"),
    [
        ("It fits.\n\n[[A]]", PAIR, 0),
        ("**[[ b ]]**.", PAIR, 1),
        ("[[Tie]]", PAIR, "tie"),
        ("[[yes]]", YES_NO, "yes"),
        ("[[4/5]]", Score(1, 5), 4.0),
        ("[[b>a,c]]", Ranking(3), (1, 0, 2)),
        ("[[[A]]]", PAIR, 0),
        ("［［A］］", PAIR, 0),
        ("【【Ａ】】", PAIR, 0),
        ("[[Answer B]]", PAIR, 1),
        ("[[B, because it is sharper]]", PAIR, 1),
        ("<think>At first [[A]].</think>\nNo. [[B]]", PAIR, 1),
        ("I end with [[X]].\n\n[[B]]", PAIR, 1),
        ("[[A]], and once more [[A]]", PAIR, 0),
        ("[[A]]\n\nNo more to say.", PAIR, 0),
    ],
)
def test_an_answer_is_read(text: str, space: AnswerSpace, verdict: Verdict) -> None:
    assert read(FORM, text, space).verdict == verdict


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no verdict: no [[...]]"),
        ("A", "no verdict: no [[...]]"),
        ("[A]", "no verdict: no [[...]]"),
        ("[[A]] or [[B]]", "contradicts itself: A and B"),
        ("I liked [[A]] first.\n\nBut [[B]] it is.", "contradicts itself: A and B"),
        ("[[C]]", "outside: 'C' is not an answer"),
        ("[[A]]\n\n[[C]]", "outside: 'C' is not an answer"),
        ("[[A]] [[see 3]]", "outside: 'see 3' is not an answer"),
        ("[[A or B]]", "ambiguous: 'A or B' names A and B"),
        ("[[]]", "no verdict"),
        ("[[A", "cut off"),
        ("[[A]]\n\nOr rather [[B", "cut off"),
        ("[[A]]\n\nOr rather [[B]", "cut off"),
    ],
)
def test_what_is_no_answer_says_why(text: str, problem: str) -> None:
    reading = read(FORM, text, PAIR)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        ("[[A]]", True),
        ("Because.\n[[A]]\n", True),
        ("Because: [[A]]", False),
        ("[[a]]", False),
        ("[[A]].", False),
        ("[[A]]\nBecause.", False),
        ("[[A]]\n\n[[A]]", False),
    ],
)
def test_only_the_letter_of_the_format_is_well_formed(text: str, well_formed: bool) -> None:
    reading = read(FORM, text, PAIR)
    assert reading.verdict == 0
    assert reading.well_formed is well_formed


def test_the_rationale_is_what_stands_around_the_verdict() -> None:
    assert read(FORM, "Sharper.\n\n[[A]]", PAIR).rationale == "Sharper."
    assert read(FORM, "[[A]]\n\nIt is sharper.", PAIR).rationale == "It is sharper."
