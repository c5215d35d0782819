"""How far a right answer gives the reasons that were asked for: overlap of words with a reference rationale.

The overlap is the F1 of words that SQuAD (arXiv:1606.05250) compares answers by. Outcome and reasons are multiplied, as
in the hybrid reward of rationale consistency (arXiv:2602.04649), which has its overlap from a language model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from harness.api import Answer, Context, Judgement, Request, Reward, Status, UserError, Verdict
from harness_verdict.accuracy import is_right
from harness_verdict.options import RationaleOptions

_WORD = re.compile(r"\w+")


class Rationale:
    """The F1 of words between the reasoning and the reference for a right verdict, else 0."""

    def __init__(self, options: RationaleOptions) -> None:
        self._options = options

    # A trainer calls this for every reward. The reference is in the item, which `of_step` gets.
    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """Never gives a value.

        Raises:
            UserError: Always; the item is needed.
        """
        raise UserError(
            f"reward rationale: task {request.task}, item {request.item!r}: the reference rationale is in the item; "
            "use a trainer that gives it (`of_step`)"
        )

    def of_step(self, answers: Sequence[Answer]) -> list[float | None]:
        """The reward of each answer.

        Returns:
            From 0 to 1. 0 for a wrong verdict or none, so that good reasons never pay for a wrong one. `None` where the
            item has no reference.
        """
        return [self._value(answer) for answer in answers]

    def _value(self, answer: Answer) -> float | None:
        reference = answer.item.tags.get(self._options.tag, "")
        if not reference.strip() or answer.judgement.status is Status.ERROR:
            return None
        if not is_right(answer.request, answer.judgement, answer.gold):
            return 0.0
        return word_f1(answer.judgement.rationale, reference)


def word_f1(text: str, reference: str) -> float:
    """F1 of the words of two texts, each word as often as it occurs, without case and punctuation.

    >>> word_f1("The digit is a 3.", "the digit is 3")
    0.888...
    """
    said, wanted = (Counter(_WORD.findall(words.casefold())) for words in (text, reference))
    both = (said & wanted).total()
    return 2 * both / (said.total() + wanted.total()) if both else 0.0


def make(options: RationaleOptions, context: Context) -> Reward:
    """The reward `rationale`."""
    return Rationale(options)
