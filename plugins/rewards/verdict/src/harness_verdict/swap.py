"""Right in both orders: the consistency reward of J1 (arXiv:2505.10320)."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import (
    Answer,
    AnswerSpace,
    Context,
    Judgement,
    Preference,
    Request,
    Reward,
    Rubric,
    Status,
    UserError,
    Verdict,
)
from harness_verdict.accuracy import is_right


class SwapConsistency:
    """1 where the verdicts of both orders are right, each against the gold in its own shown places, else 0."""

    # A trainer calls this for every reward. This reward needs both orders, which `of_orders` gets.
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """`None` where no preference is asked for.

        Raises:
            UserError: A preference; one order alone cannot say.
        """
        if not _asks_for_preference(request.space):
            return None
        raise UserError(f"{_where(request)} was judged in one order; use a trainer that shows both (`of_orders`)")

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        """The reward of each of the answers.

        Args:
            answers: Those to one item with one sample number, each in an order of its own.

        Returns:
            1.0 or 0.0; an answer without a verdict is not right. `None` where the machine failed in either order, and
            where no preference is asked for.

        Raises:
            UserError: Not one item and sample in two or more orders.
        """
        if not all(_asks_for_preference(answer.request.space) for answer in answers):
            return None
        # Both answers in one order would count a lucky place twice, which is what this reward is against.
        orders = {answer.request.order for answer in answers}
        asked = {(answer.request.task, answer.request.item, answer.request.sample) for answer in answers}
        if len(asked) != 1 or len(orders) < 2 or len(orders) != len(answers):
            shown = [(answer.request.item, answer.request.order, answer.request.sample) for answer in answers]
            raise UserError(f"reward swap-consistency: needs one item and sample, once in each order, got {shown}")
        if any(answer.judgement.status is Status.ERROR for answer in answers):
            return None
        return float(all(is_right(answer.request, answer.judgement, answer.gold) for answer in answers))


def make(options: None, context: Context) -> Reward:
    """The reward `swap-consistency`."""
    return SwapConsistency()


def _asks_for_preference(space: AnswerSpace) -> bool:
    return isinstance(space, Preference) or (isinstance(space, Rubric) and space.candidate_count > 0)


def _where(request: Request) -> str:
    return f"reward swap-consistency: task {request.task}, item {request.item!r}"
