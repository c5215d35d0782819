"""The confidence of a unit is the probability that the judge gave to the verdict that counts; repeats by question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from harness.api import AnswerSpace, Choice, Preference, Protocol, RecordedAnswer, Score, Status, Verdict
from harness.score.table import CellTable
from harness.score.units import build_cell

PAIR = Preference(2, ("tie",))
YES = Choice(("yes", "no"))


def answer(
    verdict: Verdict | None,
    shares: Mapping[str, float] | None,
    *,
    item: str = "i",
    gold: Verdict = 0,
    order: tuple[int, ...] = (0, 1),
    sample: int = 0,
    space: AnswerSpace = PAIR,
    status: Status | None = None,
) -> RecordedAnswer:
    told = status or (Status.UNPARSED if verdict is None else Status.OK)
    return RecordedAnswer(item, item, "", space, gold, order, sample, told, verdict, shares)


def repeat(answers: list[RecordedAnswer], **rules: Any) -> CellTable:
    return build_cell(answers, Protocol(**rules))


def sure(answers: list[RecordedAnswer], **rules: Any) -> list[float]:
    return [float(share) for share in repeat(answers, **rules).confidence]


def test_it_is_of_the_verdict_given_in_the_place_where_it_was_shown() -> None:
    shares = {"A": 0.7, "B": 0.2, "tie": 0.1}
    given = [answer(0, shares), answer(1, {"A": 0.4, "B": 0.6}, order=(1, 0))]
    assert sure(given, order="both") == [0.7, 0.6]
    assert sure([answer("tie", shares)]) == [0.1]
    assert sure([answer("no", {"yes": 0.3, "no": 0.7}, space=YES, gold="yes", order=())]) == [0.7]


def test_a_sampled_verdict_need_not_be_the_likeliest() -> None:
    assert sure([answer(1, {"A": 0.7, "B": 0.3})]) == [0.3]


def test_of_several_samples_it_is_what_all_of_them_gave_to_the_vote() -> None:
    given = [answer(said, {"A": p, "B": 1 - p}, sample=k) for k, (said, p) in enumerate([(0, 0.9), (0, 0.7), (1, 0.2)])]
    assert sure(given, samples=3) == [pytest.approx(0.6)]
    assert sure(given, samples=3, vote="each") == [0.9, 0.7, 0.8]


def test_of_pooled_orders_it_is_what_both_gave_to_the_candidate() -> None:
    agreed = [answer(1, {"A": 0.2, "B": 0.8}), answer(0, {"A": 0.6, "B": 0.4}, order=(1, 0))]
    assert sure(agreed, order="both", pooling="agree") == [pytest.approx(0.7)]
    assert sure(agreed, order="both", pooling="sum") == [pytest.approx(0.7)]


@pytest.mark.parametrize(
    "given",
    [
        [answer(0, {"A": 1.0, "B": 0.0}), answer(0, {"A": 0.9, "B": 0.1}, order=(1, 0))],  # they contradict each other
        [answer(0, {"A": 0.8, "B": 0.2}), answer(1, None, order=(1, 0))],  # one of them does not say
        [answer(0, None), answer(1, None, order=(1, 0))],
        [answer(None, {"A": 0.8, "B": 0.2}), answer(1, {"A": 0.1, "B": 0.9}, order=(1, 0))],  # no verdict
    ],
)
def test_without_a_verdict_or_a_probability_there_is_none(given: list[RecordedAnswer]) -> None:
    assert np.isnan(sure(given, order="both", pooling="agree")).all()


def test_an_answer_without_a_verdict_takes_no_confidence_from_the_vote() -> None:
    given = [answer(None, None), answer(0, {"A": 0.8, "B": 0.2}, sample=1), answer(0, {"A": 0.6, "B": 0.4}, sample=2)]
    assert sure(given, samples=3) == [pytest.approx(0.7)]


def test_spellings_and_bare_ties_are_read_and_what_is_not_named_has_none() -> None:
    assert sure([answer("no", {"YES": 0.3, "No": 0.7}, space=YES, gold="yes", order=())]) == [0.7]
    assert sure([answer("tie", {"A": 1.0})]) == [0.0]
    two = Preference(2, ("good", "bad"))
    assert sure([answer("tie", {"A": 0.2, "good": 0.5, "bad": 0.3}, space=two)]) == [pytest.approx(0.8)]


def test_questions_put_more_than_once_have_a_row_each() -> None:
    given = [
        answer(said, None, order=order, sample=k)
        for order, votes in (((0, 1), (0, 0, 1)), ((1, 0), (0, 1, 1)))
        for k, said in enumerate(votes)
    ]
    rows = repeat(given, order="both", samples=3).repeats
    assert (rows.answers.tolist(), rows.total.tolist(), rows.voted.tolist()) == ([3, 3], [2, 2], [1, 1])
    each = repeat(given, order="both", samples=3, vote="each").repeats
    assert each.total.tolist() == [2, 2]
    assert np.isnan(each.voted).all()
    pooled = repeat(given, order="both", samples=3, pooling="sum").repeats
    assert np.isnan(pooled.voted).all()  # the vote of one order does not count by itself
    shuffled = repeat(given, order="reshuffled", samples=6).repeats
    assert (shuffled.answers.tolist(), shuffled.total.tolist(), shuffled.voted.tolist()) == ([6], [4], [1])


def test_one_answer_to_a_question_is_no_repeat() -> None:
    both = [answer(0, None), answer(1, None, order=(1, 0))]
    assert len(repeat(both, order="both").repeats.answers) == 0


def test_a_missing_answer_counts_among_repeats_as_the_protocol_says() -> None:
    given = [answer(0, None), answer(0, None, sample=1), answer(None, None, sample=2)]
    assert repeat(given, samples=3).repeats.answers.tolist() == [2]
    wrong = repeat(given, samples=3, unparsed="wrong").repeats
    assert (wrong.answers.tolist(), wrong.total.tolist()) == ([3], [2])
    failed = [*given[:2], answer(None, None, sample=2, status=Status.ERROR)]
    assert repeat(failed, samples=3, unparsed="wrong").repeats.answers.tolist() == [2]
    drawn = [answer(0, None), answer(1, None, sample=1)]
    assert np.isnan(repeat(drawn, samples=2).repeats.voted).all()
    assert repeat(drawn, samples=2, unparsed="wrong").repeats.voted.tolist() == [0]


def test_scores_count_by_their_distance_from_the_gold() -> None:
    scale = Score()
    given = [answer(said, None, gold=3.0, space=scale, order=(), sample=k) for k, said in enumerate((1.0, 4.0))]
    rows = repeat(given, samples=2, vote="mean").repeats
    assert (rows.measure, rows.total.tolist(), rows.squares.tolist()) == ("mae", [3], [5])
    assert np.isnan(rows.voted).all()
