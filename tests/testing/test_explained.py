"""The kit looks at what a task says of reasoning, and at what a judge makes of given beginnings and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from harness.api import (
    Box,
    Choice,
    Claim,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Protocol,
    Request,
    TaskCard,
    TextWeights,
    VerdictFormat,
)
from harness.testing import checks_for
from harness.testing._checks import run_check

SPACE = Choice(("yes", "no"))
SOUND = Claim(name="word", start=0, end=1, value="a", truth="b", turned="b")


class Sound:
    """A task that reads reasoning. What it finds is given."""

    format, protocol = "harness/tagged", Protocol(metrics=("accuracy",))

    def __init__(self, implied: Callable[[str], Any], claim: Claim | None = SOUND) -> None:
        self.implied, self.claim = implied, claim

    def items(self, split: str) -> Iterator[Item]:
        yield Item(id="1", group="g", space=SPACE, gold="yes", question=("?",), tags={"rationale": "as it is"})

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = ("?", format.instruction(SPACE))
        return Request(task="", item=item.id, messages=(Message("user", parts),), space=SPACE, format=format)

    def fingerprint(self) -> str:
        return "1"

    def find_implied(self, reasoning: str, space: Any) -> Any:
        return self.implied(reasoning)

    def claims(self, reasoning: str, item: Item, order: tuple[int, ...]) -> Sequence[Claim]:
        return [self.claim] if self.claim is not None and reasoning.startswith("as") else []


class GoesOn:
    """A judge that writes what it is told to, and finds texts as likely as it is told to."""

    continues = True

    def __init__(self, repeats: bool = True, weights: Callable[[str], TextWeights] | None = None) -> None:
        self.repeats = repeats
        self.weights = weights or (lambda text: TextWeights((1, len(text)), (-1.0, -2.0)))

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, request.read((request.beginning if self.repeats else "") + " well")

    def fingerprint(self) -> str:
        return "1"

    def log_probabilities(self, requests: Sequence[Request], texts: Sequence[str]) -> list[TextWeights]:
        return [self.weights(text) for text in texts]


def fault_of(kind: str, made: object, check: str) -> str:
    card = (TaskCard if kind == "task" else JudgeCard)(name="x", summary="s", factory=lambda options, context: made)
    return str(run_check(dict(checks_for(card))[check]) or "")


@pytest.mark.parametrize(
    ("made", "check", "said"),
    [
        (Sound(lambda text: "yes" if "is" in text else None), "task_implied_verdicts_in_space", ""),
        (Sound(lambda text: "maybe" if text else None), "task_implied_verdicts_in_space", "which is none of"),
        (Sound(lambda text: "yes"), "task_implied_verdicts_in_space", "no reasoning implies a verdict"),
        (Sound(lambda text: text[400]), "task_implied_verdicts_in_space", "index out of range"),
        (Sound(lambda text: None), "task_claims_lie_in_the_text", ""),
        (
            Sound(lambda text: None, Claim(name="x", start=0, end=99, value="a", truth=None)),
            "task_claims_lie_in_the_text",
            "is not in the text",
        ),
        (
            Sound(lambda text: None, Claim(name="x", start=0, end=2, value="a", truth=None, turned="as")),
            "task_claims_lie_in_the_text",
            "is no mistake",
        ),
        (
            Sound(
                lambda text: None, Claim(name="x", start=0, end=1, value="a", truth=None, boxes=(Box(0, 0, 0, 64, 64),))
            ),
            "task_claims_lie_in_the_text",
            "use fractions",
        ),
    ],
)
def test_what_a_task_says_of_reasoning_is_checked(made: object, check: str, said: str) -> None:
    fault = fault_of("task", made, check)
    assert said in fault if said else not fault


@pytest.mark.parametrize(
    ("made", "check", "said"),
    [
        (GoesOn(), "judge_goes_on_from_the_beginning", ""),
        (GoesOn(repeats=False), "judge_goes_on_from_the_beginning", "`raw` includes the beginning"),
        (GoesOn(), "judge_weighs_every_piece", ""),
        (
            GoesOn(weights=lambda text: TextWeights((1,), (-1.0,))),
            "judge_weighs_every_piece",
            "must end where the text",
        ),
        (
            GoesOn(weights=lambda text: TextWeights((1, len(text)), (0.5, -1.0))),
            "judge_weighs_every_piece",
            "a probability is above 1",
        ),
        (
            GoesOn(weights=lambda text: TextWeights((3, 2, len(text)), (-1.0, -1.0, -1.0))),
            "judge_weighs_every_piece",
            "not in order",
        ),
    ],
)
def test_what_a_judge_makes_of_given_words_is_checked(made: object, check: str, said: str) -> None:
    fault = fault_of("judge", made, check)
    assert said in fault if said else not fault


def test_what_an_object_does_not_offer_is_not_asked_for() -> None:
    bare = type("Bare", (), {})()
    for check in ("judge_goes_on_from_the_beginning", "judge_weighs_every_piece"):
        assert fault_of("judge", bare, check) == ""
    for check in ("task_implied_verdicts_in_space", "task_claims_lie_in_the_text"):
        assert fault_of("task", bare, check) == ""
