from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, AnswerSpace, Choice, DataError, Preference, Ranking, Score, space_from_json
from harness.api import verdict_from_json as from_json

WORDS = st.text(st.characters(categories=("L", "N")), min_size=2, max_size=8)
LABELS = st.lists(WORDS, min_size=2, max_size=5, unique_by=str.casefold).map(tuple)
TIES = st.lists(WORDS, max_size=3, unique_by=str.casefold).map(tuple)
CHOICES = st.builds(Choice, LABELS)
PREFERENCES = st.builds(Preference, st.integers(2, 26), TIES)
SCORES = st.builds(
    lambda low, count, step: Score(low, low + count * step, step),
    st.integers(-100, 100),
    st.integers(1, 50),
    st.sampled_from([0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 1e6]),
)
RANKINGS = st.builds(Ranking, st.integers(2, 5))
SPACES: st.SearchStrategy[AnswerSpace] = st.one_of(CHOICES, PREFERENCES, SCORES, RANKINGS)


@given(SPACES)
def test_every_verdict_is_inside_its_space_and_named_once(space: AnswerSpace) -> None:
    verdicts = space.verdicts()
    assert all(space.contains(verdict) for verdict in verdicts)
    assert len({space.name(verdict) for verdict in verdicts}) == len(verdicts)


@given(SPACES)
def test_read_is_the_inverse_of_name(space: AnswerSpace) -> None:
    for verdict in space.verdicts():
        read = space.read(f" {space.name(verdict)}\n")
        assert read == pytest.approx(verdict) if isinstance(verdict, float) else read == verdict


@given(
    SPACES, st.text(max_size=10) | st.sampled_from(["", " ", "A", "BA", "B>A", "1/5", "4/5", "nan", "1e9", "٤", "Ａ"])
)
def test_what_is_read_is_inside_the_space(space: AnswerSpace, text: str) -> None:
    verdict = space.read(text)
    assert verdict is None or space.contains(verdict)


@given(SPACES)
def test_the_worst_answer_differs_from_the_gold_and_is_allowed(space: AnswerSpace) -> None:
    for gold in space.verdicts():
        worst = space.worst(gold)
        assert space.contains(worst)
        assert not space.agrees(worst, gold)


@given(SPACES)
def test_spaces_and_verdicts_survive_json(space: AnswerSpace) -> None:
    assert space_from_json(json.loads(json.dumps(space.to_json()))) == space
    for verdict in space.verdicts():
        assert from_json(json.loads(json.dumps(verdict))) == verdict


@given(st.data(), st.one_of(PREFERENCES, RANKINGS))
def test_canonical_and_shown_are_inverse(data: st.DataObject, space: Preference | Ranking) -> None:
    order = tuple(data.draw(st.permutations(range(space.n))))
    verdicts = [data.draw(st.sampled_from(space.verdicts()))]
    if isinstance(space, Preference) and space.ties:
        verdicts.append(TIE)
    for verdict in verdicts:
        assert space.to_canonical(space.to_shown(verdict, order), order) == verdict
        assert space.to_shown(space.to_canonical(verdict, order), order) == verdict
        assert space.contains(space.to_shown(verdict, order))


def test_shown_places_mean_what_they_say() -> None:
    order = (2, 0, 1)  # candidate 2 is shown first
    assert Preference(3).to_canonical(0, order) == 2
    assert Preference(3).to_shown(2, order) == 0
    assert Ranking(3).to_canonical((0, 2, 1), order) == (2, 1, 0)
    assert Choice(("yes", "no")).to_canonical("yes", order) == "yes"
    assert Score().to_shown(4.0, order) == 4.0


def test_a_bare_tie_agrees_with_every_tie_and_with_nothing_else() -> None:
    space = Preference(2, ("good", "bad"))
    assert space.agrees(TIE, "good")
    assert space.agrees(TIE, "bad")
    assert not space.agrees(TIE, 0)
    assert not space.agrees("good", "bad")
    assert not Preference(2).contains(TIE)


HOSTILE: list[Any] = [None, True, False, 10**400, -1, 1.5, float("nan"), float("inf"), "", "x", b"A", [], {}, (), ([],)]
HOSTILE += [("0", "1", "2"), (True, False, 2), (0.0, 1.0, 2.0), (0, 0, 1), (0, 1), ([1], 0, 2), [0, 1, 2], object()]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_nothing_hostile_is_inside_a_space(value: object) -> None:
    for space in (Choice(("yes", "no")), Preference(3, ("tie",)), Score(1, 5, 1), Ranking(3)):
        assert not space.contains(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Choice(("yes",)),
        lambda: Choice(("yes", "YES ")),
        lambda: Choice(("yes", " ")),
        lambda: Preference(1),
        lambda: Preference(27),
        lambda: Preference(2, ("a",)),
        lambda: Preference(2, ("tie", "TIE")),
        lambda: Score(5, 1),
        lambda: Score(1, float("inf")),
        lambda: Score(1, 5, -1),
        lambda: Ranking(1),
        lambda: Ranking(9).verdicts(),
        lambda: Score(0, 1, 0).verdicts(),
        lambda: Score(0, 1, 1e-4).verdicts(),
    ],
)
def test_impossible_spaces_are_refused(make: Any) -> None:
    with pytest.raises(DataError):
        make()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "mood"},
        {"kind": "choice"},
        {"kind": "choice", "labels": [True, False]},
        {"kind": "choice", "labels": 3},
        {"kind": "preference", "n": "2", "ties": []},
        {"kind": "preference", "n": 2, "ties": [1]},
        {"kind": "score", "low": "1", "high": 5, "step": 1},
        {"kind": "ranking", "n": None},
    ],
)
def test_what_is_no_space_is_a_data_error(data: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"answer space|must be|needs"):
        space_from_json(data)


def test_scores_are_read_with_their_own_scale_only() -> None:
    assert Score(1, 5).read("4/5") == 4
    assert Score(1, 5).read(" 4 / 5 ") == 4
    assert Score(1, 10).read("4/5") is None
    assert Score(1, 5).read("4.5") is None
    assert Score(1, 5, 0).read("4.5") == 4.5
    assert Score(0, 10_000_000).name(1_234_567) == "1234567"
    assert Score(0, 1, 0).name(0.00001) == "0.00001"


def test_look_alikes_are_other_letters() -> None:
    assert Choice(("yes", "no")).read("ye\u017f") is None
    assert Choice(("ok", "bad")).read("o\u212a") is None
    assert Ranking(2).read("Ａ>B") is None
    assert Preference(2).read("А") is None
    assert Choice(("größer", "kleiner")).read("GRÖßER") == "größer"


def test_labels_with_white_space_around_are_still_read() -> None:
    assert Choice((" yes", "no")).read("yes") == " yes"


def in_32_bits(value: float) -> float:
    """The number that a column of float32 gives back."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


@pytest.mark.parametrize(
    "space",
    [
        Score(0, 5, 0.1),
        Score(0, 10, 0.1),
        Score(-1, 1, 0.05),
        Score(0, 100, 0.1),
        Score(1, 5, 0.01),
        Score(0.7, 1.1, 0.1),
    ],
)
def test_equal_steps_are_equal_numbers_however_they_were_stored(space: Score) -> None:
    for step, verdict in enumerate(space.verdicts()):
        text = space.name(verdict)
        assert verdict == float(text)
        assert space.read(text) == verdict
        for value in (space.low + step * space.step, in_32_bits(float(text))):
            assert space.contains(value)
            assert space.snap(value) == verdict


def test_numbers_that_are_exact_or_on_no_step_are_left_as_they_are() -> None:
    for space in (Score(1, 5), Score(1, 5, 0.5)):
        assert [(value, type(value)) for value in map(space.snap, (4, 4.0))] == [(4, int), (4.0, float)]
    assert Score(0, 5, 0).snap(in_32_bits(0.1)) == in_32_bits(0.1)
    for value in (0.15, 0.1001, 5.1, -0.1, float("nan"), float("inf"), "0.1", True):
        assert not Score(0, 5, 0.1).contains(value)
        assert str(Score(0, 5, 0.1).snap(value)) == str(value)
    # Thirds are no decimals, and three of them are the top of the scale.
    assert Score(0, 1, 1 / 3).verdicts() == (0, 1 / 3, 2 / 3, 1)
    assert Score(0, 1, 1 / 3).snap(1.0) == 1


@pytest.mark.parametrize("space", [Choice(("a", "b")), Preference(2, ("tie",)), Ranking(3)])
def test_only_scores_have_steps(space: AnswerSpace) -> None:
    assert tuple(map(space.snap, space.verdicts())) == space.verdicts()
