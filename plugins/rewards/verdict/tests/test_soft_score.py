from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.api import Choice, Judgement, Preference, Ranking, Request, Score, Status, UserError
from harness_verdict.soft_score import soft_score

Put = Callable[..., Request]
SCALES = [Score(1, 5), Score(0, 10), Score(-1, 1, 0.25), Score(0, 1, 0)]
FIVE = Score(1, 5)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Score, Judgement, float]:
    """A scale, an answer with probabilities over some of its values, a gold."""
    space = draw(st.sampled_from(SCALES))
    values = space.verdicts() if space.step else (0.0, 0.125, 0.5, 0.9, 1.0)
    weights = draw(st.lists(st.floats(0, 1), min_size=len(values), max_size=len(values)))
    assume(sum(weights) > 0.01)
    shares = {space.name(value): weight / sum(weights) for value, weight in zip(values, weights, strict=True)}
    said, gold = (draw(st.sampled_from(values)) for _ in range(2))
    return space, Judgement.of(said, probabilities=shares), float(str(gold))


@pytest.mark.parametrize(
    ("shares", "gold", "earned"),
    [
        ({"4": 1.0}, 4.0, 1.0),
        ({"4": 0.5, "5": 0.5}, 4.0, 1 - (0.5 / 4) ** 2),
        ({"1": 0.25, "2": 0.25, "4": 0.5}, 5.0, 1 - (2.25 / 4) ** 2),
        ({"1": 1.0}, 5.0, 0.0),
        ({"1": 0.5, "5": 0.5}, 3.0, 1.0),
    ],
)
def test_it_is_1_less_the_squared_error_of_the_expected_score(
    put: Put, shares: dict[str, float], gold: float, earned: float
) -> None:
    assert soft_score(put(FIVE), Judgement.of(4.0, probabilities=shares), gold) == pytest.approx(earned)


@given(answers())
def test_it_stays_between_0_and_1_so_a_failed_parse_never_earns_more(
    put: Put, answer: tuple[Score, Judgement, float]
) -> None:
    space, judgement, gold = answer
    earned = soft_score(put(space), judgement, gold)
    failed = soft_score(put(space), Judgement.failure(Status.UNPARSED, "no"), gold)
    assert earned is not None
    assert failed == 0.0
    assert failed <= earned <= 1.0


@given(answers())
def test_a_scale_turned_upside_down_pays_the_same(put: Put, answer: tuple[Score, Judgement, float]) -> None:
    space, judgement, gold = answer
    assume(space.step)
    ends = space.low + space.high
    shares = {space.name(ends - float(name)): share for name, share in (judgement.probabilities or {}).items()}
    turned = soft_score(put(space), Judgement.of(space.low, probabilities=shares), ends - gold)
    assert turned == pytest.approx(soft_score(put(space), judgement, gold))


@pytest.mark.parametrize("space", [Choice(("1", "2")), Preference(2), Ranking(3)], ids=str)
def test_it_does_not_apply_to_other_spaces(put: Put, space: Choice) -> None:
    assert soft_score(put(space), Judgement.of(space.verdicts()[0]), space.verdicts()[0]) is None


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_earns_0_even_with_good_probabilities(put: Put, status: Status) -> None:
    judgement = Judgement.failure(status, "no", probabilities={"1": 1.0})
    assert soft_score(put(FIVE), judgement, 1.0) == 0.0


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    assert soft_score(put(FIVE), Judgement.failure(Status.ERROR, "no memory"), 1.0) is None


def test_missing_probabilities_are_an_error(put: Put) -> None:
    with pytest.raises(UserError, match=r"reward soft-score: .*without probabilities"):
        soft_score(put(FIVE), Judgement.of(4.0), 4.0)
