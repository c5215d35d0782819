from __future__ import annotations

import pytest

from harness.api import Choice, Preference, Score
from harness.formats.tagged import TaggedFormat
from harness.testing import read

FORM, SPACE = TaggedFormat(), Choice(("yes", "no"))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<think>r</think><answer>yes</answer>", "yes"),
        ("<THINK>r</THINK>\n\n<Answer> **Yes**. </Answer>", "yes"),
        ("r</think><answer>no</answer>", "no"),  # the chat template opened the block
        ("<answer>no</answer>", "no"),
        ("<think>maybe <answer>yes</answer></think><answer>no</answer>", "no"),
        ("<answer>yes</answer></think><answer>no</answer>", "no"),
        ("I write it in <answer> tags. <answer>no</answer>", "no"),
        ("<answer>no</answer> </answer>", "no"),
        ("<think>r</think><final_answer>no</final_answer>", "no"),
        ("<answer>no</answer><reason>because of it</reason>", "no"),
        ("<answer>no, but it is close</answer>", "no"),
    ],
)
def test_an_answer_is_read(text: str, verdict: str) -> None:
    assert read(FORM, text, SPACE).verdict == verdict


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no verdict: no <answer>"),
        ("yes", "no verdict: no <answer>"),
        ("<think>r <answer>yes</answer></think>", "no verdict: no <answer>"),
        ("<think>r <answer>yes</answer>", "reasoning never closes"),
        ("<think>r</think><think>s<answer>yes</answer>", "reasoning never closes"),
        ("<think>r</think><answer>yes", "cut off: <answer>"),
        ("<answer>no</answer>\n\n<answer>yes", "cut off: <answer>"),
        ("<think>r</think><answer>perhaps</answer>", "outside: 'perhaps' is not an answer"),
        ("<answer>yes</answer>\n\n<answer>perhaps</answer>", "outside: 'perhaps' is not an answer"),
        ("<answer>yes or no</answer>", "ambiguous: 'yes or no' names yes and no"),
        ("<answer>yes</answer>\n\nOr: <answer>no</answer>", "contradicts itself: yes and no"),
        ("<an\u017fwer>yes</an\u017fwer>", "no verdict: no <answer>"),
    ],
)
def test_what_is_no_answer_says_why(text: str, problem: str) -> None:
    reading = read(FORM, text, SPACE)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        (" <think>r</think>\n<answer>\nyes\n</answer>\n", True),
        ("<think>r</think><answer>Yes</answer>", False),
        ("<answer>yes</answer>", False),
        ("Well: <think>r</think><answer>yes</answer>", False),
        ("<think>r</think>So<answer>yes</answer>", False),
        ("<think>r</think><answer>yes</answer>.", False),
        ("<think>r</think><answer>yes</answer><answer>yes</answer>", False),
        ("<think>r<think></think><answer>yes</answer>", False),
    ],
)
def test_only_the_letter_of_the_format_is_well_formed(text: str, well_formed: bool) -> None:
    reading = read(FORM, text, SPACE)
    assert reading.verdict == "yes"
    assert reading.well_formed is well_formed


def test_the_rationale_is_what_stands_between_the_think_tags() -> None:
    assert read(FORM, "x<think> r </think> y <answer>yes</answer>", SPACE).rationale == "r"
    assert read(FORM, "It fits. <answer>yes</answer>", SPACE).rationale == "It fits."


def test_the_instruction_names_the_possible_answers() -> None:
    assert "yes or no" in FORM.instruction(SPACE)
    assert "A, B or tie" in FORM.instruction(Preference(2, ("tie",)))
    assert "a whole number from 1 to 5" in FORM.instruction(Score(1, 5))
    assert "a number from 0 to 1 in steps of 0.1" in FORM.instruction(Score(0, 1, 0.1))
    assert "a number from 0 to 1." in FORM.instruction(Score(0, 1, 0))


def test_the_reasoning_of_an_answer_that_was_cut_off_is_kept_without_its_tag() -> None:
    reading = read(TaggedFormat(), "<think>The edges are bl", Choice(("yes", "no")))
    assert reading.verdict is None
    assert reading.rationale == "The edges are bl"
    assert reading.problem == "reasoning never closes: there is no verdict outside of it"
