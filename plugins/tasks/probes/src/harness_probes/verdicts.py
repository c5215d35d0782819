"""What an unbiased judge says to a probe, given what is said to its base. Shared by gold and flip rate."""

from __future__ import annotations

from typing import cast

from harness.api import AnswerSpace, Choice, Verdict


def reverse(count: int) -> tuple[int, ...]:
    """The candidates in reverse order."""
    return tuple(range(count))[::-1]


def is_yes_no(space: AnswerSpace) -> bool:
    """Whether the space has the labels yes and no, in any case, and no other."""
    return isinstance(space, Choice) and {label.casefold() for label in space.labels} == {"yes", "no"}


def expect_verdict(probe: str, space: AnswerSpace, verdict: Verdict) -> Verdict:
    """The canonical verdict on the probe's item that says the same as `verdict` on the base's item.

    Args:
        probe: Name of the probe's card.
        space: Answer space of both items.
        verdict: Canonical, on the base's item; the gold or an answer.
    """
    # Reversing twice gives the first order, so the same function serves gold and answers.
    if probe == "swap":
        return space.to_shown(verdict, reverse(space.candidate_count))
    if probe == "negated":
        return next(label for label in cast("Choice", space).labels if label != verdict)
    return verdict


def same(space: AnswerSpace, verdict: Verdict, other: Verdict) -> bool:
    """Whether two verdicts agree; a bare tie agrees with any kind of tie."""
    # `agrees` takes its second argument for the gold. Here no side is the gold.
    return space.agrees(verdict, other) or space.agrees(other, verdict)
