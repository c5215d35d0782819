"""How several runs are reported together."""

from __future__ import annotations

import pytest

from harness.api import UserError
from harness.manifest.model import ReportSettings
from harness.report.settings import agree_on, rules_of


def test_what_all_runs_say_is_kept_and_what_they_do_not_agree_on_is_the_default() -> None:
    first = ReportSettings(metric="kappa", group_by="suite", min_coverage=0.5, equivalence=0.02)
    assert agree_on([("a", first), ("b", first)]) == first
    other = ReportSettings(metric="accuracy", group_by="category")
    assert agree_on([("a", first), ("b", other)]) == ReportSettings()


def test_the_arguments_have_the_last_word() -> None:
    runs = [("a", ReportSettings(metric="kappa"))]
    assert agree_on(runs, metric="accuracy", group_by="suite") == ReportSettings(metric="accuracy", group_by="suite")


def test_the_most_flips_count_and_the_stricter_rules() -> None:
    few = ReportSettings(resamples=100, compare="none", missing="at-random")
    many = ReportSettings(resamples=5000)
    both = agree_on([("a", few), ("b", many)])
    assert (both.resamples, both.compare, both.missing) == (5000, "all-pairs", "counts")
    assert agree_on([("a", few), ("b", few)]) == few


def test_intervals_of_different_confidence_cannot_stand_side_by_side() -> None:
    runs = [("a", ReportSettings()), ("b", ReportSettings(confidence=0.9))]
    with pytest.raises(UserError, match=r"runs a and b have intervals of different confidence \(0.95 and 0.9\)"):
        agree_on(runs)


def test_rules_are_those_of_the_settings() -> None:
    settings = ReportSettings(confidence=0.9, resamples=300, missing="at-random", equivalence=0.03)
    rules = rules_of(settings, seed=4)
    assert (rules.confidence, rules.draws, rules.seed, rules.missing, rules.equivalence) == (
        *(0.9, 300, 4, "at-random"),
        0.03,
    )
