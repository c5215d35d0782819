"""Planned sizes against published formulas, against their own inverse, and by planning a test and running it."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.power import NormalIndPower

from harness.api import Choice, Protocol, RecordedAnswer, Status, UserError
from harness.score.metrics import Accuracy
from harness.score.planning import (
    detectable,
    deviation_at,
    deviation_of,
    discordance,
    family_quantile,
    item_variance,
    items_needed,
    noise_within,
    power_of,
    smallest,
)
from harness.score.significance import compare_cells
from harness.score.table import CellTable
from harness.score.units import build_cell

YES = Choice(("yes", "no"))


def cell(right: NDArray[np.bool_], cluster: NDArray[np.int64]) -> CellTable:
    """One answer an item, right or wrong."""
    return build_cell(
        (
            RecordedAnswer(
                item=f"i{place:06}",
                group=f"g{cluster[place]:06}",
                category="",
                space=YES,
                gold="yes" if place % 2 else "no",
                order=(),
                sample=0,
                status=Status.OK,
                verdict="yes" if bool(place % 2) == good else "no",
            )
            for place, good in enumerate(right.tolist())
        ),
        Protocol(),
    )


# -- formulas ------------------------------------------------------------------------------------------------------


def test_the_quantile_of_a_family_is_bonferronis() -> None:
    assert family_quantile(2) == pytest.approx(1.959964)
    assert family_quantile(5) == pytest.approx(stats.norm.isf(0.025 / 10))
    assert family_quantile(1) == family_quantile(2)
    assert family_quantile(2, confidence=0.9) == pytest.approx(1.644854)


def test_the_smallest_difference_is_two_quantiles_of_standard_errors() -> None:
    q = family_quantile(2)
    assert detectable(20, 10**6, quantile=q) == pytest.approx((1.959964 + 0.841621) * 0.02, rel=1e-4)
    assert power_of(detectable(20, 10**6, quantile=q, power=0.9), 0.02, quantile=q) == pytest.approx(0.9, abs=1e-3)
    solved = NormalIndPower(ddof=0).solve_power(
        effect_size=0.1, nobs1=None, alpha=0.05, power=0.8, ratio=0, alternative="two-sided"
    )
    assert math.sqrt(1 / solved) * (1.959964 + 0.841621) == pytest.approx(0.1, rel=1e-4)
    assert items_needed(1.0, 0.01, quantile=q) == pytest.approx(solved * 100, rel=1e-3)


def test_needed_is_millers_formula_for_a_small_difference_and_connors_for_any() -> None:
    q, z = 1.959964, 0.841621
    assert items_needed(0.5, 0.001, quantile=q) == pytest.approx((q + z) ** 2 * 0.25 / 1e-6, rel=1e-3)
    discordant, gap = 0.2, 0.1  # Connor (1987), by hand: (1.96 sqrt(.2) + .8416 sqrt(.19))^2 / .01
    by_hand = (q * math.sqrt(discordant) + z * math.sqrt(discordant - gap**2)) ** 2 / gap**2
    assert items_needed(deviation_of(discordant, gap), gap, quantile=q) == math.ceil(by_hand) == 155


@given(st.floats(0.05, 1), st.integers(20, 100_000), st.floats(1.5, 4), st.floats(0.5, 0.99))
def test_the_smallest_difference_needs_just_these_items(w: float, items: int, q: float, power: float) -> None:
    found = detectable(w, items, quantile=q, power=power)
    if not math.isfinite(found):
        assert items <= q * q
        return
    assert abs(items_needed(w, found, quantile=q, power=power) - items) <= 1
    assert items_needed(w, found * 1.05, quantile=q, power=power) <= items


def test_too_few_items_show_nothing() -> None:
    assert detectable(0.5, 3, quantile=1.96) == math.inf
    assert smallest(lambda gap: 10 / gap, 100) == pytest.approx(0.1)
    assert smallest(lambda gap: 10 / gap, 5) == math.inf
    with pytest.raises(ValueError, match="above 0"):
        items_needed(0.5, 0.0, quantile=1.96)


def test_discordance_of_two_accuracies() -> None:
    assert discordance(0.9, 0.8, 0) == pytest.approx(0.9 * 0.2 + 0.1 * 0.8)
    assert discordance(0.8, 0.8, 1) == pytest.approx(0)
    rng = np.random.default_rng(0)
    a, b = rng.random(200_000) < 0.9, rng.random(200_000) < 0.8
    b = np.where(rng.random(200_000) < 0.5, a & (rng.random(200_000) < 0.85), b)
    rho = np.corrcoef(a, b)[0, 1]
    assert discordance(a.mean(), b.mean(), rho) == pytest.approx(float((a != b).mean()))
    with pytest.raises(UserError, match=r"-0\.11 to 1\.00, not -0\.8"):
        discordance(0.9, 0.9, -0.8)
    with pytest.raises(UserError, match="needs a discordance of as much"):
        deviation_of(0.1, 0.2)


# -- from data -----------------------------------------------------------------------------------------------------


def test_asking_more_often_removes_the_noise_within_items_and_no_more() -> None:
    rng = np.random.default_rng(5)
    items, asked = 4000, 3
    between, noise = rng.normal(0, 0.3, items), rng.normal(0, 0.6, (items, asked))
    gaps, item = (between[:, None] + noise).ravel(), np.repeat(np.arange(items), asked)
    within, usual = noise_within(gaps, item)
    assert usual == asked
    assert within == pytest.approx(0.36 / 3, rel=0.05)
    variance = item_variance(gaps, item)
    assert variance == pytest.approx(0.09 + 0.12, rel=0.1)
    at = functools.partial(deviation_at, deviation=math.sqrt(variance), noise=within, asked=usual)
    assert at(3) == pytest.approx(math.sqrt(variance))
    assert at(1) == pytest.approx(math.sqrt(0.45), rel=0.05)
    assert at(math.inf) == pytest.approx(0.3, rel=0.1)
    assert noise_within(gaps[:5], np.arange(5)) == (0.0, 1)
    with pytest.raises(ValueError, match="once or more"):
        at(0)


# -- the truth -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accuracy", "gap", "together"), [(0.85, 0.05, 0.4), (0.9, 0.1, 0.0)])
def test_a_planned_number_of_items_has_the_planned_power_with_the_projects_own_test(
    accuracy: float, gap: float, together: float
) -> None:
    rng = np.random.default_rng(11)
    lower = accuracy - gap
    discordant = discordance(accuracy, lower, together)
    n = items_needed(deviation_of(discordant, gap), gap, quantile=family_quantile(2))
    only_a, only_b = (discordant + gap) / 2, (discordant - gap) / 2
    base = cell(np.ones(n, dtype=np.bool_), np.arange(n))
    wrong = 1 - base.units.predicted  # the other label
    sets, found = 200, 0
    for _ in range(sets):
        kind = rng.choice(4, size=n, p=[accuracy - only_a, only_a, only_b, 1 - accuracy - only_b])
        tables = []
        for right in (kind < 2, (kind == 0) | (kind == 2)):
            predicted = np.where(right, base.units.predicted, wrong)
            tables.append(replace(base, units=replace(base.units, predicted=predicted, credit=right.astype(float))))
        found += compare_cells(tables[0], tables[1], Accuracy()).better == "a"
    assert 0.8 - 0.08 < found / sets < 0.8 + 0.08
