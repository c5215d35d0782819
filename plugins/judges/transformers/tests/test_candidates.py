from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, Message, Preference, Ranking, Request, Score, Status
from harness.formats.label import LabelFormat
from harness_transformers.candidates import compared, decided, refusal, softmax


def put(space: AnswerSpace, count: int = 0) -> Request:
    candidates = tuple((f"candidate {number}",) for number in range(count))
    messages = (Message("user", ("?",)),)
    return Request(
        task="t", item="1", messages=messages, space=space, format=LabelFormat(), question=("?",), candidates=candidates
    )


def told(space: AnswerSpace, scores: list[float], margin: float = 0.0) -> Any:
    request = put(space, len(scores))
    judgement = compared(request, scores, logits=scores, tie_margin=margin, raw={"rewards": scores})
    assert judgement.checked(space) is judgement
    return judgement


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6, unique=True))
def test_the_highest_wins_and_probabilities_follow(scores: list[float]) -> None:
    judgement = told(Preference(len(scores)), scores)
    assert judgement.verdict == scores.index(max(scores))
    assert judgement.probabilities["AB"[0]] == pytest.approx(softmax(scores)[0])
    assert max(judgement.probabilities.values()) == judgement.probabilities["ABCDEF"[judgement.verdict]]
    order = told(Ranking(len(scores)), scores).verdict
    assert [scores[place] for place in order] == sorted(scores, reverse=True)


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_two_candidates_are_those_of_bradley_and_terry(one: float, other: float) -> None:
    first, second = softmax([one, other])
    assert first == pytest.approx(1 / (1 + 2.718281828459045 ** (other - one)))
    assert first + second == pytest.approx(1)


def test_equal_scores_are_a_tie_only_where_the_question_knows_ties() -> None:
    assert told(Preference(2, ("tie",)), [1.0, 1.0]).verdict == "tie"
    assert told(Preference(2, ("bothgood", "bothbad")), [1.0, 1.05], margin=0.1).verdict == TIE
    assert told(Preference(2, ("tie",)), [1.0, 1.2], margin=0.1).verdict == 1
    assert told(Preference(2), [1.0, 1.05], margin=0.1).verdict == 1
    for space in (Preference(2), Ranking(3)):
        judgement = told(space, [1.0, 1.0, 0.0][: space.n])
        assert judgement.status is Status.UNPARSED
        assert "same score" in judgement.error
        assert json.loads(judgement.raw)["rewards"][0] == 1.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_an_error(bad: float) -> None:
    assert told(Preference(2), [1.0, bad]).status is Status.ERROR
    assert decided(put(Choice(("yes", "no"))), bad, threshold=0.0, raw={}).status is Status.ERROR


def test_a_threshold_decides_between_two_answers() -> None:
    request = put(Choice(("yes", "no")))
    assert decided(request, 0.6, threshold=0.5, raw={}).verdict == "yes"
    assert decided(request, 0.5, threshold=0.5, raw={}).verdict == "no"
    refused = decided(request, 0.6, threshold=None, raw={})
    assert refused.status is Status.REFUSED
    assert "threshold" in refused.error


@pytest.mark.parametrize(
    ("space", "count", "answers"),
    [
        (Preference(2), 2, True),
        (Ranking(3), 3, True),
        (Choice(("yes", "no")), 0, True),
        (Choice(("a", "b", "c")), 0, False),
        (Choice(("yes", "no")), 2, False),
        (Score(1, 5, 1), 0, False),
        (Preference(2), 0, False),
    ],
)
def test_what_cannot_be_scored_one_by_one_is_refused_with_a_reason(
    space: AnswerSpace, count: int, answers: bool
) -> None:
    assert (refusal(put(space, count)) == "") is answers
