"""One way to report several runs, from how each of them wants to be reported."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import UserError
from harness.manifest.model import ReportSettings
from harness.recorded.load import RecordedRun
from harness.score.significance import Rules

DEFAULT = ReportSettings()


def rules_of(settings: ReportSettings, *, seed: int) -> Rules:
    """How judges are compared.

    Args:
        settings: How the run is reported.
        seed: Of the random flips.
    """
    return Rules(
        confidence=settings.confidence,
        draws=settings.resamples,
        seed=seed,
        missing=settings.missing,
        equivalence=settings.equivalence,
    )


def agree_on(
    runs: Sequence[tuple[str, ReportSettings]], *, metric: str | None = None, group_by: str | None = None
) -> ReportSettings:
    """What runs agree on, and the plain default where they do not. The arguments have the last word.

    Flips are as many as any of the runs asks for.

    Args:
        runs: The name of each run's folder, and its settings.
        metric: The metric to show.
        group_by: What a block of the leaderboard is.

    Raises:
        UserError: Their intervals have different confidence, so that they cannot stand side by side.
    """
    # Confidence is checked and never chosen: the kept intervals have it, and cannot be widened afterwards.
    (name, first), *others = runs
    for other, settings in others:
        if settings.confidence != first.confidence:
            raise UserError(
                f"runs {name} and {other} have intervals of different confidence ({first.confidence:g} and "
                f"{settings.confidence:g}); give both manifests the same report: confidence, or show them one at a time"
            )
    every = [settings for _, settings in runs]
    shared = {
        field: getattr(first, field)
        for field in ("metric", "group_by", "equivalence", "min_coverage")
        if len({getattr(settings, field) for settings in every}) == 1
    }
    asked = {key: value for key, value in (("metric", metric), ("group_by", group_by)) if value}
    return ReportSettings(
        **{**shared, **asked},
        # The stricter wish of any run holds for the joint board: pairs are compared, and missing answers count.
        compare="none" if all(settings.compare == "none" for settings in every) else "all-pairs",
        confidence=first.confidence,
        resamples=max(settings.resamples for settings in every),
        missing="at-random" if all(settings.missing == "at-random" for settings in every) else "counts",
    )


def agree(
    runs: Sequence[RecordedRun], *, metric: str | None = None, group_by: str | None = None
) -> tuple[ReportSettings, int]:
    """How several runs are reported together, and the seed of the first one.

    Raises:
        UserError: As `agree_on`.
    """
    named = [(run.folder.name, run.report) for run in runs]
    # One seed for the joint board. Any would do, if only it is the same each time.
    return agree_on(named, metric=metric, group_by=group_by), runs[0].seed
