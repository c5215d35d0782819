"""Numbers that a plugin measures of its own units are those that a leaderboard would print of the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.api import Choice, Metric, Score, Statistics, Units, UserError
from harness.score.agreement import Kappa, MacroF1
from harness.score.cell import score_cell
from harness.score.correlation import Pearson
from harness.score.direct import UnitStatistics
from harness.score.intervals import normal_quantile
from harness.score.metrics import Accuracy
from harness.score.significance import compare_cells
from harness.score.table import CellTable

STATISTICS: Statistics = UnitStatistics()
YES_NO = Choice(("yes", "no"))
RNG = np.random.default_rng(5)
GOLD = [bool(k) for k in RNG.integers(0, 2, 90)]
FIRST, SECOND = (
    [gold if k else not gold for gold, k in zip(GOLD, RNG.random(90) < p, strict=True)] for p in (0.9, 0.7)
)


def units_of(said: Sequence[bool]) -> Units:
    words = [tuple(YES_NO.labels[not verdict] for verdict in verdicts) for verdicts in (GOLD, said)]
    right = np.array(said) == np.array(GOLD)
    return Units(
        space=YES_NO, gold=words[0], predicted=words[1], credit=right * 1.0, positive=np.full(len(said), np.nan)
    )


@pytest.mark.parametrize("size", [1, 3])
def test_a_share_has_the_interval_of_an_accuracy(yes_no: Callable[..., CellTable], size: int) -> None:
    groups = [str(k // size) for k in range(90)]
    cell = yes_no(FIRST, GOLD, groups=groups)
    [same] = score_cell(cell, task="t", judge="j", metrics={"accuracy": Accuracy()}, data_hash="").estimates
    found = STATISTICS.measure_share((np.array(FIRST) == np.array(GOLD)) * 1.0, groups)
    assert (found.value, found.low, found.high) == pytest.approx((same.value, same.ci_low, same.ci_high))


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1(), Kappa()], ids=["accuracy", "macro_f1", "kappa"])
@pytest.mark.parametrize("size", [1, 3])
def test_a_change_is_the_difference_of_two_judges(yes_no: Callable[..., CellTable], metric: Metric, size: int) -> None:
    groups = [str(k // size) for k in range(90)]
    same = compare_cells(yes_no(SECOND, GOLD, groups=groups), yes_no(FIRST, GOLD, groups=groups), metric)
    found = STATISTICS.measure_change(metric, units_of(FIRST), units_of(SECOND), groups)
    assert (found.before, found.after) == pytest.approx((same.value_b, same.value_a))
    assert (found.difference.value, found.difference.low, found.difference.high) == pytest.approx(
        (same.difference, same.ci_low, same.ci_high)
    )


def test_no_hits_and_no_change_are_not_certain() -> None:
    groups = [str(k) for k in range(90)]
    none = STATISTICS.measure_share(np.zeros(90), groups)
    assert none.value == none.low == 0
    assert none.high is not None
    assert 0.02 < none.high < 0.06
    still = STATISTICS.measure_change(Accuracy(), units_of(FIRST), units_of(FIRST), groups).difference
    assert still.value == 0
    assert still.low is not None
    assert still.high is not None
    assert still.low == pytest.approx(-still.high)
    assert still.high == pytest.approx(normal_quantile(0.95) / 92, rel=0.05), "as if one more item changed"


def test_what_no_data_say_is_none() -> None:
    assert STATISTICS.measure_share(np.ones(4), ["g"] * 4).low is None
    assert STATISTICS.measure_share(np.empty(0), []).value is None
    few = STATISTICS.measure_change(
        Accuracy(), units_of(FIRST), units_of(SECOND), [str(k % 3) for k in range(90)]
    ).difference
    assert few.value is not None
    assert (few.low, few.high) == (None, None)


def test_a_metric_of_another_kind_of_answer_is_refused() -> None:
    with pytest.raises(UserError, match="not defined for choice answers"):
        STATISTICS.measure_change(Pearson(), units_of(FIRST), units_of(SECOND), [str(k) for k in range(90)])


def test_scores_are_measured_too() -> None:
    gold = tuple(float(k % 5 + 1) for k in range(60))
    noisy = tuple(min(5.0, max(1.0, score + RNG.integers(-1, 2))) for score in gold)
    exact, rough = (
        Units(space=Score(1, 5, 1), gold=gold, predicted=said, credit=np.zeros(60), positive=np.full(60, np.nan))
        for said in (gold, noisy)
    )
    found = STATISTICS.measure_change(Pearson(), exact, rough, [str(k) for k in range(60)])
    assert found.before == pytest.approx(1)
    assert found.difference.high is not None
    assert found.difference.high < 0


@pytest.mark.parametrize("turned", [False, True], ids=["same gold", "gold turned"])
def test_the_interval_of_a_change_holds_the_true_change(turned: bool) -> None:
    """As a probe asks: the same question again, with the other answer right where it turns the question."""
    rng, n, reps = np.random.default_rng(7), 120, 150
    groups = [str(k) for k in range(n)]
    held = 0
    for _ in range(reps):
        gold, hard = rng.integers(0, 2, n), rng.random(n)
        sides = []
        for share, right in ((0.9, gold), (0.8, 1 - gold if turned else gold)):
            luck = np.where(rng.random(n) < 0.5, hard, rng.random(n))  # what is hard once is hard again
            said = np.where(luck < share, right, 1 - right)
            words = [tuple(YES_NO.labels[code] for code in codes.tolist()) for codes in (right, said)]
            sides.append(
                Units(
                    space=YES_NO,
                    gold=words[0],
                    predicted=words[1],
                    credit=(said == right) * 1.0,
                    positive=np.full(n, np.nan),
                )
            )
        change = STATISTICS.measure_change(MacroF1(), sides[0], sides[1], groups).difference
        assert change.low is not None
        assert change.high is not None
        held += change.low <= -0.1 <= change.high
    assert held >= 0.90 * reps, "95 %, less three standard errors"
