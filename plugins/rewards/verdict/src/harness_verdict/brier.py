"""Right, and as sure as one may be: the bounded calibration reward of RLCR (arXiv:2507.16806)."""

from __future__ import annotations

from harness.api import Context, Judgement, Request, Reward, Status, Verdict
from harness_verdict.accuracy import is_right
from harness_verdict.probabilities import probabilities_of

FLOOR = -1.0
"""What an answer without a verdict earns: as much as one that is wrong and certain, the least that there is."""


def brier(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """The formula is c - (q - c)^2: c is 1 for a right verdict and else 0, and q the probability of the verdict given.

    The Brier score is a proper scoring rule: for any chance of being right, the reward expects most where q equals
    it. The paper's q is a confidence that the model states; here it is the model's probability. Where a bare tie stands
    for several kinds of tie, q is the probability of all of them together.

    Returns:
        From 0 to 1 where right, from -1 to 0 where wrong, and -1 for an answer without a verdict: if that earned 0, a
        judge in doubt would do best to say nothing. `None` for a failure of the machine.

    Raises:
        UserError: An answer with a verdict comes without probabilities.
        DataError: Its probabilities are no distribution over the space.
    """
    if judgement.status is Status.ERROR:
        return None
    verdict = judgement.verdict
    if verdict is None:
        return FLOOR
    shares = probabilities_of(request, judgement, reward="brier")
    # A bare `tie` agrees with "both good" and "both bad", so their shares add up. Rounding may carry the sum past 1.
    sure = min(1.0, sum(share for other, share in shares if request.space.agrees(verdict, other)))
    # RLCR's equation: correctness less the squared error of the confidence, both of the same answer.
    right = float(is_right(request, judgement, gold))
    return right - (sure - right) ** 2


def make(options: None, context: Context) -> Reward:
    """The reward `brier`."""
    return brier
