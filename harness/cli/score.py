"""`harness score`: score a run again from its journal."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._common import load_plugins


@click.command("score")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.pass_context
def command(ctx: click.Context, run: Path) -> int:
    """Score RUN again from its journal, without asking any judge, and write its reports anew.

    Useful after an interruption (what was judged is scored), or with a newer version of the harness.

    \b
    Example:
      harness score runs/ood-1a2b3c4d5e6f
    """
    from rich.console import Console

    from harness.api import JournalError
    from harness.report.terminal import print_leaderboard
    from harness.run.session import finish

    leaderboard = finish(run, load_plugins(ctx))
    if leaderboard is None:
        raise JournalError(f"{run}: nothing was judged yet; run its manifest again")
    print_leaderboard(leaderboard, Console())
    return 0
