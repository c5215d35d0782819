"""The share of the criteria that are right, for answers to a rubric: the metric `criteria_accuracy` as a reward."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Rubric, Status, Verdict


def criteria_accuracy(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """How many of the criteria are right, as evaluation would say.

    Returns:
        From 0 to 1. An answer without a verdict earns 0, also where it lacks one criterion only: leaving one out must
        not pay. `None` for a failure of the machine and for all but rubrics.
    """
    space = request.space
    if not isinstance(space, Rubric) or judgement.status is Status.ERROR:
        return None
    if judgement.verdict is None:
        return 0.0
    right = space.agree_each(judgement.verdict, gold)
    return sum(right) / len(right)


def make(options: None, context: Context) -> Reward:
    """The reward `criteria-accuracy`."""
    return criteria_accuracy
