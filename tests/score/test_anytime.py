from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.score.anytime import alarm_level, evidence, level_at, mean_bound


def test_the_bound_of_a_mean_is_that_of_an_exact_test_where_nothing_changed() -> None:
    # P(none of n) = (1 - m)^n = alpha.
    assert mean_bound(np.zeros(200), alpha=0.05) == pytest.approx(1 - 0.05 ** (1 / 200), rel=1e-6)
    assert mean_bound(np.ones(5), alpha=0.05) == 1.0
    assert mean_bound(np.empty(0), alpha=0.05) == 1.0


@pytest.mark.parametrize("mean", [0.01, 0.1, 0.5])
def test_the_bound_holds_for_unequal_means_and_for_parts(mean: float) -> None:
    rng = np.random.default_rng(0)
    means = rng.beta(0.2, 0.2 * (1 - mean) / mean, size=60)
    drawn = rng.random((400, 60)) < means
    bounds = [mean_bound(row.astype(float), alpha=0.1) for row in drawn]
    assert np.mean(np.array(bounds) < means.mean()) <= 0.1
    assert np.mean([mean_bound(row * 0.5, alpha=0.1) < means.mean() / 2 for row in drawn]) <= 0.1


def test_evidence_is_the_average_of_bets_and_is_one_at_most_on_average() -> None:
    rng = np.random.default_rng(1)
    grown = [
        np.exp(evidence(np.zeros((2, 30)), (rng.random((4, 30)) < 0.002).astype(float), alpha=0.05)) for _ in range(200)
    ]
    # The true mean is within the bound, so no date's evidence may be worth more than 1.
    assert (np.mean(grown, axis=0) <= 1).all()


def test_a_quiet_judge_never_rings_and_a_drift_soon_does_also_when_it_comes_late() -> None:
    rng = np.random.default_rng(2)
    noise = np.where(np.arange(100) < 5, 0.3, 0.0)
    drifted = np.where(np.arange(100) >= 90, 1.0, noise)
    dates = rng.random((30, 100)) < noise
    again = (rng.random((2, 100)) < noise).astype(float)
    quiet = evidence(again, dates.astype(float), alpha=0.05)
    assert (quiet < alarm_level(0.05)).all()
    dates[25:] = rng.random((5, 100)) < drifted
    rang = np.flatnonzero(evidence(again, dates.astype(float), alpha=0.05) >= alarm_level(0.05))
    assert 25 <= rang[0] <= 27


def test_a_missing_answer_makes_no_evidence() -> None:
    dates = np.zeros((3, 50))
    missing = dates.copy()
    missing[:, :40] = np.nan
    whole, holed = (evidence(np.zeros((1, 50)), rows, alpha=0.05) for rows in (dates, missing))
    assert (holed <= whole + 1e-9).all() or (holed < alarm_level(0.05)).all()
    assert (holed < 0).all()


def test_what_changes_in_every_answer_at_once_is_no_drift() -> None:
    # Asked again at once nothing stays: then no change says anything.
    assert (evidence(np.ones((2, 20)), np.ones((5, 20)), alpha=0.05) <= 1e-9).all()


def test_levels_of_all_dates_add_up() -> None:
    assert sum(level_at(0.05, date) for date in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)


def test_the_bound_is_wider_than_an_exact_one_and_not_by_much() -> None:
    values = np.r_[np.ones(6), np.zeros(194)]
    exact = stats.beta.ppf(0.95, 7, 194)
    assert exact < mean_bound(values, alpha=0.05) < 1.5 * exact
