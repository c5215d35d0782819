"""Whether the probabilities of a judgement fit its answer space.

Not for how they are scored: see `harness.score`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.api.spaces._kinds import AnswerSpace
from harness.api.spaces._rubric import Rubric


def find_fault(probabilities: Mapping[str, float] | None, space: AnswerSpace) -> str:
    """What is wrong with a judge's probabilities by the names of verdicts; empty where nothing is."""
    if probabilities is None:
        return ""
    numbers = all(_is_number(value) for value in probabilities.values())
    parts = space.split_shares(probabilities) if numbers and isinstance(space, Rubric) else None
    if not all(map(_is_distribution, [probabilities.values()] if parts is None else map(dict.values, parts.values()))):
        return "the judge's probabilities are not numbers from 0 to 1 that sum to 1"
    foreign = [name for name in probabilities if space.read(str(name)) is None] if parts is None else []
    return f"the judge's probabilities name {foreign}, which are not answers of {space}" if foreign else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_distribution(values: Sequence[float] | Any) -> bool:
    # The bounds leave room for rounding: providers give logarithms of probabilities in few digits.
    total = 0.0
    for value in values:
        if not _is_number(value) or not -1e-9 <= value <= 1 + 1e-6:
            return False
        total += value
    return abs(total - 1) < 1e-3
