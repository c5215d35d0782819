"""The alternative-annotator test against the paper's own steps, scipy's t test, and judges at the boundary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.api import AnswerSpace, Choice, Protocol, RecordedAnswer, Score, Status, Verdict
from harness.score.alt_test import alt_test, by_adjusted
from harness.score.records import AltTest
from harness.score.units import build_cell

Judge: TypeAlias = Sequence[Verdict | Status]
People: TypeAlias = Sequence[Sequence[Verdict | None]]
"""A row for each item, a column for each annotator."""

YES = Choice(("yes", "no"))
NUMBER = Score(0, 10, 0)


def outcome(
    judge: Judge,
    people: People,
    *,
    space: AnswerSpace = YES,
    epsilon: float = 0.2,
    cluster: int = 1,
    orders: int = 1,
) -> AltTest:
    """A row of people for each item, a column for each annotator."""
    answers = [
        RecordedAnswer(
            item=f"i{k:04}",
            group=f"g{k // cluster}",
            category="",
            space=space,
            gold="yes" if space is YES else 1.0,
            order=(),
            sample=sample,
            status=said if isinstance(said, Status) else Status.OK,
            verdict=None if isinstance(said, Status) else said,
            annotations={f"p{j}": verdict for j, verdict in enumerate(row) if verdict is not None},
        )
        for k, (said, row) in enumerate(zip(judge, people, strict=True))
        for sample in range(orders)
    ]
    table = build_cell(answers, Protocol(samples=orders, vote="each"))
    assert table.people is not None
    return alt_test(
        table.people.duels,
        table.people.annotators,
        item=table.units.item,
        cluster=table.units.cluster,
        epsilon=epsilon,
    )


def p_value(differences: Sequence[float], epsilon: float) -> float:
    """Of scipy's one-sided t test, its variance with one more difference of 1 in it."""
    n, spread = len(differences), np.var(differences) * len(differences)
    t = stats.ttest_1samp(differences, epsilon, alternative="less")
    raised = t.statistic * np.sqrt(spread / (spread + 1)) if spread else (np.mean(differences) - epsilon) * n
    return float(max(stats.t.cdf(raised, n - 1), ((1 - epsilon) / (1 - min(*differences, epsilon))) ** n))


def by_the_paper(judge: Sequence[Any], people: Sequence[Sequence[Any]], *, scores: bool, epsilon: float) -> Any:
    """Steps of section 3, with scipy: p-values, advantages, and who is beaten at q = .05."""

    def agrees(said: Any, others: list[Any]) -> float:
        if scores:
            return -float(np.sqrt(np.mean([(said - other) ** 2 for other in others])))
        return float(np.mean([said == other for other in others]))

    p_values, advantages = [], []
    for j in range(len(people[0])):
        differences, ahead = [], []
        for said, row in zip(judge, people, strict=True):
            others = [other for k, other in enumerate(row) if k != j and other is not None]
            if row[j] is None or not others:
                continue
            ours, theirs = agrees(said, others), agrees(row[j], others)
            ahead.append(ours >= theirs)
            differences.append(int(theirs >= ours) - int(ours >= theirs))
        p_values.append(p_value(differences, epsilon))
        advantages.append(float(np.mean(ahead)))
    adjusted = stats.false_discovery_control(p_values, method="by")
    return p_values, advantages, adjusted


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.15, 0.2]), st.booleans())
def test_it_is_what_the_paper_says(seed: int, epsilon: float, scores: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=60)
    said = np.where(rng.random((60, 5)) < 0.75, truth[:, None], 1 - truth[:, None])
    gone = rng.random((60, 4)) < 0.2
    rows: list[list[Any]] = said.tolist() if scores else [["yes" if x else "no" for x in row] for row in said]
    if scores:
        rows = [[x + rng.integers(0, 4) for x in row] for row in rows]
    people = [
        [None if off else x for x, off in zip(row, away, strict=False)] for row, away in zip(rows, gone, strict=True)
    ]
    judge = [row[4] for row in rows]
    found = outcome(judge, people, space=NUMBER if scores else YES, epsilon=epsilon)
    p_values, advantages, adjusted = by_the_paper(judge, people, scores=scores, epsilon=epsilon)
    by_name = {test.annotator: test for test in found.tests}
    ordered = [by_name[f"p{j}"] for j in range(4)]
    assert [test.p_value for test in ordered] == pytest.approx(p_values, rel=1e-6)
    assert [test.advantage for test in ordered] == pytest.approx(advantages)
    assert [test.p_adjusted for test in ordered] == pytest.approx(adjusted, rel=1e-6)
    beaten = float(np.mean(adjusted <= 0.05))
    assert (found.winning_rate, found.passed) == (beaten, beaten >= 0.5)
    assert found.advantage == pytest.approx(np.mean(advantages))
    assert found.advantage_low is not None
    assert found.advantage_high is not None
    assert found.advantage_low < float(np.mean(advantages)) < found.advantage_high


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_correction_is_that_of_benjamini_and_yekutieli(p_values: list[float]) -> None:
    found = by_adjusted(np.array(p_values))
    assert found == pytest.approx(stats.false_discovery_control(p_values, method="by"))


def test_a_case_by_hand() -> None:
    """Ann is right on 36 of 40 items, the others always; the judge is right on 38, where ann is."""
    people: People = [["yes", "yes", "yes"]] * 36 + [["no", "yes", "yes"]] * 4
    judge: Judge = ["no"] * 2 + ["yes"] * 38
    found = outcome(judge, people)
    ann, bob, _ = found.tests
    assert ann.advantage == 38 / 40
    # Against bob: on ann's 4 wrong items the judge agrees with one of two, as bob does; on 2 he does better.
    assert bob.advantage == 38 / 40
    differences = [1] * 2 + [0] * 34 + [-1] * 4
    assert ann.p_value == pytest.approx(p_value(differences, 0.2))
    assert (found.winning_rate, found.passed) == (1, True)


def test_declining_hard_questions_does_not_pay() -> None:
    people: People = [["yes"] * 3] * 40
    answered: Judge = ["yes"] * 30 + ["no"] * 10
    declined: Judge = ["yes"] * 30 + [Status.REFUSED] * 10
    assert outcome(answered, people).passed is False
    assert outcome(declined, people).passed is False
    assert outcome(declined, people).advantage == 0.75
    lost: Judge = ["yes"] * 30 + [Status.ERROR] * 10
    assert outcome(lost, people).advantage == 1, "a failure of the machinery is nobody's"


def test_perfect_agreement_is_not_certain() -> None:
    found = outcome(["yes"] * 30, [["yes"] * 3] * 30)
    assert [test.p_value for test in found.tests] == pytest.approx([0.8**30] * 3)
    assert found.advantage == 1
    assert found.advantage_low is not None
    assert found.advantage_low < 0.95
    worse = outcome(["no"] * 30, [["yes"] * 3] * 30)
    assert {test.p_value for test in worse.tests} == {1.0}
    assert worse.winning_rate == 0


@pytest.mark.parametrize(("people", "items"), [(2, 100), (3, 29)])
def test_too_few_people_or_items_are_said_so(people: int, items: int) -> None:
    found = outcome(["yes"] * items, [["yes"] * people] * items)
    assert (found.winning_rate, found.passed, found.advantage, found.tests) == (None, None, None, ())
    assert "needs 3 annotators with 30 items or more" in found.reason


def test_an_annotator_with_few_items_is_not_outcome() -> None:
    people: People = [["yes", "yes", "yes", "yes" if k < 10 else None] for k in range(40)]
    found = outcome(["yes"] * 40, people)
    assert (found.annotators, {test.annotator for test in found.tests}) == (3, {"p0", "p1", "p2"})


def test_samples_of_one_item_count_once() -> None:
    rng = np.random.default_rng(3)
    people: People = [["yes", "yes", "no" if rng.random() < 0.3 else "yes"] for _ in range(40)]
    judge: Judge = ["no" if rng.random() < 0.2 else "yes" for _ in range(40)]
    assert outcome(judge, people, orders=3) == outcome(judge, people)


def test_items_of_one_cluster_are_one_observation() -> None:
    rng = np.random.default_rng(4)
    wrong = rng.random(12) < 0.1
    judge: Judge = ["no" if w else "yes" for w in np.repeat(wrong, 10)]
    people: People = [["yes"] * 3] * 120
    alone, together = outcome(judge, people), outcome(judge, people, cluster=10)
    assert together.tests[0].p_value > 20 * alone.tests[0].p_value
    once = outcome([judge[10 * k] for k in range(12)] * 3, [["yes"] * 3] * 36, cluster=1)
    assert together.tests[0].p_value > once.tests[0].p_value


@pytest.mark.parametrize(("items", "epsilon"), [(30, 0.1), (50, 0.2), (100, 0.15), (200, 0.2)])
def test_a_judge_at_the_boundary_is_called_no_worse_in_5_of_100_samples(items: int, epsilon: float) -> None:
    """People are always right and the judge is not in epsilon of cases: the number of these is binomial."""
    errors = np.arange(items + 1)
    decided = []
    for wrong in errors[: items // 2]:
        judge: Judge = ["no"] * wrong + ["yes"] * (items - wrong)
        found = outcome(judge, [["yes"] * 3] * items, epsilon=epsilon)
        decided.append((found.tests[0].p_value < 0.05, bool(found.passed)))
        if not any(decided[-1]):
            break
    chance = stats.binom.pmf(errors[: len(decided)], items, epsilon)
    single, passed = (float(np.sum(chance * np.array(kind))) for kind in zip(*decided, strict=True))
    assert single <= 0.08
    assert passed <= 0.06
    assert single >= 0.01, "and it can be called so"


def test_the_plain_t_test_would_call_it_so_in_18_of_100_samples() -> None:
    errors = np.arange(1, 8)
    plain = [stats.ttest_1samp([1] * k + [0] * (30 - k), 0.1, alternative="less").pvalue < 0.05 for k in errors]
    assert stats.binom.pmf(errors[np.array(plain)], 30, 0.1).sum() + 0.9**30 > 0.18
