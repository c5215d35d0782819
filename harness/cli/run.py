"""`harness run`: judge, score and print the leaderboard of a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.pipeline.session import RunSession


@click.command("run")
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of the manifest.")
@click.option("--limit", type=click.IntRange(min=1), help="At most N items of each task.")
@click.option("--shard", "part", metavar="I/N", help="Only part I of N of every task; see `harness merge`.")
@click.option("--fresh", is_flag=True, help="Start again; the older run folder is kept beside the new one.")
@click.option(
    "--reuse/--no-reuse",
    default=None,
    help="Take answers over from earlier runs of this manifest beside it, where judge and request are the same.  "
    "[default: --reuse, unless the run was begun with --fresh or --no-reuse]",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and what the journal already holds; ask no judge.")
@click.option(
    "--fail-on-error",
    type=click.FloatRange(0, 1),
    metavar="RATE",
    help="Stop when more than this share of a cell's judgements failed.",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Where run folders are kept.",
)
@checkpoints_option
@click.option("--details", is_flag=True, help="Print a table for each task too, after the summary.")
@click.option(
    "--executor",
    metavar="NAME",
    help="Where judges are asked; by default in this process. See `harness list executors`.",
)
@click.option(
    "--executor-option",
    "executor_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the executor; `harness show NAME` lists them.",
)
@click.pass_context
def command(
    ctx: click.Context,
    manifest: Path,
    sets: tuple[str, ...],
    limit: int | None,
    part: str | None,
    fresh: bool,
    reuse: bool | None,
    dry_run: bool,
    fail_on_error: float | None,
    runs: Path,
    checkpoints: Path,
    details: bool,
    executor: str | None,
    executor_options: tuple[str, ...],
) -> int:
    """Judge, score and print the leaderboard of MANIFEST: a file, or the name of one that a plugin ships.

    The same command goes on where it stopped, for any reason. Failed judgements are asked again. Judges with a
    recipe (`train:`) are trained first where their checkpoint is not there. The executor is no part of what a
    manifest measures: a run goes on under any other, and comes to the same bytes.

    \b
    Examples:
      harness run benchmarks/ood.yaml
      harness run miniature/ood --limit 50
      harness run benchmarks/genai_bench.yaml --set vars.data=path/to/genai_bench
      harness run benchmarks/ood.yaml --shard 1/4
      harness run benchmarks/ood.yaml --executor ray --executor-option workers=4
    """
    from harness.api import PluginError
    from harness.pipeline.session import resolve_options, run_manifest

    plugins = load_plugins(ctx)
    loaded, shard, asked_by = resolve_options(
        manifest,
        plugins,
        sets=sets,
        limit=limit,
        fail_on_error=fail_on_error,
        shard=part,
        executor=executor,
        executor_options=executor_options,
    )
    # Before the folder is made: a dry run leaves nothing.
    if dry_run:
        lines = plugins.ask(
            "harness_dry_run_wanted",
            list,
            manifest=loaded,
            plugins=plugins,
            runs=runs,
            checkpoints=checkpoints,
            shard=shard,
            reuse=False if fresh else reuse,
            say=say,
        )
        if lines is None:
            raise PluginError("no plugin makes a dry run; is `harness` blocked by --no-plugin?")
        for line in lines:
            echo(line)
        return 0
    try:
        session = run_manifest(
            loaded,
            plugins,
            runs=runs,
            fresh=fresh,
            shard=shard,
            checkpoints=checkpoints,
            say=say,
            reuse=reuse,
            executor=asked_by,
        )
    except KeyboardInterrupt:  # while a judge was trained; from the first question on the session takes it
        say("interrupted; run the same command again to go on")
        return 130
    return _report(session, loaded.manifest.report.min_coverage, details=details)


def _report(session: RunSession, gate: float | None, *, details: bool) -> int:
    """Print what came out. The last line is what to open. The exit code says how it went."""
    from harness.pipeline.session import describe_end, why_unreported
    from harness.runner.folder import REPORT

    folder, report = session.folder, session.report
    if session.outcome.interrupted:
        say(f"interrupted; run the same command again to go on ({folder})")
        return 130
    # The board comes first. What went wrong follows, where a terminal is read: at its end.
    if report is not None:
        report.show(details=details)
    files = () if report is None else report.files
    # The page to look at has a line of its own.
    named = why_unreported(folder) if report is None else ", ".join(file for file in files if file != REPORT)
    say(f"\nrun folder: {folder} ({named})")
    code, problems = describe_end(session, gate)
    for line in (*problems, *(f"report: {folder / file}" for file in files if file == REPORT)):
        say(line)
    return code
