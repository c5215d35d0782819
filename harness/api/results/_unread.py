"""The reasons why an answer has no verdict, few enough to be counted. `Judgement.error` has the details."""

from __future__ import annotations

from enum import StrEnum

from harness.api._records import Status


class UnreadReason(StrEnum):
    """Why an answer has no verdict. `Judgement.error` begins with the reason: `ambiguous: A or B`."""

    NO_VERDICT = "no verdict"
    """The text names no verdict at all."""
    AMBIGUOUS = "ambiguous"
    """One statement leaves several verdicts open: `A or B`, `8/10` on a scale of 5."""
    CONTRADICTS = "contradicts itself"
    """Two statements give verdicts that disagree."""
    OUTSIDE = "outside"
    """The verdict is not an answer of the space: `yes` to `A or B?`."""
    QUOTED = "only quoted"
    """All verdicts in the text stand in sentences of the prompt that it repeats."""
    OPEN_REASONING = "reasoning never closes"
    """The reasoning has no end, so no answer follows it."""
    CUT_OFF = "cut off"
    """The answer stopped before its verdict."""
    DRAWN = "drawn"
    """Equal scores or votes, where the question knows no tie."""
    REFUSED = "refused"
    """The judge, or the provider's filter, declined."""
    ERROR = "error"
    """The judge failed. It is asked again on the next run."""


_OF_STATUS = {
    Status.OUTSIDE: UnreadReason.OUTSIDE,
    Status.DRAW: UnreadReason.DRAWN,
    Status.REFUSED: UnreadReason.REFUSED,
    Status.TRUNCATED: UnreadReason.CUT_OFF,
    Status.ERROR: UnreadReason.ERROR,
}

_EARLIER = {"two verdicts": UnreadReason.CONTRADICTS, "a draw": UnreadReason.DRAWN, "equal scores": UnreadReason.DRAWN}
"""Beginnings of errors that earlier versions wrote without a reason. Journals keep them."""


def reason_of(status: Status, error: str) -> UnreadReason | None:
    """The reason in a judgement's status and error. `None` for an answer with a verdict.

    >>> reason_of(Status.UNPARSED, "ambiguous: 'A or B' names A and B").value
    'ambiguous'
    >>> reason_of(Status.TRUNCATED, "max_tokens").value
    'cut off'

    Args:
        status: `Judgement.status`.
        error: `Judgement.error`: a reason, alone or with details after a colon. Where it begins with no reason, as from
            a plugin's format, the status decides.
    """
    if status is Status.OK:
        return None
    # Only at the beginning and before a colon: a reason may also occur in quoted text of the judge.
    begins = next((reason for reason in UnreadReason if error == reason or error.startswith(f"{reason}:")), None)
    # An answer that was cut off inside its reasoning: the reasoning is the better thing to look at.
    if status is Status.TRUNCATED and begins is UnreadReason.OPEN_REASONING:
        return begins
    known = _OF_STATUS.get(status)
    if known is not None:
        return known
    earlier = next((reason for words, reason in _EARLIER.items() if error.startswith(words)), None)
    return begins or earlier or UnreadReason.NO_VERDICT
