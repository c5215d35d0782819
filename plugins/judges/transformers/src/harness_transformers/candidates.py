"""From one number for each candidate to a verdict: for judges that score candidates one by one.

Such a judge cannot prefer a place: it never sees two candidates at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from harness.api import TIE, Choice, Judgement, Preference, Ranking, Request, Status

NO_MEMORY = "out of memory with one row; use a smaller dtype or a larger device"


def refusal(request: Request) -> str:
    """Why candidates that are scored one by one give no answer to a request; empty where they do."""
    if isinstance(request.space, Preference | Ranking):
        if len(request.candidates) == request.space.n:
            return ""
        return f"the question compares {request.space.n} candidates, and the task tells {len(request.candidates)} apart"
    if isinstance(request.space, Choice) and len(request.space.labels) == 2 and not request.candidates:
        return ""
    return f"this judge scores candidates one by one, and cannot give an answer of {request.space}"


def compared(
    request: Request, scores: Sequence[float], *, logits: Sequence[float], tie_margin: float, raw: Mapping[str, Any]
) -> Judgement:
    """The verdict on two candidates or more.

    Args:
        request: What was asked; a preference or a ranking.
        scores: One for each candidate, in shown places; the highest is best.
        logits: The same as logits: their softmax is the probability of being the best of all (Bradley and Terry 1952
            for two, Luce 1959 for more).
        tie_margin: Best scores that are at most so far apart are a tie, where the space knows ties.
        raw: What is kept of the scores.

    Returns:
        Without a verdict where the best are equal and the space has no tie, or two ranks cannot be told apart.
    """
    kept = json.dumps(raw)
    if not all(map(math.isfinite, scores)):
        return Judgement.failed(Status.ERROR, f"the model gave a score that is no number: {list(scores)}", raw=kept)
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    if isinstance(request.space, Ranking):
        if any(scores[one] == scores[other] for one, other in pairwise(order)):
            return Judgement.failed(Status.UNPARSED, "two candidates have the same score", raw=kept)
        return Judgement.of(tuple(order), raw=kept)
    assert isinstance(request.space, Preference)
    space = request.space
    probabilities = dict(zip(map(space.name, range(space.n)), softmax(logits), strict=True))
    probabilities |= dict.fromkeys(space.ties, 0.0)
    gap = scores[order[0]] - scores[order[1]]
    if space.ties and gap <= tie_margin:
        tie = space.ties[0] if len(space.ties) == 1 else TIE
        return Judgement.of(tie, raw=kept, probabilities=probabilities)
    if gap == 0:
        return Judgement.failed(Status.UNPARSED, "the best candidates have the same score", raw=kept)
    return Judgement.of(order[0], raw=kept, probabilities=probabilities)


def decided(request: Request, score: float, *, threshold: float | None, raw: Mapping[str, Any]) -> Judgement:
    """The verdict on a question with two answers: the first where the score is above the threshold."""
    if threshold is None:
        return Judgement.failed(Status.REFUSED, "a question with two answers needs the option `threshold`")
    kept = json.dumps(raw)
    if not math.isfinite(score):
        return Judgement.failed(Status.ERROR, f"the model gave a score that is no number: {score}", raw=kept)
    assert isinstance(request.space, Choice)
    return Judgement.of(request.space.labels[0 if score > threshold else 1], raw=kept)


def softmax(logits: Sequence[float]) -> list[float]:
    """Numbers from 0 to 1 that sum to 1."""
    most = max(logits)
    weights = [math.exp(one - most) for one in logits]
    total = sum(weights)
    return [weight / total for weight in weights]
