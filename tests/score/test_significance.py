"""Paired tests against statsmodels, by hand and by simulation."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_statsmodels
from statsmodels.stats.multitest import multipletests

from harness.api import Choice, DataError, Metric, Protocol, Status, UserError
from harness.score.agreement import MacroF1, RocAuc
from harness.score.metrics import Accuracy
from harness.score.records import Answer, Comparison
from harness.score.significance import (
    bootstrap_p,
    compare_all,
    compare_cells,
    disagreements,
    holm,
    mcnemar,
    rank_groups,
    shared,
)
from harness.score.table import CellTable
from harness.score.units import build_cell

YES = Choice(("yes", "no"))


def cell(
    said: Sequence[bool | None],
    gold: Sequence[bool],
    *,
    size: int = 1,
    protocol: Protocol | None = None,
    names: Sequence[str] | None = None,
    probabilities: Sequence[float | None] | None = None,
) -> CellTable:
    """One answer an item; `size` items in a row share a group."""

    def label(value: bool) -> str:
        return "yes" if value else "no"

    answers = (
        Answer(
            item=names[k] if names else f"i{k}",
            group=f"g{k // size}",
            category="",
            space=YES,
            gold=label(gold[k]),
            order=(),
            sample=0,
            status=Status.UNPARSED if one is None else Status.OK,
            verdict=None if one is None else label(one),
            probabilities=None if p is None else {"yes": p, "no": 1 - p},
        )
        for k, (one, p) in enumerate(zip(said, probabilities or [None] * len(said), strict=True))
    )
    return build_cell(answers, protocol or Protocol())


@given(only_a=st.integers(0, 60), only_b=st.integers(0, 60))
def test_mcnemar_equals_statsmodels(only_a: int, only_b: int) -> None:
    theirs = mcnemar_of_statsmodels([[5, only_a], [only_b, 5]], exact=True).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, theirs))


@settings(max_examples=15, deadline=None)  # statsmodels takes a tenth of a second each
@given(pvalues=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_equals_statsmodels(pvalues: list[float]) -> None:
    assert holm(pvalues) == pytest.approx(multipletests(pvalues, method="holm")[1].tolist())


def test_a_comparison_by_hand() -> None:
    gold = [True] * 10
    a = cell([True] * 8 + [False] * 2, gold)
    b = cell([True] * 2 + [False] * 8, gold)
    found = compare_cells(a, b, Accuracy(), names=("x", "y"))
    assert (found.value_a, found.value_b, found.n) == (0.8, 0.2, 10)
    assert found.difference == pytest.approx(0.6)
    assert (found.only_a, found.only_b, found.disagreements) == (6, 0, 6)
    assert found.p == pytest.approx(2 * 0.5**6)
    assert found.method == "mcnemar-exact"
    assert found.better() == "x"
    assert disagreements(a, b) == (tuple(f"i{k}" for k in range(2, 8)), (), ())


def test_only_units_that_count_for_both_are_compared_whatever_their_order() -> None:
    a = cell([True, None, True, False], [True] * 4)
    b = cell([False, True, None, True], [True] * 4, names=["i0", "i3", "i2", "extra"])
    found = compare_cells(a, b, Accuracy())
    assert (found.n, found.value_a, found.value_b) == (2, 0.5, 0.5)
    wrong = Protocol(unparsed="wrong")
    both = compare_cells(
        cell([True, None], [True] * 2, protocol=wrong), cell([None, None], [True] * 2, protocol=wrong), Accuracy()
    )
    assert (both.n, both.only_a, both.only_b, both.disagreements) == (2, 1, 0, 1)


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(), RocAuc()])
@pytest.mark.parametrize("size", [1, 2])
def test_identical_answers_cannot_be_told_apart(metric: Metric, size: int) -> None:
    gold = [True, False] * 10
    said = [True, True, False, False] * 5
    found = compare_cells(cell(said, gold, size=size), cell(said, gold, size=size), metric)
    assert (found.p, found.difference, found.ci_low, found.ci_high) == (1.0, 0.0, 0.0, 0.0)
    assert found.better() is None


def test_two_cells_that_met_their_categories_in_another_order_are_given_the_same_codes() -> None:
    answers = [
        Answer(f"i{k}", f"g{k}", category, YES, "yes", (), 0, Status.OK, "yes") for k, category in enumerate("xyy")
    ]
    a, b = (build_cell(given, Protocol()) for given in (answers, answers[::-1]))
    assert a.units.categories != b.units.categories
    view_a, view_b = shared(a, b)
    for view in (view_a, view_b):
        assert [view.categories[code] for code in view.category] == ["x", "y", "y"]


def test_nothing_shared_is_no_result_and_no_error() -> None:
    found = compare_cells(cell([True], [True]), cell([True], [True], names=["other"]), Accuracy())
    assert (found.n, found.p, found.difference) == (0, None, None)


def test_probabilities_are_compared_where_both_have_them_and_else_verdicts_with_verdicts() -> None:
    gold = [True, False, True, False, True, False]
    said = [True, False, False, False, True, True]
    sure: list[float | None] = [0.9, 0.1, 0.4, 0.3, 0.8, 0.6]
    full, bare = cell(said, gold, probabilities=sure), cell(said, gold)
    some = cell(said, gold, probabilities=[0.9, None, 0.4, 0.3, 0.8, 0.6])
    one = compare_cells(full, some, RocAuc(), metric_name="roc_auc")
    assert (one.basis, one.n, one.difference) == ("probabilities", 5, 0.0)
    other = compare_cells(full, bare, RocAuc(), metric_name="roc_auc")
    assert (other.basis, other.n, other.difference) == ("verdicts", 6, 0.0)
    assert other.value_a == pytest.approx(2 / 3)  # of the same verdicts, though it has better probabilities
    apart = cell(said, gold, probabilities=[None, 0.2, None, None, None, None])
    never = cell(said, gold, probabilities=[0.2, None, None, None, None, None])
    assert compare_cells(apart, never, RocAuc(), metric_name="roc_auc").value_a is None
    assert compare_cells(full, bare, Accuracy()).basis == ""


def test_clusters_make_the_test_more_careful() -> None:
    gold = [True] * 40
    better, worse = [True] * 40, ([True] * 10 + [False] * 10) * 2
    alone = compare_cells(cell(better, gold), cell(worse, gold), Accuracy())
    clustered = compare_cells(cell(better, gold, size=10), cell(worse, gold, size=10), Accuracy())
    assert alone.p is not None
    assert clustered.p is not None
    assert alone.p < 0.001 < 0.05 < clustered.p  # 40 items are 4 photographs
    assert clustered.method == "paired-cluster-bootstrap"


def test_cells_of_different_protocols_or_golds_are_refused() -> None:
    with pytest.raises(DataError, match="different protocols"):
        compare_cells(cell([True], [True]), cell([True], [True], protocol=Protocol(unparsed="wrong")), Accuracy())
    with pytest.raises(DataError, match=r"'i0'.*two different golds"):
        compare_cells(cell([True], [True]), cell([True], [False]), Accuracy())
    one = cell([True], [True], protocol=Protocol(unparsed="half"))
    with pytest.raises(UserError, match=r"macro_f1.*unparsed: half"):
        compare_cells(one, one, MacroF1(), metric_name="macro_f1")


def test_bootstrap_p_is_never_zero_and_counts_draws_on_both_sides() -> None:
    assert bootstrap_p(np.full(99, 0.3)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.zeros(99)) == 1
    assert bootstrap_p(np.array([0.1] * 60 + [-0.1] * 39)) == pytest.approx(2 * 40 / 100)
    assert bootstrap_p(np.full(3, np.nan)) is None


def comparison(a: str, b: str, *, difference: float, p: float, greater: bool = True) -> Comparison:
    return Comparison(
        a=a,
        b=b,
        metric="m",
        value_a=None,
        value_b=None,
        difference=difference,
        ci_low=None,
        ci_high=None,
        p=p,
        p_adjusted=p,
        method="",
        n=1,
        disagreements=0,
        only_a=0,
        only_b=0,
        greater_is_better=greater,
    )


def test_a_rank_is_one_more_than_the_number_of_significantly_better_judges() -> None:
    found = [
        comparison("a", "b", difference=0.1, p=0.2),
        comparison("a", "c", difference=0.3, p=0.001),
        comparison("b", "c", difference=0.2, p=0.1),
        comparison("c", "d", difference=-0.5, p=0.001),  # d is better, and is not ranked
    ]
    assert rank_groups("abcd", found, unranked={"d"}) == {"a": 1, "b": 1, "c": 2, "d": None}
    assert rank_groups("abcd", found) == {"a": 1, "b": 1, "c": 3, "d": 1}
    errors = [comparison("a", "b", difference=0.1, p=0.001, greater=False)]
    assert rank_groups("ab", errors) == {"a": 2, "b": 1}


def answers_of(rng: np.random.Generator, gold: NDArray[np.bool_], rate: float, *, size: int) -> list[bool]:
    """Right with probability `rate`, and alike within a group."""
    groups = len(gold) // size
    level = np.repeat(rng.beta(2 * rate, 2 * (1 - rate), groups), size)
    right = rng.random(len(gold)) < level
    return [bool(value) for value in np.where(right, gold, ~gold)]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "metric"), [(1, Accuracy()), (3, Accuracy()), (1, MacroF1())])
def test_equal_judges_share_a_rank_in_about_95_of_100_data_sets(size: int, metric: Metric) -> None:
    rng = np.random.default_rng(2024)
    sets, shared = 200, 0
    for seed in range(sets):
        gold = rng.random(240) < 0.5
        tables = {
            name: cell(answers_of(rng, gold, 0.7, size=size), gold.tolist(), size=size) for name in ("one", "two")
        }
        ranks = rank_groups(list(tables), compare_all(tables, metric, resamples=300, seed=seed))
        shared += ranks == {"one": 1, "two": 1}
    assert 0.915 <= shared / sets <= 0.99


def test_a_much_better_judge_is_nearly_always_ranked_above() -> None:
    rng = np.random.default_rng(7)
    found = 0
    for seed in range(40):
        gold = rng.random(240) < 0.5
        tables = {
            name: cell(answers_of(rng, gold, rate, size=1), gold.tolist())
            for name, rate in (("good", 0.8), ("poor", 0.6))
        }
        ranks = rank_groups(list(tables), compare_all(tables, Accuracy(), resamples=200, seed=seed))
        found += ranks == {"good": 1, "poor": 2}
    assert found >= 38


def test_eight_judges_on_two_thousand_items_are_compared_at_once() -> None:
    rng = np.random.default_rng(1)
    gold = rng.random(2_000) < 0.5
    tables = {f"j{k}": cell(answers_of(rng, gold, 0.6 + k / 50, size=2), gold.tolist(), size=2) for k in range(8)}
    start = time.process_time()
    found = compare_all(tables, MacroF1(), metric_name="macro_f1")
    assert time.process_time() - start < 10  # a fraction of a second here; the bound only catches a lost fast path
    assert len(found) == 28
    assert all(one.p_adjusted is not None and one.p is not None and one.p_adjusted >= one.p for one in found)
