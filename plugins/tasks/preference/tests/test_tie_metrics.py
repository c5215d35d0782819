from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.api import TIE, Judgement, Preference, Units, UserError, Verdict
from harness.testing import parametrize_with_checks
from harness_preference import plugin
from harness_preference.tie_metrics import CalibratedTies, DecidedAccuracy

SPACE = Preference(2, ties=(TIE,))
GOLD: dict[int, Verdict] = {1: 0, -1: 1, 0: TIE}


def statistics(h: Sequence[int], m: Sequence[float], epsilon: float) -> dict[str, int]:
    """The table of Deutsch, Foster and Freitag: right, wrong, ties of people, of the metric, of both."""
    counts = dict.fromkeys(("right", "wrong", "people", "metric", "both"), 0)
    for human, margin in zip(h, m, strict=True):
        tied = abs(margin) <= epsilon
        if human == 0:
            counts["both" if tied else "people"] += 1
        elif tied:
            counts["metric"] += 1
        else:
            counts["right" if human * margin > 0 else "wrong"] += 1
    return counts


def at(h: Sequence[int], m: Sequence[float], epsilon: float) -> float:
    counts = statistics(h, m, epsilon)
    return (counts["right"] + counts["both"]) / len(h)


def brute_force(h: Sequence[int], m: Sequence[float], *, from_zero: bool = False) -> float:
    """Every threshold there is."""
    return max(at(h, m, epsilon) for epsilon in {abs(margin) for margin in m} | ({0.0} if from_zero else set()))


def by_the_loop(h: Sequence[int], m: Sequence[float]) -> float:
    """As `calc_accuracy_with_ties` goes: one pair after the other becomes a tie, the closest first."""
    order = sorted(range(len(h)), key=lambda k: abs(m[k]))
    best = -math.inf
    for count in range(1, len(h) + 1):
        tied = set(order[:count])
        right = sum(h[k] == 0 if k in tied else h[k] * m[k] > 0 for k in range(len(h)))
        best = max(best, right / len(h))
    return best


def units(h: Sequence[int], m: Sequence[float | None], *, probabilities: bool = True) -> Units:
    """Pairs whose scores differ by `m`, each of its own, as a judge of scores answers them."""

    def said(margin: float | None) -> Verdict | None:
        return None if margin is None else TIE if margin == 0 else 0 if margin > 0 else 1

    shares = [math.nan if margin is None else 1 / (1 + math.exp(-margin)) for margin in m]
    return Units(
        space=SPACE,
        gold=tuple(GOLD[human] for human in h),
        predicted=tuple(map(said, m)),
        credit=np.full(len(h), np.nan),
        positive=np.array(shares) if probabilities else np.full(len(h), np.nan),
    )


def value(found: Units, *, from_zero: bool = False, weights: Sequence[float] | None = None) -> float:
    rows = np.array([weights if weights is not None else [1.0] * len(found.gold)])
    return float(CalibratedTies(from_zero=from_zero)(found, rows)[0])


def test_a_table_by_hand() -> None:
    # By distance: tie .1, A right .2, tie .3, B wrong .5, A right .9. At .1 the pairs of .1, .2 and .9 are right.
    h, m = [0, 1, 0, -1, 1], [0.1, 0.2, -0.3, 0.5, 0.9]
    assert [at(h, m, epsilon) for epsilon in (0.1, 0.2, 0.3, 0.5, 0.9)] == [3 / 5, 2 / 5, 3 / 5, 3 / 5, 2 / 5]
    assert value(units(h, m)) == 3 / 5


@pytest.mark.parametrize("seed", range(20))
def test_for_scores_that_differ_it_is_brute_force_and_the_loop_of_the_authors(seed: int) -> None:
    draw = random.Random(seed)
    h = [draw.choice([-1, 0, 1]) for _ in range(40)]
    m = [0.4 * human + draw.gauss(0, 1) for human in h]
    assert value(units(h, m)) == pytest.approx(brute_force(h, m))
    assert value(units(h, m)) == pytest.approx(by_the_loop(h, m))
    assert value(units(h, m), from_zero=True) == pytest.approx(brute_force(h, m, from_zero=True))


@pytest.mark.parametrize("seed", range(20))
def test_equal_distances_are_treated_alike_which_the_loop_does_not(seed: int) -> None:
    draw = random.Random(seed)
    h = [draw.choice([-1, 0, 1]) for _ in range(30)]
    m = [float(draw.randint(-2, 2)) for _ in h]
    for from_zero in (False, True):
        assert value(units(h, m), from_zero=from_zero) == pytest.approx(brute_force(h, m, from_zero=from_zero))
    assert by_the_loop(h, m) >= brute_force(h, m)


def test_without_a_threshold_of_zero_the_closest_pair_is_always_a_tie() -> None:
    h, m = [1, -1, 1, -1], [0.5, -0.6, 0.7, -0.8]
    assert (value(units(h, m)), value(units(h, m), from_zero=True)) == (3 / 4, 1)


def test_weights_are_how_often_a_pair_occurs() -> None:
    h, m, times = [0, 1, -1, 0], [0.1, 0.2, 0.3, -0.4], [3, 0, 2, 1]
    copied = [(human, margin) for human, margin, count in zip(h, m, times, strict=True) for _ in range(count)]
    assert value(units(h, m), weights=times) == pytest.approx(brute_force(*zip(*copied, strict=True)))
    assert math.isnan(value(units(h, m), weights=[0, 0, 0, 0]))


def test_a_distance_that_a_resample_leaves_out_is_no_threshold() -> None:
    # Without the pair at .1 there is no threshold below .5, where the pair that is right becomes a tie.
    h, m = [0, 1], [0.1, 0.5]
    assert value(units(h, m), weights=[0, 1]) == 0
    assert value(units(h, m), weights=[0, 1], from_zero=True) == 1
    h, m = [1, 1], [0.0, 0.5]
    assert value(units(h, m), weights=[0, 1], from_zero=True) == 1


def test_a_missing_answer_is_wrong_at_every_threshold() -> None:
    assert value(units([0, 1, 0], [0.1, 2.0, None])) == pytest.approx(2 / 3)
    assert value(units([0, 1], [None, None])) == 0


def test_a_judge_without_probabilities_has_called_its_ties_itself() -> None:
    h, m = [0, 1, -1, 0, 1], [0.0, 3.0, -2.0, 1.0, -4.0]
    found = value(units(h, m, probabilities=False))
    assert found == brute_force(h, [0, 1, -1, 1, -1]) == 3 / 5


def test_a_judge_without_probabilities_may_have_no_ties() -> None:
    # At a threshold of 1 all of its answers would be ties, of which a third is right.
    h, m = [0, 1, 1], [3.0, 2.0, 2.0]
    assert value(units(h, m, probabilities=False)) == at(h, m, 0) == 2 / 3
    # A probability of 1 does not say how far apart two scores are either.
    assert value(units(h, [800.0] * 3)) == at(h, m, 0)


def test_probabilities_with_a_share_for_a_tie_are_no_distances() -> None:
    # A is the likeliest answer at 0.47. |2 * 0.47 - 1| is no distance, and would make all three right at 0.05.
    found = Units(
        space=SPACE,
        gold=(0, TIE, TIE),
        predicted=(0, 1, TIE),
        credit=np.full(3, np.nan),
        positive=np.array([0.47, 0.48, 0.3]),
    )
    assert value(found) == 2 / 3


def test_answers_that_the_harness_invents_for_intervals_change_no_distance() -> None:
    # A wrong answer to a tie is invented with the probability of a sure A, whichever candidate it names.
    h, m = [0, 1], [0.1, 0.5]
    real = units(h, m)
    both = Units(
        space=SPACE,
        gold=(*real.gold, TIE),
        predicted=(*real.predicted, 1),
        credit=np.full(3, np.nan),
        positive=np.array([*real.positive, 1.0]),
    )
    assert value(both, weights=[1, 1, 0]) == value(real) == 1


def test_equal_scores_are_a_tie_though_their_probability_is_rounded() -> None:
    found = units([0, 1], [0.0, 1.0])
    rounded = Units(
        space=SPACE,
        gold=found.gold,
        predicted=found.predicted,
        credit=found.credit,
        positive=np.array([math.nextafter(0.5, 0), 0.7]),
    )
    assert value(rounded) == 1


def test_the_accuracy_of_decided_pairs_leaves_out_ties_of_people_and_counts_those_of_the_judge() -> None:
    h, m = [0, 1, -1, 1, 0], [0.0, 0.5, 0.2, 0.0, 1.0]
    weights = np.array([[1.0, 1, 1, 1, 1], [0, 2, 1, 0, 5], [1, 0, 0, 0, 1]])
    found = DecidedAccuracy()(units(h, m), weights).tolist()
    counts = statistics(h, m, -1)
    assert found[0] == counts["right"] / (counts["right"] + counts["wrong"]) == 1 / 3
    assert found[1] == 2 / 3
    assert math.isnan(found[2])


def test_more_than_two_candidates_are_refused() -> None:
    three = Units(space=Preference(3), gold=(0,), predicted=(0,), credit=np.ones(1), positive=np.array([0.5]))
    with pytest.raises(UserError, match="is of pairs, and the task has 3 candidates"):
        CalibratedTies(from_zero=True)(three, np.ones((1, 1)))


def test_many_rows_of_weights_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    h, m = [0, 1, -1, 0], [0.1, 0.2, 0.3, -0.4]
    weights = np.random.default_rng(0).integers(0, 3, (50, 4)).astype(float)
    whole = CalibratedTies(from_zero=False)(units(h, m), weights)
    monkeypatch.setattr("harness_preference.tie_metrics._CELLS", 8)
    np.testing.assert_array_equal(CalibratedTies(from_zero=False)(units(h, m), weights), whole)
    assert CalibratedTies(from_zero=False)(units(h, m), np.zeros((0, 4))).shape == (0,)


CARDS = [card for card in plugin.harness_metrics() if card.factory.startswith("harness_preference.tie_metrics")]  # type: ignore[union-attr]


@parametrize_with_checks(CARDS)
def test_conformance(check: Callable[[], None]) -> None:
    check()


def test_a_judgement_of_scores_has_no_share_for_a_tie() -> None:
    """What the distances are read from: `Judgement.probabilities` of a judge of scores names the candidates alone."""
    judgement = Judgement.of(0, probabilities={"A": 0.7, "B": 0.3})
    assert judgement.check(SPACE) is judgement
