from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, Judgement, Preference, Ranking, Request, Score, Status, Verdict
from harness_verdict.accuracy import accuracy

Put = Callable[..., Request]
SPACES: list[AnswerSpace] = [
    Choice(("yes", "no")),
    Preference(2),
    Preference(3, ("good", "bad")),
    Score(0, 1, 0.25),
    Ranking(3),
]


@given(space=st.sampled_from(SPACES), data=st.data())
def test_it_is_1_exactly_where_evaluation_says_right(put: Put, space: AnswerSpace, data: st.DataObject) -> None:
    said, gold = (data.draw(st.sampled_from(space.verdicts())) for _ in range(2))
    request = put(space)
    judgement = request.read(request.format.write(said, space, "It fits."))
    assert accuracy(request, judgement, gold) == float(space.agrees(said, gold))


@pytest.mark.parametrize(("gold", "earned"), [("good", 1.0), ("bad", 1.0), (0, 0.0)])
def test_a_bare_tie_is_right_for_every_kind_of_tie(put: Put, gold: Verdict, earned: float) -> None:
    assert accuracy(put(Preference(2, ("good", "bad"))), Judgement.of(TIE), gold) == earned


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_earns_0_whatever_the_gold(put: Put, status: Status) -> None:
    for space in SPACES:
        assert {accuracy(put(space), Judgement.failure(status, "no"), gold) for gold in space.verdicts()} == {0.0}


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    assert accuracy(put(Preference(2)), Judgement.failure(Status.ERROR, "no memory"), 0) is None
