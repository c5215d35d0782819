"""`score_task` goes the way of a run: orders, samples, the task's own format, the protocol's rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.api import Item, Judgement, Message, Preference, Protocol, Request, Status, VerdictFormat
from harness.testing import score_task

SPACE = Preference(2)


class Pairs:
    """Four pairs; the gold is always the first candidate."""

    protocol = Protocol(order="both", metrics=("accuracy",))
    format = "harness/brackets"

    def items(self, split: str) -> Iterator[Item]:
        for k in range(4):
            yield Item(
                id=f"{split}-{k}",
                group=f"g{k // 2}",
                space=SPACE,
                gold=0,
                candidates=(("good",), ("bad",)),
                category="ab"[k // 2],
            )

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = (*(part for k in order for part in item.candidates[k]), format.instruction(item.space))
        return Request(
            task="t", item=item.id, messages=(Message("user", parts),), space=item.space, format=format, order=order
        )

    def fingerprint(self) -> str:
        return "1"


def value(scores: object) -> float:
    (estimate,) = scores.estimates  # type: ignore[attr-defined]
    return float(estimate.value)


def test_answers_are_text_in_the_tasks_own_format_or_judgements() -> None:
    assert value(score_task(Pairs(), lambda request, item: "[[A]]")) == 0.5
    right = score_task(Pairs(), lambda request, item: Judgement.of(item.space.to_shown(0, request.order)))
    assert value(right) == 1
    assert right.asked == 8


def test_the_protocol_decides_and_may_be_another_one() -> None:
    both = replace(Pairs.protocol, pooling="agree")
    assert value(score_task(Pairs(), lambda request, item: "[[A]]", protocol=both)) == 0
    wrong = Protocol(order="fixed", unparsed="wrong", metrics=("accuracy",))
    mute = lambda request, item: "[[A]]" if item.id == "train-0" else "I cannot say"  # noqa: E731
    scores = score_task(Pairs(), mute, split="train", protocol=wrong)
    assert (value(scores), scores.coverage) == (0.25, 0.25)
    assert scores.categories["a"].value == 0.5


def test_a_judgement_that_does_not_fit_the_space_is_an_error_and_never_a_wrong_answer() -> None:
    scores = score_task(Pairs(), lambda request, item: Judgement.of(7 if item.id == "test-0" else 0))
    assert scores.statuses[Status.ERROR.value] == 2


def test_a_split_without_items_is_an_error() -> None:
    class Empty(Pairs):
        def items(self, split: str) -> Iterator[Item]:
            return iter(())

    with pytest.raises(Exception, match="has no items"):
        score_task(Empty(), lambda request, item: "[[A]]")
