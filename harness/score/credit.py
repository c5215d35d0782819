"""The credit of one answer by the rules of a `Protocol`: its class, what a tie is worth, what a blind guess may be."""

from __future__ import annotations

from typing import cast

from harness.api import TIE, AnswerSpace, DataError, Preference, Protocol, RecordedAnswer, Rubric, UserError, Verdict


def blind_guesses(head: RecordedAnswer, *, field: str) -> tuple[Verdict, ...]:
    """All that a blind guess may be, each equally likely.

    Args:
        head: An answer to the item.
        field: The field of the protocol that asks for a guess, with its value, for the error.

    Raises:
        DataError: The answers cannot be listed.
    """
    try:
        return head.space.verdicts()
    except DataError as error:
        raise DataError(
            f"item {head.item!r}: protocol says {field}, and there is no blind guess ({error}); "
            f"use {field.partition(':')[0]}: exclude or {field.partition(':')[0]}: wrong"
        ) from error


def class_and_credit(verdict: Verdict | None, head: RecordedAnswer, protocol: Protocol) -> tuple[Verdict | None, float]:
    """An answer as it counts: its class, or `None` if that is never right, and its credit."""
    space, gold = head.space, head.gold
    if type(space) is Rubric:
        return _class_and_credit_of_all(verdict, head, space, protocol)
    verdict = None if verdict is None else _resolve_tie(space, verdict, gold)
    credit = float(verdict is not None and space.agrees(verdict, gold))
    if protocol.ties == "class":
        return verdict, credit
    tied_gold, tied = is_tie(space, gold), verdict is not None and is_tie(space, verdict)
    if protocol.ties == "skip":
        # An answered tie is wrong here but is no class of its own: a class that no gold has would lower a macro-F1.
        return None if tied else verdict, credit
    if protocol.ties == "half":
        return verdict, 0.5 if tied_gold else credit
    return verdict, 1.0 if tied_gold or tied else credit


def _class_and_credit_of_all(
    verdict: Verdict | None, head: RecordedAnswer, space: Rubric, protocol: Protocol
) -> tuple[Verdict | None, float]:
    """The same of a rubric: it is right where every criterion is."""
    if protocol.ties != "class":
        raise UserError(
            f"item {head.item!r}: protocol says ties: {protocol.ties}, which has no meaning for a rubric as a whole; "
            "use ties: class"
        )
    if verdict is None:
        return None, 0.0
    said, gold = cast("tuple[Verdict, ...]", verdict), cast("tuple[Verdict, ...]", head.gold)
    parts = tuple(_resolve_tie(own, a, b) for own, a, b in zip(space.spaces, said, gold, strict=True))
    return cast("Verdict", parts), float(space.agrees(verdict, head.gold))


def _resolve_tie(space: AnswerSpace, verdict: Verdict, gold: Verdict) -> Verdict:
    """A bare tie as one of the classes of the space."""
    if type(space) is Preference and verdict == TIE:
        # Most prompts offer one word for a tie. It is right for every kind of tied gold.
        return gold if isinstance(gold, str) else space.ties[0]
    return verdict


def is_tie(space: AnswerSpace, verdict: Verdict) -> bool:
    """Whether a verdict is a tie of some kind."""
    return type(space) is Preference and isinstance(verdict, str)
