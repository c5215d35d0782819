"""How numbers are written for people."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.api import Unit, write_interval, write_number, write_share

UNITS: list[Unit] = ["share", "score", "correlation", "distance"]
SHARES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("unit", "value", "low", "high", "shown", "within"),
    [
        ("share", 0.9563, 0.932, 0.973, "95.6", "93.2–97.3"),
        ("share", 0.95, 0.764, 0.991, "95", "76–99"),  # 19 of 20
        ("share", 0.55, 0.4515, 0.6475, "55.0", "45.1–64.8"),  # a half-width of 9.8
        ("share", 0.55, 0.4502, 0.6498, "55", "45–65"),  # 9.98 is 10, once it has two digits
        ("share", 0.87654, 0.8741, 0.8787, "87.7", "87.4–87.9"),
        ("share", 0.98031, 0.9725, 0.9858, "98.0", "97.2–98.6"),  # as in the rows beside it
        ("share", 0.87654, 0.8758, 0.8773, "87.65", "87.58–87.73"),  # a tenth of a point would be too coarse
        ("share", 0.87654, 0.876531, 0.876549, "87.6540", "87.6531–87.6549"),
        ("share", 1.0, 0.839, 1.0, "100", "84–100"),
        ("share", 1.0, 0.981, 1.0, "100.0", "98.1–100.0"),
        ("share", 0.0, 0.0, 0.019, "0.0", "0.0–1.9"),
        ("share", 0.5, None, None, "50.0", "–"),
        ("share", None, 0.1, 0.2, "–", "10.0–20.0"),
        ("share", 1 / 3, 1 / 3, 1 / 3, "33.3", "33.3–33.3"),
        ("correlation", 0.618, 0.41, 0.76, "0.62", "0.41–0.76"),
        ("correlation", 0.618, -0.2, 0.95, "0.62", "-0.20 … 0.95"),
        ("correlation", 0.6184, 0.5712, 0.6651, "0.618", "0.571–0.665"),
        ("correlation", -0.03, -0.102, 0.04, "-0.030", "-0.102 … 0.040"),
        ("correlation", 0.6184, None, None, "0.62", "–"),
        ("distance", 1.254, 1.1, 1.4, "1.25", "1.10–1.40"),
        ("distance", 12.54, 11.0, 14.2, "12.5", "11.0–14.2"),
        ("distance", 0.004, 0.0031, 0.0049, "0.00400", "0.00310–0.00490"),
        ("score", 1234.5, 1100.0, 1400.0, "1234", "1100–1400"),
        ("score", float("nan"), float("-inf"), 1.0, "–", "–"),
    ],
)
def test_half_the_width_of_the_interval_decides_the_decimals(
    unit: Unit, value: float | None, low: float | None, high: float | None, shown: str, within: str
) -> None:
    assert (write_number(unit, value, low, high), write_interval(unit, low, high)) == (shown, within)


@pytest.mark.parametrize(
    ("value", "low", "high", "shown", "within"),
    [
        (0.0231, -0.004, 0.05, "+2.3", "-0.4 … +5.0"),
        (-0.0231, -0.05, -0.0001, "-2.3", "-5.0 … -0.1"),
        (0.0231, 0.0001, 0.05, "+2.3", "+0.1 … +5.0"),  # the sign of an end is what one looks for
        (0.0, -0.062, 0.062, "0.0", "-6.2 … +6.2"),
        (1.0, 0.4, 1.0, "+100", "+40 … +100"),
        (-0.0, -0.0, -0.0, "0.0", "0.0 … 0.0"),
    ],
)
def test_differences_have_a_sign_and_nothing_has_none(
    value: float, low: float, high: float, shown: str, within: str
) -> None:
    assert write_number("share", value, low, high, signed=True) == shown
    assert write_interval("share", low, high, signed=True) == within


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "100.0"), (0.99996, "99.9"), (0.0, "0.0"), (0.0001, "0.1"), (0.371, "37.1"), (None, "–")]
)
def test_a_share_says_all_or_nothing_only_when_it_is(value: float | None, shown: str) -> None:
    assert write_share(value) == shown


def test_what_rounding_of_floats_leaves_of_one_is_one() -> None:
    assert write_share(1 - 1e-16) == write_share(0.1 + 0.2 + 0.7) == "100.0"
    assert write_interval("share", 0.9, 0.9999999999999998) == "90–100"


@given(value=SHARES, ends=st.tuples(SHARES, SHARES))
@example(value=0.9999, ends=(0.6, 0.9999))
@example(value=0.5, ends=(0.9999999, 0.99999995))
def test_whatever_the_share_it_is_near_and_no_false_certainty(value: float, ends: tuple[float, float]) -> None:
    low, high = sorted(ends)
    shown = write_number("share", value, low, high)
    within = write_interval("share", low, high).split("–")
    decimals = {len(text.partition(".")[2]) for text in (shown, *within)}
    assert len(decimals) == 1, "value and ends have the same"
    step = 10.0 ** -decimals.pop()
    for text, real in zip((shown, *within), (value, low, high), strict=True):
        assert abs(float(text) - real * 100) < step + 1e-6
        if float(text) in (0, 100):
            assert abs(float(text) / 100 - real) < 1e-8
    if high - low > 1e-5:
        assert float(within[0]) < float(within[1]), "a width shows"


@given(unit=st.sampled_from(UNITS), value=st.floats(-1e6, 1e6), half=st.floats(1e-4, 1e5), signed=st.booleans())
def test_no_more_digits_than_the_interval_carries(unit: Unit, value: float, half: float, signed: bool) -> None:
    text = write_number(unit, value, value - half, value + half, signed=signed)
    assert re.fullmatch(r"[+-]?\d+(\.\d+)?", text)
    last_digit = 10.0 ** -len(text.partition(".")[2])
    second_of_half = 10.0 ** (math.floor(math.log10(half * (100 if unit == "share" else 1))) - 1)
    assert last_digit > 0.99 * min(0.01 if unit == "correlation" else 1, second_of_half)
