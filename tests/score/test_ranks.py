"""Rank sets and letters from who is placed above whom."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from harness.score.ranks import standings
from harness.score.records import Comparison


def compared(judges: list[str], better: set[tuple[str, str]]) -> list[Comparison]:
    return [
        Comparison(a=a, b=b, metric="m", better=a if (a, b) in better else b if (b, a) in better else None)
        for a, b in combinations(judges, 2)
    ]


def test_letters_of_a_chain_and_of_two_judges_apart_inside_a_third_ones_set() -> None:
    """`a` cannot be told from `b` and `c`, nor `b` from `c` and `d`; `d` is below `a` only, `e` below all but `d`."""
    better = {("a", "d"), ("a", "e"), ("b", "e"), ("c", "e")}
    found = standings(list("abcde"), compared(list("abcde"), better))
    assert {name: one.letters for name, one in found.items()} == {"a": "a", "b": "ab", "c": "ab", "d": "bc", "e": "c"}
    assert [(one.low, one.high) for one in found.values()] == [(1, 3), (1, 4), (1, 4), (2, 5), (4, 5)]


@given(
    scores=st.lists(st.integers(0, 12), min_size=1, max_size=12),
    need=st.lists(st.integers(0, 5), min_size=66, max_size=66),
)
def test_two_judges_share_a_letter_exactly_where_they_cannot_be_told_apart(scores: list[int], need: list[int]) -> None:
    judges = [f"judge {place:02}" for place in range(len(scores))]
    score = dict(zip(judges, sorted(scores, reverse=True), strict=True))
    better = {(a, b) for (a, b), gap in zip(combinations(judges, 2), need, strict=False) if score[a] - score[b] > gap}
    found = standings(judges, compared(judges, better))
    for a, b in combinations(judges, 2):
        alike = bool({*found[a].letters} & {*found[b].letters})
        assert alike == ((a, b) not in better)
