"""`harness score`: score a run again from its journal, and read its answers again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say
from harness.libraries.text import clean
from harness.report.escaping import order_name

if TYPE_CHECKING:
    from harness.report.reread import CellReread

_SCHEMA = "judge-harness/reread/1"
# Letters of an answer, from its end: about two lines of a terminal.
_LONGEST = 160
# Answers shown of each kind of change. `--json` has all of them.
_EXAMPLES = 2


@click.command("score")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--reread", is_flag=True, help="First read the kept answers again, with today's reader.")
@click.option("--dry-run", is_flag=True, help="With --reread: say what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --reread: print what changed as JSON for programs.")
@click.option("--details", is_flag=True, help="Print a table for each task too, after the summary.")
@click.pass_context
def command(ctx: click.Context, run: Path, reread: bool, dry_run: bool, as_json: bool, details: bool) -> int:
    """Score RUN again from its journal, without asking any judge, and write its reports again.

    Useful after an interruption (what was judged is scored), or with a newer version of the harness.

    With --reread the verdicts are taken once more from the texts that the journal keeps, and those that differ are
    listed. That needs the data of the run, since its questions are rendered again. What a verdict was before stays in
    the journal, in the table `replaced`.

    \b
    Examples:
      harness score runs/ood-1a2b3c4d5e6f
      harness score runs/ood-1a2b3c4d5e6f --reread --dry-run
    """
    from harness.api import JournalError
    from harness.pipeline.session import report_run, why_unreported

    if (dry_run or as_json) and not reread:
        raise click.UsageError("--dry-run and --json are for --reread", ctx)
    plugins = load_plugins(ctx)
    if reread:
        from harness.report.reread import reread_run

        cells = reread_run(run, plugins, dry_run=dry_run)
        if as_json:
            plain = [cell.to_json() for cell in cells]
            echo(json.dumps({"schema": _SCHEMA, "run": run.name, "dry_run": dry_run, "cells": plain}, indent=2))
        else:
            _print_changes(cells, dry_run=dry_run)
        # The report of the run stays what it was, as its answers do.
        if dry_run:
            return 0
    report = report_run(run, plugins)
    if report is None:
        raise JournalError(f"{run}: {why_unreported(run)}")
    if not as_json:
        report.show(details=details)
    return 0


def _print_changes(cells: Sequence[CellReread], *, dry_run: bool) -> None:
    """What changed in each cell, with a few answers, and the sums."""
    for cell in cells:
        if cell.changed:
            _print_cell(cell)
    changed, read = sum(len(cell.changed) for cell in cells), sum(cell.read for cell in cells)
    say(f"{changed:,} of {read:,} answers are read otherwise{'; nothing was written (--dry-run)' if dry_run else ''}")
    if kept := sum(cell.kept for cell in cells):
        say(f"left as they are: {kept:,} that no text was read for (failed, refused, voted, scored, given)")
    if unsure := sum(cell.unsure for cell in cells):
        say(f"left as they are: {unsure:,} of an earlier version, whose text does not name the recorded verdict")


def _print_cell(cell: CellReread) -> None:
    echo(f"{clean(cell.task)} · {clean(cell.judge)}: {len(cell.changed):,} of {cell.read:,} answers are read otherwise")
    for (before, after), count in cell.counts.most_common():
        echo(f"  {clean(str(before))} → {clean(str(after))}: {count:,}")
        alike = [answer for answer in cell.changed if (answer.before, answer.after) == (before, after) and answer.text]
        for answer in alike[:_EXAMPLES]:
            order = f", order {order_name(answer.order)}" if answer.order else ""
            text = clean(answer.text)
            echo(f"    item {clean(answer.item)}{order}: {text if len(text) <= _LONGEST else '…' + text[-_LONGEST:]}")
    echo("")
