from __future__ import annotations

import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints.retry import AGAIN, CONGESTED, Backoff, retry_after

NOW = 1_764_000_000.0


@given(
    st.one_of(
        st.text(), st.integers().map(str), st.floats().map(str), st.text("0123456789 .:,GMTMonTueJanFeb+-", max_size=40)
    )
)
def test_retry_after_never_raises_and_is_never_negative(text: str) -> None:
    found = retry_after(text, now=NOW)
    assert found is None or 0 <= found < 1e12


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("1.5", 1.5),
        (formatdate(NOW + 30, usegmt=True), 30),
        (formatdate(NOW - 30, usegmt=True), 0),
        ("Mon, 24 Nov 2025 16:00:00 GMT", 0),
        ("-7", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("\u0667", None),
        ("Mon, 99 Foo 2025 16:00:00 GMT", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str, seconds: float | None) -> None:
    found = retry_after(header, now=NOW)
    assert found == seconds if seconds is None else found == pytest.approx(seconds, abs=1)


def test_milliseconds_are_exact_and_count_first() -> None:
    assert retry_after("2", milliseconds="1500") == 1.5
    assert retry_after("2", milliseconds=" 20 ") == 0.02
    assert retry_after("", milliseconds="1500") == 1.5
    assert retry_after("2", milliseconds="soon") == 2
    assert retry_after("2", milliseconds="-1") == 2


@given(
    attempt=st.integers(0, 10_000),
    first=st.floats(0, 100),
    most=st.floats(0, 100),
    asked=st.one_of(st.none(), st.floats(0, 1e9)),
    seed=st.integers(0, 100),
)
def test_no_wait_is_longer_than_the_longest(
    attempt: int, first: float, most: float, asked: float | None, seed: int
) -> None:
    wait = Backoff(first=first, most=most).delay(attempt, retry_after=asked, dice=random.Random(seed))
    assert 0 <= wait <= most
    if asked is not None:
        assert wait >= min(asked, most)


def test_waits_grow_and_are_spread() -> None:
    dice, backoff = random.Random(1), Backoff(first=1.0, most=60.0)
    means = [sum(backoff.delay(attempt, retry_after=None, dice=dice) for _ in range(500)) / 500 for attempt in range(8)]
    assert means == sorted(means)
    assert means[0] == pytest.approx(0.5, abs=0.1)
    assert means[-1] == pytest.approx(30, abs=3)


def test_which_statuses_are_asked_again() -> None:
    assert {408, 409, 429, 500, 502, 503, 504, 529} <= AGAIN
    assert not AGAIN & {200, 301, 400, 401, 403, 404, 413, 422}
    assert CONGESTED <= AGAIN
