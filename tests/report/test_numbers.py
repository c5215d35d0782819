"""What stands beside numbers; how these are written is tested in tests/api/results/test_written.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.manifest.model import ReportSettings
from harness.report import numbers, row_text
from harness.report.leaderboard import build_leaderboard
from harness.report.records import LeaderboardRow, as_plain


def test_the_heading_names_the_average_with_the_metric() -> None:
    assert numbers.heading("harness/accuracy@category", "share") == "accuracy@category, %"
    assert numbers.heading("mine/accuracy", "share") == "mine/accuracy, %", "the unit decides, and no name"
    assert numbers.heading("mine/accuracy", "score") == "mine/accuracy"
    assert numbers.heading("pearson@group", "correlation") == "pearson@group"


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0004, "<0.001"),
        (0.0123, "0.012"),
        (0.9996, ">0.999"),
        (1.0, "1.000"),
        (None, "–"),
        (0.0496, "0.049"),
        (0.0503, "0.051"),
        (0.05, "0.050"),
    ],
)
def test_p_values(p: float | None, shown: str) -> None:
    assert numbers.p_value(p) == shown


@pytest.fixture
def row(make_cell: Any) -> LeaderboardRow:
    gold = "AB" * 20
    return build_leaderboard([make_cell("j", gold[:30] + "A" * 10, gold)], ReportSettings(resamples=100)).rows[0]


@pytest.mark.parametrize(("low", "high", "shown"), [(1, 3, "1–3"), (2, 2, "2"), (2, 12, "2–12"), (None, None, "–")])
def test_a_rank_is_a_set_of_ranks(row: LeaderboardRow, low: int | None, high: int | None, shown: str) -> None:
    assert row_text.rank_text(replace(row, rank_low=low, rank_high=high)) == shown


def test_a_consistency_has_the_digits_of_its_interval(row: LeaderboardRow) -> None:
    assert row.first_position == 0.625
    assert row.consistency["first_position"]["n"] == 40
    assert row_text.consistency(row, "first_position") == "62", "±15 carries no decimals"
    assert row_text.consistency(row, "first_position", interval=True) == "62 (47–76)"
    assert row_text.consistency(row, "swap_consistency") == "–"
    old = replace(row, consistency={})
    assert row_text.consistency(old, "first_position", interval=True) == "62.5"


def test_a_p_value_is_never_nothing_and_what_rounding_leaves_of_other_numbers_is() -> None:
    plain = as_plain({"p_value": 1.23456e-40, "difference": 0.00012345, "ci_low": -3.3e-16, "value": 0.123456789})
    assert plain == {"p_value": 1.23e-40, "difference": 0.000123, "ci_low": 0.0, "value": 0.123457}
