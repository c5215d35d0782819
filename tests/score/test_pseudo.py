"""Pseudo-units: one that is right and one that is wrong for each class of the gold, by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.api import Metric, Preference, Protocol, Ranking, RecordedAnswer, Score, Status, Verdict
from harness.score.agreement import MacroF1, RocAuc
from harness.score.cell import jackknife_metric
from harness.score.correlation import Pearson
from harness.score.intervals import interval
from harness.score.metrics import Accuracy, AccuracyWithoutTies, MeanAbsoluteError
from harness.score.pseudo import PseudoUnits, with_pseudo_units
from harness.score.ranking import Levenshtein
from harness.score.table import NOTHING, CellTable, UnitTable
from harness.score.units import build_cell

Made = Callable[..., CellTable]


def halves_by_name(view: UnitTable, units: PseudoUnits) -> list[list[tuple[Verdict, Verdict | None, float]]]:
    """Gold, answer and part of the units of each half-cluster."""
    own = units.view
    told = [
        (view.verdicts[gold], None if said == NOTHING else view.verdicts[said], part)
        for gold, said, part in zip(own.gold, own.predicted, units.part, strict=True)
    ]
    return [
        [unit for unit, half in zip(told, units.half, strict=True) if half == k] for k in range(len(units.clusters))
    ]


def of(table: CellTable, metric: Metric, *, by_category: bool = False) -> tuple[UnitTable, PseudoUnits]:
    return with_pseudo_units(table.view(), metric, by_category=by_category)


def test_each_class_has_a_right_half_and_a_wrong_one(yes_no: Made) -> None:
    view, units = of(yes_no([True, True, True, False], [True, True, False, False]), MacroF1())
    assert halves_by_name(view, units) == [
        [("yes", "yes", 1.0)],
        [("yes", "no", 1.0)],
        [("no", "no", 1.0)],
        [("no", "yes", 1.0)],
    ]
    assert units.clusters.tolist() == [0.5] * 4
    assert units.gold_share.tolist() == [0.5] * 4
    assert units.view.credit.tolist() == [1, 0, 1, 0]
    assert np.isnan(units.view.positive).all()


def test_a_wrong_answer_is_spread_over_the_other_classes_that_occur(make_labels: Made) -> None:
    view, units = of(make_labels([0, 1, 2, 0], [0, 0, 1, 1], labels=5), MacroF1())
    halves = halves_by_name(view, units)
    assert [sorted(half) for half in halves] == [
        [("c0", "c0", 1.0)],
        [("c0", "c1", 0.5), ("c0", "c2", 0.5)],
        [("c1", "c1", 1.0)],
        [("c1", "c0", 0.5), ("c1", "c2", 0.5)],
    ]


def test_a_class_that_nothing_else_stands_beside_is_missed_by_no_answer(yes_no: Made) -> None:
    view, units = of(yes_no([True, True]), MacroF1())
    assert halves_by_name(view, units) == [[("yes", "yes", 1.0)], [("yes", None, 1.0)]]


def test_a_metric_that_counts_points_knows_right_and_wrong_only(make_labels: Made) -> None:
    view, units = of(make_labels([0, 1, 2, 3], [0, 1, 2, 2], labels=4), Accuracy())
    assert units.view.credit.tolist() == [1, 0]
    assert units.clusters.tolist() == [1.0, 1.0], "two clusters, as of a question with two answers"
    assert len(halves_by_name(view, units)) == 2


def test_every_category_has_its_own_where_it_is_averaged_over(yes_no: Made) -> None:
    table = yes_no([True, False, True, True], [True, True, False, True], categories=["x", "x", "y", "y"])
    _, units = of(table, MacroF1(), by_category=True)
    names = [units.view.categories[code] for code in units.view.category]
    assert names == ["x", "x", "y", "y", "y", "y"], "x has one class of the gold, y has two"
    assert units.gold_share.tolist() == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    assert len(of(table, MacroF1())[1].clusters) == 4


def test_a_probability_is_right_or_wrong_with_certainty(yes_no: Made) -> None:
    table = yes_no([True, False], [True, False], sure=[0.8, 0.3])
    view, units = of(table, RocAuc())
    assert [(gold, said) for ((gold, said, _),) in halves_by_name(view, units)] == [
        ("yes", "yes"),
        ("yes", "no"),
        ("no", "no"),
        ("no", "yes"),
    ]
    assert units.view.positive.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("step", [0, 1])
def test_a_wrong_score_is_a_standard_deviation_away_and_keeps_to_the_scale(make_scores: Made, step: int) -> None:
    space = Score(1, 5, step)
    gold = [1, 2, 3, 4, 5] * 4
    view, units = of(make_scores(gold, gold, space=space), Pearson())
    off = 1 if step else float(np.std(gold))
    halves = halves_by_name(view, units)
    assert halves[::2] == [[(level, level, 1.0)] for level in (1, 2, 3, 4, 5)]
    wrong = [said for ((_, said, _),) in halves[1::2]]
    assert wrong == pytest.approx([1 + off, 2 + off, 3 - off, 4 - off, 5 - off]), "towards the far end"
    assert units.clusters.sum() == pytest.approx(2), "as many as a question with two answers has"


def test_scores_that_are_all_alike_are_missed_by_a_quarter_of_the_scale(make_scores: Made) -> None:
    view, units = of(make_scores([0.5] * 4, [0.25] * 4), MeanAbsoluteError())
    assert halves_by_name(view, units) == [[(0.25, 0.25, 1.0)], [(0.25, 0.5, 1.0)]]

    odd = 85.97441624588808  # thirty of them have a standard deviation of 1e-14
    _, rounded = of(make_scores([odd] * 30, [odd] * 30, space=Score(0, 100, 0)), MeanAbsoluteError())
    assert rounded.view.verdicts[int(rounded.view.predicted[1])] == pytest.approx(odd - 25)


def test_a_wrong_answer_is_never_only_a_tie_which_a_metric_may_leave_out() -> None:
    space = Preference(2, ("tie",))
    golds: list[Verdict] = [0, 0, "tie"]
    answers = [
        RecordedAnswer(f"i{k}", f"i{k}", "", space, gold, (0, 1), 0, Status.OK, gold)
        for k, gold in enumerate(golds * 10)
    ]
    table = build_cell(answers, Protocol(order="shuffled", pooling="each"))
    view, units = of(table, AccuracyWithoutTies())
    assert halves_by_name(view, units) == [
        [(0, 0, 1.0)],
        [(0, "tie", 0.5), (0, None, 0.5)],
        [("tie", "tie", 1.0)],
        [("tie", 0, 1.0)],
    ]
    found = jackknife_metric(AccuracyWithoutTies(), table.view(), name="m", average="micro")
    assert found is not None
    ends = interval(found)
    assert ends is not None
    assert 0.6 < ends[0] < 0.9


def test_a_wrong_ranking_is_the_reverse() -> None:
    answers = [
        RecordedAnswer(f"i{k}", f"i{k}", "", Ranking(3), (2, 0, 1), (0, 1, 2), 0, Status.OK, (0, 1, 2))
        for k in range(3)
    ]
    view, units = of(build_cell(answers, Protocol()), Levenshtein())
    assert halves_by_name(view, units) == [[((2, 0, 1), (2, 0, 1), 1.0)], [((2, 0, 1), (1, 0, 2), 1.0)]]


@pytest.mark.parametrize("pairs", [4, 10, 25, 60])
def test_without_an_error_a_share_is_worth_as_many_trials_as_there_are_clusters(yes_no: Made, pairs: int) -> None:
    """However the size of an average cluster rounds: 1.04 to 1.6 units here."""
    singles = 100 - pairs
    groups = [*range(singles), *np.repeat(np.arange(singles, 100), 2).tolist()]
    table = yes_no([True] * len(groups), groups=groups)
    apart = jackknife_metric(Accuracy(), table.view(), name="accuracy", average="micro")
    assert apart is not None
    assert apart.centre * (1 - apart.centre) / apart.variance == pytest.approx(100, rel=0.03)
