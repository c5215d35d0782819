"""The interval of a number that is no metric of units."""

from __future__ import annotations

import numpy as np
import pytest

from harness.score.spread import effective_clusters, interval_from_moves


def interval_of(moves: list[float]) -> tuple[float, float] | None:
    return interval_from_moves(
        0.5,
        centre=0.5,
        moves=np.array(moves),
        pseudo=np.array([-0.05, 0.05]),
        sizes=np.ones(len(moves)),
        bounds=(-1.0, 1.0),
        confidence=0.95,
    )


def test_two_clusters_have_a_wide_interval_and_one_has_none() -> None:
    two, many = interval_of([-0.1, 0.1]), interval_of([-0.1, 0.1] * 10)
    assert two is not None
    assert many is not None
    assert -1 <= two[0] < many[0] < 0.5 < many[1] < two[1] <= 1
    assert interval_of([0.0]) is None


def test_effective_clusters_of_equal_sizes_are_their_number() -> None:
    assert effective_clusters(np.ones(7)) == pytest.approx(7)
    assert effective_clusters(np.array([100.0, 1, 1, 1])) < 2
