"""Gates of `harness drift`: what makes the command fail. One that cannot be evaluated fails, and says what helps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from harness.drift.records import CellDrift, DriftReport, JudgeDrift
from harness.report.numbers import exact_share
from harness.score.anytime import level_at


def find_failures(report: DriftReport, fail_on: Collection[str], max_changed: float | None) -> list[str]:
    """The gates that are not passed, in words.

    Args:
        report: What is known of the newest date.
        fail_on: Some of `drift`, `score` and `model`.
        max_changed: The greatest share of answers that may have changed; `None`: any.
    """
    found = [*report.unwatched] if fail_on or max_changed is not None else []
    for cell in report.cells:
        if fail_on or max_changed is not None:
            found += [f"{cell.judge} on {cell.task} {failure}" for failure in _check_cell(cell, report, fail_on)]
        if max_changed is not None and (cell.since_first.value or 0) > max_changed:
            found.append(
                f"{cell.judge} on {cell.task} changed {cell.since_first.value:.1%} of its answers, more than "
                f"{exact_share(max_changed)} %"
            )
    if "model" in fail_on:
        # A baseline has no model to name. Where no judge names one, nothing would be watched.
        named = [judge for judge in report.judges if judge.models_before or judge.models_now]
        found += [
            f"{judge.judge}: {failure}" for judge in named or report.judges if (failure := _check_model(judge, report))
        ]
    return found


def _check_cell(cell: CellDrift, report: DriftReport, fail_on: Collection[str]) -> Iterator[str]:
    """What a judge on a task fails, but for the share that changed."""
    if "drift" in fail_on and cell.alarm is not None:
        yield f"drifts since {cell.alarm}"
    # One cause, said once: it takes every gate of the cell.
    if cell.why_uncompared:
        yield cell.why_uncompared
        return
    if "drift" in fail_on and cell.why_unwatched:
        yield f"cannot be watched, and --fail-on drift cannot be evaluated: {cell.why_unwatched}"
    if "score" in fail_on:
        yield from _check_score(cell, report)


def _check_score(cell: CellDrift, report: DriftReport) -> Iterator[str]:
    change = cell.score_change.value
    if change is None or cell.p_adjusted is None:
        yield (
            f"has no test of its {cell.metric}, so that --fail-on score cannot be evaluated; freeze more anchors with "
            "--fresh --anchors, or leave --fail-on score out"
        )
        return
    # The first snapshot is compared with nothing.
    level = level_at(report.alpha, max(1, len(report.snapshots) - 1))
    worse = change != 0 and (change < 0) == cell.greater_is_better
    if worse and cell.p_adjusted <= level:
        yield f"scores worse: {change:+.4g} {cell.metric}, p {cell.p_adjusted:.2g} of {level:.2g}"


def _check_model(judge: JudgeDrift, report: DriftReport) -> str:
    if judge.is_other_model:
        return "another model answers"
    dates = ((report.snapshots[0], judge.models_before), (report.snapshots[-1], judge.models_now))
    silent = [date for date, models in dates if not models]
    if not silent:
        return ""
    return (
        f"no answer of {' or '.join(dict.fromkeys(silent))} names its model, so that --fail-on model cannot be "
        "evaluated; leave --fail-on model out, or freeze again with --fresh"
    )
