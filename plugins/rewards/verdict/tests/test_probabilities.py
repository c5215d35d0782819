from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.api import Choice, DataError, Judgement, Preference, Request, Rubric, Score, UserError
from harness_verdict.probabilities import probabilities_of

Put = Callable[..., Request]


def test_they_come_by_verdict_and_sum_to_1(put: Put) -> None:
    shares = {"1": 0.2, "5": 0.8004, "3": -1e-12}
    given = dict(probabilities_of(put(Score(1, 5)), Judgement.of(5.0, probabilities=shares), reward="mine"))
    assert set(given) == {1.0, 3.0, 5.0}
    assert sum(given.values()) == pytest.approx(1, abs=1e-12)
    assert given[3.0] == 0


def test_an_answer_without_them_is_an_error_that_says_what_to_do(put: Put) -> None:
    with pytest.raises(UserError, match=r"reward mine: task words, item '7'.*without probabilities; use a trainer"):
        probabilities_of(put(Preference(2)), Judgement.of(0), reward="mine")


def test_probabilities_of_single_criteria_are_none_of_the_whole_answer(put: Put) -> None:
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    judgement = Judgement.of(("yes", 0), probabilities={"safe: yes": 0.9, "safe: no": 0.1})
    with pytest.raises(UserError, match="are of single criteria, and this reward is of whole answers"):
        probabilities_of(put(space), judgement, reward="mine")


@pytest.mark.parametrize("shares", [{"A": 0.5}, {"A": 2.0, "B": -1.0}, {"A": float("nan")}, {"C": 1.0}, {}])
def test_what_is_no_distribution_over_the_space_is_an_error(put: Put, shares: dict[str, float]) -> None:
    with pytest.raises(DataError, match="reward mine: task words, item '7': the judge's probabilities"):
        probabilities_of(put(Preference(2)), Judgement.of(0, probabilities=shares), reward="mine")
