"""Small helpers about answer spaces that several baselines share."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import cast

from harness.api import AnswerSpace, Choice, Preference, Ranking, Rubric, Score, Verdict

MOST_LISTED = 120
"""Larger spaces get no table of probabilities: a ranking of five, a score from 0 to 100."""

_LAST_STEP = 1e-9


def list_verdicts(space: AnswerSpace) -> tuple[Verdict, ...] | None:
    """Every verdict, or `None` where there are too many to be worth a table."""
    if isinstance(space, Ranking):
        count: float = math.factorial(space.n)
    elif isinstance(space, Score):
        count = steps(space) + 1 if space.step else math.inf
    elif isinstance(space, Rubric):
        listed = [list_verdicts(own) for own in space.spaces]
        count = math.inf if None in listed else math.prod(len(verdicts or ()) for verdicts in listed)
    else:
        count = 0
    return space.verdicts() if count <= MOST_LISTED else None


def steps(space: Score) -> int:
    """Number of steps from low to high."""
    # (1 - 0) / 0.1 is a hair below 10 in floats.
    return math.floor((space.high - space.low) / space.step + 1e-6)


def _at(space: Score, step: int) -> float:
    """The value of a step. Sums of floats may overshoot the top by a hair."""
    return float(min(space.low + step * space.step, space.high))


def on_step(space: Score, value: float) -> float:
    """The verdict nearest to `value`. Half-way values go up."""
    if space.step:
        step = math.floor((value - space.low) / space.step + 0.5 + _LAST_STEP)
        return _at(space, min(max(step, 0), steps(space)))
    return min(max(value, space.low), space.high)


def first(space: AnswerSpace) -> Verdict:
    """The first verdict, without listing the others."""
    if isinstance(space, Ranking):
        return tuple(range(space.n))
    if isinstance(space, Rubric):
        return _combine(first(own) for own in space.spaces)
    return float(space.low) if isinstance(space, Score) else space.verdicts()[0]


def _combine(parts: Iterable[Verdict]) -> Verdict:
    """Verdicts of the criteria of a rubric as one."""
    return cast("Verdict", tuple(parts))


def draw_verdict(space: AnswerSpace, dice: random.Random) -> Verdict:
    """A verdict from the uniform distribution over the space."""
    if isinstance(space, Ranking):
        return tuple(dice.sample(range(space.n), space.n))
    if isinstance(space, Rubric):
        return _combine(draw_verdict(own, dice) for own in space.spaces)
    if isinstance(space, Score):
        if space.step:
            return _at(space, dice.randrange(steps(space) + 1))
        # Continuous scale: there is no list of verdicts to choose from.
        return dice.uniform(space.low, space.high)
    return dice.choice(space.verdicts())


def shares(space: AnswerSpace, weights: Mapping[Verdict, float]) -> dict[str, float]:
    """Weights as probabilities by verdict name. Verdicts of a listed space that have none get 0."""
    total = sum(weights.values())
    table = {space.name(verdict): 0.0 for verdict in list_verdicts(space) or ()}
    for verdict, weight in weights.items():
        name = space.name(verdict)
        table[name] = table.get(name, 0.0) + weight / total
    return table


def describe_space(space: AnswerSpace) -> str:
    """A space in words, for refusals: `a yes/no question`."""
    if isinstance(space, Choice):
        return f"a {'/'.join(space.labels)} question"
    if isinstance(space, Preference):
        return f"a preference among {space.n}" + (" with ties" if space.ties else "")
    if isinstance(space, Score):
        return f"a score from {space.low:g} to {space.high:g}"
    if isinstance(space, Rubric):
        return f"a rubric of {', '.join(space.names)}"
    return f"a ranking of {space.n}" if isinstance(space, Ranking) else f"an answer of kind {space.kind}"


def digest_of(*parts: object) -> str:
    """A fingerprint of plain data and of the version of this distribution."""
    # The version stands for the code: a release may change what the same options answer.
    text = json.dumps([version("judge-harness-baselines"), *parts], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
