"""`harness run --dry-run`: what a run would ask, and what is known of it. Asks no judge and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import KnownAnswers
from harness.pipeline.session import open_known, run_folder
from harness.recipes import give_models, plan_trainings
from harness.runner.folder import JOURNAL
from harness.runner.journal import Journal
from harness.runner.plan import build_plan
from harness.runner.planned import Plan, PlannedCell, PlannedTask, WaitsForRecipeError
from harness.runner.requests import Shard, list_permutations, stream_requests

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest


def list_lines(
    loaded: LoadedManifest,
    plugins: Plugins,
    *,
    runs: Path,
    checkpoints: Path,
    shard: Shard | None,
    reuse: bool | None,
    say: Callable[[str], None],
) -> Iterator[str]:
    """The lines of a dry run. It fails where the run would.

    Args:
        loaded: The manifest.
        plugins: The installed plugins.
        runs: The folder of run folders.
        checkpoints: The folder of checkpoint folders.
        shard: Only this part of every task.
        reuse: As in `run_manifest`.
        say: Takes lines about recipes.

    Raises:
        UserError: The plan, the data, a recipe or the run folder cannot be used.
    """
    plan = build_plan(loaded, plugins, workspace=runs / ".workspace")
    trainings = plan_trainings(plan, plugins, checkpoints=checkpoints, say=say)
    give_models(plan, loaded, {judge: training.model for judge, training in trainings.items() if training.is_trained})
    plugins.check("harness_plan_made", manifest=loaded, plan=plan, plugins=plugins)
    for line in plan.warnings:
        say(f"warning: {line}")
    folder = run_folder(runs, loaded, shard)
    # Read only: a run of the same manifest may be at work.
    journal = Journal(folder / JOURNAL, readonly=True) if (folder / JOURNAL).is_file() else None
    yield f"run folder: {folder} ({'exists' if journal else 'new'})"
    for judge, training in trainings.items():
        state = "trained already" if training.is_trained else "would be trained first"
        yield f"  {judge}: recipe {training.name}, {state} ({training.folder})"
    for task, name in sorted(plan.left_out):
        yield f"  {task} · {name}: not asked, since the judge has an answer to no item there"
    to_ask: dict[tuple[str, str], int] = {}
    try:
        with open_known(plugins, folder, journal, reuse=reuse) as known:
            yield from _list_cells(plan, journal, known, shard, to_ask)
    finally:
        if journal is not None:
            journal.close()
    for _, lines in plugins.notify("harness_run_planned", folder=folder, plan=plan, to_ask=to_ask, shard=shard):
        yield from map(str, lines or ())


def _list_cells(
    plan: Plan,
    journal: Journal | None,
    known: KnownAnswers | None,
    shard: Shard | None,
    to_ask: dict[tuple[str, str], int],
) -> Iterator[str]:
    """A line for each cell, and those about all of them. Puts into `to_ask` how many requests each has left."""
    total, held, taken = 0, 0, Counter[str]()
    for cell in plan.cells():
        asks, have, found = _count_requests(cell.task, shard), 0, Counter[str]()
        if (key := _find_key(cell)) is not None:
            statuses = journal.statuses(cell.task.name, key) if journal is not None else {}
            # Failed answers are asked again, so they are not counted as there.
            have = sum(count for status, count in statuses.items() if status not in ("missing", "error"))
            if known is not None and have < asks:
                found = _count_known(known, journal, cell, shard)
        total, held, taken = total + asks, held + have, taken + found
        to_ask[cell.task.name, cell.judge.name] = max(0, asks - have - found.total())
        more = f", {found.total():,} known from earlier runs" if found else ""
        yield (
            f"  {cell.task.name} · {cell.judge.name}: {asks:,} requests, {have:,} already in the journal{more} "
            f"({cell.task.protocol.summary()})"
        )
    for source, count in taken.items():
        yield f"{count:,} answers would be taken over from {source} (--no-reuse asks again)"
    left = total - held - taken.total()
    yield f"{len(plan.cells())} cells, {total:,} requests, {held:,} already answered, {left:,} to ask"


def _find_key(cell: PlannedCell) -> str | None:
    """Key of a cell's judge; `None` where it waits for a recipe, its own or that of a judge that it asks."""
    try:
        return cell.judge.key
    except WaitsForRecipeError:
        return None


def _count_known(known: KnownAnswers, journal: Journal | None, cell: PlannedCell, shard: Shard | None) -> Counter[str]:
    """Number of the answers that would be taken over into a cell, by where they are from. Renders its requests."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    judge, key = cell.judge, cell.judge.key
    if not judge.judge.fingerprint():
        return found
    stream = stream_requests(cell.task, shard=shard)
    while chunk := list(islice(stream, 128)):
        requests = [judge.put(planned.request) for planned in chunk if planned.request is not None]
        requests = [request for request in requests if request.key not in seen]
        seen.update(request.key for request in requests)
        held = journal.find_answered(key, [request.key for request in requests]) if journal is not None else set()
        missing = [request for request in requests if request.key not in held]
        found.update(source for source, _ in known.find(key, missing).values() if missing)
    return found


def _count_requests(task: PlannedTask, shard: Shard | None) -> int:
    # No image is opened: the number of orders depends on the candidates alone.
    return sum(
        len(list_permutations(item, task.protocol)) * task.protocol.samples
        for _, item in task.items()
        if shard is None or shard.holds(item.id)
    )
