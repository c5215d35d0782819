"""From units to a function of weights: the same value for any types, blocks and average."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Metric, Score, Units, UserError
from harness.score import sample as sampling
from harness.score.agreement import Kappa, MacroF1, RocAuc
from harness.score.arrays import Floats
from harness.score.cell import jackknife_metric
from harness.score.correlation import Pearson
from harness.score.metrics import Accuracy
from harness.score.sample import BLOCKS, distinct, point_of, sample_of
from harness.score.table import CellTable

Made = Callable[..., CellTable]


@given(rows=st.lists(st.tuples(st.integers(-2, 3), st.integers(0, 2), st.integers(5, 9)), min_size=1, max_size=40))
def test_distinct_rows_are_those_of_numpy(rows: list[tuple[int, int, int]]) -> None:
    table = np.array(rows)
    first, types = distinct(list(table.T))
    kinds, theirs = np.unique(table, axis=0, return_inverse=True)
    assert types.tolist() == theirs.reshape(-1).tolist()
    assert table[first].tolist() == kinds.tolist()


def test_the_point_is_the_metric_of_the_units(yes_no: Made) -> None:
    rng = np.random.default_rng(0)
    gold, said = rng.random((2, 80)) < 0.6
    view = yes_no(said.tolist(), gold.tolist()).view()
    for metric in (MacroF1(), Kappa(), Accuracy()):
        units = Units(
            space=view.space,
            gold=tuple(view.verdicts[code] for code in view.gold),
            predicted=tuple(view.verdicts[code] for code in view.predicted),
            credit=view.credit,
            positive=view.positive,
        )
        expected = metric(units, np.ones((1, 80)))[0]
        assert point_of(metric, view, name="m", average="micro") == pytest.approx(expected)


def test_pseudo_units_are_types_of_their_own_and_weigh_one_each(yes_no: Made) -> None:
    view = yes_no([True, True, False], [True, True, True]).view()
    sample = sample_of(MacroF1(), view, name="m", average="micro")
    assert sample.pseudo.shape == (2, sample.patterns.types)
    assert sample.pseudo.sum(axis=1).tolist() == [1, 1]
    assert sample.patterns.total().sum() == 3, "they are in no cluster"
    assert sample.sizes.tolist() == [1, 1, 1]


@pytest.mark.parametrize(("sure", "weight"), [(None, 1.0), ([0.9, 0.4, 0.3], 0.02)])
def test_a_metric_that_sees_probabilities_gives_pseudo_clusters_less_weight(
    yes_no: Made, sure: list[float] | None, weight: float
) -> None:
    view = yes_no([True, False, False], [True, True, False], sure=sure).view()
    assert sample_of(RocAuc(), view, name="m", average="micro").pseudo_weight == weight
    assert sample_of(Accuracy(), view, name="m", average="micro").pseudo_weight == 1


def test_a_metric_of_scores_gives_them_a_tenth(make_scores: Made) -> None:
    """Scores vary by themselves: whole pseudo-clusters made intervals of correlations too wide."""
    view = make_scores([1, 2, 3], [1, 2, 4], space=Score(1, 5, 1)).view()
    assert sample_of(Pearson(), view, name="m", average="micro").pseudo_weight == 0.1


def test_bounds_are_those_of_the_metric_and_none_where_they_have_no_end(make_scores: Made) -> None:
    view = make_scores([1, 2, 3], [1, 2, 4], space=Score(1, 5, 1)).view()

    class Error:
        unit = "distance"

        def __call__(self, units: Units, weights: Floats) -> Floats:
            return np.zeros(len(weights))

    assert sample_of(Pearson(), view, name="m", average="micro").bounds == (-1, 1)
    assert sample_of(Error(), view, name="m", average="micro").bounds is None

    class EmptyError(Error):
        def bounds(self, space: object) -> tuple[float, float]:
            return 0.0, 0.0

    assert sample_of(EmptyError(), view, name="m", average="micro").bounds is None, "nothing lies between its ends"


def continuous(make_scores: Made, n: int) -> CellTable:
    rng = np.random.default_rng(1)
    gold = rng.random(n)
    return make_scores(np.clip(gold + rng.normal(0, 0.1, n), 0, 1).tolist(), gold.tolist())


def test_few_different_clusters_are_left_out_each_and_many_in_blocks(
    make_scores: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = continuous(make_scores, 1_200).view()
    whole = sample_of(Pearson(), view, name="m", average="micro")
    assert (whole.blocks, whole.patterns.count, len(whole.sizes)) == (0, whole.patterns.types, 1_200)
    monkeypatch.setattr(sampling, "_MOST", 0)
    blocked = sample_of(Pearson(), view, name="m", average="micro")
    assert (blocked.blocks, len(blocked.sizes)) == (BLOCKS, 1_200), "real clusters are counted as they are"
    assert len(blocked.patterns.clusters) <= BLOCKS
    totals = [sample.statistic(sample.patterns.total()[None, :])[0] for sample in (whole, blocked)]
    assert totals[0] == pytest.approx(totals[1])
    assert blocked.patterns.clusters.tolist() == np.unique(view.cluster % BLOCKS).tolist()


@pytest.mark.parametrize(("limit", "blocks"), [(50, 32), (64, 64), (200, 128), (1, 2), (5_000, 512)])
def test_a_metric_with_a_limit_is_evaluated_no_more_often(make_scores: Made, limit: int, blocks: int) -> None:
    class Slow:
        def __call__(self, units: Units, weights: Floats) -> Floats:
            return np.zeros(len(weights))

        def limit(self, units: Units) -> int:
            return limit

    sample = sample_of(Slow(), continuous(make_scores, 600).view(), name="m", average="micro")
    assert sample.blocks == blocks
    assert sample.patterns.count <= blocks


def test_a_metric_that_does_not_fit_is_refused_by_name(yes_no: Made) -> None:
    view = yes_no([True, False]).view()
    with pytest.raises(UserError, match="metric pearson: not defined for choice answers, only for score"):
        sample_of(Pearson(), view, name="pearson", average="micro")

    class OfGroups:
        of_groups = True

        def __call__(self, units: Units, weights: Floats) -> Floats:
            return np.zeros(len(weights))

    metric: Metric = OfGroups()
    with pytest.raises(UserError, match="write spread@group in metrics"):
        sample_of(metric, view, name="spread@category", average="category")


@pytest.mark.parametrize("metric", [MacroF1(), Kappa()])
def test_the_order_of_the_data_changes_nothing(make_labels: Made, metric: Metric) -> None:
    said, gold = [1, 2, 0, 0, 2, 1, 3, 0], [1, 2, 1, 0, 2, 1, 0, 0]
    names = [f"i{k}" for k in range(len(said))]
    ends = set()
    for order in (range(8), (7, 2, 5, 0, 6, 4, 1, 3), (3, 6, 0, 1, 2, 7, 5, 4)):
        columns = ([column[k] for k in order] for column in (said, gold))
        view = make_labels(*columns, labels=5, names=[names[k] for k in order]).view()
        found = jackknife_metric(metric, view, name="m", average="micro")
        assert found is not None
        ends.add(tuple(np.round([found.variance, found.centre, found.step], 12)))
    assert len(ends) == 1


def test_a_strangers_values_are_one_for_each_row_or_refused_by_name(yes_no: Made) -> None:
    view = yes_no([True, False, True]).view()

    class Column:
        def __call__(self, units: Units, weights: Floats) -> Floats:
            return weights @ units.credit[:, None]

    metric: Metric = Column()
    with pytest.raises(UserError, match=r"metric Column: expected one value for each row.*got shape \(1, 1\)"):
        point_of(metric, view, name="m", average="micro")


@pytest.mark.parametrize(
    ("values", "said"),
    [(["a", "b"], "numbers, and got ['a', 'b']"), ([[1.0], []], "numbers, and got"), (None, "one value for each row")],
)
def test_a_function_that_gives_no_numbers_is_refused_by_its_name(yes_no: Made, values: Any, said: str) -> None:
    def share_of_yes(units: Units, weights: Floats) -> Any:
        return values

    metric: Any = share_of_yes
    with pytest.raises(UserError, match=re.escape(f"metric share_of_yes: expected {said}")):
        point_of(metric, yes_no([True, False, True]).view(), name="m", average="micro")


def test_what_a_stranger_prepares_can_be_called(yes_no: Made) -> None:
    metric: Any = SimpleNamespace(prepare=lambda units: None)
    with pytest.raises(UserError, match=r"metric SimpleNamespace: `prepare` gave None; give a function of the weights"):
        point_of(metric, yes_no([True, False, True]).view(), name="m", average="micro")


def test_a_stranger_may_change_its_weights_and_divide_by_nothing(yes_no: Made) -> None:
    view = yes_no([True] * 6 + [False]).view()

    class Odds:
        """Right answers for each wrong one."""

        def __call__(self, units: Units, weights: Floats) -> Floats:
            weights /= weights.sum(axis=1, keepdims=True)
            right = weights @ units.credit
            with np.errstate(divide="ignore"):
                return np.asarray(right / (1 - right))

    found = jackknife_metric(Odds(), view, name="m", average="micro")
    assert found is not None
    assert found.value == pytest.approx(6)
    assert np.isfinite(found.moves).all()
    assert found.moves.any()


def test_a_group_counts_once_however_large_it_is(yes_no: Made) -> None:
    view = yes_no([True, True, True, False], groups=["a", "a", "a", "b"]).view()
    sample = sample_of(Accuracy(), view, name="m", average="group")
    assert sample.sizes.tolist() == [1, 1]
    assert sample.statistic(sample.patterns.total()[None, :])[0] == 0.5
