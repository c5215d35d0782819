"""A judge's own noise, by hand and in simulations whose truth is known."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.score.noise import noise
from harness.score.table import Repeats
from harness.score.trust import Noise

Floats = NDArray[np.float64]


def repeats(
    worth: Floats,
    *,
    size: int = 1,
    vote: bool = True,
    measure: Literal["accuracy", "mae"] = "accuracy",
) -> Repeats:
    """Questions from answers of shape (Q, K)."""
    questions, samples = worth.shape
    return Repeats(
        cluster=np.arange(questions) // size,
        answers=np.full(questions, samples),
        total=worth.sum(axis=1),
        squares=(worth**2).sum(axis=1),
        voted=(2 * worth.sum(axis=1) > samples).astype(float) if vote else np.full(questions, np.nan),
        measure=measure,
    )


def report_of(of: Repeats) -> Noise:
    report = noise(of)
    assert report is not None
    return report


def draw(often: Floats, samples: int, rng: np.random.Generator) -> Floats:
    return (rng.random((len(often), samples)) < often[:, None]).astype(float)


def test_the_parts_are_those_of_a_one_way_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    worth = draw(rng.beta(0.6, 0.3, 80), 4, rng)
    report = report_of(repeats(worth))
    within = worth.var(axis=1, ddof=1).mean()
    means = worth.mean(axis=1)
    assert report.within == pytest.approx(within)
    assert report.between == pytest.approx(means.var(ddof=1) - within / 4)
    assert report.se == pytest.approx(np.sqrt(means.var(ddof=1) / 80))
    assert report.se_one == pytest.approx(np.sqrt((report.between + within) / 80))
    assert report.se_endless == pytest.approx(np.sqrt(report.between / 80))
    assert report.share == pytest.approx(within / 4 / means.var(ddof=1))
    assert (report.questions, report.groups, report.samples) == (80, 80, 4)
    assert report.value == pytest.approx(worth.mean())


@pytest.mark.parametrize(("samples", "size"), [(2, 1), (5, 1), (3, 4)])
def test_parts_and_standard_errors_are_true_on_average(samples: int, size: int) -> None:
    rng = np.random.default_rng(samples)
    runs, questions = 400, 60

    def often() -> Floats:
        return np.repeat(rng.beta(0.6, 0.3, questions // size), size)  # questions of a cluster are equally hard

    reports = [report_of(repeats(draw(often(), samples, rng), size=size, vote=False)) for _ in range(runs)]
    mean, variance = 2 / 3, (2 / 9) / 1.9
    within = mean * (1 - mean) - variance
    items = variance * size / questions
    assert np.mean([report.within for report in reports]) == pytest.approx(within, rel=0.04)
    for name, true in (
        ("se_one", items + within / questions),
        ("se", items + within / (samples * questions)),
        ("se_endless", items),
        ("se_again", within / (samples * questions)),
    ):
        assert np.mean([getattr(report, name) ** 2 for report in reports]) == pytest.approx(true, rel=0.06), name
    share = within / (samples * questions) / (items + within / (samples * questions))
    covered = [(report.share_low or 0) <= share <= (report.share_high or 0) for report in reports]
    assert 0.91 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("samples", [3, 5, 9])
def test_what_a_second_vote_would_change(samples: int) -> None:
    """Two votes of the same questions, drawn again: how often do they differ in being right?"""
    rng = np.random.default_rng(samples)
    changed, told = [], []
    for _ in range(60):
        often = rng.beta(0.6, 0.3, 300)
        first, second = draw(often, samples, rng), draw(often, samples, rng)
        changed.append(np.mean((2 * first.sum(axis=1) > samples) != (2 * second.sum(axis=1) > samples)))
        report = report_of(repeats(first))
        assert report.se_vote is not None
        assert report.vote_changes is not None
        assert report.se_vote == pytest.approx(np.sqrt(report.vote_changes / 2 / 300))
        told.append(report.vote_changes)
    assert np.mean(told) == pytest.approx(np.mean(changed), rel=0.2)


def test_a_coin_is_all_noise_and_a_vote_of_coins_a_coin() -> None:
    report = report_of(repeats(draw(np.full(400, 0.5), 5, np.random.default_rng(1))))
    assert report.share_high == 1
    assert (report.share or 0) > 0.8
    assert report.vote_changes == pytest.approx(0.5, abs=0.05)


def test_a_judge_that_repeats_itself_has_no_noise_seen_which_is_not_none() -> None:
    worth = np.repeat(np.array([[1.0], [0.0]] * 30), 3, axis=1)
    report = report_of(repeats(worth))
    assert (report.within, report.share, report.share_low, report.se_again) == (0, 0, 0, 0)
    assert report.vote_changes == pytest.approx(0, abs=1e-6)
    assert report.se_one == report.se == report.se_endless > 0
    assert 0 < (report.share_high or 0) < 0.2


def test_where_nothing_varies_there_is_no_share() -> None:
    report = report_of(repeats(np.ones((20, 3))))
    assert (report.share, report.share_low, report.share_high, report.se) == (None, None, None, 0)


def test_questions_with_one_answer_left_count_with_the_noise_of_the_others() -> None:
    worth = draw(np.full(100, 0.7), 2, np.random.default_rng(6))
    whole = repeats(worth)
    answers = whole.answers.copy()
    answers[:10] = 1
    kept = Repeats(
        cluster=whole.cluster,
        answers=answers,
        total=np.r_[worth[:10, 0], whole.total[10:]],
        squares=np.r_[worth[:10, 0], whole.squares[10:]],
        voted=whole.voted,
        measure="accuracy",
    )
    report = report_of(kept)
    assert report.questions == 100
    assert report.samples == 1.9
    assert report.within == pytest.approx(worth[10:].var(axis=1, ddof=1).mean())


def test_scores_have_the_noise_of_their_distance_and_no_vote() -> None:
    rng = np.random.default_rng(2)
    worth = np.abs(rng.normal(size=(200, 1)) + 0.5 * rng.normal(size=(200, 4)))
    report = report_of(repeats(worth, measure="mae"))
    assert (report.measure, report.se_vote, report.vote_changes) == ("mae", None, None)
    assert report.within == pytest.approx(worth.var(axis=1, ddof=1).mean())


@pytest.mark.parametrize("answers", [np.ones(5), np.array([])])
def test_without_repeats_there_is_no_report(answers: Floats) -> None:
    worth = answers.reshape(-1, 1)
    assert noise(repeats(worth)) is None
