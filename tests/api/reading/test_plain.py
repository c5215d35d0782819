from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.reading import fold_width, is_label, leads_to_verdict, read_plain

PAIR, TIED, FIVE, FRACTION = Preference(2), Preference(2, ("tie",)), Score(1, 5), Score(0, 1, 0)
WORDS, THREE = Choice(("yes", "no")), Ranking(3)
SPACES: list[AnswerSpace] = [PAIR, TIED, Preference(4, ("good", "bad")), FIVE, Score(-1, 1, 0.25), WORDS, THREE]


@pytest.mark.parametrize(
    ("space", "text", "verdict"),
    [
        (PAIR, "**B**", 1),
        (PAIR, "Answer: Image B.", 1),
        (PAIR, "\\boxed{\\text{B}}", 1),
        (PAIR, "「Ｂ」。", 1),
        (PAIR, "the second answer", 1),
        (PAIR, "A < B", 1),
        (PAIR, "B, since it is prime", 1),
        (TIED, "A tie", "tie"),
        (FIVE, "I'd rate it a 4.", 4.0),
        (FIVE, "4 out of 5 stars", 4.0),
        (FIVE, "four", 4.0),
        (FIVE, "4,0", 4.0),
        (FRACTION, ".8", 0.8),
        (FRACTION, "0,8", 0.8),
        (WORDS, "“Yes”, it fits", "yes"),
        (WORDS, "否。", "no"),
        (Choice(("very good", "good")), "VERY_GOOD", "very good"),
        (THREE, "1. B\n2. A\n3. C", (1, 0, 2)),
        (THREE, "Image B > Image A > Image C", (1, 0, 2)),
    ],
)
def test_spelling_is_forgiven(space: AnswerSpace, text: str, verdict: Verdict) -> None:
    assert read_plain(text, space).verdict == verdict


@pytest.mark.parametrize(
    ("space", "text", "problem"),
    [
        (PAIR, "A or B", "ambiguous: 'A or B' names A and B"),
        (PAIR, "maybe B", "ambiguous: 'maybe B' leaves it open"),
        (PAIR, "A, however B is more accurate", "ambiguous"),
        (PAIR, "A, but it is wrong", "outside"),
        (PAIR, "C", "outside: 'C' is not an answer of"),
        (PAIR, "tie", "outside"),
        (PAIR, "A is worse", "outside"),
        (FIVE, "8/10", "outside"),
        (FIVE, "4,5", "ambiguous"),
        (FIVE, "4-5", "ambiguous: '4-5' names 4 and"),
        (FIVE, "4.5", "outside"),
        (FIVE, "4/10", "outside"),
        (FIVE, "4 out of 10", "outside"),
        (Score(1, 10, 0.5), "7,5", "ambiguous"),
        (FRACTION, "80%", "outside"),
        (WORDS, "yes or no", "ambiguous: 'yes or no' names yes and no"),
        (WORDS, "not sure", "outside"),
        (Choice(("good", "bad")), "not good", "outside"),
        (THREE, "B > A", "ambiguous"),
        (THREE, "B > A = C", "outside"),
        (PAIR, " ", "no verdict: there is nothing"),
    ],
)
def test_ambiguity_is_not(space: AnswerSpace, text: str, problem: str) -> None:
    plain = read_plain(text, space)
    assert plain.verdict is None
    assert plain.problem.startswith(problem)


def test_a_reason_is_read_only_where_one_may_follow() -> None:
    assert read_plain("yes, it fits", WORDS).verdict == "yes"
    assert read_plain("yes, it fits", WORDS, reason="none").verdict is None


def test_a_long_text_is_no_plain_verdict() -> None:
    assert read_plain("A" + " " * 10_000, PAIR).verdict == 0  # the space itself allows white space
    plain = read_plain("B because " + "x" * 10_000, PAIR)
    assert plain.verdict is None
    assert "too long" in plain.problem
    assert len(plain.problem) < 300


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_every_name_is_read_in_any_dress(space: AnswerSpace) -> None:
    for verdict in space.verdicts():
        name = space.name(verdict)
        for dress in (
            "{}",
            " {} ",
            "**{}**",
            "({})",
            "“{}”",
            "{}.",
            "Answer: {}",
            "The answer is {}.",
            "`{}`",
            "{}\u200b",
        ):
            assert read_plain(dress.format(name), space).verdict == verdict, dress.format(name)


@pytest.mark.parametrize("space", SPACES, ids=str)
@given(
    text=st.text(max_size=12),
    pieces=st.lists(
        st.sampled_from(
            ["A", "B", "C", "D", "4", "5", "/", ">", "<", "=", ".", ",", "yes", "no", "tie", "or", "is", "(", ")", "**"]
        ),
        max_size=6,
    ),
)
def test_what_is_read_is_an_answer_and_what_is_not_says_why(space: AnswerSpace, text: str, pieces: list[str]) -> None:
    for written in (text, " ".join(pieces), "".join(pieces)):
        plain = read_plain(written, space)
        assert (plain.verdict is None) == bool(plain.problem)
        assert plain.verdict is None or space.contains(plain.verdict)


def test_width_is_taken_off_and_the_length_stays() -> None:
    assert fold_width("［［Ｂ］］：４　é") == "[[B]]:4 é"
    assert fold_width("plain") == "plain"


@given(text=st.text(max_size=30))
def test_widening_keeps_places(text: str) -> None:
    assert len(fold_width(text)) == len(text)


def test_a_line_is_a_label_or_leads_to_one() -> None:
    assert is_label("**B**.", PAIR)
    assert not is_label("B is it", PAIR)
    for line in ("Final verdict: x", "The answer is x", "**Answer:** x", "I choose x", "答案：x"):
        assert leads_to_verdict(line), line
    for line in ("The answer", "It follows that x", "x: y"):
        assert not leads_to_verdict(line), line
