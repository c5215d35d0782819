"""The jackknife against leaving clusters out by hand, against the cluster bootstrap, and against formulas."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from harness.api import Metric, Protocol, Ranking, RecordedAnswer, Score, Status, Units
from harness.score import sample as sampling
from harness.score.agreement import BalancedAccuracy, Kappa, MacroF1, PositiveF1, RocAuc
from harness.score.arrays import Floats
from harness.score.cell import jackknife_metric
from harness.score.correlation import Kendall, Pearson, Spearman, WeightedKappa
from harness.score.intervals import interval
from harness.score.jackknife import Jackknife, common_blocks, jackknife, mean_of
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.ranking import Levenshtein, RankAccuracy
from harness.score.sample import Sample, point_of, sample_of
from harness.score.table import CellTable, UnitTable
from harness.score.units import build_cell

Made = Callable[..., CellTable]


class Foreign:
    """A stranger's metric: the geometric mean of the recalls, as a plain callable."""

    def __call__(self, units: Units, weights: Floats) -> Floats:
        assert np.array_equal(weights, np.round(weights)), "a metric may only take whole numbers"
        assert (weights >= 0).all()
        right = np.array([float(a == b) for a, b in zip(units.gold, units.predicted, strict=True)])
        yes = np.array([float(gold == "yes") for gold in units.gold])
        with np.errstate(invalid="ignore"):
            recalls = [(weights @ (right * side)) / (weights @ side) for side in (yes, 1 - yes)]
        found: Floats = np.sqrt(recalls[0] * recalls[1])
        return found


@dataclass(frozen=True)
class Case:
    metric: Metric
    space: str = "label"
    average: str = "micro"


CASES = {
    "accuracy": Case(Accuracy()),
    "macro_f1": Case(MacroF1()),
    "balanced_accuracy": Case(BalancedAccuracy()),
    "f1": Case(PositiveF1()),
    "kappa": Case(Kappa()),
    "roc_auc of verdicts": Case(RocAuc()),
    "roc_auc of probabilities": Case(RocAuc(), "probability"),
    "a plain callable": Case(Foreign()),
    "accuracy@category": Case(Accuracy(), average="category"),
    "macro_f1@category": Case(MacroF1(), average="category"),
    "accuracy@group": Case(Accuracy(), average="group"),
    "macro_f1@group": Case(MacroF1(), average="group"),
    "pearson": Case(Pearson(), "score"),
    "spearman": Case(Spearman(), "score"),
    "kendall": Case(Kendall(), "score"),
    "weighted_kappa": Case(WeightedKappa(), "score"),
    "mae": Case(MeanAbsoluteError(), "score"),
    "levenshtein": Case(Levenshtein(), "ranking"),
    "rank_accuracy": Case(RankAccuracy(), "ranking"),
}
WEIGHTS = {"a": 2.0, "b": 1.0}


def clusters(rng: np.random.Generator, count: int) -> list[int]:
    """Clusters of one to six units."""
    return np.repeat(np.arange(count), rng.integers(1, 7, count)).tolist()


def view_of(case: Case, yes_no: Made, make_scores: Made, *, seed: int = 0, count: int = 60) -> UnitTable:
    """Units in unequal clusters that are alike within."""
    rng = np.random.default_rng(seed)
    groups = clusters(rng, count)
    n = len(groups)
    effect = rng.normal(0, 0.8, count)[groups]
    if case.space == "score":
        gold = np.clip(np.round(rng.normal(3, 1.2, n)), 1, 5)
        said = np.clip(np.round(gold + effect + rng.normal(0, 0.8, n)), 1, 5)
        return make_scores(said.tolist(), gold.tolist(), space=Score(1, 5, 1), groups=groups).view()
    right = effect + rng.normal(0, 1, n) < 0.9
    if case.space == "ranking":
        orders = ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1))
        answers = [
            RecordedAnswer(
                f"i{k}", f"g{groups[k]}", "", Ranking(3), (0, 1, 2), (0, 1, 2), 0, Status.OK,
                orders[0 if right[k] else int(rng.integers(0, 4))],
            )
            for k in range(n)
        ]  # fmt: skip
        return build_cell(answers, Protocol()).view()
    truth = rng.random(n) < 0.4
    sure = np.clip(np.where(truth == right, 0.65, 0.35) + rng.normal(0, 0.15, n), 0.01, 0.99)
    return yes_no(
        (truth == right).tolist(),
        truth.tolist(),
        groups=groups,
        categories=[("a/x", "a/y", "b")[k] for k in rng.integers(0, 3, n)],
        sure=sure.tolist() if case.space == "probability" else None,
    ).view()


def sample_view(case: Case, view: UnitTable) -> Sample:
    return sample_of(case.metric, view, name="m", average=case.average, weights=WEIGHTS)


def bare(sample: Sample) -> Sample:
    """Without pseudo-clusters."""
    return replace(
        sample, pseudo=sample.pseudo[:0], pseudo_clusters=sample.pseudo_clusters[:0], gold_share=sample.gold_share[:0]
    )


def apart(sample: Sample, view: UnitTable) -> Jackknife:
    found = jackknife(sample, np.unique(view.cluster))
    assert found is not None
    return found


def without_each(case: Case, view: UnitTable) -> Floats:
    """The metric without each cluster, computed again from the units that are left."""
    return np.array(
        [
            point_of(case.metric, view.take(view.cluster != mark), name="m", average=case.average, weights=WEIGHTS)
            for mark in np.unique(view.cluster)
        ]
    )


@pytest.mark.parametrize("name", CASES)
def test_moves_are_those_of_leaving_each_cluster_out(name: str, yes_no: Made, make_scores: Made) -> None:
    case = CASES[name]
    view = view_of(case, yes_no, make_scores)
    found = apart(bare(sample_view(case, view)), view)
    value = point_of(case.metric, view, name="m", average=case.average, weights=WEIGHTS)
    sizes = np.unique(view.cluster, return_counts=True)[1].astype(float)
    if case.average == "group":
        sizes = np.ones(len(sizes))
    share = sizes / sizes.sum()
    assert found.value == pytest.approx(value)
    assert found.centre == pytest.approx(value)
    np.testing.assert_allclose(found.moves, np.sqrt(1 - share) * (without_each(case, view) - value), atol=1e-9)
    assert found.weights.tolist() == pytest.approx(share.tolist())
    assert (found.pseudo, found.step) == (0, 0)


@pytest.mark.parametrize("name", CASES)
def test_the_standard_error_is_that_of_the_cluster_bootstrap(name: str, yes_no: Made, make_scores: Made) -> None:
    case = CASES[name]
    view = view_of(case, yes_no, make_scores, seed=3, count=150)
    sample = sample_view(case, view)
    rows = sample.patterns.rows(sample.patterns.of)
    drawn = np.random.default_rng(5).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=1_500)
    spread = float(np.nanstd(sample.statistic(drawn @ rows)))
    assert np.sqrt(apart(bare(sample), view).variance) == pytest.approx(spread, rel=0.08)
    single = jackknife(bare(sample_view(case, replace(view, cluster=np.arange(len(view))))), np.arange(len(view)))
    assert single is not None
    if case.average != "group":
        assert np.sqrt(single.variance) < 0.93 * spread, "else this test could not tell clusters from units"


@pytest.mark.parametrize("name", CASES)
def test_pseudo_clusters_widen_a_little_and_never_enter_the_value(name: str, yes_no: Made, make_scores: Made) -> None:
    case = CASES[name]
    view = view_of(case, yes_no, make_scores, seed=3, count=150)
    sample = sample_view(case, view)
    full, plain = apart(sample, view), apart(bare(sample), view)
    assert full.value == plain.value
    assert full.centre != plain.centre
    assert 0.97 < full.variance / plain.variance < 1.35
    assert full.pseudo > 0
    assert full.step > 0
    assert full.parts.sum() == pytest.approx(full.value)
    assert full.weights.sum() == pytest.approx(1)


def test_a_metric_is_never_given_less_than_nothing_of_a_unit(yes_no: Made) -> None:
    gold = [True, False] * 20
    for said in (gold, [True] * 40, [not answer for answer in gold]):  # some pseudo-units are like no unit of the data
        for groups in (None, [k // 3 for k in range(40)]):
            found = jackknife_metric(Foreign(), yes_no(said, gold, groups=groups).view(), name="m", average="micro")
            assert found is not None
            assert found.variance > 0


def test_the_variance_of_a_share_of_independent_trials_by_hand(yes_no: Made) -> None:
    n, right = 20, 17
    view = yes_no([True] * right + [False] * (n - right)).view()
    found = apart(sample_view(CASES["accuracy"], view), view)
    centre = (right + 1) / (n + 2)
    moves = right * (1 - centre) ** 2 + (n - right) * centre**2
    ends = (1 - centre) ** 2 + centre**2  # one more right cluster and one more wrong one
    assert found.centre == pytest.approx(centre)
    assert found.variance == pytest.approx(((1 - 1 / (n + 2)) * moves + ends) / (n + 1) ** 2)
    assert sorted(found.parts.tolist()) == pytest.approx([0] * (n - right) + [1 / n] * right)
    assert found.step == pytest.approx(1 / (n + 1) ** 2)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("right", [True, False])
def test_data_without_an_error_or_without_a_right_answer_vary_still(
    name: str, right: bool, yes_no: Made, make_scores: Made
) -> None:
    case = CASES[name]
    view = view_of(case, yes_no, make_scores)
    if case.space in ("label", "probability"):
        view = replace(
            view,
            predicted=view.gold if right else 1 - view.gold,
            credit=np.full(len(view), float(right)),
            positive=np.where(np.isnan(view.positive), np.nan, (view.gold == view.gold.min()) == right),
        )
    elif right:
        view = replace(view, predicted=view.gold, credit=np.ones(len(view)))
    else:
        view = replace(view, predicted=view.gold[::-1].copy())
    found = jackknife_metric(case.metric, view, name="m", average=case.average)
    assert found is not None
    assert found.variance > 0


@pytest.mark.parametrize("name", ["accuracy", "pearson", "spearman", "kendall", "roc_auc of probabilities"])
def test_blocks_say_what_single_clusters_say(
    name: str, yes_no: Made, make_scores: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, rng = CASES[name], np.random.default_rng(8)
    n = 2_400
    if case.space == "score":
        gold = rng.random(n)
        view = make_scores(np.clip(gold + rng.normal(0, 0.2, n), 0, 1).tolist(), gold.tolist()).view()
    else:
        truth = rng.random(n) < 0.5
        sure = np.clip(np.where(truth, 0.6, 0.4) + rng.normal(0, 0.2, n), 0, 1)
        view = yes_no((sure > 0.5).tolist(), truth.tolist(), sure=sure.tolist()).view()
    monkeypatch.setattr(sampling, "_MOST", 10**9)
    whole = apart(sample_view(case, view), view)
    monkeypatch.setattr(sampling, "_MOST", 0)
    blocked = apart(sample_view(case, view), view)
    assert whole.blocks == 0
    assert whole.value == pytest.approx(blocked.value, abs=1e-12)
    if name != "accuracy":  # two patterns need no blocks
        assert blocked.blocks == sampling.BLOCKS
        assert blocked.variance == pytest.approx(whole.variance, rel=0.15)
        assert whole.in_blocks(sampling.BLOCKS).variance == pytest.approx(blocked.variance, rel=0.02)
    assert blocked.effective_clusters == pytest.approx(blocked.blocks or n), "no more than the variance is made of"
    assert blocked.step == pytest.approx(whole.step, rel=1e-6)


def test_clusters_of_one_size_count_as_many_as_they_are_and_unequal_ones_as_fewer(yes_no: Made) -> None:
    def effective(sizes: Sequence[int]) -> tuple[float, float]:
        view = yes_no(
            [True, False] * (sum(sizes) // 2) + [True] * (sum(sizes) % 2),
            groups=np.repeat(np.arange(len(sizes)), sizes).tolist(),
        ).view()
        found = apart(sample_view(CASES["accuracy"], view), view)
        return found.effective_clusters, found.kish

    assert effective([4] * 10) == pytest.approx((10, 10))
    few, kish = effective([20] + [1] * 20)
    d = np.array([20 * (1 + 0.015 * 19)] + [1.0] * 20)
    assert few == pytest.approx(d.sum() ** 2 / (d**2).sum())
    assert kish == pytest.approx(40**2 / (400 + 20))


def test_a_metric_that_changes_with_the_size_of_the_sample_has_its_own_variance(make_scores: Made) -> None:
    class Unbiased:
        """A mean with a term of 1 / n, as that of a sample's variance or of Krippendorff's alpha."""

        def __call__(self, units: Units, weights: Floats) -> Floats:
            n = weights.sum(axis=1)
            errors = np.abs(np.array(units.gold, dtype=float) - np.array(units.predicted, dtype=float))
            return np.asarray((weights @ errors + 3) / n)

    rng = np.random.default_rng(2)
    gold = rng.random(80)
    view = make_scores((0.5 * gold + 0.2).tolist(), gold.tolist()).view()
    plain, other = (
        jackknife(sample_of(metric, view, name="m", average="micro"), np.unique(view.cluster))
        for metric in (MeanAbsoluteError(), Unbiased())
    )
    assert plain is not None
    assert other is not None
    assert other.variance == pytest.approx(plain.variance, rel=0.1)


@pytest.mark.parametrize("noise", [2e-16, -2e-16])
def test_rounding_puts_no_value_beyond_its_range_nor_short_of_its_end(noise: float, yes_no: Made) -> None:
    class Rounded:
        unit = "share"

        def __call__(self, units: Units, weights: Floats) -> Floats:
            return np.asarray(weights @ units.credit / weights.sum(axis=1) + noise)

    view = yes_no([True] * 20).view()
    found = jackknife_metric(Rounded(), view, name="m", average="micro")
    assert found is not None
    assert found.value == 1.0
    ends = interval(found)
    assert ends is not None
    assert ends[0] < ends[1] <= 1


def test_what_is_not_defined_is_nothing_and_what_leaving_out_undoes_moves_nothing(yes_no: Made) -> None:
    constant = yes_no([True, False], [True, True]).view()
    assert jackknife_metric(RocAuc(), constant, name="m", average="micro") is None
    assert jackknife_metric(RocAuc(), constant.take(np.array([], dtype=np.int64)), name="m", average="micro") is None
    lone = yes_no([True, False, True, False], [True, True, True, False]).view()  # the last is the only "no"
    found = apart(bare(sample_view(CASES["roc_auc of verdicts"], lone)), lone)
    only = int(np.flatnonzero(np.unique(lone.cluster) == lone.cluster[3])[0])
    assert found.moves[only] == 0
    assert np.count_nonzero(found.moves) == 3


# --- means over tasks ----------------------------------------------------------------------------------------------


def halves(yes_no: Made, marks: Sequence[Sequence[int]], *, seed: int = 0) -> list[tuple[UnitTable, Jackknife]]:
    """Tasks of equal clusters with these marks, alike on clusters that they share."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(0, 1, 1_000)
    made = []
    for own in marks:
        groups = np.repeat(own, 2)
        right = effect[groups] + rng.normal(0, 0.7, len(groups)) < 0.8
        view = yes_no(right.tolist(), groups=groups.tolist()).view()
        made.append((view, apart(sample_view(CASES["accuracy"], view), view)))
    return made


def test_the_mean_of_one_is_that_one(yes_no: Made) -> None:
    ((_, alone),) = halves(yes_no, [range(50)])
    assert mean_of([alone]) is alone


def test_a_task_twice_has_the_variance_of_one(yes_no: Made) -> None:
    ((_, single),) = halves(yes_no, [range(50)])
    twice = mean_of([single, single])
    assert (twice.value, twice.centre) == (single.value, single.centre)
    assert twice.variance == pytest.approx(single.variance)
    assert twice.step == pytest.approx(single.step)
    assert twice.effective_clusters == pytest.approx(50)
    assert not twice.binomial


def test_two_tasks_with_nothing_in_common_have_half_the_mean_variance(yes_no: Made) -> None:
    (_, a), (_, b) = halves(yes_no, [range(50), range(50, 120)])
    both = mean_of([a, b])
    assert both.value == pytest.approx((a.value + b.value) / 2)
    assert both.variance == pytest.approx((a.variance + b.variance) / 4)
    assert both.step == pytest.approx((a.step + b.step) / 4)
    # The variance of each task is known by its own clusters.
    assert both.effective_clusters == pytest.approx(
        (a.variance + b.variance) ** 2 / (a.variance**2 / 50 + b.variance**2 / 70)
    )


@pytest.mark.parametrize(("small", "rate"), [(5, 0.6), (6, 0.7), (10, 0.7)])
def test_the_interval_of_a_mean_over_a_small_task_and_a_large_one_holds_the_truth(
    yes_no: Made, small: int, rate: float
) -> None:
    """Over all that can be seen, by its chance: it held the truth too rarely with few items beside 100."""

    def task(right: int, size: int, at: int) -> Jackknife:
        view = yes_no([k < right for k in range(size)], groups=[at + k for k in range(size)]).view()
        found = jackknife_metric(Accuracy(), view, name="accuracy", average="micro")
        assert found is not None
        return found

    few = {k: task(k, small, 1_000) for k in range(small + 1)}
    many = {k: task(k, 100, 0) for k in range(65, 94)}
    held = whole = 0.0
    for (a, first), (b, second) in itertools.product(few.items(), many.items()):
        chance = float(stats.binom.pmf(a, small, rate) * stats.binom.pmf(b, 100, 0.8))
        low, high = interval(mean_of([first, second])) or (np.nan, np.nan)
        whole += chance
        held += chance * (low <= (rate + 0.8) / 2 <= high)
    assert held / whole > 0.94


def test_a_shared_cluster_is_left_out_of_every_task_that_has_it(yes_no: Made) -> None:
    (view_a, a), (view_b, b) = halves(yes_no, [range(40), range(20, 80)])
    both = mean_of([a, b])
    moves = dict.fromkeys(np.unique(np.concatenate([view_a.cluster, view_b.cluster])).tolist(), 0.0)
    for view, own in ((view_a, a), (view_b, b)):
        for mark, move in zip(np.unique(view.cluster).tolist(), own.moves.tolist(), strict=True):
            moves[mark] += move / 2
    assert both.clusters.tolist() == sorted(moves)
    assert both.moves.tolist() == pytest.approx([moves[mark] for mark in sorted(moves)])
    apart_from_pseudo = both.variance - both.pseudo
    assert apart_from_pseudo > (a.variance - a.pseudo + b.variance - b.pseudo) / 4 * 1.1, "what they share adds up"
    overlap = 20 / np.sqrt(40 * 60)
    assert both.pseudo == pytest.approx((a.pseudo + b.pseudo + 2 * overlap * np.sqrt(a.pseudo * b.pseudo)) / 4)


def test_a_mean_has_no_more_trials_than_its_tasks_have(yes_no: Made) -> None:
    """Clusters in which right and wrong are always the same do not vary: 40 trials are no more than 40 still."""
    x = yes_no([True, False] * 20, groups=[f"x{k // 2}" for k in range(40)]).view()
    y = yes_no([True, True, True, False] * 10, groups=[f"y{k // 4}" for k in range(40)]).view()
    a, b = (jackknife_metric(Accuracy(), view, name="m", average="micro") for view in (x, y))
    assert a is not None
    assert b is not None
    assert (a.most, b.most) == (40, 40)
    both = mean_of([a, b])
    least = (a.centre * (1 - a.centre) / 40 + b.centre * (1 - b.centre) / 40) / 4
    assert both.centre * (1 - both.centre) / both.most == pytest.approx(least), "as independent trials in each task"
    assert both.most > 80, "tasks of unlike shares vary less together than trials of their mean share"
    assert mean_of([a, a]).most == pytest.approx(80)


def test_blocks_of_several_values_are_the_fewest_of_any(yes_no: Made) -> None:
    ((_, single),) = halves(yes_no, [range(300)])
    assert [common_blocks(counts) for counts in ((0, 0), (0, 512), (32, 512, 0))] == [0, 512, 32]
    many, few = single.in_blocks(512), single.in_blocks(32)
    again = many.in_blocks(32)
    assert again.clusters.tolist() == few.clusters.tolist() == sorted({mark % 32 for mark in single.clusters.tolist()})
    for name in ("weights", "moves", "parts"):
        assert getattr(again, name).tolist() == pytest.approx(getattr(few, name).tolist())
    assert single.in_blocks(0) is single
    assert mean_of([single, few]).blocks == 32


def test_the_range_of_a_mean_is_the_mean_of_the_ranges(yes_no: Made, make_scores: Made) -> None:
    ((_, a),) = halves(yes_no, [range(30)])
    good = make_scores([1, 2, 3, 4] * 5, [1, 2, 3, 5] * 5, space=Score(1, 5, 1)).view()
    fair = make_scores([10, 20, 30, 40] * 5, [10, 20, 30, 50] * 5, space=Score(0, 100, 0)).view()
    errors = mean_of([apart(sample_view(CASES["mae"], view), view) for view in (good, fair)])
    assert errors.bounds == (0, 52)
    ends = interval(errors)
    assert ends is not None
    assert 0 <= ends[0] < errors.value < ends[1] <= 52
    assert mean_of([a, a]).bounds == (0, 1)
    assert mean_of([a, replace(a, bounds=None)]).bounds is None, "one of them has no end"
