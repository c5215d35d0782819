"""Every two judges compared, by hand and by simulation; the test itself is tests/score/test_pairs.py."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from harness.api import Choice, DataError, Metric, Protocol, RecordedAnswer, Status, Units, UserError
from harness.score.agreement import MacroF1, RocAuc
from harness.score.contest import disagreements, match_units
from harness.score.metrics import Accuracy
from harness.score.records import Comparison
from harness.score.significance import Missing, Rules, compare_all, compare_cells
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
        RecordedAnswer(
            item=names[k] if names else f"i{k}",
            group=f"g{k // size}",
            category="",
            space=YES,
            gold=label(gold[k]),
            order=(),
            sample=0,
            status=Status.UNPARSED if answer is None else Status.OK,
            verdict=None if answer is None else label(answer),
            probabilities=None if p is None else {"yes": p, "no": 1 - p},
        )
        for k, (answer, p) in enumerate(zip(said, probabilities or [None] * len(said), strict=True))
    )
    return build_cell(answers, protocol or Protocol())


def test_a_comparison_by_hand() -> None:
    gold = [True] * 10
    a = cell([True] * 8 + [False] * 2, gold)
    b = cell([True] * 2 + [False] * 8, gold)
    found = compare_cells(a, b, Accuracy(), names=("x", "y"))
    assert (found.value_a, found.value_b, found.n) == (0.8, 0.2, 10)
    assert found.difference == pytest.approx(0.6)
    assert (found.only_a, found.only_b, found.disagreements) == (6, 0, 6)
    assert found.p_value == pytest.approx(2 * norm.sf(0.6 / np.sqrt(6 / 100 + 1 / 11**2)))
    assert found.p_adjusted == found.p_value, "one pair is no family"
    assert found.method == "score-pivot"
    assert found.better == "x"
    assert found.ci_low is not None
    assert found.ci_low > 0
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
def test_identical_answers_cannot_be_told_apart_and_may_differ_on_other_items(metric: Metric, size: int) -> None:
    gold = [True, False] * 10
    said = [True, True, False, False] * 5
    found = compare_cells(cell(said, gold, size=size), cell(said, gold, size=size), metric)
    assert (found.p_value, found.difference, found.better) == (1.0, 0.0, None)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0 < found.ci_high
    assert found.ci_low == pytest.approx(-found.ci_high)


def test_two_cells_that_met_their_categories_in_another_order_are_given_the_same_codes() -> None:
    answers = [
        RecordedAnswer(f"i{k}", f"g{k}", category, YES, "yes", (), 0, Status.OK, "yes")
        for k, category in enumerate("xyy")
    ]
    a, b = (build_cell(given, Protocol()) for given in (answers, answers[::-1]))
    assert a.units.categories != b.units.categories
    view_a, view_b = match_units(a, b)
    for view in (view_a, view_b):
        assert [view.categories[code] for code in view.category] == ["x", "y", "y"]


def test_nothing_shared_is_no_result_and_no_error() -> None:
    found = compare_cells(cell([True], [True]), cell([True], [True], names=["other"]), Accuracy())
    assert (found.n, found.p_value, found.difference) == (0, None, None)


def test_probabilities_are_compared_where_both_have_them_and_else_verdicts_with_verdicts() -> None:
    gold = [True, False, True, False, True, False]
    said = [True, False, False, False, True, True]
    sure: list[float | None] = [0.9, 0.1, 0.4, 0.3, 0.8, 0.6]
    full, bare = cell(said, gold, probabilities=sure), cell(said, gold)
    some = cell(said, gold, probabilities=[0.9, None, 0.4, 0.3, 0.8, 0.6])
    comparison = compare_cells(full, some, RocAuc(), metric_name="roc_auc")
    assert (comparison.basis, comparison.n, comparison.difference) == ("probabilities", 5, 0.0)
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
    assert alone.p_value is not None
    assert clustered.p_value is not None
    assert alone.p_value < 0.001 < 0.05 < clustered.p_value  # 40 items are 4 photographs
    assert (alone.better, clustered.better) == ("a", None)


def test_cells_of_different_protocols_or_golds_are_refused() -> None:
    with pytest.raises(DataError, match="different protocols"):
        compare_cells(cell([True], [True]), cell([True], [True], protocol=Protocol(unparsed="wrong")), Accuracy())
    with pytest.raises(DataError, match=r"'i0'.*two different golds"):
        compare_cells(cell([True], [True]), cell([True], [False]), Accuracy())
    table = cell([True], [True], protocol=Protocol(unparsed="half"))
    with pytest.raises(UserError, match=r"macro_f1.*unparsed: half"):
        compare_cells(table, table, MacroF1(), metric_name="macro_f1")


def test_only_ranked_judges_are_a_family() -> None:
    """A pair with a judge that is not ranked has a p and an interval, and corrects nothing."""
    rng = np.random.default_rng(3)
    gold = rng.random(300) < 0.5
    tables = {
        name: cell(answers_of(rng, gold, rate, size=1), gold.tolist())
        for name, rate in (("a", 0.9), ("b", 0.8), ("silent", 0.6))
    }
    pairs = {(pair.judge_a, pair.judge_b): pair for pair in compare_all(tables, Accuracy(), ranked=["a", "b"])}
    alone = compare_cells(tables["a"], tables["b"], Accuracy(), names=("a", "b"))
    assert pairs["a", "b"] == alone
    outside = pairs["a", "silent"]
    assert (outside.p_adjusted, outside.better) == (None, None)
    assert outside.p_value is not None
    assert outside.ci_low is not None
    everybody = {(pair.judge_a, pair.judge_b): pair for pair in compare_all(tables, Accuracy())}
    assert (everybody["a", "b"].ci_low or 0) < (alone.ci_low or 0), "three pairs want a wider interval than one"


@pytest.mark.slow
def test_what_can_be_detected_is_what_has_a_power_of_80_percent() -> None:
    rng = np.random.default_rng(6)
    gold = np.ones(400, dtype=bool)
    base = rng.random(400) < 0.8
    first = cell(np.where(rng.random(400) < 0.9, base, ~base).tolist(), gold.tolist())
    found = compare_cells(first, cell(base.tolist(), gold.tolist()), Accuracy())
    assert found.detectable is not None
    different = found.disagreements / 400
    assert found.detectable == pytest.approx((1.96 + 0.8416) * np.sqrt(different / 400), rel=0.03)
    seen = 0
    for _ in range(120):
        changed = rng.random(400) < different
        # of the items on which two judges differ so many go to the first that it is better by what can be detected
        to_first = rng.random(400) < (1 + found.detectable / different) / 2
        a, b = (cell(np.where(changed, own, base).tolist(), gold.tolist()) for own in (to_first, ~to_first))
        seen += compare_cells(a, b, Accuracy()).better == "a"
    assert 0.71 <= seen / 120 <= 0.89


def test_an_error_is_better_where_it_is_smaller() -> None:
    gold = [True] * 40
    good, poor = cell(gold, gold), cell([True] * 10 + [False] * 30, gold)

    class Wrong:
        greater_is_better = False

        def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = weights @ (1 - units.credit) / weights.sum(axis=1)
            return found

    found = compare_cells(good, poor, Wrong(), names=("good", "poor"))
    assert (found.difference, found.better, found.greater_is_better) == (-0.75, "good", False)
    other = compare_cells(good, poor, Wrong(), names=("good", "poor"), greater_is_better=True)
    assert other.better == "poor", "the card has the last word"


def answers_of(rng: np.random.Generator, gold: NDArray[np.bool_], rate: float, *, size: int) -> list[bool]:
    """Right with probability `rate`, and alike within a group."""
    groups = len(gold) // size
    level = np.repeat(rng.beta(2 * rate, 2 * (1 - rate), groups), size)
    right = rng.random(len(gold)) < level
    return [bool(value) for value in np.where(right, gold, ~gold)]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "metric"), [(1, Accuracy()), (3, Accuracy()), (1, MacroF1())])
def test_equal_judges_are_told_apart_in_at_most_5_of_100_data_sets(size: int, metric: Metric) -> None:
    rng = np.random.default_rng(2024)
    sets, apart = 200, 0
    for seed in range(sets):
        gold = rng.random(240) < 0.5
        tables = {
            name: cell(answers_of(rng, gold, 0.7, size=size), gold.tolist(), size=size) for name in ("one", "two")
        }
        (found,) = compare_all(tables, metric, rules=Rules(draws=300, seed=seed))
        apart += found.better is not None
    assert 0.005 <= apart / sets <= 0.085


def test_a_much_better_judge_is_nearly_always_placed_above() -> None:
    rng = np.random.default_rng(7)
    found = 0
    for seed in range(40):
        gold = rng.random(240) < 0.5
        tables = {
            name: cell(answers_of(rng, gold, rate, size=1), gold.tolist())
            for name, rate in (("good", 0.8), ("poor", 0.6))
        }
        found += compare_all(tables, Accuracy(), rules=Rules(seed=seed))[0].better == "good"
    assert found >= 38


def test_eight_judges_on_two_thousand_items_are_compared_at_once() -> None:
    rng = np.random.default_rng(1)
    gold = rng.random(2_000) < 0.5
    tables = {f"j{k}": cell(answers_of(rng, gold, 0.6 + k / 50, size=2), gold.tolist(), size=2) for k in range(8)}
    start = time.process_time()
    found = compare_all(tables, MacroF1(), metric_name="macro_f1")
    assert time.process_time() - start < 10  # a fraction of a second here; the bound only catches a lost fast path
    assert len(found) == 28
    assert all(
        comparison.p_adjusted is not None
        and comparison.p_value is not None
        and comparison.p_adjusted >= comparison.p_value
        for comparison in found
    )


def test_equivalent_is_who_differs_by_less_than_the_margin_however_missing_answers_count() -> None:
    rng = np.random.default_rng(3)
    gold = [True] * 1_000
    right = (rng.random(1_000) < 0.9).tolist()
    other = [not word if k % 100 == 0 else word for k, word in enumerate(right)]  # ten items the other way round
    shy = [None if not word and k % 3 else word for k, word in enumerate(right)]  # declines what it would get wrong
    tables = {name: cell(said, gold) for name, said in (("a", right), ("b", other), ("shy", shy))}
    a_b, *_ = compare_all(tables, Accuracy(), rules=Rules(equivalence=0.02))
    assert a_b.ci_low is not None
    assert a_b.ci_high is not None
    assert -0.02 < a_b.ci_low < a_b.ci_high < 0.02
    assert a_b.equivalent is True

    def with_shy(missing: Missing, margin: float | None) -> Comparison:
        rules = Rules(equivalence=margin, missing=missing)
        return compare_cells(tables["a"], tables["shy"], Accuracy(), rules=rules)

    assert with_shy("at-random", 0.02).equivalent is True, "on the answers of both they are one judge"
    assert with_shy("counts", 0.02).equivalent is True, "what it declines, the other got wrong"
    better = cell([None if k % 15 == 0 else True for k in range(1_000)], gold)
    perfect = cell(gold, gold)
    declared, counted = Rules(equivalence=0.02, missing="at-random"), Rules(equivalence=0.02)
    assert compare_cells(perfect, better, Accuracy(), rules=declared).equivalent is True
    assert compare_cells(perfect, better, Accuracy(), rules=counted).equivalent is False
    assert with_shy("counts", None).equivalent is None
    outside = compare_all(tables, Accuracy(), ranked=["a"], rules=Rules(equivalence=1))
    assert all(comparison.equivalent is None for comparison in outside)


def test_placements_never_go_round_in_a_circle_where_answers_are_missing_at_random() -> None:
    """Each of three judges skips a third of the items and errs on another: A beats B, B beats C, C beats A."""
    gold = [True] * 300
    cells = {
        name: cell([None if k % 3 == skipped else k % 3 != wrong for k in range(300)], gold)
        for name, skipped, wrong in (("a", 0, 1), ("b", 1, 2), ("c", 2, 0))
    }
    alone = [
        compare_cells(cells[a], cells[b], Accuracy(), names=(a, b), rules=Rules(missing="at-random")).better
        for a, b in (("a", "b"), ("b", "c"), ("a", "c"))
    ]
    assert sorted(str(better) for better in alone) == ["a", "b", "c"], "each stands above one of the others, by itself"
    together = compare_all(cells, Accuracy(), rules=Rules(missing="at-random"))
    assert [(pair.better, pair.depends_on_missing) for pair in together] == [(None, True)] * 3
    better = cell([True] * 300, gold)
    worse = cell([False] * 300, gold)
    beside = compare_all({**cells, "all": better, "none": worse}, Accuracy(), rules=Rules(missing="at-random"))
    placed = {(pair.judge_a, pair.judge_b): pair.better for pair in beside}
    assert placed["all", "none"] == "all"
    assert all(placed[name, "none"] == name for name in cells), "who is in no circle keeps its place"
