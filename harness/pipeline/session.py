"""One `harness run` from manifest to leaderboard: plan, recipes, engine, scores, reports, in this order."""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.manifest.load import render_resolved
from harness.pipeline.results import RunResults, check_metrics, load_run, plan_record, score_run
from harness.run.coverage import check_media, leave_out
from harness.run.engine import Engine, Outcome
from harness.run.folder import (
    JOURNAL,
    LEADERBOARD,
    MANIFEST,
    SCORES,
    lock_folder,
    make_folder,
    write_atomically,
    write_record,
)
from harness.run.journal import Journal
from harness.run.plan import build_plan
from harness.run.planned import Plan, PlannedJudge
from harness.run.progress import CellProgress
from harness.run.requests import Shard
from harness.score.find import make_metric
from harness.train.folder import CHECKPOINTS
from harness.train.judges import train_judges

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest
    from harness.report.records import Leaderboard


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run that has ended, one way or the other."""

    folder: Path
    """The run folder."""
    outcome: Outcome
    """What the engine came to."""
    leaderboard: Leaderboard | None
    """`None` where nothing was judged."""


def run_folder(runs: Path, loaded: LoadedManifest, shard: Shard | None) -> Path:
    """The folder of a manifest: the same command is the same folder."""
    part = f"-shard-{shard.index}-of-{shard.count}" if shard is not None else ""
    return runs / f"{loaded.manifest.name}-{loaded.hash}{part}"


def run_manifest(
    loaded: LoadedManifest,
    plugins: Plugins,
    *,
    runs: Path,
    fresh: bool,
    shard: Shard | None,
    progress: CellProgress,
    checkpoints: Path = CHECKPOINTS,
    say: Callable[[str], None] = lambda line: None,
) -> Session:
    """Run a manifest, or go on where an earlier run of it stopped. Judges with a recipe are trained first.

    Args:
        loaded: The manifest.
        plugins: The installed plugins.
        runs: The folder of run folders.
        fresh: Start anew; the older run folder is kept. What was trained stays.
        shard: Only this part of every task.
        progress: Shows how far each cell is.
        checkpoints: The folder of checkpoint folders.
        say: Takes lines about what is trained.

    Raises:
        UserError: The plan, the data, a recipe or the run folder cannot be used. What was judged is kept.
    """
    began = time.monotonic()
    folder = run_folder(runs, loaded, shard)
    plan = build_plan(loaded, plugins, workspace=runs / ".workspace")
    check_metrics(plan, loaded.manifest.report.metric)
    check_media(plan)
    train_judges(plan, loaded, plugins, checkpoints=checkpoints, say=say)
    leave_out(plan)
    make_folder(folder, fresh=fresh)
    with lock_folder(folder):
        journal = Journal(folder / JOURNAL)
        try:
            write_atomically(folder / MANIFEST, render_resolved(loaded, origins=False))
            journal.set_meta(
                "plan", plan_record(plan, name=loaded.manifest.name, report=loaded.manifest.report.model_dump())
            )
            plugins.notify("harness_run_started", folder=folder, manifest=loaded.resolved)
            outcome = Engine(
                plan,
                journal,
                timeout=loaded.manifest.run.timeout,
                fail_on_error=loaded.manifest.run.fail_on_error,
                shard=shard,
                progress=progress,
            ).run()
            leaderboard = None if outcome.interrupted else _finished(journal, folder, plugins)
            judges = {judge.name: _judge_record(journal, judge, outcome) for judge in plan.judges}
        finally:
            journal.close()
        write_record(
            folder,
            plugins=_versions(plan, plugins),
            state="interrupted" if outcome.interrupted else "stopped" if outcome.cut_short else "finished",
            seconds=time.monotonic() - began,
            command=sys.argv,
            judges=judges,
            data={task.name: said for task in plan.tasks if (said := task.provenance)},
        )
    return Session(folder=folder, outcome=outcome, leaderboard=leaderboard)


def _finished(journal: Journal, folder: Path, plugins: Plugins) -> Leaderboard | None:
    """The leaderboard: read back where nothing has changed since it was written, made anew otherwise."""
    from harness.report.records import SCHEMA, Leaderboard

    state = journal.state()
    rows = sorted((row.name, row.distribution, row.version) for row in plugins.rows)
    known = json.dumps([__version__, SCHEMA, rows, state])
    path = folder / LEADERBOARD
    if journal.meta("published") == known and path.is_file() and (folder / SCORES).is_file():
        return Leaderboard.from_json(json.loads(path.read_text(encoding="utf-8")))
    leaderboard = finish(folder, plugins)
    journal.set_meta("published", known)
    return leaderboard


def finish(folder: Path, plugins: Plugins) -> Leaderboard | None:
    """Score a run folder, write its reports and tell the plugins; `None` where nothing was judged."""
    run = load_run(folder)
    if not run.cells:
        return None
    run = score_run(run, plugins)
    return publish(run, plugins)


def publish(run: RunResults, plugins: Plugins) -> Leaderboard:
    """Build the leaderboard of a scored run and write its reports."""
    from harness.report.leaderboard import build_leaderboard
    from harness.report.render import write_reports
    from harness.score.direct import UnitStatistics

    leaderboard = build_leaderboard(
        run.cells,
        run.report,
        seed=run.seed,
        left_out=run.left_out,
        find_metric=lambda name: make_metric(name, plugins),
    )
    answers = plugins.notify(
        "harness_report_sections",
        leaderboard=leaderboard.to_json(),
        folder=run.folder,
        cells=run.cells,
        find_metric=lambda name: make_metric(name, plugins),
        statistics=UnitStatistics(),
    )
    sections = [section for _, found in answers for section in found]
    leaderboard = replace(leaderboard, sections=tuple(title for title, _ in sections))
    write_reports(leaderboard, run.folder, sections=sections)
    plugins.notify("harness_run_finished", folder=run.folder, leaderboard=leaderboard.to_json(), cells=run.cells)
    return leaderboard


def _judge_record(journal: Journal, judge: PlannedJudge, outcome: Outcome) -> dict[str, Any]:
    """For `run.json`: what a judge took, how long for an answer, its recipe's model, and why it stopped if it did."""
    latencies = journal.latencies(judge.key)
    quick: dict[str, Any] = {"n": len(latencies)}
    if latencies:
        quick["median"] = statistics.median(latencies)
        quick["p95"] = latencies[math.ceil(0.95 * len(latencies)) - 1]
    record = {**asdict(journal.usage(judge.key)), "latency_s": quick}
    if judge.model is not None:
        record["model"] = str(judge.model)
    if judge.name in outcome.stopped:
        record["stopped"] = outcome.stopped[judge.name]
    return record


def _versions(plan: Plan, plugins: Plugins) -> dict[str, str]:
    used = {name.partition("/")[0] for name in [*(t.id for t in plan.tasks), *(j.id for j in plan.judges)]}
    return {row.distribution: row.version for row in plugins.rows if row.name in used}
