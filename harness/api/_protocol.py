"""How a benchmark is officially scored, as data.

Each task states its official protocol; a manifest may override any field; the leaderboard prints what was used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from harness.api._errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The official way to score a benchmark.

    Raises:
        DataError: A field has a value that it does not know, or two fields contradict each other.
    """

    order: Literal["fixed", "shuffled", "both"] = "fixed"
    """In which order candidates are shown: as in the data; in one seeded random order for each item; or in that of the
    data and in its reverse. A task without candidates ignores it."""
    order_seed: int = 0
    """Seed of `order: shuffled`."""
    samples: int = 1
    """How often each question is put in each order."""
    vote: Literal["majority", "mean", "each"] = "majority"
    """How samples of one order become one verdict: the most frequent (a draw gives none); the mean of scores; or each
    sample stands for itself."""
    pooling: Literal["each", "sum", "agree"] = "each"
    """How two orders become verdicts: each order counts on its own (MMRB2); the net sum of votes decides, ties and
    missing answers counting nothing (JudgeBench); or both must agree, else the answer is inconsistent and wrong."""
    unparsed: Literal["exclude", "wrong", "chance", "half"] = "exclude"
    """What an answer without a verdict counts as (unparsed, refused, truncated): left out; wrong (GenAI-Bench); the
    chance of a blind guess (RewardBench 2: 0.25); or half a point (RewardBench). Failures of the machinery (`error`)
    are always left out. Whatever is chosen, coverage and the worst case are printed beside the score."""
    ties: Literal["class", "skip", "half"] = "class"
    """Ties in a preference: a class of their own (GenAI-Bench); items with a tied gold are left out and a predicted tie
    is wrong (ImageReward); or a tied gold is worth a half whatever is predicted (Pick-a-Pic)."""
    average: Literal["micro", "category", "group"] = "micro"
    """Over all units; the plain mean over categories; or the plain mean over groups (HPDv2: over prompts)."""
    metrics: tuple[str, ...] = ("accuracy",)
    """Names of metrics; the first one is the task's headline."""
    min_coverage: float = 0.9
    """Below this share of parsed answers a cell is shown but not ranked."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for spec in fields(self):
            allowed, value = hints[spec.name], getattr(self, spec.name)
            if get_origin(allowed) is Literal and value not in get_args(allowed):
                raise DataError(f"protocol: {spec.name} must be one of {', '.join(get_args(allowed))}, got {value!r}")
        if self.samples < 1:
            raise DataError(f"protocol: samples must be 1 or more, got {self.samples}")
        if not 0 <= self.min_coverage <= 1:
            raise DataError(f"protocol: min_coverage must be from 0 to 1, got {self.min_coverage}")
        if not self.metrics:
            raise DataError("protocol: metrics must name at least one metric")
        if self.pooling != "each" and self.order != "both":
            raise DataError(f"protocol: pooling {self.pooling!r} needs order: both, got order: {self.order}")

    def to_json(self) -> dict[str, Any]:
        """All fields as plain data."""
        return {**asdict(self), "metrics": list(self.metrics)}

    def summary(self) -> str:
        """One line for people: what differs from asking once in the data's order, then how it is counted."""
        asked = {
            "fixed": "fixed order",
            "shuffled": f"shuffled order (seed {self.order_seed})",
            "both": "both orders",
        }
        parts = [asked[self.order]]
        if self.samples > 1:
            parts.append(f"{self.samples} samples, {self.vote}")
        if self.order == "both":
            parts.append({"each": "each order counts", "sum": "net votes", "agree": "both must agree"}[self.pooling])
        parts += [f"unparsed: {self.unparsed}", f"ties: {self.ties}", f"average: {self.average}"]
        return "; ".join(parts)
