"""Kendall's tau-b without some units, against counting all pairs and against scipy."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.api import Score, Units
from harness.score.concordance import sign_sums, tau_without
from harness.score.correlation import Kendall

levels = st.integers(-2, 3)
some_units = st.lists(st.tuples(levels, levels, st.integers(1, 4)), min_size=1, max_size=40)


@given(units=some_units)
@settings(max_examples=200)
def test_sums_of_signs_are_those_of_all_pairs(units: list[tuple[int, int, int]]) -> None:
    x, y, weights = (np.array(column, dtype=float) for column in zip(*units, strict=True))
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    assert sign_sums(x, y, weights).tolist() == (signs @ weights).tolist()


@given(units=some_units, data=st.data())
@settings(max_examples=150, deadline=None)
def test_tau_without_some_units_is_scipys(units: list[tuple[int, int, int]], data: st.DataObject) -> None:
    x, y, weights = (np.array(column, dtype=float) for column in zip(*units, strict=True))
    out = np.array([data.draw(st.integers(0, int(weight))) for weight in weights], dtype=float)
    left = (weights - out).astype(int)
    assume(left.sum() > 1)
    theirs = stats.kendalltau(np.repeat(x, left), np.repeat(y, left)).statistic
    ours = tau_without(x, y, weights)(np.stack([out, np.zeros(len(out))]))[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_both_ways_to_kendalls_tau_agree_where_one_takes_over() -> None:
    rng = np.random.default_rng(0)
    gold = rng.random(1_600)
    said = gold + rng.normal(0, 0.2, 1_600)
    units = Units(
        space=Score(-5, 5, 0),
        gold=tuple(gold.tolist()),
        predicted=tuple(said.tolist()),
        credit=np.zeros(1_600),
        positive=np.full(1_600, np.nan),
    )
    quick = Kendall().without(units)
    assert quick is not None
    out = np.eye(1_600)[[0, 7, 1_599]]
    ones = np.ones(1_600)
    np.testing.assert_allclose(quick(ones)(out), Kendall()(units, ones[None, :] - out), atol=1e-12)
