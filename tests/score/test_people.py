"""What people said, by hand: consensus, agreement, the frames in which it counts, and what the protocol makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, Preference, Protocol, Ranking, RecordedAnswer, Score, Status, Verdict
from harness.score.annotations import People
from harness.score.people import agreement, consensus
from harness.score.ranking import inversions
from harness.score.table import NOTHING
from harness.score.units import build_cell

YES = Choice(("yes", "no"))
PAIR = Preference(2)


def ask(
    item: str,
    said: Verdict | Status,
    annotations: Mapping[str, Verdict],
    *,
    gold: Verdict = 0,
    space: AnswerSpace = PAIR,
    order: tuple[int, ...] = (0, 1),
    group: str = "",
) -> RecordedAnswer:
    return RecordedAnswer(
        item=item,
        group=group or item,
        category="",
        space=space,
        gold=gold,
        order=order,
        sample=0,
        status=said if isinstance(said, Status) else Status.OK,
        verdict=None if isinstance(said, Status) else said,
        annotations=annotations,
    )


def people_of(answers: list[RecordedAnswer], **protocol: object) -> People:
    people = build_cell(answers, Protocol(**protocol)).people  # type: ignore[arg-type]
    assert people is not None
    return people


def test_without_annotations_there_are_no_people() -> None:
    assert build_cell([ask("i", 0, {})], Protocol()).people is None


def test_labels_have_the_majority_and_a_drawn_vote_counts_for_each_that_draws() -> None:
    assert consensus(YES, ["yes", "no", "yes"]) == ["yes"]
    assert consensus(YES, ["yes", "no"]) == ["yes", "no"]
    assert consensus(Preference(3, ("tie",)), [2, "tie", "tie", 0]) == ["tie"]


def test_scores_have_the_mean() -> None:
    assert consensus(Score(1, 5), [1, 2, 5]) == [pytest.approx(8 / 3)]


def test_rankings_have_the_mean_place() -> None:
    assert consensus(Ranking(3), [(0, 1, 2), (0, 2, 1), (1, 0, 2)]) == [(0, 1, 2)]


@settings(deadline=None)
@given(st.lists(st.permutations(range(4)), min_size=1, max_size=4))
def test_candidates_of_equal_mean_place_are_right_once_and_wrong_once(rankings: list[list[int]]) -> None:
    said: list[Verdict] = [tuple(ranking) for ranking in rankings]
    found = consensus(Ranking(4), said)
    places = [sum(ranking.index(k) for ranking in rankings) for k in range(4)]
    for a, b in permutations(range(4), 2):
        before = np.mean([ranking.index(a) < ranking.index(b) for ranking in found])  # type: ignore[union-attr,arg-type]
        assert before == (0.5 if places[a] == places[b] else float(places[a] < places[b]))


def test_agreement_is_that_of_the_paper() -> None:
    assert agreement(YES, "yes", ["yes", "no", "no"]) == pytest.approx(1 / 3)
    assert agreement(Score(1, 5), 3.0, [1, 4]) == pytest.approx(-np.sqrt((4 + 1) / 2))
    assert agreement(PAIR, None, [0, 1]) == 0
    assert agreement(Preference(2, ("both", "none")), TIE, ["both", 0]) == 0.5
    first, others = (0, 1, 2), [(0, 2, 1), (2, 1, 0)]
    apart = sum(inversions(other, first) / 3 for other in others) / 2
    assert agreement(Ranking(3), first, others) == pytest.approx(-apart)


def test_each_annotator_meets_the_consensus_of_the_others_and_so_does_the_judge() -> None:
    people = people_of([ask("i", 1, {"ann": 0, "bob": 1, "cy": 1})])
    lines = people.lines
    told = {
        (people.annotators[who], people.verdicts[gold]): (person, judge)
        for who, gold, person, judge in zip(
            lines.annotator, lines.gold, lines.person_credit, lines.judge_credit, strict=True
        )
    }
    assert told == {
        ("ann", 1): (0, 1),  # bob and cy say 1
        ("bob", 0): (0, 0),  # ann and cy draw: both count
        ("bob", 1): (1, 1),
        ("cy", 0): (0, 0),
        ("cy", 1): (1, 1),
    }
    assert lines.parts.tolist() == [3, 6, 6, 6, 6]
    assert sum(1 / lines.parts) == pytest.approx(1), "an item weighs one, however many people there are"


def test_where_each_order_counts_people_speak_in_the_places_shown_as_the_judge_does() -> None:
    said = {"ann": 1, "bob": 1}
    people = people_of([ask("i", 1, said, gold=1), ask("i", 0, said, gold=1, order=(1, 0))], order="both")
    lines = people.lines
    assert [people.verdicts[code] for code in lines.gold] == [1, 1, 0, 0]
    assert [people.verdicts[code] for code in lines.person] == [1, 1, 0, 0]
    assert [people.verdicts[code] for code in lines.judge] == [1, 1, 0, 0]
    assert lines.judge_credit.tolist() == [1, 1, 1, 1]
    assert len(people.ratings.item) == 2, "but they spoke once"


def test_a_tied_consensus_follows_the_protocol() -> None:
    space = Preference(2, ("tie",))
    answer = ask("i", 0, {"ann": "tie", "bob": "tie", "cy": 0}, space=space)
    counted = people_of([answer]).lines
    assert len(counted.unit) == 1 + 2 * 2
    skipped = people_of([answer], ties="skip")
    assert {skipped.verdicts[code] for code in skipped.lines.gold} == {0}
    half = people_of([answer], ties="half").lines
    assert half.person_credit[half.annotator == 2].tolist() == [0.5], "against a tie everything is worth a half"


@pytest.mark.parametrize(
    ("policy", "kept", "credit", "guess"),
    [("exclude", False, 0.0, NOTHING), ("wrong", True, 0.0, NOTHING), ("half", True, 0.5, NOTHING)],
)
def test_a_missing_answer_counts_against_people_as_the_protocol_says(
    policy: str, kept: bool, credit: float, guess: int
) -> None:
    people = people_of([ask("i", Status.UNPARSED, {"ann": 0, "bob": 0})], unparsed=policy)
    assert people.lines.kept.tolist() == [kept] * 2
    assert people.lines.judge_credit.tolist() == [credit] * 2
    assert people.lines.guess.tolist() == [guess] * 2


def test_a_blind_guess_stands_for_a_missing_answer_where_the_protocol_says_so() -> None:
    people = people_of([ask("i", Status.UNPARSED, {"ann": 0, "bob": 0})], unparsed="chance")
    assert people.lines.judge_credit.tolist() == [0.5, 0.5]
    assert set(people.lines.guess.tolist()) != {NOTHING}


def test_a_judge_without_a_verdict_has_lost_and_a_failure_of_the_machinery_is_no_meeting() -> None:
    said: dict[str, Verdict] = {"ann": 0, "bob": 1, "cy": 1}
    refused = people_of([ask("i", Status.REFUSED, said)]).duels
    assert (refused.judge.tolist(), refused.person.tolist()) == ([False] * 3, [True] * 3)
    assert not len(people_of([ask("i", Status.ERROR, said)]).duels.unit)


def test_an_item_with_one_annotator_has_no_consensus_but_is_rated() -> None:
    people = people_of([ask("i", 0, {"ann": 0}), ask("j", 0, {"ann": 0, "bob": 1})])
    assert set(people.lines.unit.tolist()) == {1}
    assert len(people.ratings.item) == 3
