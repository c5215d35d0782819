"""The averages: over units, over categories and their parts, over groups; each metric by its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest

from harness.api import Choice, Metric, Protocol, RecordedAnswer, Status, Units, UserError
from harness.score.agreement import BalancedAccuracy, Kappa, MacroF1
from harness.score.arrays import Floats
from harness.score.cell import jackknife_metric, score_cell
from harness.score.metrics import Accuracy, AllRight
from harness.score.records import CellScores, Estimate
from harness.score.sample import sample_of
from harness.score.significance import compare_all, compare_cells
from harness.score.table import CellTable
from harness.score.units import build_cell

YES = Choice(("yes", "no"))
Row: TypeAlias = tuple[str, str, str]
"""Category, group, and gold and answer by their first letters; `-` is no answer."""
WORDS: dict[str, str] = {"y": "yes", "n": "no"}


def cell(rows: Sequence[Row], **fields: Any) -> CellTable:
    answers = [
        RecordedAnswer(
            item=f"i{k:04d}",
            group=group,
            category=category,
            space=YES,
            gold=WORDS[pair[0]],
            order=(),
            sample=0,
            status=Status.OK if pair[1] in WORDS else Status.UNPARSED,
            verdict=WORDS.get(pair[1]),
        )
        for k, (category, group, pair) in enumerate(rows)
    ]
    return build_cell(answers, Protocol(**fields))


def score(table: CellTable, metrics: dict[str, Metric]) -> CellScores:
    return score_cell(table, task="t", judge="j", metrics=metrics, data_hash="h")


def value(table: CellTable, name: str, metric: Metric) -> float | None:
    return score(table, {name: metric}).estimates[0].value


def rights(category: str, right: int, count: int) -> list[Row]:
    """So many items, the first of them right; every item a group of its own."""
    return [(category, f"{category}-{k}", "yy" if k < right else "yn") for k in range(count)]


# --- each metric by its own average -----------------------------------------------------------------------------------

SOURCES: list[Row] = [
    ("coco", "g1", "yy"),
    ("coco", "g1", "yn"),
    ("coco", "g2", "nn"),
    ("coco", "g2", "nn"),
    ("draw", "g3", "yn"),
    ("draw", "g3", "nn"),
    ("draw", "g4", "n-"),
]


def test_seetrue_macro_f1_pooled_beside_balanced_accuracy_by_source_by_hand() -> None:
    table = cell(SOURCES)
    pooled, by_source = score(
        table, {"macro_f1": MacroF1(), "balanced_accuracy@category": BalancedAccuracy()}
    ).estimates
    assert [estimate.metric for estimate in (pooled, by_source)] == ["macro_f1", "balanced_accuracy@category"]
    # all six answered: yes 1 right of gold 3 and said 1; no 3 right of gold 3 and said 5
    assert pooled.value == pytest.approx((2 * 1 / (3 + 1) + 2 * 3 / (3 + 5)) / 2)
    # coco: recalls 1/2 and 1; draw: 0 and 1
    assert by_source.value == pytest.approx(((1 / 2 + 1) / 2 + (0 + 1) / 2) / 2)
    # worst case: the seventh is a wrong no, so that draw has recalls 0 and 1/2
    assert by_source.worst_case == pytest.approx(((1 / 2 + 1) / 2 + (0 + 1 / 2) / 2) / 2)
    assert by_source.excluded == by_source.value
    assert (pooled.n, by_source.n) == (6, 6)


def many() -> tuple[CellTable, CellTable]:
    """Two judges on 240 items of three categories of different sizes, in groups of one to four."""
    rng = np.random.default_rng(5)
    categories = rng.choice(["a/x", "a/y", "b", "c"], size=240, p=[0.4, 0.2, 0.3, 0.1])
    groups = np.sort(rng.integers(0, 90, 240))
    gold = rng.choice(["y", "n"], size=240)
    tables = []
    for rate in (0.8, 0.6):
        said = [g if rng.random() < rate else "n" if rng.random() < 0.8 else "-" for g in gold]
        rows = [(str(c), f"g{g}", f"{a}{b}") for c, g, a, b in zip(categories, groups, gold, said, strict=True)]
        tables.append(cell(rows))
    return tables[0], tables[1]


def of(table: CellTable, **changes: Any) -> CellTable:
    return replace(table, protocol=replace(table.protocol, **changes))


METRICS: dict[str, Metric] = {"accuracy": Accuracy(), "macro_f1": MacroF1(), "kappa": Kappa()}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("average", ["micro", "category", "group"])
def test_an_average_in_the_name_does_all_that_one_in_the_protocol_does(name: str, average: str) -> None:
    """Value, interval, its method, excluded, worst case, every category, and the comparison of two judges."""
    own, metric = f"{name}@{average}", METRICS[name]
    a, b = many()
    other = "category" if average == "micro" else "micro"
    by_name = [of(table, average=other, metrics=(own,)) for table in (a, b)]
    by_protocol = [of(table, average=average, metrics=(name,)) for table in (a, b)]
    cells = [score(by_name[0], {own: metric}), score(by_protocol[0], {name: metric})]
    assert [estimate.metric for estimate in (cells[0].estimates[0], cells[0].categories["b"])] == [own, own]
    assert rename(cells[0].estimates[0], name) == cells[1].estimates[0]
    assert {label: rename(estimate, name) for label, estimate in cells[0].categories.items()} == cells[1].categories
    differ = value(of(a, average=other), name, metric)
    assert differ is not None
    assert cells[0].estimates[0].value != pytest.approx(differ, abs=1e-4), "else this test could not tell"
    compared = compare_all({"a": by_name[0], "b": by_name[1]}, metric, metric_name=own)
    expected = compare_all({"a": by_protocol[0], "b": by_protocol[1]}, metric, metric_name=name)
    assert [comparison.metric for comparison in compared] == [own]
    assert [replace(comparison, metric=name) for comparison in compared] == list(expected)


def rename(estimate: Estimate, name: str) -> Estimate:
    return replace(estimate, metric=name)


def test_two_judges_are_compared_by_the_blind_guesses_where_the_metric_needs_classes() -> None:
    """The guesses for i0001 and i0003 are no and no; the other judge answers everything with yes."""
    rows: list[Row] = [("", f"g{k}", pair) for k, pair in enumerate(("yy", "y-", "nn", "n-"))]
    a = cell(rows, unparsed="chance")
    b = cell([(category, group, f"{pair[0]}y") for category, group, pair in rows], unparsed="chance")
    for first, second, sign in ((a, b, 1), (b, a, -1)):
        found = compare_cells(first, second, MacroF1(), metric_name="macro_f1")
        # a: yes 2*1/(2+1), no 2*2/(2+3); b: yes 2*2/(2+4), no 0
        assert found.difference == pytest.approx(sign * ((2 / 3 + 4 / 5) / 2 - (2 / 3 + 0) / 2))
        assert (found.n, {found.only_a, found.only_b}, found.disagreements) == (4, {2, 1}, 3)
    shares = compare_cells(a, b, Accuracy())
    assert [shares.value_a, shares.value_b] == pytest.approx([(1 + 0.5 + 1 + 0.5) / 4, 1 / 2])


def test_accuracy_that_is_averaged_over_categories_is_no_share_of_trials() -> None:
    rows = [*rights("a", 20, 40), *rights("b", 9, 10)]
    plain, averaged = score(cell(rows), {"accuracy": Accuracy(), "accuracy@category": Accuracy()}).estimates
    assert (plain.method, averaged.method) == ("agresti-coull", "cluster-jackknife")
    assert [plain.value, averaged.value] == pytest.approx([29 / 50, (0.5 + 0.9) / 2])
    a, b = cell(rows), cell([*rights("a", 10, 40), *rights("b", 9, 10)])
    pooled, by_category = (
        compare_cells(a, b, Accuracy(), metric_name=name) for name in ("accuracy", "accuracy@category")
    )
    assert [pooled.difference, by_category.difference] == pytest.approx([10 / 50, (10 / 40) / 2])
    assert pooled.ci_low is not None
    assert by_category.ci_low is not None
    assert pooled.ci_low > by_category.ci_low, "ten items weigh as much as forty"


# --- categories and their parts ---------------------------------------------------------------------------------------


def test_parts_of_a_category_are_averaged_first_and_their_parts_before_them() -> None:
    rows = [
        *rights("chat", 3, 4),
        *rights("reasoning/math", 1, 4),
        *rights("reasoning/code/cpp", 1, 1),
        *rights("reasoning/code/java", 0, 2),
    ]
    code = (1 + 0) / 2
    reasoning = (1 / 4 + code) / 2
    assert value(cell(rows), "accuracy@category", Accuracy()) == pytest.approx((3 / 4 + reasoning) / 2)
    assert value(cell(rows), "accuracy", Accuracy()) == pytest.approx(5 / 11)
    categories = score(cell(rows), {"accuracy@category": Accuracy()}).categories
    assert {name: estimate.value for name, estimate in categories.items()} == {
        "chat": 3 / 4,
        "reasoning/code/cpp": 1,
        "reasoning/code/java": 0,
        "reasoning/math": 1 / 4,
    }


def test_reasoning_of_rewardbench_is_what_its_script_computes_with_a_weight_of_984() -> None:
    """`rewardbench/constants.py`: math-prm counts 984 in place of its 447 examples, as many as the six code subsets."""
    code = {"cpp": 160, "go": 150, "java": 140, "js": 130, "python": 120, "rust": 111}
    script = (300 / 447 * 984 + sum(right / 164 * 164 for right in code.values())) / (984 + 6 * 164)
    rows = rights("reasoning/math", 300, 447)
    for subset, right in code.items():
        rows += [("reasoning/code", f"{subset}-{k}", "yy" if k < right else "yn") for k in range(164)]
    assert value(cell(rows), "accuracy@category", Accuracy()) == pytest.approx(script)


def test_what_stands_in_a_category_itself_is_one_part_beside_its_parts() -> None:
    rows = [*rights("a", 2, 2), *rights("a/b", 0, 3), *rights("c", 1, 1)]
    assert value(cell(rows), "accuracy@category", Accuracy()) == pytest.approx(((1 + 0) / 2 + 1) / 2)


def test_a_part_without_a_value_leaves_the_whole_without_one() -> None:
    rows: list[Row] = [("a/x", "1", "yy"), ("a/x", "2", "yy"), ("a/y", "3", "yy"), ("a/y", "4", "nn")]
    assert value(cell(rows), "kappa@category", Kappa()) is None  # not defined in a/x, which is constant


def test_a_part_without_weight_leaves_its_mean() -> None:
    rows = [*rights("a/x", 1, 2), *rights("a/y", 1, 2), *rights("b", 1, 2)]
    sample = sample_of(Accuracy(), cell(rows).units, name="accuracy", average="category")
    # types by category and then by credit: how often a/x wrong, a/x right, a/y wrong, ...
    weights = np.array(
        [[1, 3, 1, 0, 1, 1], [1, 3, 0, 0, 2, 2], [1, 3, 1, 0, 0, 0], [0, 0, 0, 0, 0, 7], [0] * 6], dtype=float
    )
    found = sample.statistic(weights)
    assert found[:4] == pytest.approx([((3 / 4 + 0) / 2 + 1 / 2) / 2, (3 / 4 + 1 / 2) / 2, (3 / 4 + 0) / 2, 1])
    assert np.isnan(found[4])


# --- groups -----------------------------------------------------------------------------------------------------------

GROUPED: list[Row] = [
    *(("", "g1", pair) for pair in ("yy", "nn", "yn", "nn")),  # kappa (3/4 - 1/2) / (1 - 1/2)
    *(("", "g2", pair) for pair in ("yy", "nn")),  # 1
    *(("", "g3", pair) for pair in ("yy", "yy")),  # not defined
    *(("", "g4", pair) for pair in ("yy", "nn")),  # as g2
]


def test_a_metric_that_is_no_plain_mean_is_taken_within_each_group_by_hand() -> None:
    table = cell(GROUPED)
    estimate = score(table, {"kappa@group": Kappa()}).estimates[0]
    assert estimate.value == pytest.approx((1 / 2 + 1 + 1) / 3)
    assert (estimate.n, estimate.method) == (10, "cluster-jackknife")
    assert estimate.ci_low is not None
    assert estimate.ci_high is not None
    assert -1 <= estimate.ci_low < 1 / 2 < 1 == estimate.ci_high, "four groups say little"
    # macro-F1 of g1: yes 2*1/(2+1), no 2*2/(2+3); of g3: 1, since "no" occurs nowhere in it
    macro = value(table, "macro_f1@group", MacroF1())
    assert macro == pytest.approx(((2 / 3 + 4 / 5) / 2 + 3) / 4)
    assert value(table, "kappa", Kappa()) != pytest.approx(5 / 6, abs=0.01)


def test_two_judges_are_compared_by_the_same_groups_each_by_its_own_values() -> None:
    worse = [(category, group, f"{pair[0]}y" if group == "g4" else pair) for category, group, pair in GROUPED]
    found = compare_cells(cell(GROUPED), cell(worse), Kappa(), metric_name="kappa@group")
    assert [found.value_a, found.value_b] == pytest.approx([5 / 6, (1 / 2 + 1 + 0) / 3])
    assert found.difference == pytest.approx(1 / 3)
    assert found.only_a == 1
    assert (found.ci_low, found.ci_high, found.better) == (-2, 2, None), "four groups leave every difference open"
    assert found.p_value is not None
    assert found.p_value > 0.05


class PlainMean:
    """Accuracy without saying that it is a plain mean over units."""

    unit = "share"

    def __call__(self, units: Units, weights: Floats) -> Floats:
        mean: Floats = weights @ units.credit / weights.sum(axis=1)
        return mean


def test_the_way_round_for_any_metric_gives_what_the_short_way_for_plain_means_gives() -> None:
    for table in many():
        both = score(of(table, average="group"), {"accuracy": Accuracy(), "mine": PlainMean()}).estimates
        short, round_ = (
            [estimate.value, estimate.ci_low, estimate.ci_high, estimate.excluded, estimate.worst_case]
            for estimate in both
        )
        assert short == pytest.approx(round_)
        assert None not in short


def test_acc_plus_is_the_share_of_groups_with_every_pair_right() -> None:
    rows: list[Row] = [
        *(("image", "id1", pair) for pair in ("yy", "yy", "nn")),
        *(("image", "id2", pair) for pair in ("yy", "yn", "yy", "yy")),
        *(("video", "id3", pair) for pair in ("yy", "n-")),
        ("video", "id4", "yy"),
    ]
    wrong = score(cell(rows, unparsed="wrong"), {"accuracy": Accuracy(), "all_right@group": AllRight()}).estimates
    assert [estimate.value for estimate in wrong] == [pytest.approx(8 / 10), 2 / 4]
    left_out = score(cell(rows), {"all_right@group": AllRight()})
    assert (left_out.estimates[0].value, left_out.estimates[0].worst_case) == (3 / 4, 2 / 4)
    assert {name: estimate.value for name, estimate in left_out.categories.items()} == {"image": 1 / 2, "video": 1}
    assert value(cell(rows), "all_right", AllRight()) == 0


def test_the_interval_of_acc_plus_is_that_of_a_share_of_groups() -> None:
    view = many()[0].view()
    share = [float((view.credit[view.cluster == group] == 1).all()) for group in np.unique(view.cluster)]
    plain = cell([("", f"{k}", "yy" if right else "yn") for k, right in enumerate(share)]).view()
    ours = jackknife_metric(AllRight(), view, name="all_right", average="group")
    theirs = jackknife_metric(Accuracy(), plain, name="accuracy", average="micro")
    assert ours is not None
    assert theirs is not None
    assert ours.value == pytest.approx(theirs.value)
    assert ours.centre == pytest.approx(theirs.centre)
    assert ours.variance == pytest.approx(theirs.variance)
    assert ours.effective_clusters == pytest.approx(len(share))


def test_a_metric_of_one_group_is_refused_with_any_other_average() -> None:
    class Spread:
        of_groups = True
        uses = ("predicted",)

        def __call__(self, units: Units, weights: Floats) -> Floats:
            return np.array([float((row > 0).sum()) for row in weights])

    rows: list[Row] = [("a", "g1", "yy"), ("a", "g1", "yn"), ("b", "g2", "yy")]
    assert value(cell(rows), "spread@group", Spread()) == (2 + 1) / 2
    assert value(cell(rows, average="group"), "spread", Spread()) == 1.5
    for name in ("spread", "spread@category"):
        with pytest.raises(UserError, match=f"metric {name}: is of one group of items; write spread@group"):
            value(cell(rows), name, Spread())


def test_categories_may_weigh_more_than_others_within_their_own_part_by_hand() -> None:
    rows = [*rights("safety/a", 1, 2), *rights("safety/b", 4, 4), *rights("chat", 0, 3)]
    weights = {"safety/a": 3.0, "safety/b": 1.0, "chat": 2.0, "absent": 100.0}
    table = cell(rows, average="category", weights=weights)
    safety = (3 * 1 / 2 + 1 * 1) / 4
    assert value(table, "accuracy", Accuracy()) == pytest.approx((1 * safety + 2 * 0) / 3)
    assert value(table, "accuracy@micro", Accuracy()) == pytest.approx(5 / 9)
    without = cell(rows, average="category")
    assert value(without, "accuracy", Accuracy()) == pytest.approx(((1 / 2 + 1) / 2 + 0) / 2)
    whole = cell(rows, average="category", weights={"safety": 3.0})
    assert value(whole, "accuracy", Accuracy()) == pytest.approx((3 * 3 / 4 + 0) / 4)


def test_comparisons_weigh_categories_as_scores_do() -> None:
    weights = {"x": 3.0}
    a = cell([*rights("x", 3, 4), *rights("y", 0, 4)], average="category", weights=weights)
    b = cell([*rights("x", 1, 4), *rights("y", 2, 4)], average="category", weights=weights)
    comparison = compare_cells(a, b, Accuracy(), names=("a", "b"), metric_name="accuracy")
    assert comparison.difference == pytest.approx((3 * 2 / 4 - 2 / 4) / 4)
