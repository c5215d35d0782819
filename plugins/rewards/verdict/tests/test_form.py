from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Choice, Judgement, Preference, Request, Status, VerdictFormat
from harness.formats.arena import ArenaFormat
from harness.formats.brackets import BracketsFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness_verdict.form import well_formed

Put = Callable[..., Request]
PAIR = Preference(2)
FORMATS: list[VerdictFormat] = [TaggedFormat(), JsonFormat(), BracketsFormat(), LabelFormat(), ArenaFormat()]
formats = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


@formats
def test_what_the_format_would_write_earns_1_right_or_wrong(put: Put, form: VerdictFormat) -> None:
    request = put(PAIR, form)
    for said in PAIR.verdicts():
        judgement = request.read(form.write(said, PAIR, "It is sharper."))
        assert {well_formed(request, judgement, gold) for gold in PAIR.verdicts()} == {1.0}


@formats
def test_no_reasoning_earns_0_where_the_instruction_asks_for_some(put: Put, form: VerdictFormat) -> None:
    request = put(PAIR, form)
    earned = well_formed(request, request.read(form.write(0, PAIR)), 0)
    assert earned == (1.0 if form.name == "harness/label" else 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "<answer>yes</answer>",
        "r</think><answer>yes</answer>",
        "<think> </think><answer>yes</answer>",
        "<think>r</think><answer>Yes</answer>",
        "Well. <think>r</think><answer>yes</answer>",
        "<think>r</think> so <answer>yes</answer>",
        "<think>r</think><answer>yes</answer><answer>yes</answer>",
        "<think>r</think><think>s</think><answer>yes</answer>",
    ],
)
def test_what_the_parser_forgives_is_not_paid_for(put: Put, text: str) -> None:
    request = put(Choice(("yes", "no")))
    judgement = request.read(text)
    assert judgement.verdict == "yes"
    assert well_formed(request, judgement, "yes") == 0.0


@formats
@given(head=st.text(max_size=20), tail=st.text(max_size=20))
def test_whatever_stands_around_an_answer_it_is_paid_only_as_reasoning(
    put: Put, form: VerdictFormat, head: str, tail: str
) -> None:
    request = put(PAIR, form)
    judgement = request.read(head + form.write(0, PAIR, "It is sharper.") + tail)
    if well_formed(request, judgement, 0):
        assert judgement.verdict == 0
        assert not tail.strip()
        assert head.strip() == judgement.rationale.removesuffix("It is sharper.").strip()


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_earns_0_however_well_formed_its_text(put: Put, status: Status) -> None:
    raw = "<think>r</think><answer>A</answer>"
    assert well_formed(put(PAIR), Judgement.failure(status, "no", raw=raw), 0) == 0.0


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    assert well_formed(put(PAIR), Judgement.failure(Status.ERROR, "no memory"), 0) is None
