from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.api import Score, Units
from harness.testing import parametrize_with_checks
from harness_preference.cards.agiqa_3k import METRICS
from harness_preference.opinion_metrics import FEWEST, LogisticPearson

Floats = NDArray[np.float64]


def mapped(x: Floats, b1: float, b2: float, b3: float, b4: float, b5: float) -> Floats:
    """Equation 4 of Sheikh, Sabir and Bovik (2006)."""
    out: Floats = b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5
    return out


def fitted(answers: Floats, scores: Floats) -> float:
    """PLCC as scripts have it: scipy's fit of the curve from the usual start, then Pearson's correlation."""
    from scipy import optimize

    start = [np.ptp(scores), 1.0, answers.mean(), 0.1, scores.min()]
    found, _ = optimize.curve_fit(mapped, answers, scores, p0=start, maxfev=100_000)
    return float(np.corrcoef(mapped(answers, *found), scores)[0, 1])


def value(answers: Floats, scores: Floats, weights: Floats | None = None) -> Floats:
    nothing = np.full(len(scores), np.nan)
    units = Units(
        space=Score(0, 100, 0), gold=tuple(scores), predicted=tuple(answers), credit=nothing, positive=nothing
    )
    return LogisticPearson()(units, np.ones((1, len(scores))) if weights is None else weights)


def simulated(seed: int, n: int, *, steep: float, noise: float) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    answers = rng.uniform(1, 5, n)
    return answers, 40 / (1 + np.exp(-steep * (answers - 3))) + 30 + rng.normal(0, noise, n)


@pytest.mark.parametrize(("seed", "steep", "noise"), [(0, 1.2, 2), (1, 1.5, 3), (2, 3.0, 4), (3, 2.5, 5)])
def test_it_is_pearsons_correlation_after_the_fit_of_a_script(seed: int, steep: float, noise: float) -> None:
    answers, scores = simulated(seed, 400, steep=steep, noise=noise)
    (found,) = value(answers, scores)
    assert found == pytest.approx(fitted(answers, scores), abs=1e-6)
    assert found > np.corrcoef(answers, scores)[0, 1]


def test_the_scale_of_the_answers_and_their_direction_do_not_matter() -> None:
    answers, scores = simulated(4, 200, steep=1.5, noise=3)
    (found,) = value(answers, scores)
    assert value(1000 - 7 * answers, scores)[0] == pytest.approx(found, abs=1e-6)


def test_weights_are_copies() -> None:
    answers, scores = simulated(5, 60, steep=1.5, noise=3)
    times = np.random.default_rng(6).integers(0, 4, 60)
    copied = value(np.repeat(answers, times), np.repeat(scores, times))
    assert value(answers, scores, times[None, :].astype(float))[0] == pytest.approx(copied[0], abs=1e-6)


def test_leaving_one_out_is_near_to_a_fit_of_the_rest() -> None:
    answers, scores = simulated(7, 80, steep=1.5, noise=3)
    found = value(answers, scores, np.ones((80, 80)) - np.eye(80))
    for k in (0, 40, 79):
        rest = np.arange(80) != k
        assert found[k] == pytest.approx(fitted(answers[rest], scores[rest]), abs=2e-5)


def test_a_constant_and_few_answers_have_no_value() -> None:
    answers, scores = simulated(8, 40, steep=1.5, noise=3)
    assert np.isnan(value(np.full(40, 3.0), scores)[0])
    assert np.isnan(value(answers, np.full(40, 3.0))[0])
    assert np.isnan(value(answers[: FEWEST - 1], scores[: FEWEST - 1])[0])


def test_a_judge_that_knows_one_line_gets_that_of_the_line() -> None:
    """With two values of answers every curve is a line."""
    scores = np.arange(20.0) ** 1.5
    answers = (scores > 30).astype(float)
    assert value(answers, scores)[0] == pytest.approx(np.corrcoef(answers, scores)[0, 1], abs=1e-9)


@parametrize_with_checks(METRICS)
def test_the_metric_keeps_its_contract(check: Callable[[], None]) -> None:
    check()
