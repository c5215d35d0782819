from __future__ import annotations

import math
from typing import Any

import pytest

from harness.api import AnswerSpace, Choice, Message, Request, Rubric
from harness.formats.tagged import TaggedFormat
from harness_endpoints.asking import Outcome
from harness_endpoints.reply import Completion, Spent
from harness_endpoints.verdicts import Speller, judgement_of

YES = Choice(("yes", "no"))
PLACES: dict[str, Any] = {
    "yes": [{"token": "no", "logprob": math.log(0.3), "bytes": None}],
    "safe": [{"token": "risky", "logprob": math.log(0.0001), "bytes": None}],
    "no": [{"token": "yes", "logprob": math.log(0.4), "bytes": None}],
}


def answer(space: AnswerSpace, *tokens: str) -> Completion:
    content = [
        {"token": token, "logprob": math.log({"yes": 0.7, "no": 0.6, "safe": 0.9999}.get(token, 1.0)), "bytes": None,
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


def test_the_tokens_of_a_rubric_give_no_probabilities() -> None:
    """Those of the second criterion were written after the first, and nothing is known of it after another first.

    Where the first is all but certain they would give some, and the sure answers alone would have probabilities.
    """
    assert probabilities(YES, "<answer>", "yes", "</answer>") == pytest.approx({"yes": 0.7, "no": 0.3})
    rubric = Rubric((("kind", Choice(("safe", "risky"))), ("right", YES)))
    assert probabilities(rubric, "<answer>", "kind: ", "safe", "; ", "right: ", "no", "</answer>") is None
