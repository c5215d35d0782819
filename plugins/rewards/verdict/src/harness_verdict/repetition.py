"""The price of saying things again: the n-gram repetition penalty of Yeo et al. 2025 (arXiv:2502.03373)."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Status, Verdict
from harness_verdict.options import RepetitionOptions


class Repetition:
    """`-scale` times the share of n-grams, of words in the whole answer, that repeat an earlier one."""

    def __init__(self, options: RepetitionOptions) -> None:
        self._options = options

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """By the words written, in upper or lower case, with a verdict or without.

        Returns:
            From `-scale` to 0; 0 for `n` words or fewer; `None` for a failure of the machine.
        """
        if judgement.status is Status.ERROR:
            return None
        # `0.0 - x`, as `-x` would print -0.0 for an answer without repeats.
        return 0.0 - self._options.scale * share_of_repeats(judgement.raw, self._options.n)


def share_of_repeats(text: str, n: int) -> float:
    """The share of the word n-grams of `text` that repeat an earlier one; 0 where there are none."""
    words = text.casefold().split()
    count = len(words) - n + 1
    if count < 1:
        return 0.0
    return 1.0 - len({tuple(words[start : start + n]) for start in range(count)}) / count


def make(options: RepetitionOptions, context: Context) -> Reward:
    """The reward `repetition`."""
    return Repetition(options)
