"""1 where the whole answer is what the verdict format asks for: the format reward of DeepSeek-R1 (arXiv:2501.12948)."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Status, Verdict


def well_formed(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Whether the answer keeps to the letter of the request's format, which is asked, and gives its reasoning.

    An answer whose verdict can be read may still earn 0: the parser forgives what the instruction does not ask for.

    Returns:
        1.0 or 0.0; `None` for a failure of the machine.
    """
    if judgement.status is Status.ERROR:
        return None
    # Refused, cut short or unreadable: no such answer keeps to the format, so the text need not be read.
    if judgement.status is not Status.OK:
        return 0.0
    # With a template that opens `<think>` the raw answer lacks the tag, and strict reading would miss it.
    reading = request.reading(judgement.raw, opened=judgement.thinking == "opened")
    # Empty tags would otherwise earn the reward, and a policy would learn to leave the reasoning out.
    reasoned = bool(reading.rationale) or not getattr(request.format, "asks_for_reasoning", False)
    return float(reading.well_formed and reasoned)


def make(options: None, context: Context) -> Reward:
    """The reward `format`."""
    return well_formed
