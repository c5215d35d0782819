"""Many judges at once: one quantile, p-values that agree with it, and no floor under them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.api import Metric, Units
from harness.score import families
from harness.score.arrays import Floats
from harness.score.cell import jackknife_metric
from harness.score.families import Family, family_of_gaps, family_of_judges
from harness.score.jackknife import Jackknife
from harness.score.metrics import Accuracy
from harness.score.pairs import gap, p_value
from harness.score.significance import Rules, compare_all
from harness.score.table import CellTable

Made = Callable[..., CellTable]


def jackknife_judge(
    yes_no: Made, shares: list[float], *, clusters: int = 100, size: int = 1, seed: int = 0
) -> dict[str, CellTable]:
    """Judges that are right so often, on the same items, alike within clusters."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(clusters), size)
    hard = rng.normal(0, 0.7, clusters)[groups]
    tables = {}
    for k, share in enumerate(shares):
        noise = hard + rng.normal(0, 0.7, len(groups))
        right = np.argsort(np.argsort(noise)) < share * len(groups)
        tables[f"j{k:02}"] = yes_no(right.tolist(), groups=groups.tolist())
    return tables


def apart(table: CellTable, metric: Metric | None = None) -> Jackknife:
    found = jackknife_metric(metric or Accuracy(), table.view(), name="m", average="micro")
    assert found is not None
    return found


def test_a_family_of_one_is_the_normal_distribution(yes_no: Made) -> None:
    judges = [apart(table) for table in jackknife_judge(yes_no, [0.8, 0.7]).values()]
    for family in (
        family_of_judges(judges, draws=500, seed=0),
        family_of_judges(judges[:1], draws=500, seed=0),
        family_of_gaps([gap(*judges)], draws=500, seed=0),
        family_of_gaps([], draws=500, seed=0),
    ):
        assert family.quantile(0.95) == pytest.approx(1.959964)
        assert family.adjust_p(2.5) == p_value(2.5)


@pytest.mark.parametrize("seed", range(4))
def test_a_draw_as_large_as_the_data_is_counted_whatever_rounding_says(yes_no: Made, seed: int) -> None:
    rng = np.random.default_rng(seed)
    judges = [apart(yes_no((rng.random(12) < 0.7).tolist())) for _ in range(3)]
    family = family_of_judges(judges, draws=2_000, seed=0)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        found = gap(judges[a], judges[b]).statistic
        assert not ((family.largest < found) & (family.largest > found * (1 - 1e-8))).any()


some_draws = st.lists(st.floats(0, 6), min_size=1, max_size=300)


@given(
    draws=some_draws,
    tests=st.integers(2, 1035),
    confidence=st.sampled_from((0.8, 0.9, 0.95, 0.99)),
    data=st.data(),
)
@settings(max_examples=400)
def test_p_is_below_alpha_exactly_where_the_statistic_is_beyond_the_quantile(
    draws: list[float], tests: int, confidence: float, data: st.DataObject
) -> None:
    family = Family(largest=np.sort(draws), tests=tests)
    quantile = family.quantile(confidence)
    statistic = data.draw(st.floats(0, 9) | st.sampled_from(draws) | st.just(quantile * (1 + 1e-6)))
    assume(abs(statistic - quantile) > 1e-9 * quantile)
    assert (family.adjust_p(statistic) < 1 - confidence) == (statistic > quantile)


def test_quantile_and_p_are_counted_with_one_standard_error_to_spare() -> None:
    """Of 1,000 draws so many may be as large that (k + 1) / 1,001 and its error stay below alpha."""
    family = Family(largest=np.linspace(2.001, 3, 1_000), tests=6)
    kept = max(k for k in range(100) if (share := (k + 1) / 1_001) + np.sqrt(share * (1 - share) / 1_000) < 0.05)
    assert kept == 42
    quantile = family.quantile(0.95)
    assert quantile == family.largest[1_000 - kept - 1]
    assert family.adjust_p(quantile) >= 0.05, "a draw that is as large counts"
    assert family.adjust_p(float(np.nextafter(quantile, 9))) < 0.05
    share = (kept + 1) / 1_001
    assert family.adjust_p(quantile + 0.0005) == pytest.approx(share + np.sqrt(share * (1 - share) / 1_000))


@given(draws=some_draws, tests=st.integers(2, 100), low=st.floats(0, 8), high=st.floats(0, 8))
def test_p_falls_as_the_statistic_rises_and_is_never_below_that_of_one_pair(
    draws: list[float], tests: int, low: float, high: float
) -> None:
    family = Family(largest=np.sort(draws), tests=tests)
    low, high = sorted((low, high))
    assert p_value(high) <= family.adjust_p(high) <= family.adjust_p(low) <= 1
    assert family.quantile(0.9) <= family.quantile(0.95)


def test_the_quantile_is_that_of_the_largest_statistic_of_judges_who_do_not_differ(yes_no: Made) -> None:
    """Flipped by hand: one sign for each cluster, for all judges together."""
    judges = [apart(table) for table in jackknife_judge(yes_no, [0.8, 0.75, 0.7, 0.65], clusters=40, size=3).values()]
    rng = np.random.default_rng(9)
    signs = rng.choice([-1.0, 1.0], size=(6_000, 40))
    gaps = [gap(a, b) for k, a in enumerate(judges) for b in judges[k + 1 :]]
    largest = np.max([np.abs(signs @ gap.parts) / gap.scale for gap in gaps], axis=0)
    family = family_of_judges(judges, draws=6_000, seed=1)
    assert family.tests == 6
    for share in (0.5, 0.8, 0.9):
        assert np.quantile(family.largest, share) == pytest.approx(np.quantile(largest, share), rel=0.03)
    assert family.quantile(0.95) == pytest.approx(np.quantile(largest, 0.955), rel=0.05)
    assert 1.96 < family.quantile(0.95) < 2.64, "Bonferroni's is 2.64"


def test_with_many_clusters_normal_draws_say_what_flips_say(yes_no: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    judges = [apart(table) for table in jackknife_judge(yes_no, [0.8, 0.7, 0.6], clusters=900, size=3).values()]
    flipped = family_of_judges(judges, draws=8_000, seed=0)
    monkeypatch.setattr(families, "_EXACT", 100)
    normal = family_of_judges(judges, draws=8_000, seed=0)
    assert not np.array_equal(flipped.largest, normal.largest)
    for share in (0.5, 0.9, 0.95):
        assert np.quantile(normal.largest, share) == pytest.approx(np.quantile(flipped.largest, share), rel=0.03)


def test_equal_seeds_give_equal_draws_whatever_the_chunks(yes_no: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    judges = [apart(table) for table in jackknife_judge(yes_no, [0.8, 0.7, 0.6]).values()]
    first = family_of_judges(judges, draws=300, seed=4)
    assert np.array_equal(family_of_judges(judges, draws=300, seed=4).largest, first.largest)
    assert not np.array_equal(family_of_judges(judges, draws=300, seed=5).largest, first.largest)
    assert family_of_gaps(
        [gap(judges[0], judges[1]), gap(judges[0], judges[2]), gap(judges[1], judges[2])], draws=300, seed=4
    ).largest == pytest.approx(first.largest), "judges and their differences are one family"
    monkeypatch.setattr(families, "_CHUNK", 1_000)
    assert len(family_of_judges(judges, draws=300, seed=4).largest) == 300


def test_identical_judges_are_no_division_by_nothing(yes_no: Made) -> None:
    judges = [apart(table) for table in jackknife_judge(yes_no, [1.0, 1.0, 1.0]).values()]
    family = family_of_judges(judges, draws=100, seed=0)
    assert family.quantile(0.95) == pytest.approx(1.96, abs=0.01)
    assert (family.largest == 0).all()


class Limited:
    """A stranger's slow accuracy."""

    unit = "share"

    def __call__(self, units: Units, weights: Floats) -> Floats:
        right = np.array([float(a == b) for a, b in zip(units.gold, units.predicted, strict=True)])
        return weights @ right / weights.sum(axis=1)  # type: ignore[no-any-return]

    def limit(self, units: Units) -> int:
        return 50


@pytest.mark.parametrize("metric", [Accuracy(), Limited()], ids=lambda metric: type(metric).__name__)
def test_with_46_judges_a_clear_difference_is_significant_still(make_labels: Made, metric: Metric) -> None:
    """1,035 pairs: a p that were counted among draws, or held to a limit of 50 resamples, could never be."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 12, 600)
    rates = [0.9] + [0.5] * 45
    tables = {}
    for k, rate in enumerate(rates):
        right = rng.random(600) < rate
        said = np.where(right, gold, rng.integers(0, 12, 600))
        tables[f"j{k:02}"] = make_labels(said.tolist(), gold.tolist(), labels=12)
    if isinstance(metric, Limited):
        assert apart(tables["j01"], metric).blocks == 32
    found = compare_all(tables, metric, rules=Rules(draws=200))
    assert len(found) == 1035
    clear = [pair for pair in found if pair.judge_a == "j00"]
    assert max(pair.p_value for pair in clear if pair.p_value is not None) < 0.05 / 1035
    assert max(pair.p_adjusted for pair in clear if pair.p_adjusted is not None) < 0.001
    assert {pair.better for pair in found if pair.judge_a == "j00"} == {"j00"}
    assert sum(pair.better is not None for pair in found if pair.judge_a != "j00") <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("clusters", "size"), [(150, 1), (10, 5)])
def test_of_five_equal_judges_hardly_any_board_tells_two_apart(yes_no: Made, clusters: int, size: int) -> None:
    """.177 of 10 clusters of 5 were told apart by the bootstrap."""
    rng, false, boards = np.random.default_rng(3), 0, 150
    groups = np.repeat(np.arange(clusters), size).tolist()
    for seed in range(boards):
        hard = rng.normal(0, 0.7, clusters)[groups]
        right = [hard + rng.normal(0, 0.7, len(groups)) < 0.84 for _ in range(5)]
        judges = [apart(yes_no(answers.tolist(), groups=groups)) for answers in right]
        family = family_of_judges(judges, draws=500, seed=seed)
        statistics = [gap(a, b).statistic for k, a in enumerate(judges) for b in judges[k + 1 :]]
        false += max(statistics) > family.quantile(0.95)
    assert false / boards <= 0.09  # 0.05 and two Monte-Carlo errors
