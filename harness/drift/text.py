"""A drift in words and tables, for the terminal and for Markdown. Text comes from files and servers: it is cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.api import Measurement, Unit, write_interval, write_number, write_share
from harness.drift.records import CellDrift, DriftReport, JudgeDrift
from harness.report.escaping import for_markdown
from harness.report.lines import print_notes, print_rows, print_title
from harness.report.markdown import table
from harness.report.numbers import NOTHING, heading, p_value

if TYPE_CHECKING:
    from rich.console import Console

# The verdict stands right after the names: in a narrow terminal the last columns are left out.
_HEADER = ("judge", "task", "drift", "n", "changed, %", "interval", "noise, %", "since last, %", "evidence")
_SCORES = ("judge", "task", "metric", "first", "now", "change", "interval", "p (all)")
_HABITS = ("judge", "task", "no verdict, % at first", "now", "first place, % at first", "now")
_JUDGES = ("judge", "US$ per 1,000 at first", "now", "p50, s at first", "now", "p95, s at first", "now")
_LONGEST = 80


def print_report(report: DriftReport, console: Console) -> None:
    """Print all of it."""
    print_title(_title(report), console)
    for header, rows, left in _tables(report):
        print_rows(header, rows, console, left=left)
    print_notes(list_findings(report), console, style="yellow")
    print_notes(_legend(report), console)


def to_markdown(report: DriftReport) -> str:
    """The same as a Markdown page, with the flips of each judge on each task."""
    pieces = [f"# {for_markdown(_title(report))}"]
    pieces += [
        table(header, rows, left="l" * left + "r" * (len(header) - left)) for header, rows, left in _tables(report)
    ]
    for title, lines in (("What was found", list_findings(report)), ("How to read this", _legend(report))):
        if lines:
            pieces += [f"## {title}", "\n".join(f"- {for_markdown(line)}" for line in lines)]
    if flips := [cell for cell in report.cells if cell.flips]:
        pieces.append("## Which verdicts became which")
        pieces.append(table(("judge", "task", "at first", "now", "answers"), _flip_rows(flips), left="llllr"))
    return "\n\n".join(pieces) + "\n"


def list_findings(report: DriftReport) -> list[str]:
    """What somebody who keeps a judge in use must know, one sentence each."""
    said = [*report.unwatched]
    for cell in report.cells:
        who = f"{cell.judge} on {cell.task}"
        if cell.alarm is not None:
            said.append(
                f"{who}: drift since {cell.alarm} at the latest: {_share_of(cell)} of its answers are not those of "
                f"{report.snapshots[0]}, which is more than its own noise"
            )
        if not cell.has_noise and len(report.snapshots) > 1:
            said.append(f"{who}: its own noise is not known, so no change can be called a drift; freeze with --again 2")
        if missing := cell.anchors - cell.anchors_first:
            said.append(
                f"{who}: {missing:,} of {cell.anchors:,} anchors have no first answer and cannot be watched; freeze "
                "again with --fresh"
            )
        if cell.failed:
            said.append(f"{who}: {cell.failed:,} requests failed and are left out; the same command asks them again")
    for judge in report.judges:
        before, now = _models(judge.models_before), _models(judge.models_now)
        if judge.is_other_model:
            said.append(f"{judge.judge}: another model answers: {now}, at first {before}")
        elif judge.models_now != judge.models_before and judge.models_now and judge.models_before:
            said.append(f"{judge.judge}: answered by {now}, at first by {before}")
        if judge.is_set_up_otherwise:
            said.append(
                f"{judge.judge}: its options, or the version of its plugin, are not those of {report.snapshots[0]}: "
                "what changed may be your own doing"
            )
    return said


def _title(report: DriftReport) -> str:
    first, *later = report.snapshots
    if not later:
        return f"{report.manifest}: the anchors were frozen and asked on {first}"
    return f"{report.manifest}: {later[-1]} against {first}, {len(report.snapshots)} snapshots"


def _tables(report: DriftReport) -> list[tuple[Sequence[str], list[list[str]], int]]:
    """Header, rows, and how many columns are names."""
    alone = len(report.snapshots) == 1
    found: list[tuple[Sequence[str], list[list[str]], int]] = [
        (_HEADER, [_row(cell, report) for cell in report.cells], 2),
        (_SCORES, [_score_row(cell, alone=alone) for cell in report.cells], 3),
    ]
    # Most judges read every answer and name no place: rows that say nothing are left out.
    habits = [_habit_row(cell) for cell in report.cells if _habit_row(cell)[2:] != ["0.0", "0.0", NOTHING, NOTHING]]
    judges = [row for judge in report.judges if set((row := _judge_row(judge))[1:]) != {NOTHING}]
    found += [(header, rows, names) for header, rows, names in ((_HABITS, habits, 2), (_JUDGES, judges, 1)) if rows]
    return found


def _row(cell: CellDrift, report: DriftReport) -> list[str]:
    # What is empty in every row is no column: the first snapshot is held against nothing.
    alone = len(report.snapshots) == 1
    since = cell.since_first
    return [
        cell.judge,
        cell.task,
        "" if alone else _write_verdict(cell),
        f"{cell.n:,}",
        "" if alone else write_number("share", since.value, since.low, since.high),
        "" if alone else write_interval("share", since.low, since.high),
        NOTHING if cell.noise is None else _write_measurement("share", cell.noise),
        "" if cell.since_last is None else _write_measurement("share", cell.since_last),
        "" if cell.evidence is None else _write_evidence(cell.evidence, cell.needed),
    ]


def _write_evidence(found: float, needed: float) -> str:
    """The evidence and what is needed: `1.5 of 1.6`. What is short of it is not rounded up to it."""
    shown, level = (round(value, 1) + 0.0 for value in (found, needed))  # + 0.0: minus nothing is nothing
    if found < needed and shown >= level:
        shown = level - 0.1
    return f"{shown:.1f} of {level:.1f}"


def _write_verdict(cell: CellDrift) -> str:
    if cell.alarm:
        return f"since {cell.alarm}"
    # Where nothing can be seen, that nothing was seen says nothing.
    return NOTHING if cell.why_unwatched else "none seen"


def _score_row(cell: CellDrift, *, alone: bool) -> list[str]:
    change = cell.score_change
    low, high = (None, None) if alone else (change.low, change.high)
    row = [cell.judge, cell.task, heading(cell.metric, cell.unit), write_number(cell.unit, cell.score_first, low, high)]
    if alone:
        return [*row, "", "", "", ""]
    return [
        *row,
        write_number(cell.unit, cell.score_now, low, high),
        write_number(cell.unit, change.value, low, high, signed=True),
        write_interval(cell.unit, low, high, signed=True),
        p_value(cell.p_adjusted),
    ]


def _habit_row(cell: CellDrift) -> list[str]:
    shares = (cell.unread_before, cell.unread_now, cell.first_position_before, cell.first_position_now)
    return [cell.judge, cell.task, *map(write_share, shares)]


def _judge_row(judge: JudgeDrift) -> list[str]:
    money = [
        None if dollars is None else 1000 * dollars
        for dollars in (judge.usd_per_answer_before, judge.usd_per_answer_now)
    ]
    seconds = [judge.latency_p50_before, judge.latency_p50_now, judge.latency_p95_before, judge.latency_p95_now]
    return [judge.judge, *(NOTHING if value is None else f"{value:.3g}" for value in (*money, *seconds))]


def _flip_rows(cells: Sequence[CellDrift]) -> list[list[str]]:
    return [
        [cell.judge, cell.task, flip.before, flip.after, f"{flip.count:,}"] for cell in cells for flip in cell.flips
    ]


def _write_measurement(unit: Unit, found: Measurement) -> str:
    return write_number(unit, found.value, found.low, found.high)


def _share_of(cell: CellDrift) -> str:
    return f"{write_share(cell.since_first.value)} %"


def _models(models: Sequence[str]) -> str:
    shown = [model if len(model) <= _LONGEST else f"{model[:_LONGEST]}…" for model in models]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "") or "a model without a name"


def _legend(report: DriftReport) -> list[str]:
    """How to read the numbers."""
    confidence = f"{report.confidence * 100:g} %"
    return [
        f"changed: answers that are not those of {report.snapshots[0]}, with {confidence} confidence",
        "for scores, changed is how far they moved in parts of the scale",
        "noise: answers that changed when they were asked again at once, at the first date",
        f"drift: rings falsely with a chance of {report.alpha * 100:g} % at most, over all judges, tasks and dates",
        "evidence: in powers of ten, and what it must reach to be a drift; it grows from date to date",
        f"change of the metric: {confidence} confidence for all judges and tasks of this date together",
    ]
