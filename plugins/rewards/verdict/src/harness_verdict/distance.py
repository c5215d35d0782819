"""How near the verdict is to the gold, for spaces that know a distance: scores and rankings."""

from __future__ import annotations

from itertools import combinations
from typing import cast

from harness.api import Context, Judgement, Ranking, Request, Reward, Score, Status, Verdict


def distance(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """1 less the distance between verdict and gold, divided by the greatest that the space allows.

    Returns:
        From 0 to 1; 0 for an answer without a verdict, so that no answer earns less. `None` for a failure of the
        machine and for choices and preferences.
    """
    space = request.space
    # Choices and preferences are right or wrong: nothing lies between, so `accuracy` is their reward.
    if not isinstance(space, Score | Ranking) or judgement.status is Status.ERROR:
        return None
    if judgement.verdict is None:
        return 0.0
    if isinstance(space, Score):
        return 1.0 - abs(cast("float", judgement.verdict) - cast("float", gold)) / (space.high - space.low)
    return 1.0 - kendall_distance(cast("tuple[int, ...]", judgement.verdict), cast("tuple[int, ...]", gold))


def kendall_distance(verdict: tuple[int, ...], gold: tuple[int, ...]) -> float:
    """The share of pairs that two rankings of the same places put in opposite order (Kendall 1938): (1 - tau) / 2."""
    rank = {place: position for position, place in enumerate(gold)}
    # Each pair stands as the verdict orders it. It is wrong where the gold puts the second before the first.
    pairs = [rank[better] > rank[worse] for better, worse in combinations(verdict, 2)]
    return sum(pairs) / len(pairs)


def make(options: None, context: Context) -> Reward:
    """The reward `distance`."""
    return distance
