from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Judgement, Preference, Request, Status, UserError
from harness_verdict.length import Length
from harness_verdict.options import LengthOptions

Put = Callable[..., Request]
PAIR = Preference(2)
options = st.integers(1, 5000).flatmap(lambda limit: st.tuples(st.just(limit), st.integers(1, limit)))


def earned(put: Put, tokens: int, limit: int, buffer: int) -> float:
    reward = Length(LengthOptions(limit=limit, buffer=buffer))
    value = reward(put(PAIR), Judgement.of(0, completion_tokens=tokens), 1)
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("tokens", "value"), [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (99, -0.95), (100, -1.0), (5000, -1.0)]
)
def test_it_falls_in_a_straight_line_over_the_buffer(put: Put, tokens: int, value: float) -> None:
    assert earned(put, tokens, 100, 20) == pytest.approx(value)


@given(options=options, tokens=st.integers(0, 10_000))
def test_it_is_bounded_and_never_rises_with_length(put: Put, options: tuple[int, int], tokens: int) -> None:
    value = earned(put, tokens, *options)
    assert -1 <= earned(put, tokens + 1, *options) <= value <= 0
    assert (value == 0) == (tokens <= options[0] - options[1])
    assert (value == -1) == (tokens >= options[0])


@pytest.mark.parametrize("status", [Status.UNPARSED, Status.REFUSED, Status.TRUNCATED])
def test_an_answer_without_a_verdict_is_as_long_as_any_other(put: Put, status: Status) -> None:
    reward = Length(LengthOptions(limit=100, buffer=20))
    assert reward(put(PAIR), Judgement.failure(status, "no", completion_tokens=90), 0) == -0.5


def test_an_answer_that_was_not_counted_is_an_error(put: Put) -> None:
    with pytest.raises(UserError, match=r"reward length: task words, item '7'.*number of tokens"):
        Length(LengthOptions(limit=100, buffer=20))(put(PAIR), Judgement.of(0), 0)


def test_a_failure_of_the_machine_earns_nothing(put: Put) -> None:
    reward = Length(LengthOptions(limit=100, buffer=20))
    assert reward(put(PAIR), Judgement.failure(Status.ERROR, "no memory"), 0) is None
