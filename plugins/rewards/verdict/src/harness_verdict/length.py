"""A soft limit on what a judge writes: the overlong punishment of DAPO (arXiv:2503.14476)."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Status, UserError, Verdict
from harness_verdict.options import LengthOptions


class Length:
    """0 up to `limit - buffer` tokens, then in a straight line to -1 at `limit`, and -1 beyond."""

    def __init__(self, options: LengthOptions) -> None:
        self._options = options

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """By the tokens written, verdict or none.

        Returns:
            From -1 to 0; `None` for a failure of the machine.

        Raises:
            UserError: The answer does not say how many tokens it has.
        """
        if judgement.status is Status.ERROR:
            return None
        if judgement.completion_tokens is None:
            raise UserError(
                f"reward length: task {request.task}, item {request.item!r}: the answer comes without its number of "
                "tokens (`completion_tokens`); use a trainer that counts them, or leave this reward out"
            )
        # DAPO's soft punishment: linear, as a step would cost a sound answer everything for one token too many.
        fair = self._options.limit - self._options.buffer
        return max(-1.0, min(0.0, (fair - judgement.completion_tokens) / self._options.buffer))


def make(options: LengthOptions, context: Context) -> Reward:
    """The reward `length`."""
    return Length(options)
