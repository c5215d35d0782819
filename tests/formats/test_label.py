from __future__ import annotations

import pytest

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.formats.label import LabelFormat
from harness.testing import read

FORM, PAIR, YES_NO = LabelFormat(), Preference(2), Choice(("yes", "no"))


@pytest.mark.parametrize(
    ("text", "space", "verdict"),
    [
        ("yes", YES_NO, "yes"),
        (" Yes.\n\n", YES_NO, "yes"),
        ("**No**", YES_NO, "no"),
        ("Answer: no", YES_NO, "no"),
        ("**Final answer:** no.", YES_NO, "no"),
        ("The answer is: no", YES_NO, "no"),
        ("My verdict: B", PAIR, 1),
        ("Because.\nB", PAIR, 1),
        ("B\n\nBecause the other is wrong.", PAIR, 1),
        ("Reply: A", PAIR, 0),
        ("I prefer A", PAIR, 0),
        ("Therefore, the better answer is (B).", PAIR, 1),
        ("The answer is B, because it is right.", PAIR, 1),
        ("$\\boxed{B}$", PAIR, 1),
        ("答案：B", PAIR, 1),
        ("Yes, the picture fits.", YES_NO, "yes"),
        ("Image A is blurred.\nImage B is better.", PAIR, 1),
        ("4", Score(1, 5), 4.0),
        ("B > A > C", Ranking(3), (1, 0, 2)),
    ],
)
def test_an_answer_is_read(text: str, space: AnswerSpace, verdict: Verdict) -> None:
    assert read(FORM, text, space).verdict == verdict


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no verdict: the answer is empty"),
        ("\n \n", "no verdict: the answer is empty"),
        ("I will not say.", "no verdict: the last line"),
        ("A, on the other hand, is blurred.", "no verdict: the last line"),
        ("A or B", "ambiguous: 'A or B' names A and B"),
        ("A\nB", "contradicts itself: A and B"),
        ("A\n\nB", "contradicts itself: A and B"),
        ("Answer: A\nVerdict: B", "contradicts itself: A and B"),
    ],
)
def test_what_is_no_answer_says_why(text: str, problem: str) -> None:
    reading = read(FORM, text, PAIR)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [("A", True), ("Because.\n\nA\n", True), ("a", False), ("A.", False), ("Answer: A", False)],
)
def test_only_the_letter_of_the_format_is_well_formed(text: str, well_formed: bool) -> None:
    reading = read(FORM, text, PAIR)
    assert reading.verdict == 0
    assert reading.well_formed is well_formed
