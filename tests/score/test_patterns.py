"""Clusters are collapsed without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.score import patterns
from harness.score.patterns import Patterns, collapse, divide

some_units = st.lists(st.tuples(st.integers(-3, 8), st.integers(0, 3)), min_size=1, max_size=60)


def collapse_groups(units: list[tuple[int, int]]) -> tuple[Patterns, dict[int, list[float]]]:
    """The patterns, and how often each cluster holds each type."""
    cluster = np.array([mark for mark, _ in units])
    kinds, types = np.unique([kind for _, kind in units], return_inverse=True)
    truth = {mark: np.bincount(types[cluster == mark], minlength=len(kinds)).tolist() for mark in set(cluster.tolist())}
    return collapse(cluster, types, len(kinds)), truth


@given(units=some_units, dense=st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_cluster_is_found_again_in_its_pattern(units: list[tuple[int, int]], dense: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "_DENSE", 4_000_000 if dense else 0)
        found, truth = collapse_groups(units)
    assert found.clusters.tolist() == sorted(truth)
    rows = found.rows(np.arange(found.count))
    assert {mark: rows[of].tolist() for mark, of in zip(found.clusters.tolist(), found.of, strict=True)} == truth
    assert found.sizes().tolist() == [sum(truth[mark]) for mark in sorted(truth)]
    assert found.total().tolist() == np.sum(list(truth.values()), axis=0).tolist()
    assert found.rows(np.arange(found.count)[::-2]).tolist() == rows[::-2].tolist()


@given(units=some_units)
@settings(max_examples=100, deadline=None)
def test_equal_clusters_have_one_pattern_between_them(units: list[tuple[int, int]]) -> None:
    found, truth = collapse_groups(units)
    if found.matrix is not None:
        assert found.count == len({tuple(row) for row in truth.values()})


def test_clusters_of_one_unit_need_no_matrix() -> None:
    found = collapse(np.arange(5), np.array([1, 0, 1, 1, 2]), 3)
    assert (found.matrix, found.count) == (None, 3)
    assert found.total().tolist() == [1, 3, 1]


def test_a_hundred_thousand_clusters_of_a_binary_task_are_a_handful() -> None:
    rng = np.random.default_rng(0)
    found = collapse(np.arange(100_000) // 2, rng.integers(0, 2, 100_000), 2)
    assert (len(found.clusters), found.count) == (50_000, 3)


def test_a_quotient_by_nothing_is_not_a_number() -> None:
    quotients = divide(np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0]))
    assert quotients[0] == 0.5
    assert np.isnan(quotients[1:]).all()
