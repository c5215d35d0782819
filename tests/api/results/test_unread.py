from __future__ import annotations

import json

import pytest

from harness.api import Choice, Judgement, Message, Request, Status, UnreadReason, majority_vote, reason_of
from harness.formats.tagged import TaggedFormat

REQUEST = Request(
    task="t",
    item="i",
    messages=(Message("user", ("Is it good?",)),),
    space=Choice(("yes", "no")),
    format=TaggedFormat(),
)


@pytest.mark.parametrize("reason", UnreadReason)
def test_an_error_of_an_unparsed_answer_begins_with_its_reason(reason: UnreadReason) -> None:
    assert reason_of(Status.UNPARSED, reason.value) is reason
    assert reason_of(Status.UNPARSED, f"{reason.value}: more: of it") is reason


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (Status.OK, "", None),
        (Status.OK, "ambiguous", None),
        (Status.UNPARSED, "", UnreadReason.NO_VERDICT),
        (Status.UNPARSED, "nothing that a plugin's format knows", UnreadReason.NO_VERDICT),
        (Status.UNPARSED, "ambiguously said", UnreadReason.NO_VERDICT),
        (Status.UNPARSED, "two verdicts: A and B", UnreadReason.CONTRADICTS),
        (Status.UNPARSED, "a draw between A and B, 1 of 2 samples each", UnreadReason.DRAWN),
        (Status.OUTSIDE, "'maybe' is not an answer of yes or no", UnreadReason.OUTSIDE),
        (Status.OUTSIDE, "ambiguous: 8/10", UnreadReason.OUTSIDE),
        (Status.TRUNCATED, "no verdict: max_tokens", UnreadReason.CUT_OFF),
        (Status.TRUNCATED, "reasoning never closes: max_tokens", UnreadReason.OPEN_REASONING),
        (Status.REFUSED, "no verdict", UnreadReason.REFUSED),
        (Status.ERROR, "cut off", UnreadReason.ERROR),
    ],
)
def test_the_status_decides_where_it_says_more_than_the_words(
    status: Status, error: str, reason: UnreadReason | None
) -> None:
    assert reason_of(status, error) is reason


def test_every_status_without_a_verdict_has_a_reason() -> None:
    assert [status for status in Status if status is not Status.OK and reason_of(status, "") is None] == []


def test_a_judgement_says_whether_a_text_was_read_for_it() -> None:
    read = REQUEST.read("<answer>yes</answer>")
    assert read.read
    assert Judgement.from_json(json.loads(json.dumps(read.to_json()))) == read
    assert not Judgement.of("yes", raw="<answer>yes</answer>").read
    assert "read" not in Judgement.of("yes").to_json()


def test_a_vote_is_no_reading_of_the_texts_that_it_keeps() -> None:
    votes = [REQUEST.read("<answer>yes</answer>"), REQUEST.read("<answer>yes</answer>"), REQUEST.read("hm")]
    assert not majority_vote(votes, REQUEST).read
    assert majority_vote(votes[:1], REQUEST).read
