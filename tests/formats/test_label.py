from __future__ import annotations

import pytest

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.formats.label import LabelFormat

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
        ("A\n\nB", PAIR, 1),
        ("4", Score(1, 5), 4.0),
        ("B > A > C", Ranking(3), (1, 0, 2)),
    ],
)
def test_an_answer_is_read(text: str, space: AnswerSpace, verdict: Verdict) -> None:
    assert FORM.parse(text, space).verdict == verdict


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the answer is empty"),
        ("\n \n", "the answer is empty"),
        ("I prefer A", "the last line"),
        ("A\n\nThat was my answer.", "the last line"),
        ("A or B", "the last line"),
        ("Reply: A", "the last line"),
        ("A\nB", "two verdicts: A and B"),
        ("Answer: A\nVerdict: B", "two verdicts: A and B"),
    ],
)
def test_what_is_no_answer_says_why(text: str, problem: str) -> None:
    reading = FORM.parse(text, PAIR)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [("A", True), ("Because.\n\nA\n", True), ("a", False), ("A.", False), ("Answer: A", False)],
)
def test_only_the_letter_of_the_format_is_well_formed(text: str, well_formed: bool) -> None:
    reading = FORM.parse(text, PAIR)
    assert reading.verdict == 0
    assert reading.well_formed is well_formed
