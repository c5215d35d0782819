from __future__ import annotations

import json

import pytest

from harness.api import AnswerSpace, Choice, Score, Verdict
from harness.formats.json_object import JsonFormat
from harness.testing import read

FORM, SPACE, SCORE = JsonFormat(), Choice(("yes", "no")), Score(1, 5)


@pytest.mark.parametrize(
    ("text", "space", "verdict"),
    [
        ('{"reasoning": "r", "verdict": "yes"}', SPACE, "yes"),
        ('Sure!\n```json\n{\n  "reasoning": "r",\n  "verdict": "Yes"\n}\n```\nDone.', SPACE, "yes"),
        ('{"verdict": "no"}', SPACE, "no"),
        ('{"verdict": 4}', SCORE, 4.0),
        ('{"verdict": 4.0}', SCORE, 4.0),
        ('{"verdict": "4"}', SCORE, 4.0),
        ('{"reasoning": "two\nlines", "verdict": "no"}', SPACE, "no"),
        ('{"reasoning": {"A": [1, {"verdict": "yes"}]}, "verdict": "no"}', SPACE, "no"),
        ('{"reasoning": "\\"verdict\\": {\\"verdict\\": \\"yes\\"}", "verdict": "no"}', SPACE, "no"),
        ('The set {a, b} { "broken" } is: {"verdict": "no"}', SPACE, "no"),
        ("{'verdict': 'yes'}", SPACE, "yes"),
        ('{"verdict": ["yes"]}', SPACE, "yes"),
        ('{"verdict": 1e0}', SCORE, 1.0),
        ('{"reasoning": "r", "Final Verdict": "no",}', SPACE, "no"),
        ('{"evaluation": {"reasoning": "r", "verdict": "no"}}', SPACE, "no"),
        ('{"reasoning": "\\(3 \\times 4\\)", "verdict": "no"}', SPACE, "no"),
        ('{"reasoning": "it says "yes"", "verdict": "no"}', SPACE, "no"),
        ('{"reasoning": "r", // why\n "verdict": "no"}', SPACE, "no"),
        ("{“reasoning”: “r”, “verdict”: “no”}", SPACE, "no"),
        ('{"verdict": "no"} {"other": 1}', SPACE, "no"),
    ],
)
def test_an_object_is_read(text: str, space: AnswerSpace, verdict: Verdict) -> None:
    assert read(FORM, text, space).verdict == verdict


@pytest.mark.parametrize(
    ("text", "space", "problem"),
    [
        ("", SPACE, "no verdict: no JSON object"),
        ("yes", SPACE, "no verdict: no JSON object"),
        ('{"answer": "yes"}', SPACE, "no verdict: no JSON object"),
        ('{"verdict": "yes"} {"verdict": "no"}', SPACE, "contradicts itself: yes and no"),
        ('{"verdict": "yes"}\n\n{"verdict": "no"}', SPACE, "contradicts itself: yes and no"),
        ("{'verdict': 'yes'} {'verdict': 'no'}", SPACE, "contradicts itself: yes and no"),
        ('{"a": {"verdict": "yes"}, "b": {"verdict": "no"}}', SPACE, "contradicts itself: yes and no"),
        ('{"verdict": "yes", "verdict": "no"}', SPACE, "ambiguous: the key 'verdict' occurs twice"),
        ('{"verdict": "yes", "Verdict": "yes"}', SPACE, "ambiguous: the key 'verdict' occurs twice"),
        ('{"reasoning": "a", "reasoning": "b", "verdict": "yes"}', SPACE, "ambiguous: the key 'reasoning'"),
        ("{'reasoning': 'I think', 'verdict': 'ye", SPACE, "no verdict: no JSON object"),
        ('{"verdict": ["yes", "no"]}', SPACE, "ambiguous"),
        ('{"verdict": "yes"}\n\n{"reasoning": "but then", "verdict": "n', SPACE, "cut off"),
        ('{"reasoning": "I think', SPACE, "cut off"),
        ('{"verdict": null}', Choice(("none", "some")), "outside: 'JSON None' is not an answer"),
        ('{"verdict": true}', Choice(("true", "false")), "outside: 'JSON True' is not an answer"),
        ('{"verdict": 6}', SCORE, "outside: '6' is not an answer"),
        ('{"verdict": NaN}', SCORE, "outside: 'NaN' is not an answer"),
        ('{"verdict": ' + "1" * 5000 + "}", SCORE, "outside: '1111"),
        ('{"verdict": __import__("os")}', SPACE, "ambiguous: the JSON is broken"),
        ('{"a":' * 100_000, SPACE, "ambiguous: the JSON is nested too deeply"),
    ],
)
def test_what_is_no_answer_says_why(text: str, space: AnswerSpace, problem: str) -> None:
    reading = read(FORM, text, space)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize(
    ("text", "space", "well_formed"),
    [
        (' {"reasoning":"r","verdict":"4"}\n', SCORE, True),
        ('{"reasoning": "r", "verdict": 4}', SCORE, True),
        ('{"reasoning": "r", "verdict": 4.0}', SCORE, False),
        ('{"reasoning": "r", "verdict": 4}', Choice(("4", "5")), False),
        ('{"reasoning": 1, "verdict": "4"}', SCORE, False),
        ('{"verdict": "4", "reasoning": "r"}', SCORE, False),
        ('{"verdict": "4"}', SCORE, False),
        ('{"reasoning": "r", "verdict": "4", "more": 1}', SCORE, False),
        ('```json\n{"reasoning": "r", "verdict": "4"}\n```', SCORE, False),
        ('{"reasoning": "two\nlines", "verdict": "4"}', SCORE, False),
    ],
)
def test_only_the_letter_of_the_format_is_well_formed(text: str, space: AnswerSpace, well_formed: bool) -> None:
    reading = read(FORM, text, space)
    assert reading.verdict is not None
    assert reading.well_formed is well_formed


def test_the_rationale_is_the_reasoning_of_the_object_that_decides() -> None:
    text = '{"reasoning": "a", "verdict": "yes"}\n\n{"reasoning": "b", "verdict": "yes"}'
    assert read(FORM, text, SPACE).rationale == "b"


def test_what_is_written_is_json_for_anybody() -> None:
    assert json.loads(FORM.write("yes", SPACE, 'a "b"\n\x00')) == {"reasoning": 'a "b"\n\x00', "verdict": "yes"}
