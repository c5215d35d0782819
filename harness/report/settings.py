"""One way to report several runs, from how each of them wants to be reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import UserError

if TYPE_CHECKING:
    from harness.run.results import RunResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How runs are reported together."""

    metric: str | None
    """The metric to show; `None`: each task's headline."""
    group_by: str
    """`task`, `category` or `suite`."""
    compare: str
    """`all-pairs` or `none`."""
    confidence: float
    """Of the intervals."""
    resamples: int
    """Random flips behind the quantile that corrects for many judges."""
    seed: int
    """Of the flips."""
    missing: str
    """`counts`, or `at-random` where every run declares that."""
    equivalence: float | None
    """Differences smaller than this are called equivalent; `None` where the runs do not agree on one."""
    min_coverage: float | None
    """Below it nothing is ranked; `None`: as each task's protocol says."""


def agreed(runs: Sequence[RunResults], *, metric: str | None = None, group_by: str | None = None) -> Settings:
    """What the runs agree on, and the plain default where they do not; the arguments have the last word.

    The seed is that of the first run; flips are as many as any of them asks for.

    Raises:
        UserError: Their intervals have different confidence, so that they cannot stand side by side.
    """
    first = runs[0]
    for other in runs[1:]:
        if other.report.confidence != first.report.confidence:
            raise UserError(
                f"runs {first.folder.name} and {other.folder.name} have intervals of different confidence "
                f"({first.report.confidence:g} and {other.report.confidence:g}); give both manifests the same "
                "report: confidence, or show them one at a time"
            )
    metrics = {run.report.metric for run in runs}
    groupings = {run.report.group_by for run in runs}
    margins = {run.report.equivalence for run in runs}
    bars = {run.report.min_coverage for run in runs}
    return Settings(
        metric=metric or (metrics.pop() if len(metrics) == 1 else None),
        group_by=group_by or (groupings.pop() if len(groupings) == 1 else "task"),
        compare="none" if all(run.report.compare == "none" for run in runs) else "all-pairs",
        confidence=first.report.confidence,
        resamples=max(run.report.resamples for run in runs),
        seed=first.seed,
        missing="at-random" if all(run.report.missing == "at-random" for run in runs) else "counts",
        equivalence=margins.pop() if len(margins) == 1 else None,
        min_coverage=bars.pop() if len(bars) == 1 else None,
    )
