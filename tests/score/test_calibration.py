"""Calibration by hand, against scikit-learn, and in simulations whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special
from sklearn.metrics import brier_score_loss

from harness.score.calibration import calibrate, calibration_error, equal_mass, mean_square_gap, plain_error
from harness.score.clusters import Clusters
from harness.score.trust import Calibration

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def verdicts(n: int, size: int, rng: np.random.Generator, *, over: float = 0.0) -> tuple[Floats, Floats, Ints]:
    """Confidences from .5 to 1, right as often as they say less `over`, correlated by one half within clusters."""
    cluster = np.arange(n) // size

    def uniform() -> Floats:
        shared = rng.normal(size=n)[cluster]
        mixed: Floats = special.ndtr(np.sqrt(0.5) * (shared + rng.normal(size=n)))
        return mixed if size > 1 else rng.random(n)

    confidence = 0.5 + 0.5 * uniform()
    return confidence, (uniform() < confidence - over).astype(float), cluster


def calibration(confidence: Floats, right: Floats, cluster: Ints) -> Calibration:
    report = calibrate(confidence, right, cluster)
    assert report is not None
    return report


def test_brier_score_equals_that_of_scikit_learn_and_is_the_sum_of_its_parts() -> None:
    report = calibration(*(sample := verdicts(300, 1, np.random.default_rng(0), over=0.1)))
    assert report.brier == pytest.approx(brier_score_loss(sample[1], sample[0]), abs=1e-6)
    assert report.brier == pytest.approx(report.reliability - report.resolution + report.uncertainty)
    assert report.brier_low < report.brier < report.brier_high


def test_calibration_error_of_two_bins_by_hand() -> None:
    # 20 verdicts at .6, 12 of them right: no gap; 20 at .9, 14 right: a gap of .2
    confidence = np.repeat([0.6, 0.9], 20)
    right = np.array([1.0] * 12 + [0.0] * 8 + [1.0] * 14 + [0.0] * 6)
    bins = equal_mass(confidence, 2)
    assert bins.tolist() == [0] * 20 + [1] * 20
    clusters = Clusters(np.arange(40))
    assert plain_error(confidence, right, bins) == pytest.approx(0.1)
    noise = (0.6 * 0.4 / 19 + 0.7 * 0.3 / 19) / 2  # Kumar, Liang and Ma: y (1 - y) / (n - 1) of each bin
    assert mean_square_gap(confidence, right, bins, clusters) == pytest.approx(0.2**2 / 2 - noise)
    assert calibration_error(confidence, right, bins, clusters) == pytest.approx(np.sqrt(0.2**2 / 2 - noise))
    parts = calibration(confidence, right, np.arange(40)).bins
    assert [part.n for part in parts] == [20, 20]
    assert [part.confidence for part in parts] == pytest.approx([0.6, 0.9])
    assert [part.right for part in parts] == pytest.approx([0.6, 0.7])
    assert all(part.ci_low < part.right < part.ci_high for part in parts)


def test_bins_keep_equal_confidences_together_and_none_is_tiny() -> None:
    confidence = np.r_[np.full(60, 1.0), np.linspace(0.5, 0.9, 37), np.full(3, 0.95)]
    bins = equal_mass(confidence, 10)
    assert len(set(bins[:60])) == 1
    assert np.bincount(bins).min() >= 10
    assert (np.diff(bins[np.argsort(confidence)]) >= 0).all()
    assert sorted(set(bins)) == list(range(bins.max() + 1))


@pytest.mark.parametrize("size", [1, 5])
def test_a_perfectly_calibrated_judge_has_no_error_on_average_but_a_plain_one(size: int) -> None:
    rng = np.random.default_rng(size)
    squared, plain = [], []
    for _ in range(300):
        confidence, right, cluster = verdicts(200, size, rng)
        bins = equal_mass(confidence, 10)
        squared.append(mean_square_gap(confidence, right, bins, Clusters(cluster)))
        plain.append(plain_error(confidence, right, bins))
    assert abs(np.mean(squared)) < 3 * np.std(squared) / np.sqrt(300)
    assert np.mean(plain) > 0.06


def test_copies_of_verdicts_do_not_make_an_error_larger() -> None:
    rng = np.random.default_rng(5)
    confidence, right, _ = verdicts(150, 1, rng)
    once = calibration(confidence, right, np.arange(150))
    copied = calibration(np.tile(confidence, 4), np.tile(right, 4), np.tile(np.arange(150), 4))
    assert copied.brier_high - copied.brier_low == pytest.approx(once.brier_high - once.brier_low, rel=0.05)
    assert copied.aurc_high - copied.aurc_low == pytest.approx(once.aurc_high - once.aurc_low, rel=0.05)
    assert copied.ece_high == pytest.approx(once.ece_high, rel=0.3)  # it has more bins


@pytest.mark.parametrize(("size", "over"), [(1, 0.0), (1, 0.1), (5, 0.1)])
def test_intervals_cover_the_truth(size: int, over: float) -> None:
    rng = np.random.default_rng(10 * size + round(10 * over))
    grid = 0.5 + (np.arange(100_000) + 0.5) / 200_000
    brier = float((over**2 + (grid - over) * (1 - grid + over)).mean())
    covered = np.zeros(2)
    for _ in range(250):
        report = calibration(*verdicts(200, size, rng, over=over))
        covered += [report.ece_low <= over <= report.ece_high, report.brier_low <= brier <= report.brier_high]
    assert (covered / 250 >= 0.92).all(), covered / 250


def test_nothing_has_width_zero_where_the_judge_is_always_sure_and_always_right() -> None:
    for cluster in (np.arange(60), np.arange(60) // 3):
        report = calibration(np.ones(60), np.ones(60), cluster)
        assert (report.ece, report.brier, report.aurc, report.right) == (0, 0, 0, 1)
        assert min(report.ece_high, report.brier_high, report.aurc_high) > 0.02
        assert all(part.ci_low < 1 for part in report.bins)
        assert all(point.ci_high > 0 for point in report.curve)


def test_a_judge_that_is_sure_and_wrong_is_told_so() -> None:
    report = calibration(np.full(100, 0.99), np.tile([1.0, 0.0], 50), np.arange(100))
    assert report.ece == pytest.approx(0.49, abs=0.01)
    assert 0.3 < report.ece_low < 0.49 < report.ece_high
    assert [promise.threshold for promise in report.guarantees] == [None, None, None]


@pytest.mark.parametrize(("n", "clusters"), [(19, 19), (60, 9)])
def test_too_little_says_nothing(n: int, clusters: int) -> None:
    assert calibrate(np.full(n, 0.8), np.ones(n), np.arange(n) % clusters) is None


def test_a_threshold_that_was_tested_is_the_one_that_is_printed() -> None:
    sure = 1 - np.logspace(-9, -1, 300)
    report = calibration(sure, np.ones(300), np.arange(300))
    known = [promise.threshold for promise in report.guarantees] + [point.threshold for point in report.curve]
    assert known == [None if value is None else round(value, 6) for value in known]
    assert (np.round(sure, 6) >= report.curve[0].threshold).sum() == report.curve[0].n


def test_the_record_survives_json() -> None:
    report = calibration(*verdicts(120, 1, np.random.default_rng(8)))
    from harness.score.records import _plain

    again = Calibration.from_json(_plain(report))
    assert again.guarantees[0].agreement == 0.8
    assert replace(again, **{name: getattr(report, name) for name in ("bins", "curve", "guarantees")}).n == report.n
    assert again.ece_high == pytest.approx(report.ece_high)
