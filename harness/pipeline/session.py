"""One `harness run` from manifest to report: plan, recipes, engine, and then what plugins make of the answers."""

from __future__ import annotations

import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import (
    CellProgress,
    JournalError,
    Judge,
    JudgePlacer,
    KnownAnswers,
    PluginError,
    Report,
    UserError,
    write_share,
)
from harness.libraries.config import render
from harness.libraries.sealed import is_writable
from harness.libraries.text import clean
from harness.manifest.load import LoadedManifest, load_manifest
from harness.runner.engine import Engine, RunOutcome
from harness.runner.folder import JOURNAL, MANIFEST, lock_folder, make_folder, write_atomically, write_record
from harness.runner.journal import Journal
from harness.runner.plan import build_plan, plan_record
from harness.runner.planned import Plan, PlannedJudge
from harness.runner.requests import Shard

if TYPE_CHECKING:
    from harness.discovery import Plugins


@dataclass(frozen=True, kw_only=True)
class RunSession:
    """A run that has ended, one way or the other."""

    folder: Path
    """The run folder."""
    outcome: RunOutcome
    """What the engine came to."""
    report: Report | None
    """What came out; `None` where nothing was judged, or no plugin reports."""


def resolve_options(
    manifest: Path,
    plugins: Plugins,
    *,
    sets: Sequence[str],
    limit: int | None,
    fail_on_error: float | None,
    shard: str | None,
    executor: str | None,
    executor_options: Sequence[str],
) -> tuple[LoadedManifest, Shard | None, JudgePlacer | None]:
    """From the words of `harness run` to objects: the manifest, the part of it to run, and where its judges are asked.

    `harness.run` says the same words. An option of its own counts more than one of `sets`.

    Raises:
        UserError: One of them is wrong.
    """
    # `int` alone would take underscores, spaces and digits of any length.
    part = re.fullmatch(r"(\d{1,6})/(\d{1,6})", "1/1" if shard is None else shard)
    if part is None or not 1 <= int(part[1]) <= int(part[2]):
        raise UserError(f"--shard {shard!r}: write I/N with I from 1 to N, such as 2/8")
    if executor is None and executor_options:
        raise UserError("--executor-option: there is no --executor that takes it")
    asked_by: JudgePlacer | None = None
    if executor is not None:
        asked_by = plugins.ask(
            "harness_executor_wanted", JudgePlacer, name=executor, options=executor_options, plugins=plugins
        )
        if asked_by is None:
            raise UserError(f"--executor {executor}: no plugin makes executors; is `harness` blocked by --no-plugin?")
    # As overrides they are part of the resolved manifest, and so of the hash that names the run folder.
    own = {"run.limit": limit, "run.fail_on_error": fail_on_error}
    sets = [*sets, *(f"{path}={value}" for path, value in own.items() if value is not None)]
    loaded = load_manifest(manifest, sets=sets, plugins=plugins)
    return loaded, Shard(index=int(part[1]), count=int(part[2])) if shard is not None else None, asked_by


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
    progress: CellProgress | None = None,
    checkpoints: Path = Path("checkpoints"),
    say: Callable[[str], None] = lambda line: None,
    reuse: bool | None = None,
    only: Mapping[str, Collection[str]] | None = None,
    executor: JudgePlacer | None = None,
) -> RunSession:
    """Run a manifest, or go on where an earlier run of it stopped. Judges with a recipe are trained first.

    Args:
        loaded: The manifest.
        plugins: The installed plugins.
        runs: The folder of run folders.
        fresh: Start again. The older run folder is kept. What was trained stays.
        shard: Only this part of every task.
        progress: Shows how far each cell is; by default what a plugin brings for it.
        checkpoints: The folder of checkpoint folders.
        say: Takes lines about what is trained, what is taken over, and about workers.
        reuse: Whether answers that are known need not be asked for. By default they need not, except where the run
            was begun with `fresh` or without.
        only: Ids of the items to ask, by name of the task. `None`: all.
        executor: Where judges are asked; by default in this process. It is closed.

    Raises:
        UserError: The plan, the data, a recipe or the run folder cannot be used. What was judged is kept.
    """
    # Not the time of day, which may be set back while a run goes on.
    began = time.monotonic()
    if progress is None:
        progress = plugins.ask("harness_progress_wanted", CellProgress) or CellProgress()
    folder = run_folder(runs, loaded, shard)
    plan = build_plan(loaded, plugins, workspace=runs / ".workspace")
    if only is not None:
        plan.tasks = [replace(task, only=frozenset(only.get(task.name, ()))) for task in plan.tasks]
    # Before anything is trained or paid for, so that a mistake costs neither.
    plugins.check("harness_plan_made", manifest=loaded, plan=plan, plugins=plugins)
    for line in plan.warnings:
        say(f"warning: {line}")
    if any(judge.needs_training for judge in plan.judges):
        make_models(plan, loaded, plugins, checkpoints=checkpoints, say=say)
        # A judge says itself what it has answers to, and one with a recipe is made by its training.
        plugins.check("harness_plan_made", manifest=loaded, plan=plan, plugins=plugins)
    if folder.is_dir() and not is_writable(folder) and not fresh:
        return _show_run(plan, folder, plugins)
    make_folder(folder, fresh=fresh)
    # Two runs of one manifest would ask every question twice.
    with lock_folder(folder):
        reuse = False if fresh else reuse
        place = None
        if executor is not None:
            place = partial(_place, executor=executor, loaded=loaded, plan=plan, say=say)
        try:
            outcome, judges, taken = _ask_judges(
                plan, loaded, plugins, folder, shard=shard, progress=progress, reuse=reuse, place=place, say=say
            )
        finally:
            if executor is not None:
                executor.close()
        # Before the report: a report that fails must not cost the record of what was asked, by which versions.
        write_record(
            folder,
            plugins=_list_versions(plan, plugins),
            state="interrupted" if outcome.interrupted else "stopped" if outcome.cut_short else "finished",
            seconds=time.monotonic() - began,
            command=sys.argv,
            judges=judges,
            data={task.name: source for task in plan.tasks if (source := task.provenance)},
            taken_over=taken,
            code={name: f"sha256:{code.hash}" for name, code in plugins.allowed.read.items()},
        )
        # Who presses Ctrl-C wants the prompt back. The next start, or `harness score`, makes the report.
        report = None if outcome.interrupted else report_run(folder, plugins, reuse=True)
    return RunSession(folder=folder, outcome=outcome, report=report)


def make_models(
    plan: Plan, loaded: LoadedManifest, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Have plugins make the models that judges of a plan wait for.

    Raises:
        UserError: One cannot be made, or no plugin makes it.
    """
    plugins.check(
        "harness_models_wanted", manifest=loaded, plan=plan, plugins=plugins, checkpoints=checkpoints, say=say
    )
    waiting = [judge.name for judge in plan.judges if judge.needs_training]
    if waiting:
        raise PluginError(
            f"judge {waiting[0]}: no plugin makes the model of its recipe; is `harness` blocked by --no-plugin?"
        )


def _place(
    judge: PlannedJudge, *, executor: JudgePlacer, loaded: LoadedManifest, plan: Plan, say: Callable[[str], None]
) -> Judge | None:
    """The stand-in of a judge that is asked elsewhere; `None` for one that is asked in this process.

    Raises:
        UserError: It can be asked nowhere.
        PluginError: The executor raised something else, or returned no judge. It is named.
    """
    try:
        stand_in = executor.place(judge, manifest=loaded, plan=plan, say=say)
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit in a plugin ends no command
        cause = f"{type(error).__name__}: {error}"
        raise PluginError(f"the executor cannot place the judge {judge.name}: {cause}") from error
    if stand_in is not None and not hasattr(stand_in, "judge"):
        raise PluginError(f"the executor placed the judge {judge.name} as {stand_in!r}, which lacks the method judge")
    return stand_in


def _show_run(plan: Plan, folder: Path, plugins: Plugins) -> RunSession:
    """A run on read-only storage. All is answered there, or nothing can be added."""
    with Journal(folder / JOURNAL, readonly=True) as journal:
        kept = journal.cells()
        for cell in plan.cells():
            failed = journal.statuses(cell.task.name, cell.judge.key).get("error", 0)
            if cell.row("complete") not in kept or failed:
                raise JournalError(
                    f"run folder {folder}: is read-only, and {cell.judge.name} on {cell.task.name} is not finished; "
                    "copy the folder to where you may write, and give its parent as --runs"
                )
    return RunSession(folder=folder, outcome=RunOutcome(), report=report_run(folder, plugins, reuse=True))


def _ask_judges(
    plan: Plan,
    loaded: LoadedManifest,
    plugins: Plugins,
    folder: Path,
    *,
    shard: Shard | None,
    progress: CellProgress,
    reuse: bool | None,
    place: Callable[[PlannedJudge], Judge | None] | None,
    say: Callable[[str], None],
) -> tuple[RunOutcome, dict[str, dict[str, Any]], dict[str, int]]:
    """Record the plan, ask what is not known yet, and give a record of each judge and of what was taken over."""
    with Journal(folder / JOURNAL) as journal:
        write_atomically(folder / MANIFEST, render(loaded.content))
        journal.set_meta(
            "plan", plan_record(plan, name=loaded.manifest.name, report=loaded.manifest.report.model_dump())
        )
        # After the plan is kept, so that a plugin can read it.
        plugins.notify("harness_run_started", folder=folder, manifest=loaded.content)
        before = journal.read_taken()
        with open_known(plugins, folder, journal, reuse=reuse) as known:
            outcome = Engine(
                plan,
                journal,
                timeout=loaded.manifest.run.timeout,
                fail_on_error=loaded.manifest.run.fail_on_error,
                shard=shard,
                progress=progress,
                known=known,
                place=place,
            ).run()
        taken = journal.read_taken()
        for source, count in taken.items():
            if count > before.get(source, 0):
                say(f"{count - before.get(source, 0):,} answers taken over from {source}")
        return outcome, {judge.name: _judge_record(journal, judge, outcome) for judge in plan.judges}, taken


@contextmanager
def open_known(
    plugins: Plugins, folder: Path, journal: Journal | None, *, reuse: bool | None
) -> Iterator[KnownAnswers | None]:
    """The answers that need not be asked for: `None` where there are none, or none are wanted.

    Args:
        plugins: The installed plugins.
        folder: The run folder.
        journal: Its journal, which remembers that a run was begun without; `None` in a dry run of a new folder.
        reuse: As in `run_manifest`.
    """
    if reuse is None:
        reuse = journal is None or journal.meta("reuse") != "no"
    # A run that is begun with --fresh goes on without the option, and must not take over what it was to ask again.
    if journal is not None and not journal.readonly:
        journal.set_meta("reuse", "yes" if reuse else "no")
    known: KnownAnswers | None = plugins.ask("harness_answers_known", KnownAnswers, folder=folder) if reuse else None
    try:
        yield known
    finally:
        if known is not None:
            known.close()


def report_run(folder: Path, plugins: Plugins, *, reuse: bool = False) -> Report | None:
    """Have a run scored and reported by a plugin. `None` where nothing was judged, or no plugin reports.

    Args:
        folder: The run folder.
        plugins: The installed plugins.
        reuse: Whether a report that was made before will do where nothing has changed since.

    Raises:
        UserError: It is no run folder, or it cannot be scored.
    """
    report: Report | None = plugins.ask("harness_run_recorded", Report, folder=folder, plugins=plugins, reuse=reuse)
    return report


def why_unreported(folder: Path) -> str:
    """Why a run has no report, in words."""
    with Journal(folder / JOURNAL, readonly=True) as journal:
        if journal.is_empty():
            return "nothing was judged yet; run its manifest again"
    # The core's own plugin reports every run with an answer, so it must be away.
    return "no plugin reports it; is `harness` blocked by --no-plugin?"


def describe_end(session: RunSession, gate: float | None) -> tuple[int, list[str]]:
    """Exit code of a run that was not interrupted, and a line for each thing that went wrong.

    Args:
        session: The run.
        gate: The least coverage, as the manifest declares it (`report.min_coverage`).
    """
    outcome = session.outcome
    said = [f"stopped: {outcome.too_many_errors}"] if outcome.too_many_errors else []
    said += [f"stopped: {text if judge in text else f'{judge}: {text}'}" for judge, text in outcome.stopped.items()]
    with Journal(session.folder / JOURNAL, readonly=True) as journal:
        # Read from the run: the plan of the session is gone, and its judges with it.
        keys = {(cell.task, cell.judge): cell.judge_key for cell in journal.cells()}
        for (task, judge), count in outcome.errors.items():
            noun = "judgement" if count == 1 else "judgements"
            said.append(f"{judge} on {task}: {count} {noun} failed; the same command asks them again")
            found = journal.failures(task, keys[task, judge], 3)
            said += [f"  {clean(item)}: {clean(problem)}" for item, problem in found]
    if said or session.report is None or gate is None:
        return 3 if said else 0, said
    # Failures count more than a gate: a cell with failed answers may be below it for that reason alone.
    for row in session.report.leaderboard["rows"]:
        if row["coverage"] < gate:
            share, wanted = write_share(row["coverage"]), f"{gate * 100:g} %"
            said.append(f"{row['judge']} on {row['task']}: coverage {share} % is below the gate of {wanted}")
    return 4 if said else 0, said


def _judge_record(journal: Journal, judge: PlannedJudge, outcome: RunOutcome) -> dict[str, Any]:
    """For `run.json`: what a judge took, how long for an answer, its recipe's model, and why it stopped if it did."""
    latencies = journal.latencies(judge.key)
    quick: dict[str, Any] = {"n": len(latencies)}
    if latencies:
        quick["median"] = statistics.median(latencies)
        # The nearest rank: a latency that was measured, and not one between two.
        quick["p95"], quick["p99"] = (latencies[math.ceil(part * len(latencies)) - 1] for part in (0.95, 0.99))
    record = {**asdict(journal.usage(judge.key)), "latency_s": quick}
    if judge.model is not None:
        record["model"] = str(judge.model)
    if judge.name in outcome.stopped:
        record["stopped"] = outcome.stopped[judge.name]
    return record


def _list_versions(plan: Plan, plugins: Plugins) -> dict[str, str]:
    # Of the plugins that were used. Others cannot have changed the answers.
    used = {name.partition("/")[0] for name in [*(t.id for t in plan.tasks), *(j.id for j in plan.judges)]}
    return {row.distribution: row.version for row in plugins.rows if row.name in used}
