"""`harness run`: judge, score and print the leaderboard of a manifest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.pipeline.session import Session
    from harness.runner.requests import Shard


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
    from harness.api import CellProgress, PluginError
    from harness.manifest.load import load_manifest
    from harness.pipeline.placing import make_executor
    from harness.pipeline.session import run_manifest

    shard = _parse_shard(part)
    plugins = load_plugins(ctx)
    if executor is None and executor_options:
        raise click.BadParameter("there is no --executor that takes it", param_hint="--executor-option")
    asked_by = None if executor is None else make_executor(plugins, executor, executor_options)
    loaded = load_manifest(manifest, sets=_add_sets(sets, limit, fail_on_error), plugins=plugins)
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
            progress=plugins.ask("harness_progress_wanted", CellProgress) or CellProgress(),
            checkpoints=checkpoints,
            say=say,
            reuse=reuse,
            executor=asked_by,
        )
    except KeyboardInterrupt:  # while a judge was trained; from the first question on the session takes it
        say("interrupted; run the same command again to go on")
        return 130
    return _report(session, loaded.manifest.report.min_coverage, details=details)


def _add_sets(sets: tuple[str, ...], limit: int | None, fail_on_error: float | None) -> tuple[str, ...]:
    """The overrides, with those that have an option of their own. An option counts more than `--set`."""
    # As overrides they are part of the resolved manifest, and so of the hash that names the run folder.
    if limit is not None:
        sets = (*sets, f"run.limit={limit}")
    if fail_on_error is not None:
        sets = (*sets, f"run.fail_on_error={fail_on_error}")
    return sets


def _parse_shard(part: str | None) -> Shard | None:
    from harness.runner.requests import Shard

    if part is None:
        return None
    # `int` alone would take underscores, spaces and digits of any length.
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", part)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{part!r}: write I/N with I from 1 to N, such as 2/8", param_hint="--shard")
    return Shard(index=int(match[1]), count=int(match[2]))


def _report(session: Session, gate: float | None, *, details: bool) -> int:
    """Print what came out. The last line is what to open. The exit code says how it went."""
    from harness.runner.folder import REPORT

    code = _print_outcome(session, gate, details=details)
    if session.report is not None and REPORT in session.report.files:
        say(f"report: {session.folder / REPORT}")
    return code


def _print_outcome(session: Session, gate: float | None, *, details: bool) -> int:
    outcome = session.outcome
    if outcome.interrupted:
        say(f"interrupted; run the same command again to go on ({session.folder})")
        return 130
    # The board comes first. What went wrong follows, where a terminal is read: at its end.
    if session.report is not None:
        session.report.show(details=details)
    files = _name_files(session)
    say(f"\nrun folder: {session.folder} ({files})")
    if outcome.too_many_errors:
        say(f"stopped: {outcome.too_many_errors}")
    for judge, problem in outcome.stopped.items():
        say(f"stopped: {problem if judge in problem else f'{judge}: {problem}'}")
    if outcome.errors:
        _print_failures(session)
    if outcome.errors or outcome.cut_short:
        return 3
    # Failures count more than a gate: a cell with failed answers may be below it for that reason alone.
    return 4 if _below_gate(session, gate) else 0


def _name_files(session: Session) -> str:
    """The files of the report, or why there are none. The page to look at has a line of its own."""
    from harness.pipeline.session import why_unreported
    from harness.runner.folder import REPORT

    if session.report is None:
        return why_unreported(session.folder)
    return ", ".join(file for file in session.report.files if file != REPORT)


def _below_gate(session: Session, gate: float | None) -> bool:
    """Whether the manifest declares a gate (`report.min_coverage`) and a row is below it."""
    from harness.api import write_share

    if session.report is None or gate is None:
        return False
    low = [row for row in session.report.leaderboard["rows"] if row["coverage"] < gate]
    for row in low:
        coverage = write_share(row["coverage"])
        say(f"{row['judge']} on {row['task']}: coverage {coverage} % is below the gate of {gate * 100:g} %")
    return bool(low)


def _print_failures(session: Session) -> None:
    from harness.runner.folder import JOURNAL
    from harness.runner.journal import Journal
    from harness.text import clean

    with Journal(session.folder / JOURNAL, readonly=True) as journal:
        # Read from the run: the plan of the session is gone, and its judges with it.
        keys = {(cell.task, cell.judge): cell.judge_key for cell in journal.cells()}
        for (task, judge), count in session.outcome.errors.items():
            say(f"{judge} on {task}: {count} judgements failed; the same command asks them again")
            for item, problem in journal.failures(task, keys[task, judge], 3):
                say(f"  {clean(item)}: {clean(problem)}")
