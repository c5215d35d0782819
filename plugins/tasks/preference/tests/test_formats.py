from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, Choice, DataError, Preference, Verdict, VerdictFormat
from harness.testing import read
from harness_preference.benchmarks.genai_bench import SPACE, VOTES
from harness_preference.formats import GenAIBenchFormat, _vote

FORMAT = GenAIBenchFormat()
SPACES = (SPACE, Preference(2), Preference(2, ties=("tie",)))


def vote(text: str, space: Preference = SPACE) -> Verdict | None:
    return read(FORMAT, text, space).verdict


def test_it_is_a_verdict_format() -> None:
    assert isinstance(FORMAT, VerdictFormat)


@pytest.mark.parametrize("space", SPACES)
def test_what_is_written_is_read_back(space: Preference) -> None:
    for verdict in space.verdicts():
        for rationale in ("", "A is sharper.\n\nB is not."):
            reading = read(FORMAT, FORMAT.write(verdict, space, rationale), space)
            assert (reading.verdict, reading.rationale, reading.well_formed) == (verdict, rationale, True)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Model A is better: [[A>B]]", 0),
        ("[[B>A]].", 1),
        ("[[A>>B]]", 0),
        ("[[B>>A]]", 1),
        ("[[A=B]]", TIE),
        ("[[A=B=Good]]", "good"),
        ("[[A=B=Bad]]", "bad"),
        ("[[A>B]]\nOn second thoughts:\n[[B>A]]", 0),
        ("[[A>B]] or [[B>A]]", None),
        ("[[A>B]] and again [[A>B]]", None),
        ("[[A > B]]", None),
        ("[[a>b]]", None),
        ("[[Model A is better: [[A>B]] ]]", None),
        ("[[A=B=good]]", None),
        ("[[\nA>B]]", None),
        ("no verdict", None),
        ("", None),
    ],
)
def test_votes_are_read_as_the_official_script_reads_them(text: str, verdict: Verdict | None) -> None:
    reading = read(FORMAT, text, SPACE)
    assert reading.verdict == verdict
    assert bool(reading.problem) == (verdict is None)


@pytest.mark.parametrize("space", SPACES)
def test_an_echo_of_the_instruction_is_no_verdict(space: Preference) -> None:
    instruction = FORMAT.instruction(space)
    assert vote(instruction, space) is None
    assert all(FORMAT.write(verdict, space) in instruction for verdict in space.verdicts())


def test_ties_are_read_only_where_the_space_has_them() -> None:
    assert vote("[[A=B=Good]]", Preference(2)) is None
    assert vote("[[A=B]]", Preference(2)) is None
    assert vote("[[A=B=Bad]]", Preference(2, ties=("tie",))) is None


def test_a_tidy_answer_ends_with_one_label_on_a_line_of_its_own() -> None:
    for text in ("so: [[A>B]]", "[[A>B]] indeed", "[[A>>B]]", "[[A>B]]\n[[B>A]]"):
        assert not read(FORMAT, text, SPACE).well_formed, text
    assert read(FORMAT, "because\n[[A>B]]\n", SPACE).well_formed


def test_other_spaces_are_refused() -> None:
    for space in (Choice(("yes", "no")), Preference(3)):
        assert read(FORMAT, "[[A>B]]", space).verdict is None
        with pytest.raises(DataError, match="preferences between two"):
            FORMAT.instruction(space)


@given(st.text(alphabet="[]AB>=Godb \n", max_size=40) | st.text(max_size=40))
def test_parsing_is_total_and_stays_in_the_space(text: str) -> None:
    for space in SPACES:
        verdict = vote(text, space)
        assert verdict is None or space.contains(verdict)


@pytest.mark.parametrize("subset", ["image_generation", "image_edition"])
def test_every_recorded_answer_is_judged_as_officially(recorded: Callable[[str], Path], subset: str) -> None:
    folder = recorded("genai_bench")
    with gzip.open(folder / subset / "items.jsonl.gz", "rt") as stream:
        gold = {row["idx"]: VOTES[row["human_vote"]] for row in map(json.loads, stream)}
    expected = json.loads((folder / "expected_accuracy.json").read_text())[subset]
    assert expected
    for judge, accuracy in expected.items():
        with gzip.open(folder / subset / "outputs" / f"{judge}.jsonl.gz", "rt") as stream:
            answers = [json.loads(line) for line in stream]
        right = 0
        for answer in answers:
            verdict = vote(answer["response"])
            agrees = verdict is not None and SPACE.agrees(verdict, gold[answer["idx"]])
            assert agrees == answer["official_correct"], (judge, answer["idx"])
            assert verdict is None or _spelt(answer["official_vote"]) == verdict, (judge, answer["idx"])
            right += agrees
        assert len(answers) == len(gold)
        assert round(100 * right / len(gold), 2) == accuracy, judge


def _spelt(label: str) -> Verdict:
    votes: dict[str, Verdict] = {"[[A>B]]": 0, "[[B>A]]": 1, "[[A=B=Good]]": "good", "[[A=B=Bad]]": "bad"}
    return TIE if label == "[[A=B]]" else votes[label]


@given(st.text(alphabet="[]A \n\r", max_size=30))
def test_the_vote_is_the_first_match_of_the_official_pattern(text: str) -> None:
    found = re.search(r"\[\[.*\]\]", text)
    assert _vote(text) == ((0, 0) if found is None else found.span())
