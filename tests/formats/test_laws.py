"""The laws of `VerdictFormat`, for every built-in format and every answer space."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, DataError, Preference, Ranking, Score, Verdict, VerdictFormat
from harness.api.reading import split_reasoning
from harness.api.reading._exact import any_of
from harness.api.reading._words import WORSE
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read

FORMATS: list[VerdictFormat] = [TaggedFormat(), JsonFormat(), BracketsFormat(), LabelFormat(), ArenaFormat()]
SPACES: list[AnswerSpace] = [
    Choice(("yes", "no")),
    Choice(("very good", "good", "bad", "größer")),
    Preference(2),
    Preference(2, ("good", "bad")),
    Preference(2, (TIE,)),
    Preference(4, (TIE,)),
    Score(1, 5, 1),
    Score(-1, 1, 0.25),
    Score(0, 10_000_000, 1_000_000),
    Ranking(2),
    Ranking(4),
]
PAIRS = [
    pytest.param(form, space, id=f"{form.name}-{space}")
    for form in FORMATS
    for space in SPACES
    if not isinstance(form, ArenaFormat)
    or isinstance(space, Ranking)
    or (isinstance(space, Preference) and space.n == 2)
]
pairs = pytest.mark.parametrize(("form", "space"), PAIRS)


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if not isinstance(form, LabelFormat)], ids=lambda form: form.name
)
def test_an_answer_to_another_question_is_told_apart_from_none(form: VerdictFormat) -> None:
    pair, other = Preference(2), Ranking(4) if isinstance(form, ArenaFormat) else Choice(("yes", "no"))
    reading = read(form, form.write(other.verdicts()[0], other, "So it is."), pair)
    assert (reading.verdict, reading.outside) == (None, True)
    assert "is not an answer of" in reading.problem
    for text in ("I cannot say.", form.write(0, pair, "So it is.")):
        assert not read(form, text, pair).outside


HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(
                    "[[",
                    "]]",
                    "[[A]]",
                    "[[A>B]]",
                    "[[yes]]",
                    "<think>",
                    "</think>",
                    "<answer>",
                    "</answer>",
                    "A",
                    "yes",
                ),
                *('{"verdict": "', '{"', '"}', '": ', "{", "}", "\\", "\n\n", "\n", " ", "Answer:", "=", ">", "4"),
                *("\x00", "\ud800"),
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=20,
).map("".join)
PROSE = st.text(st.characters(exclude_characters='[]<>{}"', exclude_categories=["Cs"]), max_size=60).map(str.strip)


@pairs
def test_what_is_written_is_read_back_and_well_formed(form: VerdictFormat, space: AnswerSpace) -> None:
    for verdict in space.verdicts():
        for rationale in ("", "Because it is.", "First.\n\nSecond, with \x00 and \ud800.", 'say "A" {or} yes'):
            reading = read(form, form.write(verdict, space, rationale), space)
            assert (reading.verdict, reading.rationale, reading.problem) == (verdict, rationale, "")
            assert reading.well_formed


@pairs
@given(rationale=PROSE, data=st.data())
def test_any_rationale_comes_back(form: VerdictFormat, space: AnswerSpace, rationale: str, data: st.DataObject) -> None:
    verdict = data.draw(st.sampled_from(space.verdicts()))
    assume(form.instruction(space) not in rationale and read(form, rationale, space).verdict is None)
    written = form.write(verdict, space, rationale)
    kept = without_lead_in(rationale, written)
    assume(split_reasoning(kept).statement == kept)
    reading = read(form, written, space)
    if reading.verdict is None and isinstance(form, LabelFormat):
        assert ends_in_heading(kept)
    else:
        assert (reading.verdict, reading.rationale) == (verdict, kept)


def ends_in_heading(rationale: str) -> bool:
    """Whether the last line may belong to the label below it, as in `The loser:`. Then there may be no verdict."""
    line = rationale.rpartition("\n")[2]
    names_loser = re.search(any_of(*WORSE), line, re.IGNORECASE) is not None
    return line.rstrip(" \t\r*_`#>|").endswith((":", "：")) or line.startswith(("#", "**")) or names_loser


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Preference(2), Score(1, 5), Ranking(2)], ids=str)
@pytest.mark.parametrize(
    ("rationale", "leads"),
    [
        ("Both are sharp.", True),
        ("Known: both are sharp", True),
        ("Final verdict:", True),
        ("The loser:", False),
        ("Both are sharp. Missing in the other one:", False),
        ("the wrong one", False),
    ],
)
def test_a_heading_may_take_the_verdict_below_it_and_never_changes_it(
    rationale: str, leads: bool, space: AnswerSpace
) -> None:
    form = LabelFormat()
    assert ends_in_heading(rationale) or leads
    for verdict in space.verdicts():
        assert read(form, form.write(verdict, space, rationale), space).verdict == (verdict if leads else None)


def without_lead_in(rationale: str, written: str) -> str:
    """What gpt-oss leaves in front of an answer is taken away there, and only there."""
    lead_in = "assistantfinal"
    return rationale.removeprefix(lead_in).strip() if written.startswith(lead_in) else rationale


@pairs
@pytest.mark.parametrize("rationale", ["assistantfinal", "assistantfinal It is sharp.", "Not assistantfinal."])
def test_a_rationale_that_begins_like_an_answer_of_gpt_oss_changes_no_verdict(
    form: VerdictFormat, space: AnswerSpace, rationale: str
) -> None:
    for verdict in space.verdicts():
        written = form.write(verdict, space, rationale)
        reading = read(form, written, space)
        assert (reading.verdict, reading.rationale) == (verdict, without_lead_in(rationale, written))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@given(text=HOSTILE, space=st.sampled_from(SPACES))
def test_any_text_gives_a_reading_inside_the_space(form: VerdictFormat, text: str, space: AnswerSpace) -> None:
    reading = read(form, text, space)
    assert (reading.verdict is None) == bool(reading.problem)
    if reading.verdict is None:
        assert not reading.well_formed
    else:
        assert space.contains(reading.verdict)


@pairs
def test_an_echoed_instruction_is_no_verdict(form: VerdictFormat, space: AnswerSpace) -> None:
    instruction = form.instruction(space)
    for text in (instruction, f"Question?\n{instruction}\n", instruction * 3):
        reading = read(form, text, space)
        assert reading.verdict is None
        assert reading.problem


@pairs
def test_an_answer_around_an_echo_is_read(form: VerdictFormat, space: AnswerSpace) -> None:
    verdict = space.verdicts()[0]
    answer, instruction = form.write(verdict, space), form.instruction(space)
    assert read(form, f"{instruction} {answer}", space).verdict == verdict
    assert read(form, f"{answer}\n{instruction}", space).verdict == verdict


@pairs
def test_an_answer_beside_an_echo_or_before_more_text_is_not_well_formed(
    form: VerdictFormat, space: AnswerSpace
) -> None:
    answer, instruction = form.write(space.verdicts()[0], space, "It fits."), form.instruction(space)
    assert read(form, f"\n{answer}\n", space).well_formed
    for text in (f"{instruction}\n{answer}", f"{answer}\n{instruction}", f"{answer}\nAnd so on."):
        assert not read(form, text, space).well_formed


def test_every_format_but_the_bare_label_asks_for_reasoning() -> None:
    asking = {form.name for form in FORMATS if getattr(form, "asks_for_reasoning", False)}
    assert asking == {form.name for form in FORMATS} - {"harness/label"}


@pairs
@pytest.mark.parametrize("between", ["\n", "\n \t\n", "\n\nOn second thought:\n\n", " "], ids=repr)
def test_two_verdicts_contradict_each_other_wherever_they_stand(
    form: VerdictFormat, space: AnswerSpace, between: str
) -> None:
    one, other = (form.write(verdict, space) for verdict in space.verdicts()[:2])
    one, other = (text.removeprefix("<think></think>") for text in (one, other))
    reading = read(form, f"{one}{between}{other}", space)
    assert reading.verdict is None
    if between != " " or not isinstance(form, LabelFormat):
        assert reading.problem.startswith("contradicts itself")


@pairs
def test_the_same_verdict_twice_is_one_verdict(form: VerdictFormat, space: AnswerSpace) -> None:
    verdict = space.verdicts()[0]
    assert read(form, "\n".join([form.write(verdict, space)] * 2), space).verdict == verdict


@pairs
def test_case_and_white_space_do_not_matter(form: VerdictFormat, space: AnswerSpace) -> None:
    for verdict in space.verdicts():
        name = space.name(verdict)
        text = form.write(verdict, space).replace(name, f"  {name.swapcase()} ")
        assert read(form, f"\n\r\n {text} \n\n", space).verdict == verdict


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize(
    ("space", "verdict", "letter", "alike"),
    [
        (Preference(2), 0, "A", "А"),  # Cyrillic
        (Ranking(2), (0, 1), "B", "В"),  # Cyrillic
        (Score(1, 5), 4.0, "4", "٤"),
        (Choice(("yes", "no")), "yes", "s", "ſ"),
        (Choice(("ok", "bad")), "ok", "k", "\u212a"),
    ],
)
def test_look_alikes_of_other_scripts_are_not_letters_or_digits(
    form: VerdictFormat, space: AnswerSpace, verdict: Verdict, letter: str, alike: str
) -> None:
    try:
        text = form.write(verdict, space)
    except DataError:
        pytest.skip("the format does not know this space")
    name = space.name(verdict)
    text = text.replace(name, name.replace(letter, alike)).replace("A>B", "A>B".replace(letter, alike))
    assert read(form, text, space).verdict is None


MEGABYTE = 1_000_000
HOSTILE_SIZE = 200_000  # 1,200 readings: each at the rate that a megabyte in 3 CPU seconds asks for
ATTACKS = [
    *(
        "[",
        "[[",
        "]",
        "[[A",
        "[[A]] ",
        "<answer>",
        "</answer>",
        "<think>",
        "<answer>A",
        "< ",
        "{",
        '{"',
        '{"a":',
        '{"a":"',
    ),
    *(
        '{"a":[',
        '{"a":1,',
        '{"verdict":"A"}',
        "\n",
        " ",
        "\n ",
        "\n\n[[A]]",
        "answer",
        "Answer:",
        "A\n",
        "A >",
        "4 ",
        "1",
        "\\",
    ),
    *('{"a":[' + "1," * 100, "\r\n", "_*", "final ", '{"verdict":[', "[[A>>", "[[A=B="),
    *("A,\n", "Aé\n", "é\n", "a b\n", "-1\n", "答\n"),
]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_takes_no_longer_than_harmless_text(attack: str) -> None:
    body = attack * (HOSTILE_SIZE // len(attack))
    half = body[: HOSTILE_SIZE // 2]
    wrapped = (f"<answer>4{half}x</answer>", f"[[{half}]]", f'{{"verdict": "4{half}x"}}')
    for form in FORMATS:
        for text, space in ((body, Preference(2)), *zip(wrapped, (Score(1, 5), Ranking(3), Score(1, 5)), strict=True)):
            most = 3 * HOSTILE_SIZE / MEGABYTE
            # A machine that does other things too makes one reading slow, and a bad reader is slow each time.
            assert _time_reading(form, text, space) < most or _time_reading(form, text, space) < most


def _time_reading(form: VerdictFormat, text: str, space: AnswerSpace) -> float:
    began = time.process_time()
    read(form, text, space)
    return time.process_time() - began
