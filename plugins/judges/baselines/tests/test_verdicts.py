from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import AnswerSpace, Choice, Preference, Ranking, Score
from harness_baselines.verdicts import describe_space, draw_verdict, first, list_verdicts, on_step, shares

SPACES = st.one_of(
    st.integers(2, 9).map(Preference),
    st.integers(2, 20).map(Ranking),
    st.sampled_from([Choice(("yes", "no")), Choice(("a", "b", "c")), Preference(2, ("tie",))]),
    st.builds(
        lambda low, steps, step: Score(low, low + steps * step, step),
        st.sampled_from([0.0, 1.0, -3.0]),
        st.integers(1, 400),
        st.sampled_from([0.1, 0.5, 1.0]),
    ),
    st.just(Score(0, 1, 0)),
)


@given(SPACES, st.integers(0, 10**6))
def test_what_is_drawn_or_first_is_an_answer(space: AnswerSpace, seed: int) -> None:
    assert space.contains(draw_verdict(space, random.Random(seed)))
    assert space.contains(first(space))


@given(SPACES)
def test_listed_is_the_space_or_nothing(space: AnswerSpace) -> None:
    known = list_verdicts(space)
    if known is not None:
        assert known == space.verdicts()
        assert first(space) == known[0]


@given(st.sampled_from([Score(1, 5, 1), Score(0, 1, 0.1), Score(0, 10, 0), Score(-2, 2, 0.5)]), st.floats(-3, 12))
def test_on_step_gives_the_nearest_verdict(space: Score, value: float) -> None:
    verdict = on_step(space, value)
    assert space.contains(verdict)
    inside = min(max(value, space.low), space.high)
    assert abs(verdict - inside) <= space.step / 2 + 1e-6


def test_half_way_goes_up() -> None:
    assert on_step(Score(1, 5, 1), 3.5) == 4


def test_shares_sum_to_one_and_name_every_listed_verdict() -> None:
    assert shares(Preference(3), {0: 3.0, 2: 1.0}) == {"A": 0.75, "B": 0.0, "C": 0.25}


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Choice(("yes", "no")), "a yes/no question"),
        (Preference(2, ("tie",)), "a preference among 2 with ties"),
        (Score(1, 5, 1), "a score from 1 to 5"),
        (Ranking(4), "a ranking of 4"),
    ],
)
def test_spaces_are_described_in_words(space: AnswerSpace, words: str) -> None:
    assert describe_space(space) == words
