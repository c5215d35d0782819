from __future__ import annotations

import math
from typing import Any

import pytest

from harness.api import AnswerSpace, Choice, Message, Request, Rubric, Score
from harness.formats.tagged import TaggedFormat
from harness_endpoints.asking import Outcome
from harness_endpoints.reply import Completion, Spent
from harness_endpoints.verdicts import Speller, judgement_of

YES = Choice(("yes", "no"))
WRITTEN = {"yes": 0.7, "no": 0.6, "safe": 0.9999, "2": 0.7}
PLACES: dict[str, Any] = {
    "yes": [{"token": "no", "logprob": math.log(0.3), "bytes": None}],
    "safe": [{"token": "risky", "logprob": math.log(0.0001), "bytes": None}],
    "2": [
        {"token": "1", "logprob": math.log(0.2), "bytes": None},
        {"token": "3", "logprob": math.log(0.1), "bytes": None},
    ],
    "no": [{"token": "yes", "logprob": math.log(0.4), "bytes": None}],
}


def answer(space: AnswerSpace, *tokens: str) -> Completion:
    content = [
        {"token": token, "logprob": math.log(WRITTEN.get(token, 1.0)), "bytes": None,
         "top_logprobs": PLACES.get(token, [])}
        for token in tokens
    ]  # fmt: skip
    return Completion("".join(tokens), logprobs={"content": content})


def probabilities(space: AnswerSpace, *tokens: str) -> Any:
    request = Request(task="t", item="1", messages=(Message("user", ("?",)),), space=space, format=TaggedFormat())
    outcome = Outcome(request=request, spent=Spent(), completions=(answer(space, *tokens),))
    judgement = judgement_of(outcome, cost=None, speller=Speller())
    assert judgement.verdict is not None
    return judgement.probabilities


def test_each_criterion_has_the_probabilities_of_its_own_tokens() -> None:
    assert probabilities(YES, "<answer>", "yes", "</answer>") == pytest.approx({"yes": 0.7, "no": 0.3})
    rubric = Rubric((("kind", Choice(("safe", "risky"))), ("right", YES)))
    assert probabilities(rubric, "<answer>", "kind: ", "safe", "; ", "right: ", "no", "</answer>") == pytest.approx(
        {"kind: safe": 0.9999, "kind: risky": 0.0001, "right: yes": 0.4, "right: no": 0.6}, abs=1e-5
    )


def test_the_same_word_in_two_criteria_is_told_apart_and_their_order_is_the_writers() -> None:
    rubric = Rubric((("first", YES), ("second", YES), ("third", Choice(("yes", "maybe")))))
    # Written in another order than the rubric's; the third has no alternatives that are known.
    found = probabilities(
        rubric, "<answer>", "second: ", "no", "; ", "third: ", "maybe", "; ", "first: ", "yes", "</answer>"
    )
    assert {name: found[name] for name in ("first: yes", "first: no", "second: yes", "second: no")} == pytest.approx(
        {"first: yes": 0.7, "first: no": 0.3, "second: yes": 0.4, "second: no": 0.6}
    )


def test_a_criterion_without_certain_tokens_has_none_and_the_others_keep_theirs() -> None:
    rubric = Rubric((("free", Score(0, 9, 0)), ("right", YES), ("other", YES)))
    # A continuous scale has no list of answers, and half of the mass of "other" is unknown.
    found = probabilities(rubric, "<answer>", "free: ", "5", "; ", "right: ", "no", "; ", "other: y", "es", "</answer>")
    assert {name.partition(":")[0] for name in found} <= {"right", "other"}
    assert found["right: no"] == pytest.approx(0.6)


@pytest.mark.parametrize("place", [0, 1])
def test_a_score_of_a_rubric_is_found_as_a_number(place: int) -> None:
    sharp, right = ("sharp", Score(1, 3)), ("right", YES)
    rubric = Rubric((sharp, right) if place == 0 else (right, sharp))
    found = probabilities(rubric, "<answer>", "sharp: ", "2", "; ", "right: ", "yes", "</answer>")
    assert {name: share for name, share in found.items() if name.startswith("sharp")} == pytest.approx(
        {"sharp: 1": 0.2, "sharp: 2": 0.7, "sharp: 3": 0.1}
    )
