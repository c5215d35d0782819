from __future__ import annotations

from typing import Any

import pytest

from harness.api import Choice, Example, Item, Preference, Ranking, Rubric, Score, Status
from harness_baselines.options import PriorOptions
from harness_baselines.prior import Prior

RUBRIC = Rubric((("clear", Score(1, 5)), ("better", Preference(2))))


@pytest.fixture
def taught(plan: Any, put: Any) -> Any:
    """A prior whose train split has the given golds."""

    def teach(space: Any, golds: list[Any]) -> Prior:
        context = plan()
        item = Item(id="1", group="1", space=Choice(("yes", "no")), gold="yes")
        context.examples = lambda task, split: iter(
            Example(request=put(space, number=number), gold=gold, item=item) for number, gold in enumerate(golds)
        )
        return Prior(PriorOptions(), context)

    return teach


@pytest.mark.parametrize(
    ("space", "golds", "verdict"),
    [
        (Choice(("yes", "no")), ["no", "yes", "no"], "no"),
        (Choice(("yes", "no")), ["no", "yes"], "yes"),
        (Preference(2), [1, 0, 1], 1),
        (Preference(2, ("good", "bad")), ["bad", 0, "bad"], "bad"),
        (Score(0, 1, 0.1), [0.3, 0.3, 0.9], pytest.approx(0.3)),
        (Score(0, 1, 0), [0.9, 0.11, 0.12], 0.12),
        (Ranking(3), [(2, 1, 0), (0, 1, 2), (2, 1, 0)], (2, 1, 0)),
        (RUBRIC, [(4.0, 0), (2.0, 1), (4.0, 1)], (4.0, 1)),
        (RUBRIC, [(4.0, 0), (4.0, 0), (2.0, 1), (3.0, 1), (5.0, 1)], (4.0, 1)),
        (Ranking(9), [tuple(range(9)), tuple(range(9))[::-1], tuple(range(9))], tuple(range(9))),
    ],
)
def test_the_most_frequent_gold_wins_and_of_equals_the_first(
    taught: Any, one: Any, put: Any, space: Any, golds: list[Any], verdict: Any
) -> None:
    assert one(taught(space, golds), put(space, number=99)).verdict == verdict


def test_probabilities_are_the_shares(taught: Any, one: Any, put: Any) -> None:
    judgement = one(taught(Preference(3), [1, 1, 0, 1]), put(Preference(3)))
    assert judgement.probabilities == {"A": 0.25, "B": 0.75, "C": 0.0}


def test_a_form_never_learned_is_refused(taught: Any, one: Any, put: Any) -> None:
    judgement = one(taught(Choice(("yes", "no")), ["yes"]), put(Score(1, 5, 1)))
    assert judgement.status is Status.REFUSED
    assert "yes/no" in judgement.error
    assert "score from 1 to 5" in judgement.error


def test_without_a_train_split_it_refuses_unless_told_where_to_learn(
    one: Any, put: Any, plan: Any, shades: Any
) -> None:
    context = plan(tasks={"shades": shades(), "words": shades(splits={"test": 1})})
    request = put(Choice(("yes", "no")))
    refusal = one(Prior(PriorOptions(), context), request)
    assert refusal.status is Status.REFUSED
    assert "words" in refusal.error
    assert "no train split" in refusal.error
    golds = [item.gold for item in shades().items("train")]
    judgement = one(Prior(PriorOptions(train=["shades"]), context), request)
    assert judgement.verdict == max(("yes", "no"), key=golds.count)
    assert judgement.probabilities["yes"] == pytest.approx(golds.count("yes") / len(golds))
