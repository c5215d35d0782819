"""`harness drift`: the same questions again, and whether the judges still answer as they did."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.drift.session import DriftSession


@click.command("drift")
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--anchors",
    type=click.IntRange(min=4),
    default=200,
    show_default=True,
    help="Items of each task, when they are frozen.",
)
@click.option(
    "--again",
    type=click.IntRange(0, 20),
    default=2,
    show_default=True,
    help="Ask each question so often again when they are frozen, to measure the judge's own noise.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the choice of anchors.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    help="Chance of a false alarm over all judges, tasks and dates, when they are frozen.",
)
@click.option("--snapshot", "label", metavar="NAME", help="Name of this snapshot.  [default: today's date, UTC]")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of the manifest.")
@click.option("--fresh", is_flag=True, help="Freeze new anchors; the older folder is kept beside the new one.")
@click.option("--no-ask", is_flag=True, help="Ask nothing: tell what the snapshots say that are there.")
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(["drift", "score", "model"]),
    help="Exit code 4 where a judge drifts, scores worse, or is another model; may be given several times.",
)
@click.option(
    "--max-changed",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Exit code 4 where more than this share of a judge's answers to a task changed.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("drift"),
    show_default=True,
    help="Where anchors and snapshots are kept.",
)
@checkpoints_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    manifest: Path,
    anchors: int,
    again: int,
    seed: int,
    alpha: float,
    label: str | None,
    sets: tuple[str, ...],
    fresh: bool,
    no_ask: bool,
    fail_on: tuple[str, ...],
    max_changed: float | None,
    out: Path,
    checkpoints: Path,
    as_json: bool,
) -> int:
    """Ask frozen questions of MANIFEST again, and say whether its judges still answer as they did.

    The first call chooses items of each task, asks them, and asks them again at once. Each later call asks them once
    more, and holds the answers against the first ones. The same command goes on where it stopped.

    \b
    Examples:
      harness drift benchmarks/ood.yaml --anchors 200
      harness drift benchmarks/ood.yaml --fail-on drift --fail-on model
      harness drift benchmarks/ood.yaml --no-ask --json
    """
    from harness.drift.history import LABEL
    from harness.drift.session import Freeze, read_snapshots, take_snapshot
    from harness.manifest.load import load_manifest
    from harness.progress import make_progress

    label = label or time.strftime("%Y-%m-%d", time.gmtime())
    if not LABEL.fullmatch(label) or ".again-" in label:
        raise click.BadParameter(
            f"{label!r}: use letters, digits, dots, dashes and underscores, such as 2026-05-01", param_hint="--snapshot"
        )
    plugins = load_plugins(ctx)
    loaded = load_manifest(manifest, sets=sets, plugins=plugins)
    if no_ask:
        session = read_snapshots(loaded, plugins, out=out)
    else:
        try:
            session = take_snapshot(
                loaded,
                plugins,
                out=out,
                label=label,
                freeze=Freeze(count=anchors, seed=seed, again=again, alpha=alpha),
                fresh=fresh,
                checkpoints=checkpoints,
                make_progress=make_progress,
                say=say,
            )
        except KeyboardInterrupt:
            say("interrupted; run the same command again to go on")
            return 130
    return _report(session, fail_on=fail_on, max_changed=max_changed, as_json=as_json)


def _report(session: DriftSession, *, fail_on: tuple[str, ...], max_changed: float | None, as_json: bool) -> int:
    """Print what came out. The exit code says how it went."""
    if session.stopped is not None:
        return _say_stopped(session)
    report = session.report
    assert report is not None
    if as_json:
        echo(json.dumps(report.to_json(), indent=2), document=True)
    else:
        from harness.drift.text import print_report
        from harness.report.lines import make_console

        print_report(report, make_console())
    say(f"\nfolder: {session.folder} (drift.md, history.jsonl)")
    if session.failed:
        noun = "judgement" if session.failed == 1 else "judgements"
        say(f"{session.failed} {noun} failed; the same command asks them again")
        return 3
    from harness.drift.gates import find_failures

    failures = find_failures(report, fail_on, max_changed)
    for failure in failures:
        say(f"gate: {failure}")
    return 4 if failures else 0


def _say_stopped(session: DriftSession) -> int:
    outcome = session.stopped
    assert outcome is not None
    if outcome.interrupted:
        say(f"interrupted; run the same command again to go on ({session.folder})")
        return 130
    for problem in (outcome.too_many_errors, *outcome.stopped.values()):
        if problem:
            say(f"stopped: {problem}")
    say("the snapshot is not complete and is not compared; the same command goes on with it")
    return 3
