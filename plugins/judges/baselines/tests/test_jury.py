from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Choice, Judgement, Preference, Request, Score, Status, UserError
from harness_baselines.constant import Constant
from harness_baselines.jury import Jury, MemberAnswer, count
from harness_baselines.options import JuryOptions

PAIR = Preference(3)


def ballots(*verdicts: Any, weights: Any = None) -> list[MemberAnswer]:
    """A ballot for each verdict; a status stands for an answer without one."""
    given_weights = weights or [1.0] * len(verdicts)
    return [
        MemberAnswer(f"judge-{k}", weight, Judgement.failure(v, "") if isinstance(v, Status) else Judgement.of(v))
        for k, (v, weight) in enumerate(zip(verdicts, given_weights, strict=True))
    ]


def test_the_majority_wins_and_the_rationale_says_who_voted_what() -> None:
    judgement = count(PAIR, ballots(0, 1, 0, weights=[1.0, 1.5, 1.0]), quorum=2, vote="majority")
    assert judgement.verdict == 0
    assert judgement.rationale == "judge-0: A; judge-1: B (weight 1.5); judge-2: A"
    assert judgement.probabilities == pytest.approx({"A": 4 / 7, "B": 3 / 7, "C": 0.0})


def test_weights_can_turn_a_vote() -> None:
    assert count(PAIR, ballots(0, 1, 0, weights=[1, 3, 1]), quorum=2, vote="majority").verdict == 1


def test_a_draw_is_no_verdict_even_when_floats_hide_it() -> None:
    judgement = count(PAIR, ballots(0, 0, 1, weights=[0.1, 0.2, 0.3]), quorum=2, vote="majority")
    assert judgement.status is Status.UNPARSED
    assert "draw between A, B" in judgement.error


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ((0, Status.UNPARSED, Status.REFUSED), Status.UNPARSED),
        ((0, Status.ERROR, Status.REFUSED), Status.ERROR),
        ((Status.ERROR, Status.REFUSED, Status.UNPARSED), Status.UNPARSED),
        ((0, 0, Status.ERROR), Status.OK),
    ],
)
def test_too_few_votes_are_an_error_only_where_the_machinery_lost_them(verdicts: Any, status: Status) -> None:
    judgement = count(PAIR, ballots(*verdicts), quorum=2, vote="majority")
    assert judgement.status is status
    if status is not Status.OK:
        assert "of 3 members gave a verdict, the quorum is 2" in judgement.error


def test_the_mean_of_scores_is_put_on_the_scale() -> None:
    scale = Score(1, 5, 1)
    assert count(scale, ballots(1.0, 2.0, 5.0), quorum=2, vote="mean").verdict == 3
    assert count(scale, ballots(1.0, 2.0), quorum=2, vote="mean").verdict == 2
    assert count(Score(0, 1, 0), ballots(0.2, 0.8, weights=[3, 1]), quorum=1, vote="mean").verdict == pytest.approx(
        0.35
    )


def test_a_mean_of_labels_is_refused() -> None:
    judgement = count(PAIR, ballots(0, 0), quorum=1, vote="mean")
    assert judgement.status is Status.REFUSED
    assert "majority" in judgement.error


VERDICTS = st.sampled_from([0, 1, 2, Status.UNPARSED, Status.ERROR, Status.REFUSED, Status.TRUNCATED])
VOTES = st.lists(st.tuples(VERDICTS, st.integers(1, 20)), min_size=1, max_size=8)


@given(VOTES, st.integers(1, 4), st.integers(1, 10))
def test_votes_are_counted_as_by_hand(votes: list[tuple[Any, int]], quorum: int, unit: int) -> None:
    verdicts = [verdict for verdict, _ in votes]
    weights = [weight / unit for _, weight in votes]
    judgement = count(PAIR, ballots(*verdicts, weights=weights), quorum=quorum, vote="majority")
    tally: dict[int, Fraction] = {}
    for verdict, weight in votes:
        if isinstance(verdict, int):
            tally[verdict] = tally.get(verdict, Fraction(0)) + Fraction(weight, unit)
    best = [verdict for verdict, weight in tally.items() if weight == max(tally.values())]
    enough = sum(isinstance(verdict, int) for verdict in verdicts) >= quorum
    assert judgement.verdict == (best[0] if enough and len(best) == 1 else None)
    assert judgement.check(PAIR) is judgement
    if judgement.probabilities is not None:
        assert math.isclose(sum(judgement.probabilities.values()), 1)


@given(VOTES, st.integers(1, 4), st.randoms())
def test_the_order_of_the_members_does_not_matter(votes: list[tuple[Any, int]], quorum: int, dice: Any) -> None:
    def verdict(some: list[tuple[Any, int]]) -> Any:
        cast = ballots(*[v for v, _ in some], weights=[w / 7 for _, w in some])
        return count(PAIR, cast, quorum=quorum, vote="majority").verdict

    shuffled = list(votes)
    dice.shuffle(shuffled)
    assert verdict(shuffled) == verdict(votes)


def test_members_are_asked_in_chunks_and_may_answer_in_any_order(plan: Any, put: Any) -> None:
    asked: list[int] = []

    class Backwards:
        """Says whether the number of the question is even; answers each chunk from its end."""

        def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
            chunk = list(requests)
            asked.append(len(chunk))
            for request in reversed(chunk):
                yield request, Judgement.of(int(request.text.split()[1]) % 2)

        def fingerprint(self) -> str:
            return ""

    context = plan(name="panel", judges={"one": Backwards(), "two": Backwards(), "b": Constant("B")})
    jury = Jury(JuryOptions(judges=["one", "two", "b"]), context)
    requests = [put(Preference(2), number=number) for number in range(150)]
    answers = list(jury.judge(iter(requests)))
    assert [request for request, _ in answers] == requests
    assert [judgement.verdict for _, judgement in answers] == [number % 2 for number in range(150)]
    assert max(asked) == 64


def test_a_member_that_leaves_a_question_out_counts_as_failed(plan: Any, put: Any, one: Any) -> None:
    class Silent:
        def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
            list(requests)
            return iter(())

        def fingerprint(self) -> str:
            return ""

    context = plan(name="panel", judges={"a": Constant("A"), "silent": Silent()})
    judgement = one(Jury(JuryOptions(judges=["a", "silent"]), context), put(Preference(2)))
    assert judgement.status is Status.ERROR
    assert "silent: error" in judgement.error


def test_a_member_that_leaves_the_space_has_no_vote(plan: Any, put: Any, one: Any) -> None:
    class Wild:
        def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
            return ((request, Judgement.of(17)) for request in requests)

        def fingerprint(self) -> str:
            return ""

    context = plan(name="panel", judges={"a": Constant("A"), "b": Constant("A"), "wild": Wild()})
    assert one(Jury(JuryOptions(judges=["a", "b", "wild"]), context), put(Preference(2))).verdict == 0


def test_a_jury_cannot_sit_on_itself(plan: Any) -> None:
    with pytest.raises(UserError, match="panel"):
        Jury(JuryOptions(judges=["a", "panel"]), plan(name="panel"))


def test_a_member_that_is_not_in_the_plan_is_named(plan: Any, put: Any) -> None:
    jury = Jury(JuryOptions(judges=["nobody"]), plan())
    with pytest.raises(UserError, match="nobody"):
        list(jury.judge([put(Choice(("yes", "no")))]))


@pytest.mark.parametrize(
    "options",
    [
        {"judges": []},
        {"judges": ["a", "a"]},
        {"judges": ["a", "b"], "weights": [1]},
        {"judges": ["a", "b"], "weights": [1, 0]},
        {"judges": ["a", "b"], "weights": [1, math.nan]},
        {"judges": ["a", "b"], "quorum": 3},
        {"judges": ["a", "b"], "quorum": 0},
        {"judges": ["a", "b"], "vote": "loudest"},
    ],
    ids=str,
)
def test_a_jury_that_cannot_work_is_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=r"judges|weights|quorum|vote"):
        JuryOptions(**options)
