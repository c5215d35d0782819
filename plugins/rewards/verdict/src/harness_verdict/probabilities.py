"""The probabilities of an answer by verdict, for the rewards that need them."""

from __future__ import annotations

from harness.api import DataError, Judgement, Request, Status, UserError, Verdict


def probabilities_of(request: Request, judgement: Judgement, *, reward: str) -> list[tuple[Verdict, float]]:
    """Verdicts of the space, in shown places, with their probabilities.

    Args:
        request: What was asked.
        judgement: An answer with a verdict.
        reward: Who asks, for messages.

    Returns:
        Pairs; the probabilities are from 0 to 1 and sum to 1. A verdict that is not among them has probability 0.

    Raises:
        UserError: The answer has no probabilities.
        DataError: They are no distribution over the space, or the verdict is outside it.
    """
    where = f"reward {reward}: task {request.task}, item {request.item!r}"
    if judgement.probabilities is None:
        raise UserError(
            f"{where}: the answer comes without probabilities; use a trainer that gives them, or leave this reward out"
        )
    # Judges and trainers are plugins: their numbers are checked before a reward is computed from them.
    checked = judgement.check(request.space)
    if checked.status is Status.ERROR:
        raise DataError(f"{where}: {checked.error}")
    read = [(request.space.read(name), max(share, 0.0)) for name, share in judgement.probabilities.items()]
    if any(verdict is None for verdict, _ in read):
        raise UserError(
            f"{where}: its probabilities are of single criteria, and this reward is of whole answers; use a judge that "
            "weighs whole answers, or leave this reward out"
        )
    # The check allows a small rounding error. The formulas of the rewards want a sum of exactly 1.
    total = sum(share for _, share in read)
    return [(verdict, share / total) for verdict, share in read if verdict is not None]
