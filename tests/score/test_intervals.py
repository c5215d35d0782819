"""The bootstrap is the cluster bootstrap, its intervals cover, and Wilson's is Wilson's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from harness.score import intervals
from harness.score.intervals import Bootstrap, Patterns, collapse, percentile, ratio, wilson


@given(n=st.integers(1, 500), data=st.data(), confidence=st.sampled_from((0.8, 0.95, 0.99)))
def test_wilson_equals_statsmodels(n: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, n))
    theirs = proportion_confint(hits, n, alpha=1 - confidence, method="wilson")
    assert wilson(hits, n, confidence=confidence) == pytest.approx(theirs, abs=1e-12)


@given(units=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=60))
@settings(max_examples=200)
def test_collapsing_keeps_every_cluster(units: list[tuple[int, int]]) -> None:
    cluster = np.array([c for c, _ in units])
    kinds, types = np.unique([t for _, t in units], return_inverse=True)
    patterns = collapse(cluster, types, len(kinds))
    ours = [tuple(row) for row in patterns.weights(np.repeat(np.eye(len(patterns.counts)), patterns.counts, axis=0))]
    theirs = [tuple(np.bincount(types[cluster == c], minlength=len(kinds)).astype(float)) for c in set(cluster)]
    assert sorted(ours) == sorted(theirs)
    assert patterns.total()[0].tolist() == np.bincount(types).tolist()


def naive(hits: NDArray[np.float64], cluster: NDArray[np.int64], resamples: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(99)
    members = [np.flatnonzero(cluster == c) for c in np.unique(cluster)]
    out = np.empty(resamples)
    for b in range(resamples):
        rows = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        out[b] = hits[rows].mean()
    return out


@pytest.mark.parametrize("kinds", [2, 10_000], ids=["by count", "by cluster"])
def test_resamples_are_distributed_as_those_of_the_naive_cluster_bootstrap(kinds: int) -> None:
    rng = np.random.default_rng(3)
    cluster = np.sort(rng.integers(0, 60, 300))
    hits = rng.integers(0, kinds, 300) / (kinds - 1)
    ours = ratio(hits, np.ones(300), cluster).resampled(4_000, seed=1)
    theirs = naive(hits, cluster, 4_000)
    assert stats.ks_2samp(ours, theirs).pvalue > 0.01
    assert ours.std() == pytest.approx(theirs.std(), rel=0.05)
    unclustered = np.sqrt(hits.var() / 300)
    assert ours.std() != pytest.approx(unclustered, rel=0.02)  # else this test could not tell


def test_resamples_by_count_and_by_cluster_have_one_distribution() -> None:
    values = np.repeat([0.0, 1.0], [70, 130])
    by_count = ratio(values, np.ones(200), np.arange(200)).resampled(4_000, seed=0)
    split = Patterns(counts=np.ones(200, dtype=np.int64), matrix=None, types=200)
    by_cluster = Bootstrap(patterns=split, statistic=lambda w: w @ values / w.sum(axis=1)).resampled(4_000, seed=0)
    assert stats.ks_2samp(by_count, by_cluster).pvalue > 0.01


def test_equal_seeds_give_equal_bytes_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    bootstrap = ratio(rng.random(50), np.ones(50), rng.integers(0, 20, 50))
    whole = bootstrap.resampled(300, seed=4).tobytes()
    assert bootstrap.resampled(300, seed=4).tobytes() == whole
    assert bootstrap.resampled(300, seed=5).tobytes() != whole
    monkeypatch.setattr(intervals, "_CHUNK", 170)
    assert np.allclose(np.frombuffer(whole), bootstrap.resampled(300, seed=4))


def coverage_of(clusters: int, size: int, *, spread: float, seed: int, sets: int) -> float:
    """Share of simulated data sets whose 95 % interval holds the true share, 0.7."""
    rng = np.random.default_rng(seed)
    held = 0
    for one in range(sets):
        rate = rng.beta(0.7 * spread, 0.3 * spread, clusters)
        hits = (rng.random((clusters, size)) < rate[:, None]).astype(float).ravel()
        cluster = np.repeat(np.arange(clusters), size)
        interval = percentile(ratio(hits, np.ones(len(hits)), cluster).resampled(400, seed=one), 0.95)
        assert interval is not None
        held += interval[0] <= 0.7 <= interval[1]
    return held / sets


def test_intervals_cover_the_truth_about_as_often_as_they_say_when_clusters_are_correlated() -> None:
    share = coverage_of(100, 4, spread=1.0, seed=11, sets=400)
    assert 0.92 <= share <= 0.975


def test_no_interval_where_the_statistic_is_often_undefined() -> None:
    assert percentile(np.array([0.1] * 9 + [np.nan]), 0.95) is None
    assert percentile(np.array([0.1] * 99 + [np.nan]), 0.95) == (0.1, 0.1)
