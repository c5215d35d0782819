"""What scoring needs to know of rubrics: the criteria of all items together, and the places that an answer names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from harness.api import AnswerSpace, DataError, Preference, Rubric, Verdict


def merge_rubrics(known: AnswerSpace, own: AnswerSpace, *, item: str) -> Rubric:
    """A rubric with the criteria of two, those of the first in front. Of a criterion of both the first space is kept.

    Raises:
        DataError: The same criteria stand in another order, or there are too many together.
    """
    first, second = cast("Rubric", known), cast("Rubric", own)
    # Metrics of conflicts know a criterion by its place, unless all are preferences and places do not matter.
    turned = first.names != second.names and set(first.names) == set(second.names)
    if turned and not all(isinstance(space, Preference) for space in first.spaces):
        raise DataError(
            f"item {item!r}: its criteria are {', '.join(second.names)}, and those of the items before are "
            f"{', '.join(first.names)}; name them in one order"
        )
    new = tuple((name, space) for name, space in second.criteria if name not in first.names)
    return first if not new else Rubric((*first.criteria, *new))


def list_places(space: AnswerSpace, verdict: Verdict) -> Iterator[int]:
    """The shown places that an answer prefers: one of a preference, one for each preference of a rubric; no ties."""
    spaces = space.spaces if type(space) is Rubric else (space,)
    parts = cast("tuple[Verdict, ...]", verdict) if type(space) is Rubric else (verdict,)
    for own, part in zip(spaces, parts, strict=True):
        # A tie names no place, so it is no evidence of position bias.
        if type(own) is Preference and not isinstance(part, str):
            yield cast("int", part)
