"""One `harness drift`: the anchors are frozen or checked, asked as a run of their own, and noted in the history."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import CellProgress, UserError
from harness.drift.anchors import FILE as ANCHORS
from harness.drift.anchors import AnchorSet, find_changes, freeze_anchors, read_anchors, write_anchors
from harness.drift.history import (
    Snapshot,
    add_snapshot,
    digest_of,
    load_snapshot,
    read_history,
    with_numbers,
    write_history,
)
from harness.drift.measure import measure_drift
from harness.drift.records import DriftReport
from harness.drift.text import to_markdown
from harness.libraries.text import clean
from harness.pipeline.session import run_manifest
from harness.runner.folder import lock_folder, make_folder, write_atomically
from harness.runner.plan import plan_tasks
from harness.score.find import make_metric

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest
    from harness.runner.engine import RunOutcome

REPORT = "drift.md"
"""Name of the page in the folder of a drift."""


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """How anchors are chosen, if there are none yet."""

    count: int = 200
    """Items of each task."""
    seed: int = 0
    """Of the choice."""
    again: int = 2
    """How often each question is asked again at the first date."""
    alpha: float = 0.05
    """Chance that any judge on any task ever rings falsely."""


@dataclass(frozen=True, kw_only=True)
class DriftSession:
    """What a call came to."""

    folder: Path
    """The folder of the drift."""
    report: DriftReport | None
    """The newest snapshot against the first; `None` where the snapshot is not complete."""
    stopped: RunOutcome | None
    """What kept the snapshot from being complete; `None` where it is."""
    failed: int = 0
    """Requests that failed, and are asked again by the same command."""


def drift_folder(out: Path, loaded: LoadedManifest) -> Path:
    """The folder of a manifest's drift. It keeps its name when the manifest changes, so that the change is seen."""
    return out / loaded.manifest.name


def take_snapshot(
    loaded: LoadedManifest,
    plugins: Plugins,
    *,
    out: Path,
    label: str,
    freeze: Freeze,
    fresh: bool,
    checkpoints: Path,
    make_progress: Callable[[], CellProgress],
    say: Callable[[str], None],
) -> DriftSession:
    """Ask the anchors, or go on where an earlier call stopped. The first call freezes them.

    Args:
        loaded: The manifest.
        plugins: The installed plugins.
        out: The folder of all drifts.
        label: Name of the snapshot. One that is complete is asked nothing.
        freeze: How to choose anchors where there are none.
        fresh: Freeze others. The older folder is kept beside the new one.
        checkpoints: The folder of checkpoint folders.
        make_progress: Makes what shows how far it is.
        say: Takes lines for people.

    Raises:
        UserError: The anchors ask otherwise than they did, a file is damaged, or the run cannot be made.
    """
    folder = drift_folder(out, loaded)
    make_folder(folder, fresh=fresh)
    with lock_folder(folder):
        history = read_history(folder)
        anchors = _ready_anchors(loaded, plugins, folder, freeze, asked=bool(history), say=say)
        _check_judges(folder, loaded, history)
        # The first snapshot has its repeats beside it. A call that goes on with it, on another day, makes a new one.
        rounds = [label, *(f"{label}.again-{number}" for number in range(1, anchors.again + 1))]
        if any(snapshot.snapshot != label for snapshot in history[:1]):
            rounds = rounds[:1]
        runs = []
        for name in rounds:
            session = run_manifest(
                loaded,
                plugins,
                runs=folder / name,
                fresh=False,
                shard=None,
                progress=make_progress(),
                checkpoints=checkpoints,
                say=say,
                reuse=False,  # the answers of today are wanted
                only=anchors.items,
            )
            if session.outcome.interrupted or session.outcome.cut_short:
                return DriftSession(folder=folder, report=None, stopped=session.outcome)
            runs.append((session.folder, sum(session.outcome.errors.values())))
        paths = [run.relative_to(folder).as_posix() for run, _ in runs]
        snapshot = Snapshot(
            snapshot=label,
            taken=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            folder=paths[0],
            again=tuple(paths[1:]),
            digests={path: digest_of(run) for path, (run, _) in zip(paths, runs, strict=True)},
        )
        report = _note(folder, anchors, add_snapshot(history, snapshot), loaded, plugins)
    return DriftSession(folder=folder, report=report, stopped=None, failed=sum(failed for _, failed in runs))


def read_snapshots(loaded: LoadedManifest, plugins: Plugins, *, out: Path) -> DriftSession:
    """What the snapshots say that are there. Nothing is asked or written.

    Raises:
        UserError: There is none, or one is damaged.
    """
    folder = drift_folder(out, loaded)
    anchors, history = read_anchors(folder), read_history(folder)
    if anchors is None or not history:
        raise UserError(f"{folder}: there is no snapshot yet; call `harness drift` without --no-ask")
    return DriftSession(folder=folder, report=_measure(folder, anchors, history, loaded, plugins), stopped=None)


def _ready_anchors(
    loaded: LoadedManifest, plugins: Plugins, folder: Path, freeze: Freeze, *, asked: bool, say: Callable[[str], None]
) -> AnchorSet:
    """The anchors of the folder, checked; or new ones."""
    plan = plan_tasks(loaded, plugins, workspace=folder / ".workspace")
    anchors = read_anchors(folder)
    if anchors is None and asked:
        raise UserError(f"{folder / ANCHORS}: is gone, and there are snapshots; put it back, or begin with --fresh")
    if anchors is None:
        anchors = freeze_anchors(
            plan,
            name=loaded.manifest.name,
            count=freeze.count,
            seed=freeze.seed,
            again=freeze.again,
            alpha=freeze.alpha,
        )
        write_anchors(anchors, folder)
        count = sum(len(task.items) for task in anchors.tasks)
        say(f"anchors frozen: {count:,} items, each asked {1 + anchors.again} times today")
    # Before a judge is asked: answers to other questions would cost money and say nothing.
    elif problems := find_changes(anchors, plan):
        raise UserError(
            f"{folder}: the anchors no longer ask what they asked on {anchors.frozen[:10]}, so that the judges cannot "
            "be held against their earlier answers:\n"
            + "\n".join(f"  {problem}" for problem in problems)
            + "\nGo back to the data and the options of that date, or freeze new anchors with --fresh."
        )
    return anchors


def _check_judges(folder: Path, loaded: LoadedManifest, history: Sequence[Snapshot]) -> None:
    """Refuse a judge that has no first answers."""
    if not history:
        return
    # Read with its digest: first answers that are damaged are named before anything is paid for.
    known = {cell.judge for cell in load_snapshot(folder, history[0], history[0].folder)}
    new = [entry.entry.name for entry in loaded.judges if entry.entry.name and entry.entry.name not in known]
    if new and not any(entry.entry.name is None for entry in loaded.judges):
        raise UserError(
            f"{folder}: judge {', '.join(map(clean, new))} was not asked when the anchors were frozen (those were "
            f"{', '.join(sorted(map(clean, known)))}); give this manifest another name, or freeze new anchors with "
            "--fresh"
        )


def _measure(
    folder: Path, anchors: AnchorSet, history: Sequence[Snapshot], loaded: LoadedManifest, plugins: Plugins
) -> DriftReport:
    return measure_drift(
        folder,
        anchors,
        history,
        settings=loaded.manifest.report,
        seed=loaded.manifest.run.seed,
        find_metric=lambda name: make_metric(name, plugins),
    )


def _note(
    folder: Path, anchors: AnchorSet, history: list[Snapshot], loaded: LoadedManifest, plugins: Plugins
) -> DriftReport:
    """Write the history and the page."""
    report = _measure(folder, anchors, history, loaded, plugins)
    plain = report.to_json()
    history[-1] = with_numbers(history[-1], judges=plain["judges"], cells=plain["cells"])
    write_history(folder, history)
    write_atomically(folder / REPORT, to_markdown(report))
    return report
