from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import (
    Answer,
    AnswerSpace,
    Choice,
    Item,
    Judgement,
    Preference,
    Ranking,
    Request,
    Score,
    Status,
    UserError,
)
from harness_verdict.swap import SwapConsistency

Put = Callable[..., Request]
REWARD = SwapConsistency()
TIED = Preference(2, ("good", "bad"))


def answer(
    put: Put, space: AnswerSpace, *, gold: object, said: object, order: tuple[int, ...], sample: int = 0
) -> Answer:
    """`gold` is canonical; `said` is a shown verdict or a status."""
    request = put(space, order=order, sample=sample)
    judgement = Judgement.failure(said, "no") if isinstance(said, Status) else Judgement.of(said)  # type: ignore[arg-type]
    item = Item(id=request.item, group="g", space=space, gold=gold)  # type: ignore[arg-type]
    return Answer(request=request, judgement=judgement, gold=space.to_shown(gold, order), item=item)  # type: ignore[arg-type]


def both(put: Put, space: AnswerSpace, *, gold: object, said: tuple[object, ...]) -> list[Answer]:
    straight = tuple(range(getattr(space, "n", 0)))
    orders = (straight, straight[::-1])
    return [answer(put, space, gold=gold, said=one, order=order) for one, order in zip(said, orders, strict=True)]


@pytest.mark.parametrize(("gold", "right"), [(0, (0, 1)), (1, (1, 0)), ("good", ("good", "good"))])
def test_only_right_in_both_orders_earns_1(put: Put, gold: object, right: tuple[object, object]) -> None:
    for said in product(TIED.verdicts(), repeat=2):
        assert REWARD.of_orders(both(put, TIED, gold=gold, said=said)) == float(said == right)


def test_a_bare_tie_in_both_orders_is_right_where_the_gold_is_a_tie(put: Put) -> None:
    assert REWARD.of_orders(both(put, TIED, gold="bad", said=("tie", "bad"))) == 1.0
    assert REWARD.of_orders(both(put, TIED, gold=0, said=("tie", "tie"))) == 0.0


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_is_not_right(put: Put, status: Status) -> None:
    for said in ((status, 1), (0, status), (status, status)):
        assert REWARD.of_orders(both(put, TIED, gold=0, said=said)) == 0.0


def test_a_failure_of_the_machine_in_either_order_earns_nothing(put: Put) -> None:
    for said in ((Status.ERROR, 1), (1, Status.ERROR)):
        assert REWARD.of_orders(both(put, TIED, gold=0, said=said)) is None


@given(data=st.data(), n=st.integers(2, 5))
def test_other_names_for_the_candidates_change_nothing(put: Put, data: st.DataObject, n: int) -> None:
    space = Preference(n, ("tie",))
    verdicts = st.sampled_from(space.verdicts())
    orders = data.draw(st.lists(st.permutations(range(n)).map(tuple), min_size=2, max_size=2, unique=True))
    said = data.draw(st.tuples(verdicts | st.just(Status.UNPARSED), verdicts))
    gold, names = data.draw(verdicts), data.draw(st.permutations(range(n)))

    def earned(rename: list[int]) -> float | None:
        new = gold if isinstance(gold, str) else rename[gold]  # type: ignore[index]
        answers = [
            answer(put, space, gold=new, said=one, order=tuple(rename[place] for place in order))
            for one, order in zip(said, orders, strict=True)
        ]
        assert REWARD.of_orders(answers) == REWARD.of_orders(answers[::-1])
        return REWARD.of_orders(answers)

    assert earned(names) == earned(list(range(n)))


@pytest.mark.parametrize("place", [0, 1])
def test_a_judge_that_prefers_a_place_earns_nothing(put: Put, place: int) -> None:
    for gold in (0, 1):
        assert REWARD.of_orders(both(put, TIED, gold=gold, said=(place, place))) == 0.0


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Score(1, 5), Ranking(2)], ids=str)
def test_it_applies_to_preferences_only(put: Put, space: AnswerSpace) -> None:
    verdict = space.verdicts()[0]
    item = Item(id="7", group="g", space=space, gold=verdict)
    one = Answer(request=put(space), judgement=Judgement.of(verdict), gold=verdict, item=item)
    assert REWARD(one.request, one.judgement, one.gold) is None
    assert REWARD.of_orders([one]) is None


def test_a_trainer_that_shows_one_order_is_told(put: Put) -> None:
    (one, other) = both(put, TIED, gold=0, said=(0, 1))
    with pytest.raises(UserError, match="item '7' was judged in one order"):
        REWARD(one.request, one.judgement, one.gold)
    later = answer(put, TIED, gold=0, said=1, order=(1, 0), sample=1)
    for wrong in ([one], [], [one, one], [one, other, one], [one, later]):
        with pytest.raises(UserError, match="one item and sample, once in each order"):
            REWARD.of_orders(wrong)
