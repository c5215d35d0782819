"""What `harness validate` looks at beside the manifest: files that judges name, data of tasks, and whether they fit.

No judge that asks a model is made. Data of a hub, and those that come with a plugin, are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness.readiness import leave_out
from harness.runner.plan import at, plan_entry, plan_judges
from harness.runner.planned import Plan, PlannedJudge, PlannedTask

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest

_FIRST = 100
"""Items of a task that are read where no answers were recorded: data may be large."""


def make_recorded(loaded: LoadedManifest, plugins: Plugins) -> list[PlannedJudge]:
    """Check the files that judges name (see `harness.api.JudgeCard.check`), and make the judges that are files alone.

    Raises:
        UserError: A file cannot be used. The judge's entry is named.
    """
    plan, recorded = _empty_plan(loaded, plugins), []
    for judge in plan_judges(loaded, plan):
        check = getattr(judge.offer.card, "check", None)
        if check is None:
            continue
        with at(loaded, judge.entry):
            # Where the check is to make it, it is made once.
            if check == judge.offer.card.factory and not judge.needs_training:
                if hasattr(judge.judge, "covers"):
                    recorded.append(judge)
            else:
                judge.offer.check(judge.options, judge.context)
    return recorded


def check_data(loaded: LoadedManifest, plugins: Plugins, judges: Sequence[PlannedJudge]) -> Iterator[str]:
    """Open the data of the tasks that are on this machine, and say what is not answered.

    Args:
        loaded: The manifest.
        plugins: The installed plugins.
        judges: Those that know of which items they have an answer.

    Raises:
        UserError: The data are in no layout of the task, an item is broken, or a judge has an answer to none.
    """
    plan, all_there = _empty_plan(loaded, plugins), True
    plan.judges.extend(judges)
    for number, resolved in enumerate(loaded.tasks):
        # That a path is there was checked with the manifest.
        if resolved.entry.data is None or resolved.entry.data.startswith("hub:"):
            all_there = False
            continue
        for task in plan_entry(loaded, plan, number):
            with at(loaded, f"tasks.{number}"):
                yield from _count_missing(task, judges)
    # A judge may have its answers to a task that is not here.
    if all_there:
        leave_out(plan)


def _count_missing(task: PlannedTask, judges: Sequence[PlannedJudge]) -> Iterator[str]:
    """Read the items, and say how many of them a judge has no answer to, if it has one to any."""
    missing: dict[str, list[str]] = {judge.name: [] for judge in judges}
    count = 0
    for _, item in task.items() if judges else islice(task.items(), _FIRST):
        count += 1
        for judge in judges:
            if not judge.judge.covers(task.name, item.id):  # type: ignore[attr-defined]
                missing[judge.name].append(item.id)
    for name, ids in missing.items():
        if 0 < len(ids) < count:
            yield f"judge {name}: has no answer to {len(ids):,} of the {count:,} items of {task.name}, as {ids[0]!r}"


def _empty_plan(loaded: LoadedManifest, plugins: Plugins) -> Plan:
    return Plan(seed=loaded.manifest.run.seed, plugins=plugins, workspace=Path("runs") / ".workspace")
