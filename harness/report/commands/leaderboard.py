"""`harness leaderboard`: the leaderboard of one or many runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.discovery import Plugins
    from harness.report.records import Leaderboard
    from harness.run.recorded import RecordedRun


@click.command("leaderboard")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    default="terminal",
    show_default=True,
    help="How to print it: terminal, md, csv, json, latex, or the renderer of a plugin (`harness list renderers`).",
)
@click.option("--metric", metavar="NAME", help="Show this metric instead of each task's headline.")
@click.option(
    "--group-by",
    type=click.Choice(["task", "category", "suite"]),
    help="Rank within tasks, within categories of tasks, or by the mean over suites.  [default: as the run says]",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
@click.pass_context
def command(
    ctx: click.Context,
    runs: tuple[Path, ...],
    format_: str,
    metric: str | None,
    group_by: str | None,
    output: Path | None,
) -> None:
    """Print the leaderboard of one or many RUNS.

    Judges of several runs are ranked together, task by task. Runs whose protocol or data differ are refused, and the
    message says what differs. A metric that was not scored is scored from the journal; no judge is asked.

    \b
    Examples:
      harness leaderboard runs/ood-1a2b3c4d5e6f
      harness leaderboard runs/ood-* --metric balanced_accuracy --group-by suite
      harness leaderboard runs/genai-bench-* --format latex --output table.tex
    """
    # A metric, and the format itself, may come from a plugin.
    plugins = load_plugins(ctx)
    leaderboard = _build(_load(runs), plugins, metric=metric, group_by=group_by)
    if format_ == "terminal" and output is None:
        from rich.console import Console

        from harness.report.terminal import print_leaderboard

        print_leaderboard(leaderboard, Console(), folders=runs)
        return
    from harness.report.render import render

    # Colours are for a terminal: in a file, and in any other format, there is the plain text.
    text = render(leaderboard.to_json(), format_, plugins)
    if output is None:
        echo(text, nl=False)
        return
    from harness.run.folder import write_atomically

    write_atomically(output, text)
    say(f"written: {output}")


def _load(folders: Sequence[Path]) -> list[RecordedRun]:
    from harness.api import UserError
    from harness.run.recorded import load_run

    # `runs/*` beside one of them by name would else rank each judge against itself.
    places = [folder.resolve() for folder in folders]
    twice = next((folder for folder in places if places.count(folder) > 1), None)
    if twice is not None:
        raise UserError(f"run {twice.name} is given twice; name each run once")
    return [load_run(folder) for folder in folders]


def _build(
    runs: Sequence[RecordedRun],
    plugins: Plugins,
    *,
    metric: str | None,
    group_by: str | None,
) -> Leaderboard:
    from harness.report.leaderboard import build_leaderboard
    from harness.report.scored import load_scored
    from harness.report.settings import agree
    from harness.score.find import make_metric

    settings, seed = agree(runs, metric=metric, group_by=group_by)
    return build_leaderboard(
        load_scored(runs),
        settings,
        seed=seed,
        left_out=[cell for run in runs for cell in run.left_out],
        find_metric=lambda name: make_metric(name, plugins),
    )
