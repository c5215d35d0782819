"""Recorded numbers beside computed ones: where two documents differ, and whether by more than rounding.

Scores are written with 10 significant digits, and boards with six decimals. Two machines may round a last digit in two
ways, because their libraries add up in another order. Such a difference is named, and the row holds all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_NAMED = 20
"""Differences that are kept of one row."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far two numbers may lie apart and be the same number, rounded on two machines."""

    relative: float
    """As a share of the larger one."""
    absolute: float
    """As it is."""


OF_SCORES = Rounding(1.5e-9, 1e-12)
"""Of `scores.json`: a unit in the tenth digit."""
OF_BOARDS = Rounding(1e-9, 1.5e-6)
"""Of `leaderboard.json`: a unit in the sixth decimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not what was computed."""

    member: str
    """In which member of the bundle."""
    field: str
    """Where in it: names joined by dots."""
    recorded: Any
    """What the bundle says; `None` also where it says nothing."""
    computed: Any
    """What was computed; likewise."""
    is_rounding: bool = False
    """Whether the two differ in the last digit alone."""
    is_new: bool = False
    """Whether the bundle does not have the field at all, as with one that an older version wrote."""

    def __str__(self) -> str:
        last = " (in the last digit: rounding)" if self.is_rounding else ""
        return f"{self.member}: {self.field} is recorded as {self.recorded!r}, computed is {self.computed!r}{last}"


def find_differences(
    member: str, recorded: Any, computed: Any, rounding: Rounding, *, field: str = ""
) -> Iterator[Difference]:
    """Where two plain documents differ.

    Args:
        member: The member that the first is of, for the records.
        recorded: The one.
        computed: The other.
        rounding: What is no more than rounding.
        field: Where in the member both stand.
    """
    if isinstance(recorded, Mapping) and isinstance(computed, Mapping):
        for name in dict.fromkeys([*recorded, *computed]):
            pair = (recorded.get(name, _MISSING), computed.get(name, _MISSING))
            yield from find_differences(member, *pair, rounding, field=f"{field}.{name}".lstrip("."))
    elif _is_list(recorded) and _is_list(computed) and len(recorded) == len(computed):
        for place, pair in enumerate(zip(recorded, computed, strict=True)):
            yield from find_differences(member, *pair, rounding, field=f"{field}.{place}".lstrip("."))
    elif not _is_same(recorded, computed):
        yield Difference(
            member=member,
            field=field,
            recorded=None if recorded is _MISSING else recorded,
            computed=None if computed is _MISSING else computed,
            is_rounding=_is_close(recorded, computed, rounding),
            is_new=recorded is _MISSING,
        )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_same(recorded: Any, computed: Any) -> bool:
    # 1, 1.0 and True are equal in Python, and are three texts in JSON.
    return type(recorded) is type(computed) and bool(recorded == computed)


def _is_close(recorded: Any, computed: Any, rounding: Rounding) -> bool:
    if type(recorded) is not float or type(computed) is not float:
        return False
    return math.isclose(recorded, computed, rel_tol=rounding.relative, abs_tol=rounding.absolute)
