"""What is told of a drift: a record for each judge on each task, one for each judge, and both as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.api import Measurement, Unit
from harness.report.records import as_plain

SCHEMA = "judge-harness/drift/1"
"""Name and version of what `--json` prints."""


@dataclass(frozen=True, kw_only=True)
class Flip:
    """How often one verdict became another one. Verdicts are in the data's own places, by name."""

    before: str
    """What was said at the first date; in brackets the status of an answer without a verdict."""
    after: str
    """What is said now."""
    count: int
    """So many requests."""


@dataclass(frozen=True, kw_only=True)
class CellDrift:
    """One judge on one task: now, against the first date and the date before."""

    task: str
    """Name of the task."""
    judge: str
    """Name of the judge."""
    n: int
    """Requests that were answered at the first date and now."""
    anchors: int
    """Items that are asked at every date."""
    anchors_first: int
    """Those of them that have an answer of the first date."""
    anchors_both: int
    """Those of them that have an answer of the first date to a request that is answered now."""
    failed: int
    """Requests that failed now, for a reason that is not the judge's."""
    changed: int
    """Answers that are not those of the first date."""
    noise: Measurement | None
    """The share of answers that changed when they were asked again at once. `None`: they were not."""
    since_first: Measurement
    """The share of answers that are not those of the first date; of scores the mean distance in parts of the scale."""
    since_last: Measurement | None
    """The same against the date before; `None` at the first two dates."""
    flips: tuple[Flip, ...]
    """Which verdicts became which, the most frequent first; at most ten."""
    evidence: float | None
    """Decimal logarithm of the evidence for a drift; `None` where the noise is not known, or at the first date."""
    needed: float
    """The evidence that is an alarm, likewise."""
    alarm: str | None
    """The snapshot at which the evidence was first enough. It stays until other anchors are frozen."""
    metric: str
    """The headline metric."""
    unit: Unit
    """Its unit."""
    greater_is_better: bool
    """False for errors and distances."""
    score_first: float | None
    """The metric at the first date."""
    score_now: float | None
    """The metric now."""
    score_change: Measurement
    """The difference, with an interval for all judges and tasks of this date together."""
    p_adjusted: float | None
    """Of the difference, corrected for all judges and tasks of this date."""
    first_position_before: float | None
    """Share of decided answers that named the first place shown, at the first date."""
    first_position_now: float | None
    """The same now."""
    unread_before: float
    """Share of requests without a verdict at the first date, failures left out."""
    unread_now: float
    """The same now."""

    @property
    def has_noise(self) -> bool:
        """Whether its own noise was measured."""
        # The repeats may all have failed.
        return self.noise is not None and self.noise.value is not None

    @property
    def why_uncompared(self) -> str:
        """Why the two dates cannot be held against each other; empty where they can."""
        return explain_unwatched(anchors=self.anchors, first=self.anchors_first, both=self.anchors_both, has_noise=True)

    @property
    def why_unwatched(self) -> str:
        """Why no drift can be seen at a later date; empty where it can."""
        return explain_unwatched(
            anchors=self.anchors, first=self.anchors_first, both=self.anchors_both, has_noise=self.has_noise
        )


def explain_unwatched(*, anchors: int, first: int, both: int, has_noise: bool) -> str:
    """Why no drift could be seen between two dates, and what helps. Empty where it could.

    Args:
        anchors: As `CellDrift.anchors`.
        first: As `CellDrift.anchors_first`.
        both: As `CellDrift.anchors_both`.
        has_noise: Whether answers were asked again at once at the first date.
    """
    # Of less than half nothing can be said about the anchors: what answers at all is no fair part of them.
    if 2 * first < anchors:
        return f"cannot be watched: {first:,} of {anchors:,} anchors have a first answer; freeze again with --fresh"
    if not both or 2 * both < anchors:
        return (
            f"cannot be watched: {both:,} of {anchors:,} anchors have an answer of both dates; the same command asks "
            "failed requests again"
        )
    if not has_noise:
        return "its noise was not measured; freeze again with --fresh --again 2"
    return ""


@dataclass(frozen=True, kw_only=True)
class JudgeDrift:
    """One judge, over all its tasks."""

    judge: str
    """Name of the judge."""
    models_before: tuple[str, ...]
    """The versions that answered at the first date, in the server's own words."""
    models_now: tuple[str, ...]
    """The versions that answer now."""
    is_other_model: bool
    """Whether one has a name that none had at the first date. A fingerprint in brackets is no part of the name."""
    is_set_up_otherwise: bool
    """Whether its options, or the version of its plugin, are not those of the first date."""
    usd_per_answer_before: float | None
    """US dollars for an answer at the first date, over those that say so."""
    usd_per_answer_now: float | None
    """The same now."""
    latency_p50_before: float | None
    """Seconds from question to answer at the first date: the median."""
    latency_p50_now: float | None
    """The same now."""
    latency_p95_before: float | None
    """Seconds that 95 % of the answers took at most, at the first date."""
    latency_p95_now: float | None
    """The same now."""


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """The newest snapshot against the first one."""

    manifest: str
    """Name of the manifest."""
    snapshots: tuple[str, ...]
    """Names of all snapshots, the first one first."""
    alpha: float
    """Chance that any judge on any task ever rings falsely, over all dates."""
    confidence: float
    """Of intervals."""
    cells: tuple[CellDrift, ...]
    """Each judge on each task."""
    judges: tuple[JudgeDrift, ...]
    """Each judge."""
    unwatched: tuple[str, ...] = ()
    """Judges on tasks that have no answer at one of the two dates, in words: they are in none of the cells."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: what `--json` prints. Floats have six decimals."""
        return {
            "schema": SCHEMA,
            "manifest": self.manifest,
            "snapshots": list(self.snapshots),
            "alpha": self.alpha,
            "confidence": self.confidence,
            "cells": [as_plain(cell) for cell in self.cells],
            "judges": [as_plain(judge) for judge in self.judges],
            "unwatched": list(self.unwatched),
        }
