"""1 for the right verdict, else 0: the reward of DeepSeek-R1 (arXiv:2501.12948) and most judges trained since."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Status, Verdict


def accuracy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Whether the verdict is right, as evaluation would say.

    Returns:
        1.0 or 0.0. An answer without a verdict earns 0 for any gold: it is compared with no label. `None` for a
        failure of the machine, which says nothing about the policy.
    """
    # A reward of 0 would teach the policy to avoid an answer that a machine lost. `None` leaves the sample out.
    if judgement.status is Status.ERROR:
        return None
    return float(is_right(request, judgement, gold))


def is_right(request: Request, judgement: Judgement, gold: Verdict) -> bool:
    """Whether there is a verdict, and it agrees with the gold."""
    return judgement.verdict is not None and request.space.agrees(judgement.verdict, gold)


def make(options: None, context: Context) -> Reward:
    """The reward `accuracy`."""
    return accuracy
