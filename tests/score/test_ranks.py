"""Rank sets count who is above and below; two judges share a letter exactly where they cannot be told apart."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.score.ranks import standings
from harness.score.records import Comparison


def pair(a: str, b: str, better: str | None) -> Comparison:
    return Comparison(judge_a=a, judge_b=b, metric="m", better=better)


@given(count=st.integers(1, 12), data=st.data())
@settings(max_examples=300)
def test_whatever_is_better_than_what_letters_and_sets_say_it(count: int, data: st.DataObject) -> None:
    """Any relation, cycles included."""
    judges = [f"j{k}" for k in range(count)]
    better = {
        (a, b): data.draw(st.sampled_from((None, None, a, b)), label=f"{a} {b}") for a, b in combinations(judges, 2)
    }
    found = standings(judges, [pair(a, b, won) for (a, b), won in better.items()])
    for (a, b), won in better.items():
        assert bool(set(found[a].letters) & set(found[b].letters)) == (won is None)
    for judge in judges:
        above = sum(won is not None and judge in both and won != judge for both, won in better.items())
        below = sum(won == judge for won in better.values())
        assert (found[judge].low, found[judge].high) == (1 + above, count - below)
        assert 1 <= found[judge].low <= found[judge].high <= count
        assert found[judge].letters


def test_letters_go_by_the_order_of_the_judges() -> None:
    found = standings("abcd", [pair("a", "c", "a"), pair("a", "d", "a"), pair("b", "d", "b")])
    assert {judge: (standing.low, standing.high, standing.letters) for judge, standing in found.items()} == {
        "a": (1, 2, "a"),
        "b": (1, 3, "ab"),
        "c": (2, 4, "bc"),
        "d": (3, 4, "c"),
    }


def test_who_is_not_ranked_is_passed_over() -> None:
    found = standings("ab", [pair("a", "b", None), pair("c", "b", "c"), pair("a", "c", "a")])
    assert {(standing.low, standing.high, standing.letters) for standing in found.values()} == {(1, 2, "a")}


def test_one_judge_and_none() -> None:
    assert standings([], []) == {}
    assert [(standing.low, standing.high, standing.letters) for standing in standings(["a"], []).values()] == [
        (1, 1, "a")
    ]


@pytest.mark.parametrize("count", [26, 27, 60])
def test_more_judges_than_letters(count: int) -> None:
    judges = [f"j{k:02}" for k in range(count)]
    near = [pair(a, b, a if int(b[1:]) - int(a[1:]) > 1 else None) for a, b in combinations(judges, 2)]
    found = standings(judges, near)
    own = {
        judge: set(standing.letters.split(".") if count > 27 else standing.letters) for judge, standing in found.items()
    }
    for comparison in near:
        assert bool(own[comparison.judge_a] & own[comparison.judge_b]) == (comparison.better is None)
    assert found["j00"].letters == "a"
    assert found[judges[-1]].letters == {26: "y", 27: "z", 60: "bg"}[count]
