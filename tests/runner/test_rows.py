"""Rows of the journal: what was put in comes back, and an item that changed is told from one that did not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Choice, Judgement, Preference, Score, Status, Usage
from harness.recorded.rows import answer_from_row, unread_from_row
from harness.runner.rows import (
    ItemRow,
    annotations_text,
    difference,
    judgement_from_row,
    judgement_row,
    quantity,
    usage_of,
    verdict_text,
)

ITEM = ItemRow("t", "i", 3, "g", "c", "{}", '"yes"', "{}", "hash")


@pytest.mark.parametrize(
    ("ordinal", "known", "item", "said"),
    [
        (3, "hash", ITEM, None),
        (3, "", ITEM, None),  # its image could not be read then
        (3, "hash", ITEM._replace(hash=""), None),  # its image cannot be read now
        (3, "other", ITEM, "is not what this run recorded before"),
        (2, "hash", ITEM, r"the id 'i' comes twice \(items 2 and 3, counted from 0\)"),
        (2, "other", ITEM, "comes twice"),
        (4, "hash", ITEM, "is not what this run recorded before"),
    ],
)
def test_an_item_is_compared_with_what_is_known(ordinal: int, known: str, item: ItemRow, said: str | None) -> None:
    problem = difference(item, ordinal, known)
    if said is None:
        assert problem is None
    else:
        assert problem is not None
        with pytest.raises(type(problem), match=said):
            raise problem


verdicts = st.one_of(st.text(max_size=5), st.integers(0, 25), st.floats(0, 5), st.tuples(st.integers(0, 3)))


@given(
    verdict=verdicts,
    raw=st.text(st.characters(codec="utf-8"), max_size=20),
    latency=st.none() | st.floats(0, 100),
    tokens=st.none() | st.integers(0, 10**6),
    read=st.booleans(),
)
def test_a_judgement_comes_back(verdict: Any, raw: str, latency: float | None, tokens: int | None, read: bool) -> None:
    judgement = Judgement.of(verdict, raw=raw, latency_s=latency, prompt_tokens=tokens, read=read and bool(raw))
    assert judgement_from_row(*judgement_row(judgement)) == judgement


def test_a_place_and_a_score_are_different_verdicts() -> None:
    assert [verdict_text(1), verdict_text(1.0), verdict_text(True)] == ["1", "1.0", "true"]


def test_only_what_a_judgement_says_takes_room() -> None:
    assert judgement_row(Judgement.of("yes")) == ("ok", '"yes"', None, "", "{}")
    more = json.loads(judgement_row(Judgement.of("yes", raw="yes", cost_usd=0.0)).more)
    assert more == {"cost_usd": 0.0, "read": False}


def test_an_answer_is_joined_with_its_item() -> None:
    space = json.dumps(Preference(2).to_json())
    row = ("i", "g", "c", space, "1", "[1, 0]", 2, "ok", "0", '{"A": 0.75, "B": 0.25}')
    answer = answer_from_row(*row, annotations_text({"b": 1, "a": 0}))
    assert (answer.item, answer.group, answer.category, answer.space) == ("i", "g", "c", Preference(2))
    assert (answer.gold, answer.verdict, answer.order, answer.sample) == (1, 0, (1, 0), 2)
    assert (answer.status, answer.probabilities) == (Status.OK, {"A": 0.75, "B": 0.25})
    assert dict(answer.annotations) == {"a": 0, "b": 1}
    assert list(answer.annotations) == ["a", "b"]
    for nothing in (None, "", annotations_text({})):
        assert dict(answer_from_row(*row, nothing).annotations) == {}
    failed = answer_from_row(
        "i", "g", "", json.dumps(Choice(("x", "y")).to_json()), '"x"', "[]", 0, "error", None, None
    )
    assert (failed.verdict, failed.probabilities, failed.order) == (None, None, ())


def test_an_answer_without_a_verdict_has_a_reason() -> None:
    refused = judgement_row(Judgement(status=Status.REFUSED, error="no", raw="I will not."))
    unread = unread_from_row("i", "c", "[0, 1]", 1, *refused)
    assert (unread.item, unread.category, unread.order, unread.sample) == ("i", "c", (0, 1), 1)
    assert (unread.reason.value, unread.judgement.raw) == ("refused", "I will not.")
    unknown = judgement_row(Judgement(status=Status.UNPARSED, error="of a later version"))
    assert unread_from_row("i", "c", "[]", 0, *unknown).reason.value == "no verdict"


def test_usage_adds_up_what_is_said() -> None:
    said = [
        {"prompt_tokens": 10, "completion_tokens": 1, "cost_usd": 0.5, "model": "b"},
        {"prompt_tokens": 5, "model": "a"},
        {"completion_tokens": 2, "cost_usd": 0.25, "model": ""},
        {"prompt_tokens": -1, "completion_tokens": "many", "cost_usd": float("nan"), "model": 7},
    ]
    assert usage_of(said) == Usage(
        answers=4,
        reported=3,
        prompt_tokens=15,
        completion_tokens=3,
        priced=2,
        cost_usd=0.75,
        models=("a", "b"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0.0),
        (1.5, 1.5),
        (2**53 - 1, float(2**53 - 1)),
        (2**53, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("3", None),
        (None, None),
    ],
)
def test_a_quantity_is_a_finite_number_from_zero_on(value: object, expected: float | None) -> None:
    assert quantity(value) == expected


def test_equal_verdicts_of_two_rubrics_keep_their_own_numbers() -> None:
    # A place and a score, then a score and a place. Python takes the two for equal.
    assert verdict_text((1, 1.0)) == "[1, 1.0]"
    assert verdict_text((1.0, 1)) == "[1.0, 1]"
    assert [verdict_text(1), verdict_text(1.0), verdict_text("1")] == ["1", "1.0", '"1"']


def test_scores_of_earlier_journals_are_read_as_the_values_of_their_steps() -> None:
    space = json.dumps(Score(0, 5, 0.1).to_json())
    single = "3.299999952316284"  # 3.3 in 32 bits
    said = f'{{"a": {single}, "b": 3.3}}'
    answer = answer_from_row("i", "g", "", space, single, "[]", 0, "ok", "0.30000000000000004", None, said)
    assert (answer.gold, answer.verdict, dict(answer.annotations)) == (3.3, 0.3, {"a": 3.3, "b": 3.3})
    # The same texts on a scale without steps.
    space = json.dumps(Score(0, 5, 0).to_json())
    answer = answer_from_row("i", "g", "", space, single, "[]", 0, "ok", "0.30000000000000004", None)
    assert (answer.gold, answer.verdict) == (float(single), 0.30000000000000004)
