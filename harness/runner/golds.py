"""Which golds never come among some items, in words: a judge that never says them is not found out."""

from __future__ import annotations

from collections.abc import Collection

from harness.api import AnswerSpace, Choice, Preference, Verdict


def describe_lacking(golds: Collection[Verdict], spaces: Collection[AnswerSpace], *, what: str) -> str:
    """Say which classes are the gold of no item. Empty where each is, or where that is not known.

    Args:
        golds: The different golds that came.
        spaces: The different answer spaces of the items. With several they have no classes in common.
        what: Names the items, such as `its first 20 items`.
    """
    if len(spaces) != 1 or not golds:
        return ""
    (space,) = spaces
    if len(golds) == 1 and isinstance(space, Choice | Preference):
        (gold,) = golds
        return f"the gold of {what} is always {space.name(gold)}; a judge that always says it scores 1"
    missing = [label for label in space.labels if label not in golds] if isinstance(space, Choice) else []
    if not missing:
        return ""
    return f"no gold of {what} is {' or '.join(missing)}; a judge that never says it is not found out"
