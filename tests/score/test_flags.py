"""Each flag just on both sides of where it is raised."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.api import Metric, Preference, Protocol, RecordedAnswer, Score, Status, Verdict
from harness.score.agreement import MacroF1
from harness.score.cell import jackknife_metric, score_cell
from harness.score.correlation import Pearson, Spearman
from harness.score.flags import find_interval_flags
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.records import CellScores
from harness.score.table import CellTable
from harness.score.units import build_cell

Made = Callable[..., CellTable]


def score(table: CellTable, metric: Metric | None = None, name: str = "m") -> CellScores:
    return score_cell(table, task="t", judge="j", metrics={name: metric or Accuracy()}, data_hash="h")


def show(first_named: Sequence[bool], golds: Sequence[int]) -> CellTable:
    """Pairs in both orders; whether a request named the first place, order by order."""
    answers = [
        RecordedAnswer(
            f"i{k:03}", f"i{k:03}", "", Preference(2), golds[k // 2], order, 0, Status.OK, 0 if first_named[k] else 1
        )._replace(item=f"i{k // 2:03}", group=f"i{k // 2:03}")
        for k in range(len(first_named))
        for order in [((0, 1), (1, 0))[k % 2]]
    ]
    return build_cell(answers, Protocol(order="both"))


@pytest.mark.parametrize(("items", "raised"), [(1, False), (9, False), (10, True), (40, True)])
def test_that_the_place_decides_is_not_said_of_a_few_answers(items: int, raised: bool) -> None:
    """Twenty answers, which are ten items in both orders; a bootstrap was certain of one item."""
    flags = score(show([True] * 2 * items, [0, 1] * items)).flags
    assert ("position-biased" in flags) is raised
    assert ("collapsed" in flags) is (raised and items > 1)


def test_a_lean_towards_the_first_place_that_luck_explains_is_no_flag() -> None:
    rng = np.random.default_rng(0)
    golds: list[int] = rng.integers(0, 2, 60).tolist()
    slightly = score(show((rng.random(120) < 0.6).tolist(), golds)).flags
    always = score(show((rng.random(120) < 0.9).tolist(), golds)).flags
    last = score(show((rng.random(120) < 0.1).tolist(), golds)).flags
    assert "position-biased" not in slightly
    assert "position-biased" in always
    assert "position-biased" in last


@pytest.mark.parametrize(("answers", "raised"), [(1, False), (19, False), (20, True)])
def test_a_collapse_is_not_said_of_a_few_answers(yes_no: Made, answers: int, raised: bool) -> None:
    gold = [k % 2 == 0 for k in range(answers)]
    assert ("collapsed" in score(yes_no([True] * answers, gold)).flags) is raised


def find_flags(table: CellTable, metric: Metric, *, average: str = "micro") -> set[str]:
    view = table.view()
    found = jackknife_metric(metric, view, name="m", average=average)
    return set(find_interval_flags(found, view, metric, average=average))


@pytest.mark.parametrize(
    ("sizes", "flag"),
    [
        ([5] * 3, {"few-clusters"}),
        ([4] * 4, set()),
        ([10, 1, 1, 1, 1, 1], {"few-clusters"}),  # 15^2 / 105 = 2.1 by Kish
        ([1] * 30, set()),
        ([130] + [1] * 250, {"one-large-cluster"}),  # 8 by Kish; few once the large one is alike within
    ],
)
def test_few_clusters_are_counted_by_their_sizes(yes_no: Made, sizes: list[int], flag: set[str]) -> None:
    said = [k % 3 > 0 for k in range(sum(sizes))]
    table = yes_no(said, groups=np.repeat(np.arange(len(sizes)), sizes).tolist())
    assert find_flags(table, Accuracy()) == flag


@pytest.mark.parametrize(("rare", "flag"), [(4, {"rare-class"}), (5, set())])
def test_a_class_that_is_rare_matters_to_metrics_of_classes_only(yes_no: Made, rare: int, flag: set[str]) -> None:
    gold = [True] * 60 + [False] * rare
    table = yes_no([not gold[0], *gold[1:]], gold)
    assert find_flags(table, MacroF1()) == flag
    assert find_flags(table, Accuracy()) == set()
    assert find_flags(table, MacroF1(), average="group") == set()


@pytest.mark.parametrize(("rare", "flag"), [(4, {"rare-class"}), (5, set())])
def test_a_class_that_only_answers_name_is_rare_too(yes_no: Made, rare: int, flag: set[str]) -> None:
    table = yes_no([False] * rare + [True] * 60)  # the gold is always yes
    assert find_flags(table, MacroF1()) == flag
    assert find_flags(table, Accuracy()) == set()


@pytest.mark.parametrize(("rare", "flag"), [(4, {"rare-class"}), (5, set())])
def test_a_category_that_is_rare_matters_to_a_mean_over_categories(yes_no: Made, rare: int, flag: set[str]) -> None:
    table = yes_no([False] + [True] * (59 + rare), categories=["x"] * 60 + ["y"] * rare)
    assert find_flags(table, Accuracy(), average="category") == flag
    assert find_flags(table, Accuracy()) == set()


def test_a_class_within_a_category_counts_where_both_are_averaged_over(yes_no: Made) -> None:
    gold = [True, False] * 20 + [True] * 20 + [False] * 3
    table = yes_no([not gold[0], *gold[1:]], gold, categories=["x"] * 40 + ["y"] * 23)
    assert find_flags(table, MacroF1(), average="category") == {"rare-class"}
    assert find_flags(table, MacroF1()) == set()


@pytest.mark.parametrize(("far", "flag"), [(90.0, {"outlier"}), (3.0, set())])
def test_an_outlier_is_one_item_that_makes_up_most_of_the_variance(
    make_scores: Made, far: float, flag: set[str]
) -> None:
    gold = [float(k % 5) for k in range(59)]
    said = [score + (k % 3) - 1 for k, score in enumerate(gold)]
    table = make_scores([*said, 2.0], [*gold, far], space=Score(-2, 100, 0))
    assert find_flags(table, Pearson()) == flag
    assert find_flags(table, Spearman()) == set()


def test_one_error_among_right_answers_is_no_outlier(yes_no: Made) -> None:
    assert find_flags(yes_no([False] + [True] * 59, [k % 2 == 0 for k in range(60)]), Accuracy()) == set()
    assert find_flags(yes_no([False] + [True] * 59), Accuracy()) == set()
    wrong_group = yes_no([False] * 6 + [True] * 54, groups=[0] * 6 + list(range(1, 55)))
    assert find_flags(wrong_group, Accuracy()) == set(), (
        "it makes up most of the variance, which pseudo-clusters watch over"
    )


def test_a_missing_answer_is_no_class_that_is_rare(yes_no: Made) -> None:
    said: list[bool | None] = [None, None, *([True, False] * 30)]
    table = yes_no(said, [True, False] * 31, protocol=Protocol(unparsed="wrong"))
    assert find_flags(table, MacroF1()) == set()


def test_no_errors_is_said_of_the_best_value_that_there_is(yes_no: Made, make_scores: Made) -> None:
    assert find_flags(yes_no([True] * 20), Accuracy()) == {"no-errors"}
    assert find_flags(yes_no([False] * 20), Accuracy()) == set(), "nothing right is not the best"
    space = Score(1, 5, 1)
    gold = [1, 2, 3, 4, 5] * 4
    assert find_flags(make_scores(gold, gold, space=space), MeanAbsoluteError()) == {"no-errors"}
    assert find_flags(make_scores(gold, gold, space=space), Pearson()) == {"no-errors"}
    assert find_flags(make_scores([5] * 20, [1] * 20, space=space), MeanAbsoluteError()) == set()


def test_what_has_no_value_has_no_flag_of_its_interval(yes_no: Made) -> None:
    lost: list[Verdict | None] = [None] * 10
    flags = score(yes_no(lost)).flags
    assert set(flags) == {"no-answers", "low-coverage", "constant-gold"}


def test_flags_of_the_headline_stand_on_the_scores_behind_those_of_the_answers(yes_no: Made) -> None:
    table = yes_no([True] * 30, groups=[k // 10 for k in range(30)])
    assert score(table).flags == ("constant-gold", "few-clusters", "no-errors")
