"""`harness explain`: why the judges of a run said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.explain.records import Explanations
    from harness.explain.session import ExplainSession


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME",
    help="Only this measure; may be given several times. Without it: all but `deletion`.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Items of each task about which judges are asked again. What is recorded is used in full.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the choice of items.")
@click.option(
    "--window",
    type=click.IntRange(min=2),
    default=16,
    show_default=True,
    help="Side of the covered part of a picture, in pixels: about the size of the evidence.",
)
@click.option("--step", type=click.IntRange(min=1), default=8, show_default=True, help="Pixels between two windows.")
@click.option("--no-ask", is_flag=True, help="Ask no judge: only what the recorded answers tell.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and what it would cost; ask and write nothing.")
@checkpoints_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    run: Path,
    measures: tuple[str, ...],
    limit: int,
    seed: int,
    window: int,
    step: int,
    no_ask: bool,
    dry_run: bool,
    checkpoints: Path,
    as_json: bool,
) -> int:
    """Say why the judges of RUN said so, as far as that can be measured, each number beside its control.

    Some measures use the recorded answers alone. Others ask the same judges again: with another reasoning, with a
    mistake in their own, with parts of the picture covered, with sentences left out. The answers to these go into a
    journal of their own in the run folder, so that the same command goes on where it stopped.

    \b
    Examples:
      harness explain runs/ood-1a2b3c4d5e6f --dry-run
      harness explain runs/ood-1a2b3c4d5e6f --limit 50
      harness explain runs/ood-1a2b3c4d5e6f --no-ask --json
    """
    from harness.explain.measures import MeasureSettings
    from harness.explain.session import Wanted, explain_run
    from harness.progress import make_progress

    try:
        session = explain_run(
            run,
            load_plugins(ctx),
            Wanted(measures=measures, limit=limit, seed=seed, ask=not no_ask),
            MeasureSettings(folder=run, window=window, step=step),
            dry_run=dry_run,
            checkpoints=checkpoints,
            make_progress=make_progress,
            say=say,
        )
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130
    if dry_run:
        return _say_plan(session)
    if session.explanations is None:
        say("interrupted; run the same command again to go on")
        return 130
    if as_json:
        echo(json.dumps(session.explanations.to_json(), indent=2), document=True)
    else:
        _show(session.explanations)
    say(f"\nfolder: {run} (explanations.json, leaderboard.md)")
    return _finish(session)


def _say_plan(session: ExplainSession) -> int:
    """What would be asked."""
    to_ask = session.to_ask or {}
    for (task, judge), count in to_ask.items():
        echo(f"{count:,} questions to {judge} for {task}")
    echo(f"{sum(to_ask.values()):,} questions in all; nothing was asked (--dry-run)")
    for line in session.price:
        echo(line)
    return 0


def _show(explanations: Explanations) -> None:
    """The section of the report without its long tables."""
    from harness.explain.section import to_markdown

    echo(to_markdown(explanations, details=False))


def _finish(session: ExplainSession) -> int:
    """The exit code, and what went wrong."""
    outcome = session.outcome
    if outcome is None:
        return 0
    for judge, reason in outcome.stopped.items():
        say(f"stopped: {judge}: {reason}")
    if failed := sum(outcome.errors.values()):
        say(f"{failed} questions failed; the same command asks them again")
    return 3 if outcome.stopped or failed else 0
