"""From "a is placed above b" to ranks that mean what they say, and to letters. Not for tests.

The rank set of a judge is from 1 + the number of judges above it to k - the number below it. If the comparisons make
one false claim in at most 5 % of boards, all sets hold the true ranks in at least 95 % of them (Mogstad, Romano, Shaikh
and Wilhelm 2024, Review of Economic Studies 91).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.score.records import Comparison


@dataclass(frozen=True, slots=True)
class Standing:
    """Rank set and letters of a judge."""

    low: int
    """The best rank that it may have."""
    high: int
    """The worst rank that it may have."""
    letters: str
    """Letters that it shares with the judges that it cannot be told apart from, and with no other."""


def standings(judges: Sequence[str], comparisons: Sequence[Comparison]) -> dict[str, Standing]:
    """Rank sets and letters.

    Args:
        judges: Names of the ranked judges, the best value first.
        comparisons: Of every two of them. Those with another judge are passed over.

    Example:
        >>> won = Comparison(judge_a="first", judge_b="third", metric="accuracy", better="first")
        >>> found = standings(["first", "second", "third"], [won])
        >>> [(own.low, own.high, own.letters) for own in found.values()]
        [(1, 2, 'a'), (1, 3, 'ab'), (2, 3, 'b')]
    """
    above: dict[str, set[str]] = {judge: set() for judge in judges}
    below: dict[str, set[str]] = {judge: set() for judge in judges}
    for pair in comparisons:
        # Judges that are not ranked take no rank from others.
        if pair.better is None or pair.worse is None or not above.keys() >= {pair.judge_a, pair.judge_b}:
            continue
        above[pair.worse].add(pair.better)
        below[pair.better].add(pair.worse)
    letters = _letters(judges, {judge: above[judge] | below[judge] for judge in judges})
    return {judge: Standing(1 + len(above[judge]), len(judges) - len(below[judge]), letters[judge]) for judge in judges}


def _letters(judges: Sequence[str], different: dict[str, Collection[str]]) -> dict[str, str]:
    """A compact letter display (Piepho 2004): two judges share a letter exactly where they cannot be told apart.

    A letter stands for a set of judges of whom no two can be told apart. Sets are grown from each pair that shares none
    yet, in order (a clique cover by Gramm and others 2007). A judge that differs from all others has one of its own.
    """
    sets: list[list[str]] = []
    shared: set[frozenset[str]] = set()
    for place, judge in enumerate(judges):
        alike = [other for other in judges[place + 1 :] if other not in different[judge]]
        waiting = [other for other in alike if frozenset((judge, other)) not in shared]
        # Every judge needs a letter, also one that differs from all others.
        if not waiting and not any(judge in members for members in sets):
            sets.append([judge])
        while waiting:
            members = [judge, waiting[0]]
            for other in judges:  # each against those that came in before it
                if other not in members and not any(other in different[member] for member in members):
                    members.append(other)
            sets.append(members)
            shared |= {frozenset(two) for two in combinations(members, 2)}
            waiting = [other for other in waiting if frozenset((judge, other)) not in shared]
    order = {judge: place for place, judge in enumerate(judges)}
    # The first letter goes to the group of the best judge, as in published tables.
    ordered = sorted(sets, key=lambda members: sorted(order[member] for member in members))
    names = [_letter(place) for place in range(len(ordered))]
    # `ab` would mean two letters or the 28th, so that names of two letters are kept apart by dots.
    joint = "" if len(ordered) <= 26 else "."
    return {
        judge: joint.join(name for name, members in zip(names, ordered, strict=True) if judge in members)
        for judge in judges
    }


def _letter(place: int) -> str:
    """`a` to `z`, then `aa`, `ab`, ..."""
    return ("" if place < 26 else _letter(place // 26 - 1)) + chr(ord("a") + place % 26)
