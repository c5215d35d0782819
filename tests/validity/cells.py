"""One cell of the grid: a metric under a design, simulated, and its intervals held against the true value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from boards import estimates, is_flagged, score
from judges import Design, replies
from publish import generator
from sheets import Sheet
from truths import true_value

CONSISTENCY = ("swap_consistency", "first_position", "repeat_consistency")
"""Metrics that are not named in a protocol, since they are always there."""

SLACK = 1e-9
EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One design, and the metrics that are looked at."""

    design: Design
    metrics: tuple[str, ...]
    reps: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one cell."""

    metric: str
    design: Design
    reps: int
    printed: int
    """Data sets with an interval."""
    covered: int
    """Of these, those whose interval holds the true value."""
    flagged: float
    """Share of the data sets, of every tenth that is looked at."""
    zero_width: int
    width: float
    """On average."""
    picked_at: float | None = None
    """Coverage of the data sets for which it was simulated again: low by bad luck too."""

    @property
    def key(self) -> tuple[str, Design]:
        """Which cell it is."""
        return self.metric, self.design

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the true value."""
        return self.covered / self.printed if self.printed else np.nan

    @property
    def first_coverage(self) -> float:
        """Coverage of the first data sets, which nothing has picked: picking would raise a mean."""
        return self.coverage if self.picked_at is None else self.picked_at

    @property
    def is_flagged(self) -> bool:
        """Whether the board warns, or says nothing at all."""
        return self.flagged >= 0.5 or 2 * self.printed <= self.reps

    @property
    def at_one(self) -> bool:
        """Whether the judge is perfect."""
        return self.design.truth >= 1 and not self.design.lopsided

    @property
    def counts(self) -> bool:
        """Whether it is one of the cells that the worst coverage and the mean are of."""
        return not self.is_flagged and not self.at_one

    @property
    def label(self) -> str:
        """What a table says."""
        return f"{self.metric}: {self.design.label}"


def measure(work: Work) -> list[Found]:
    """Simulate one design."""
    design = work.design
    rng = generator(work.seed, design)
    sheet = Sheet.of(design, metrics=tuple(name for name in work.metrics if name not in CONSISTENCY) or ("accuracy",))
    truths = np.array([true_value(name, design) for name in work.metrics])
    found = np.full((work.reps, len(work.metrics), 2), np.nan)
    warned, looked = np.zeros(len(work.metrics), dtype=np.int64), 0
    said = replies(design, reps=work.reps, rng=rng)
    for rep in range(work.reps):
        units = sheet.table(said, rep)
        by_name = estimates(score(units))
        if not rep % EVERY:  # flags are of one metric at a time, which takes longer, and depend on little
            warned += [is_flagged(units, name if name not in CONSISTENCY else "accuracy") for name in work.metrics]
            looked += 1
        for place, name in enumerate(work.metrics):
            estimate = by_name[name]
            if estimate.ci_low is not None and estimate.ci_high is not None:
                found[rep, place] = estimate.ci_low, estimate.ci_high
    low, high = found[..., 0], found[..., 1]
    printed = ~np.isnan(low)
    covered = (low <= truths + SLACK) & (high >= truths - SLACK)
    return [
        Found(
            metric=name,
            design=design,
            reps=work.reps,
            printed=int(printed[:, place].sum()),
            covered=int(covered[:, place].sum()),
            flagged=warned[place] / looked,
            zero_width=int((high - low <= SLACK)[:, place].sum()),
            width=float(np.nanmean(high[:, place] - low[:, place])) if printed[:, place].any() else np.nan,
        )
        for place, name in enumerate(work.metrics)
    ]
