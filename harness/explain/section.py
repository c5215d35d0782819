"""The section of the report: one table of all judges and tasks, then a table for each measure, and how to read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.api import write_interval, write_number
from harness.explain.measures import ON_REQUEST
from harness.explain.measures.deletion import STEP
from harness.explain.records import Explanations, Finding, Share, read_explanations
from harness.report.escaping import for_markdown
from harness.report.faithfulness import FILE, digest_answers
from harness.report.markdown import table

TITLE = "Why the judges said so"

_ALL = "(all)"
"""In the place of a task: over all tasks where it could be measured, by items."""

_STALE = "These are about earlier answers of this run: some were added or read again. Call `harness explain` again."
_LEGEND = """\
- Every number stands beside its control, and means nothing without it. %, with intervals over clusters of items; n:
  items.
- (all): over all tasks where it could be measured, by items.
- A high value of one measure does not make up for a low one of another: they ask different things.
- What could not be measured is listed with the reason. That says nothing good or bad of a judge."""


def sections_of(folder: Path) -> list[tuple[str, str]]:
    """The section of a run that was explained; none of others, or where the file is damaged."""
    if not (folder / FILE).is_file():
        return []
    found = read_explanations(folder)
    if found is None:
        return [
            (TITLE, f"`{FILE}` cannot be read: it is damaged, or of another version. Call `harness explain` again.")
        ]
    return [(TITLE, to_markdown(found, stale=found.answers != digest_answers(folder)))]


def to_markdown(found: Explanations, *, stale: bool = False, details: bool = True) -> str:
    """The text of the section.

    Args:
        found: What was found out.
        stale: Whether the run has other answers by now.
        details: Whether with a table for each measure, in which every number has its interval. Those that are made on
            request stand in no other, and are always shown.
    """
    pieces = [_STALE] if stale else []
    measured = [finding for finding in found.findings if finding.figures]
    first = [finding for finding in measured if finding.measure not in ON_REQUEST]
    if first:
        pieces += ["### All judges", _board(first)]
    for name in dict.fromkeys(finding.measure for finding in measured):
        rows = [finding for finding in measured if finding.measure == name]
        if not details and name not in ON_REQUEST:
            continue
        pieces += write_measure(name, rows)
    lacking = [finding for finding in found.findings if finding.lacks]
    if lacking:
        pieces += ["### What could not be measured", "\n".join(_reasons(lacking))]
    return "\n\n".join([*pieces, _LEGEND])


def write_measure(name: str, findings: Sequence[Finding]) -> list[str]:
    """Heading, tables and meanings of one measure.

    Args:
        name: Of the measure.
        findings: Its own, with figures.

    Returns:
        Blocks of Markdown, the heading first.
    """
    heading, notes = (f"{name}: second numbers", [ON_REQUEST[name]]) if name in ON_REQUEST else (name, [])
    plain = [
        replace(finding, figures=tuple(figure for figure in finding.figures if not figure.key.startswith(STEP)))
        for finding in findings
    ]
    pieces = [f"### {for_markdown(heading)}", *notes, _details(plain), "\n".join(_meanings(plain))]
    if curves := _curves(findings):
        pieces += ["Mean probability of the verdict, %, by how much of the picture is covered:", curves]
    return pieces


def _curves(findings: Sequence[Finding]) -> str:
    """One row for each judge, task and order of covering, one column for each step. Empty where there is no curve."""
    rows: list[list[str]] = []
    titles: list[str] = []
    for finding in findings:
        steps = [figure for figure in finding.figures if figure.key.startswith(STEP)]
        titles = titles or [f"{step.key.removeprefix(STEP)} %" for step in steps]
        # Each step has the same orders, the judge's own first.
        for order in zip(*((step.share, *step.controls) for step in steps), strict=True):
            rows.append([finding.task or _ALL, finding.judge, order[0].name, *map(_number, order)])
    return table(["task", "judge", "covered in", *titles], rows, left="lll" + "r" * len(titles)) if rows else ""


def _board(findings: Sequence[Finding]) -> str:
    """One row for each judge and task, one column for each figure on the board, each with its first control."""
    keys = dict.fromkeys(
        (figure.key, figure.share.name, figure.controls[0].name)
        for finding in findings
        for figure in finding.figures
        if figure.on_board
    )
    titles = {key: f"{key.replace('_', ' ')} (control)" for key, _, _ in keys}
    rows = []
    for task, judge in dict.fromkeys((finding.task, finding.judge) for finding in findings):
        figures = {
            figure.key: figure
            for finding in findings
            if (finding.task, finding.judge) == (task, judge)
            for figure in finding.figures
        }
        cells = [
            f"{_number(figures[key].share)} ({_number(figures[key].controls[0])})" if key in figures else ""
            for key in titles
        ]
        rows.append([task or _ALL, judge, *cells])
    return table(["task", "judge", *titles.values()], rows, left="ll" + "r" * len(titles))


def _details(findings: Sequence[Finding]) -> str:
    """Every number with its interval, on one line with its first control. Further controls have lines of their own."""
    rows = []
    for finding in findings:
        for figure in finding.figures:
            own = [finding.task or _ALL, finding.judge, *_cells(figure.share), f"{figure.share.n:,}"]
            for number, control in enumerate(figure.controls):
                rows.append([*(own if number == 0 else [""] * len(own)), *_cells(control)])
    header = ["task", "judge", "share of items", "%", "interval", "n", "control", "%", "interval"]
    return table(header, rows, left="lllrrrlrr")


def _cells(share: Share) -> list[str]:
    return [share.name, _number(share), write_interval("share", share.low, share.high)]


def _meanings(findings: Sequence[Finding]) -> Iterator[str]:
    told = dict.fromkeys((figure.share.name, figure.meaning) for finding in findings for figure in finding.figures)
    return (f"- {for_markdown(name)}: {for_markdown(meaning)}" for name, meaning in told)


def _reasons(findings: Sequence[Finding]) -> Iterator[str]:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        by_reason.setdefault((finding.measure, finding.lacks), []).append(f"{finding.judge} on {finding.task}")
    for (measure, reason), cells in by_reason.items():
        yield f"- {for_markdown(measure)}: {for_markdown(reason)} ({for_markdown(', '.join(cells))})"


def _number(share: Share) -> str:
    return "" if share.value is None else write_number("share", share.value, share.low, share.high)
