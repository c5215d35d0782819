from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.api import AnswerSpace, Choice, DataError, Preference, Ranking, Score, Verdict
from harness.formats.arena import ArenaFormat
from harness.testing import read

FORM, PLAIN, NAMED = ArenaFormat(), Preference(2), Preference(2, ("good", "bad"))
# The end of many answers of MiniCPM-V 2.5 and Qwen-VL on GenAI-Bench: the whole list of the prompt.
LIST = (
    "1. Model A is better: [[A>B]]\n2. Model B is better: [[B>A]]\n"
    "3. Tie, relatively the same acceptable quality: [[A=B=Good]]\n4. Both are bad: [[A=B=Bad]]"
)
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "genai_bench"


@pytest.mark.parametrize(
    ("text", "space", "verdict"),
    [
        ("Model A is better: [[A>B]]", PLAIN, 0),
        ("[[ b >> a ]].", PLAIN, 1),
        ("[[A>>B]]", PLAIN, 0),
        ("[[A=B]]", NAMED, "tie"),
        ("[[a = b = GOOD]]", NAMED, "good"),
        ("[[A=B=Bad]]", NAMED, "bad"),
        ("**[[Model A is better: [[A>B]] ]].**", PLAIN, 0),
        ("[[B>A>C]]", Ranking(3), (1, 0, 2)),
        ("[[B >> A > C]]", Ranking(3), (1, 0, 2)),
        ("[[A<B]]", PLAIN, 1),
        ("[[A>>>B]]", PLAIN, 0),
        ("[[A]]", PLAIN, 0),
        ("[[Model B > Model A]]", PLAIN, 1),
        ("[[tie]]", NAMED, "tie"),
        ("[[B=A]]", NAMED, "tie"),
        ("[[both bad]]", NAMED, "bad"),
        ("[[BAC]]", Ranking(3), (1, 0, 2)),
    ],
)
def test_an_answer_is_read(text: str, space: AnswerSpace, verdict: Verdict) -> None:
    assert read(FORM, text, space).verdict == verdict


@pytest.mark.parametrize(
    ("text", "space", "problem"),
    [
        (f"The final verdict is:\n{LIST}", NAMED, "contradicts itself: A and B"),
        (f"{LIST}\n\nWithout seeing the images, I cannot give a verdict.", NAMED, "contradicts itself: A and B"),
        (f"{LIST}\n\nIn this case, the correct choice is:\n1. Model A is better: [[A>B]]", NAMED, "contradicts itself"),
        ("[[A=B]]", PLAIN, "outside: 'A=B' is not an answer"),
        ("[[A>A]]", PLAIN, "outside: 'A>A' is not an answer"),
        ("[[A>B>A]]", PLAIN, "ambiguous: 'A>B>A'"),
        ("[[A>B]]", Ranking(3), "ambiguous: 'A>B'"),
        ("[[A>B", PLAIN, "cut off"),
        ("A>B", PLAIN, "no verdict: no [[...]]"),
    ],
)
def test_what_is_no_answer_says_why(text: str, space: AnswerSpace, problem: str) -> None:
    reading = read(FORM, text, space)
    assert reading.verdict is None
    assert reading.problem.startswith(problem)


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Preference(3), Score(1, 5)])
def test_a_space_that_it_cannot_say_is_refused(space: AnswerSpace) -> None:
    with pytest.raises(DataError, match="harness/arena"):
        FORM.instruction(space)
    with pytest.raises(DataError, match="harness/arena"):
        FORM.write(space.verdicts()[0], space)
    reading = read(FORM, "[[A>B]]", space)
    assert reading.verdict is None
    assert "cannot say" in reading.problem


def test_each_tie_is_written_with_its_name() -> None:
    assert [FORM.write(verdict, NAMED) for verdict in (0, 1, "good", "bad", "tie")] == [
        "[[A>B]]",
        "[[B>A]]",
        "[[A=B=Good]]",
        "[[A=B=Bad]]",
        "[[A=B]]",
    ]


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers of GenAI-Bench are not here")
@pytest.mark.parametrize("task", ["image_generation", "image_edition"])
def test_recorded_answers_of_real_judges_are_read(task: str) -> None:
    """Official reading and this one agree wherever a judge says one thing once; a list of all labels is unparsed."""
    official = {"[[A>B]]": 0, "[[B>A]]": 1, "[[A=B=Good]]": "good", "[[A=B=Bad]]": "bad"}
    for path in sorted((RECORDED / task / "outputs").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                said = {label for label in official if label in record["response"]}
                reading = read(FORM, record["response"], NAMED)
                quoted = reading.problem.startswith("only quoted")  # five say: I would label it as "..: [[A>B]]"
                if len(said) == 1 and record["official_vote"] in official and not quoted:
                    assert reading.verdict == official[record["official_vote"]]
                elif len(said) == 4 and record["response"].rstrip().endswith("[[A=B=Bad]]"):
                    assert reading.verdict in (None, "bad")
