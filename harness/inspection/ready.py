"""What `harness validate` looks at beside the manifest: files that judges name, data of tasks, and whether they fit.

No judge that asks a model is made. Data of a hub, and those that come with a plugin, are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from harness.readiness import check_media, leave_out
from harness.runner.plan import at, plan_entry, plan_judges
from harness.runner.planned import Plan, PlannedJudge, PlannedTask

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest

_FIRST = 10_000
"""Items of a task that are read where no answers were recorded: data may be large."""


def check_files(loaded: LoadedManifest, plugins: Plugins) -> Iterator[str]:
    """Check the files that judges name, open the data of tasks, and say what is not answered.

    Raises:
        UserError: A file of a judge cannot be used, the data are in no layout of the task, an item is broken, a judge
            looks at pictures that are left out, or has an answer to no item.
    """
    plan = Plan(seed=loaded.manifest.run.seed, plugins=plugins, workspace=Path("runs") / ".workspace")
    recorded = _check_judges(loaded, plan)
    all_there = True
    for number, resolved in enumerate(loaded.tasks):
        # That a path is there was checked with the manifest.
        data = resolved.entry.data
        if data is None or data.startswith("hub:"):
            all_there = False
            continue
        if Path(data).is_dir() and next(Path(data).iterdir(), None) is None:
            all_there = False
            yield f"tasks[{number}]: {data} is empty, so no items were read; a run needs them"
            continue
        for task in plan_entry(loaded, plan, number):
            with at(loaded, f"tasks.{number}"):
                yield from _count_missing(task, recorded)
    check_media(plan)
    # A judge may have its answers to a task that is not here.
    if all_there:
        plan.judges[:] = recorded
        leave_out(plan)


def _check_judges(loaded: LoadedManifest, plan: Plan) -> list[PlannedJudge]:
    """Check the files that judges name (see `harness.api.JudgeCard.check`), and give the judges that are files alone.

    They are made, and know of which items they have an answer.
    """
    recorded = []
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
