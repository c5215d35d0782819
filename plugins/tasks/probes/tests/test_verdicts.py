from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.api import TIE, Choice, Preference, Ranking, Score
from harness_probes.verdicts import expect_verdict, is_yes_no, reverse, same


@given(st.integers(2, 6), st.data())
def test_swapping_twice_gives_back_every_verdict(n: int, data: st.DataObject) -> None:
    for space in (Preference(n, ("tie",)), Ranking(n)):
        verdict = data.draw(st.sampled_from(space.verdicts()))
        there = expect_verdict("swap", space, verdict)
        assert space.contains(there)
        assert expect_verdict("swap", space, there) == verdict
        assert space.to_canonical(there, reverse(n)) == verdict, "the same candidate, seen from the reversed list"


def test_swap_and_negation_by_hand() -> None:
    assert expect_verdict("swap", Preference(3), 0) == 2
    assert expect_verdict("swap", Preference(2, ("tie",)), TIE) == TIE
    assert expect_verdict("swap", Ranking(3), (0, 2, 1)) == (2, 0, 1)
    assert expect_verdict("negated", Choice(("Yes", "No")), "Yes") == "No"
    assert expect_verdict("jpeg", Score(), 3.0) == 3.0


def test_a_bare_tie_is_no_flip_of_a_kind_of_tie() -> None:
    space = Preference(2, ("good", "bad"))
    assert same(space, TIE, "good")
    assert same(space, "good", TIE)
    assert not same(space, "good", "bad")
    assert not same(space, 0, TIE)


def test_only_yes_and_no_can_be_negated() -> None:
    assert is_yes_no(Choice(("no", "Yes")))
    assert not is_yes_no(Choice(("yes", "no", "maybe")))
    assert not is_yes_no(Choice(("good", "bad")))
    assert not is_yes_no(Preference(2))
