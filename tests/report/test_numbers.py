"""How numbers are written."""

from __future__ import annotations

import pytest

from harness.report import numbers


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("accuracy", 0.4559, "45.59"),
        ("harness/accuracy", 1.0, "100.00"),
        ("macro_f1", 0.0, "0.00"),
        ("spearman", 0.6180, "0.62"),
        ("spearman", -0.001, "0.00"),
        ("mae", 1.25, "1.25"),
        ("accuracy@category", 0.4559, "45.59"),
        ("harness/all_right@group", 0.5, "50.00"),
        ("accuracy_without_ties", 0.5, "50.00"),
        ("pearson@category", 0.5, "0.50"),
        ("mine/accuracy@group", 0.5, "0.50"),
        ("mine/accuracy", 0.5, "0.50"),
        ("evaluate:f1", 0.5, "0.50"),
        ("accuracy", None, "–"),
    ],
)
def test_published_accuracies_are_percentages_with_two_decimals(metric: str, value: float | None, shown: str) -> None:
    assert numbers.number(metric, value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "100.0"), (0.99996, "99.9"), (0.0, "0.0"), (0.0001, "0.1"), (0.371, "37.1"), (None, "–")]
)
def test_a_share_says_all_or_nothing_only_when_it_is(value: float | None, shown: str) -> None:
    assert numbers.share(value) == shown


def test_the_heading_names_the_average_with_the_metric() -> None:
    assert numbers.heading("harness/accuracy@category") == "accuracy@category, %"
    assert numbers.heading("pearson@group") == "pearson@group"


def test_intervals_and_differences() -> None:
    assert numbers.interval("accuracy", 0.4321, 0.479) == "43.2–47.9"
    assert numbers.interval("spearman", -0.1, 0.62) == "-0.10 … 0.62"
    assert numbers.interval("kappa", -0.001, 0.04) == "0.00–0.04"
    assert numbers.interval("accuracy", None, 0.5) == "–"
    assert numbers.signed("accuracy", 0.0231) == "+2.31"
    assert numbers.signed("accuracy", -0.0231) == "-2.31"
    assert numbers.signed_interval("accuracy", -0.0042, 0.031) == "-0.42 … +3.10"
    assert numbers.p_value(0.0004) == "<0.001"
    assert numbers.p_value(0.0123) == "0.012"
