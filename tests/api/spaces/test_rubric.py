"""The answer space of several criteria: its laws, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import (
    TIE,
    Choice,
    DataError,
    Judgement,
    Preference,
    Ranking,
    Request,
    Rubric,
    Score,
    Status,
    majority_vote,
    space_from_json,
    verdict_from_json,
)
from harness.formats.tagged import TaggedFormat

NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9]{0,5}([ _-][A-Za-z0-9]{1,4})?\Z").filter(
    lambda name: name.casefold() not in ("answer", "verdict", "think", "reasoning")
)
SPACES = st.one_of(
    st.sampled_from([Choice(("yes", "no")), Choice(("1", "2", "3")), Choice(("A", "B", "not clear: both"))]),
    st.builds(Score, st.just(1), st.integers(2, 5), st.sampled_from([1, 0.5])),
    st.sampled_from([Preference(3), Preference(3, ("tie",)), Preference(3, ("good", "bad"))]),
)


@st.composite
def rubrics(draw: st.DrawFn) -> Rubric:
    names = draw(
        st.lists(
            NAMES, min_size=1, max_size=4, unique_by=lambda name: name.casefold().replace("_", " ").replace("-", " ")
        )
    )
    return Rubric(tuple((name, draw(SPACES)) for name in names))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Rubric, tuple[object, ...]]:
    space = draw(rubrics())
    return space, tuple(draw(st.sampled_from(own.verdicts())) for own in space.spaces)


@given(answers(), st.permutations(range(3)))
def test_its_laws(answer: tuple[Rubric, tuple[str | int | float, ...]], order: list[int]) -> None:
    space, verdict = answer
    shown = tuple(order)
    assert space.contains(verdict)
    assert space.read(space.name(verdict)) == verdict
    assert space.agrees(verdict, verdict)
    assert not space.agrees(space.worst(verdict), verdict)
    assert space.contains(space.worst(verdict))
    assert space.to_shown(space.to_canonical(verdict, shown), shown) == verdict
    assert space_from_json(json.loads(json.dumps(space.to_json()))) == space
    kept = Judgement.from_json(json.loads(json.dumps(Judgement.of(verdict).to_json())))
    assert kept.verdict == verdict
    assert space.contains(kept.verdict)


PAIR = Rubric((("sharp", Score(1, 5)), ("better", Preference(2, ("good", "bad"))), ("safe", Choice(("yes", "no")))))


def test_only_preferences_follow_the_order() -> None:
    assert PAIR.candidate_count == 2
    assert PAIR.to_canonical((2.0, 0, "no"), (1, 0)) == (2.0, 1, "no")
    assert PAIR.to_canonical((2.0, "good", "no"), (1, 0)) == (2.0, "good", "no")
    assert Rubric((("sharp", Score(1, 5)),)).candidate_count == 0


def test_a_part_is_no_answer() -> None:
    for text in (
        "sharp: 4; better: A",
        "sharp: 4; better: A; safe: maybe",
        "sharp: 4; better: A; safe: no; safe: no",
        "",
    ):
        assert PAIR.read(text) is None
    for verdict in ((4.0, 0), (4.0, 0, "no", "no"), (True, 0, "no"), (4.0, True, "no"), [4.0, 0, "no"], "sharp: 4"):
        assert not PAIR.contains(verdict)
    assert PAIR.read("SAFE: NO\nBetter: b\n sharp: 4/5;") == (4.0, 1, "no")


def test_a_bare_tie_agrees_with_any_tie_of_its_criterion() -> None:
    assert PAIR.agrees((4.0, TIE, "no"), (4.0, "bad", "no"))
    assert PAIR.agree_each((4.0, TIE, "no"), (3.0, "bad", "no")) == (False, True, True)


def test_every_combination_is_listed_or_none() -> None:
    assert len(PAIR.verdicts()) == 5 * 4 * 2
    with pytest.raises(DataError, match="combinations are too many"):
        Rubric(tuple((f"c{k}", Score(1, 10)) for k in range(4))).verdicts()
    with pytest.raises(DataError, match="too many"):
        Rubric((("any", Score(0, 1, 0)),)).verdicts()


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ((), "1 to 32 criteria"),
        (tuple((f"c{k}", Score(1, 5)) for k in range(33)), "1 to 32 criteria"),
        ((("", Score(1, 5)),), "no name of a criterion"),
        ((("a:b", Score(1, 5)),), "no name of a criterion"),
        ((("a; b", Score(1, 5)),), "no name of a criterion"),
        ((("x" * 41, Score(1, 5)),), "no name of a criterion"),
        ((("\N{KELVIN SIGN}", Score(1, 5)),), "no name of a criterion"),
        ((("a b", Score(1, 5)), ("A_B", Score(1, 5))), "reads like 'a b'"),
        ((("Verdict", Score(1, 5)),), "meaning of its own"),
        ((("a", Ranking(3)),), "choice, a preference or a score"),
        ((("a", Choice(("x; y", "z"))),), "semicolon or a line break"),
        ((("a", Preference(2, ("t\nie",))),), "semicolon or a line break"),
        ((("a", Preference(2)), ("b", Preference(3))), "among the same candidates"),
    ],
)
def test_what_is_no_rubric(criteria: tuple[tuple[str, Score], ...], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Rubric(criteria)


def test_hostile_json_is_refused() -> None:
    nested: dict[str, object] = {"kind": "score", "low": 1, "high": 5, "step": 1}
    for _ in range(3):
        nested = {"kind": "rubric", "criteria": [["a", nested]]}
    for data in (
        nested,
        {"kind": "rubric"},
        {"kind": "rubric", "criteria": [["a"]]},
        {"kind": "rubric", "criteria": 7},
    ):
        with pytest.raises(DataError, match="not an answer space"):
            space_from_json(data)
    with pytest.raises(DataError, match="choice, a preference or a score"):
        space_from_json({"kind": "rubric", "criteria": [["a", {"kind": "ranking", "n": 3}]]})
    assert verdict_from_json([4.0, 1, "no"]) == (4.0, 1, "no")


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ({"safe: yes": 0.7, "safe: no": 0.3, "better: A": 1.0}, ""),
        ({"SAFE:yes": 0.7, "safe: no": 0.3}, ""),
        ({"safe: yes; better: A": 0.4, "safe: no; better: B": 0.6}, ""),
        ({"safe: yes": 0.7, "better: A": 0.3}, "sum to 1"),
        ({"safe: yes": 0.5, "safe: no": 0.5, "safe: yes; better: A": 0.0}, "name"),
        ({"safe: perhaps": 1.0}, "name"),
        ({"safe: yes": True}, "sum to 1"),
        ({"safe: yes": float("nan")}, "sum to 1"),
        ({}, "sum to 1"),
    ],
)
def test_probabilities_are_of_whole_answers_or_of_single_criteria(shares: dict[str, float], told: str) -> None:
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    checked = Judgement.of(("yes", 0), probabilities=shares).check(space)
    assert (told in checked.error) if told else (checked.status is Status.OK)


def test_votes_with_probabilities_of_criteria_count_as_votes() -> None:
    space = Rubric((("safe", Choice(("yes", "no"))), ("better", Preference(2))))
    request = Request(task="t", item="i", messages=(), space=space, format=TaggedFormat())
    votes = [
        Judgement.of(("yes", 0), probabilities={"safe: yes": 1.0}),
        Judgement.of(("yes", 0)),
        Judgement.of(("no", 0)),
    ]
    votes[1:] = [replace(vote, probabilities={"better: A": 0.9, "better: B": 0.1}) for vote in votes[1:]]
    found = majority_vote(votes, request)
    assert found.check(space).status is Status.OK
    assert found.probabilities is not None
    assert found.probabilities["safe: yes; better: A"] == pytest.approx(2 / 3)


def test_the_scores_in_an_answer_are_on_their_steps() -> None:
    space = Rubric((("sharp", Score(0, 5, 0.1)), ("better", Preference(2))))
    assert space.snap((3 * 0.1, 1)) == (0.3, 1)
    assert space.snap((0.15, 1)) == (0.15, 1)
    assert space.read("sharp: 0.30000001; better: B") == (0.3, 1)
