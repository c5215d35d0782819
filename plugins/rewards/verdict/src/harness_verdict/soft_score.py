"""The error of the expected score: the regression-aware reward of REAL (arXiv:2603.17145), brought to [0, 1]."""

from __future__ import annotations

from typing import cast

from harness.api import Context, Judgement, Request, Reward, Score, Status, Verdict
from harness_verdict.probabilities import probabilities_of


def soft_score(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """1 - ((E - gold) / (high - low))^2, where E is the sum of k p(k) over the scale.

    The paper's -(E - gold)^2 on a scale of length 1, moved up by 1. Its second gradient, through p, is not in a number.

    Returns:
        From 0 to 1; 0 for an answer without a verdict, so that no answer earns less. `None` for a failure of the
        machine and for other spaces.

    Raises:
        UserError: An answer with a verdict comes without probabilities.
        DataError: Its probabilities are no distribution over the scale.
    """
    space = request.space
    if not isinstance(space, Score) or judgement.status is Status.ERROR:
        return None
    if judgement.status is not Status.OK:
        return 0.0
    # An answer without probabilities raises here: the score in its text is not their mean.
    shares = probabilities_of(request, judgement, reward="soft-score")
    expected = sum(cast("float", score) * share for score, share in shares)
    error = (expected - cast("float", gold)) / (space.high - space.low)
    return max(0.0, 1.0 - error * error)  # rounding may put the expected score a hair outside the scale


def make(options: None, context: Context) -> Reward:
    """The reward `soft-score`."""
    return soft_score
