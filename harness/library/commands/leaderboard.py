"""`harness leaderboard`: the leaderboard of one or many runs, run folders and bundles alike."""

from __future__ import annotations

from pathlib import Path

import click

from harness.console import echo, load_plugins, say


@click.command("leaderboard")
@click.argument("runs", metavar="RUNS...", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@click.option(
    "--signers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="ALLOWED_SIGNERS",
    help="Whose signatures of bundles are trusted: a file as of `ssh-keygen -Y verify`.",
)
@click.option("--details", is_flag=True, help="On the terminal: a table for each task too, after the summary.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
@click.pass_context
def command(
    ctx: click.Context,
    runs: tuple[Path, ...],
    format_: str,
    metric: str | None,
    group_by: str | None,
    signers: Path | None,
    details: bool,
    output: Path | None,
) -> None:
    """Print the leaderboard of one or many RUNS: run folders, bundles, or both.

    Of several tasks the terminal shows the summary: a row for each judge, a column for each task.

    Judges of several runs are ranked together, task by task. Runs whose protocol or data differ are refused, and the
    message says what differs. A metric that was not scored is scored from the journal; no judge is asked.

    The numbers of a bundle are computed here. Its rows say whether they are verified, and by whom they are signed. Rows
    that do not hold are shown and not ranked.

    \b
    Examples:
      harness leaderboard runs/ood-1a2b3c4d5e6f --details
      harness leaderboard runs/ood-* --metric balanced_accuracy --group-by suite
      harness leaderboard runs/genai-bench-* --format latex --output table.tex
      harness leaderboard submissions/*.bundle --signers allowed_signers --format md
    """
    from harness.library.runs import Run

    # A metric, and the format itself, may come from a plugin.
    plugins = load_plugins(ctx)
    # It keeps the journals of bundles until the board is printed, since a renderer may ask for more of them.
    found = Run(runs, lambda: plugins, signers=signers)
    leaderboard = found.leaderboard(metric=metric, group_by=group_by).record
    if format_ == "terminal" and output is None:
        from harness.report.lines import make_console
        from harness.report.terminal import print_leaderboard

        print_leaderboard(leaderboard, make_console(), folders=[run for run in runs if run.is_dir()], details=details)
        return
    from harness.report.render import render

    # Colours are for a terminal: in a file, and in any other format, there is the plain text.
    text = render(leaderboard.to_json(), format_, plugins)
    if output is None:
        echo(text, nl=False)
        return
    from harness.runner.folder import write_atomically

    write_atomically(output, text)
    say(f"written: {output}")
