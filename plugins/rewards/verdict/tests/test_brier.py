from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, Judgement, Preference, Ranking, Request, Score, Status, UserError
from harness_verdict.brier import brier

Put = Callable[..., Request]
YES_NO = Choice(("yes", "no"))
SPACES: list[AnswerSpace] = [YES_NO, Preference(2, ("good", "bad")), Score(1, 5), Ranking(3)]
shares = st.floats(0, 1, allow_subnormal=False)


@pytest.mark.parametrize(
    ("sure", "gold", "earned"),
    [(1.0, "yes", 1.0), (0.5, "yes", 0.75), (0.0, "yes", 0.0), (1.0, "no", -1.0), (0.5, "no", -0.25), (0.0, "no", 0.0)],
)
def test_it_is_right_or_wrong_less_the_brier_score(put: Put, sure: float, gold: str, earned: float) -> None:
    judgement = Judgement.of("yes", probabilities={"yes": sure, "no": 1 - sure})
    assert brier(put(YES_NO), judgement, gold) == pytest.approx(earned)


@given(space=st.sampled_from(SPACES), data=st.data())
def test_no_parsed_answer_earns_less_than_a_failed_parse_nor_more_than_1(
    put: Put, space: AnswerSpace, data: st.DataObject
) -> None:
    verdicts = space.verdicts()
    weights = data.draw(st.lists(shares, min_size=len(verdicts), max_size=len(verdicts)))
    assume(sum(weights) > 0.01)
    table = {space.name(one): weight / sum(weights) for one, weight in zip(verdicts, weights, strict=True)}
    said, gold = (data.draw(st.sampled_from(verdicts)) for _ in range(2))
    request = put(space)
    failed = brier(request, Judgement.failure(Status.UNPARSED, "no"), gold)
    earned = brier(request, Judgement.of(said, probabilities=table), gold)
    assert failed == -1.0
    assert earned is not None
    assert failed <= earned <= 1.0
    assert earned >= 0 if space.agrees(said, gold) else earned <= 0


@given(chance=shares, sure=shares)
def test_it_expects_most_where_the_judge_is_as_sure_as_it_is_often_right(put: Put, chance: float, sure: float) -> None:
    def expected(sure: float) -> float:
        judgement = Judgement.of("yes", probabilities={"yes": sure, "no": 1 - sure})
        right, wrong = brier(put(YES_NO), judgement, "yes"), brier(put(YES_NO), judgement, "no")
        assert right is not None
        assert wrong is not None
        return chance * right + (1 - chance) * wrong

    assert expected(sure) <= expected(chance) + 1e-12
    assert expected(chance) == pytest.approx(chance**2)


def test_a_bare_tie_is_as_sure_as_all_kinds_of_tie_together(put: Put) -> None:
    space = Preference(2, ("good", "bad"))
    table = {"A": 0.25, "good": 0.5, "bad": 0.25}
    assert brier(put(space), Judgement.of(TIE, probabilities=table), "bad") == pytest.approx(1 - 0.25**2)
    assert brier(put(space), Judgement.of("good", probabilities=table), "bad") == pytest.approx(-(0.5**2))


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_earns_the_least_whatever_its_probabilities(put: Put, status: Status) -> None:
    judgement = Judgement.failure(status, "no", probabilities={"yes": 1.0})
    assert brier(put(YES_NO), judgement, "yes") == -1.0


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    assert brier(put(YES_NO), Judgement.failure(Status.ERROR, "no memory"), "yes") is None


def test_missing_probabilities_are_an_error(put: Put) -> None:
    with pytest.raises(UserError, match=r"reward brier: .*without probabilities"):
        brier(put(YES_NO), Judgement.of("yes"), "yes")
