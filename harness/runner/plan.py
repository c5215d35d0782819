"""The plan: which judges answer which tasks. Built from a checked manifest, before any judge is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from harness.api import Card, ManifestError, PluginError, Protocol, UserError, WeightedReward
from harness.api.reading import Thinking
from harness.discovery import Offer, Plugins
from harness.libraries.config import display
from harness.libraries.text import fold_name
from harness.manifest.model import ReasoningMarks
from harness.runner.context import context_of, plan_task
from harness.runner.planned import Plan, PlannedJudge, PlannedTask, least_of

if TYPE_CHECKING:
    from harness.manifest.load import LoadedManifest, LoadedRecipe


def build_plan(loaded: LoadedManifest, plugins: Plugins, *, workspace: Path) -> Plan:
    """Make every task and judge that a manifest names, unfolding the entries that stand for several.

    Judges with a recipe are planned and not yet made: the hook `harness_models_wanted` gives them their models.

    Raises:
        UserError: A plugin object cannot be made, or two entries have one name.
    """
    plan = plan_tasks(loaded, plugins, workspace=workspace)
    for planned in plan_judges(loaded, plan):
        if not planned.needs_training:
            with at(loaded, planned.entry):
                _ = planned.judge  # made now, so that a mistake in it is known before the first judge is asked
    return plan


def plan_judges(loaded: LoadedManifest, plan: Plan) -> Iterator[PlannedJudge]:
    """Add every judge that a manifest names to the plan, and give it, still to be made.

    Raises:
        UserError: An entry cannot be unfolded, runs code that was not allowed, or two have one name.
    """
    for number, judge in enumerate(loaded.judges):
        with at(loaded, f"judges.{number}"):
            for name, options in unfold_entry(plan, judge.offer, judge.entry.name, None, judge.options):
                refuse_twice("judge", name, plan.judges)
                context = context_of(plan, judge.offer, name=name)
                planned = PlannedJudge(
                    name=name,
                    offer=judge.offer,
                    options=options,
                    context=context,
                    entry=f"judges.{number}",
                    thinking=thinking_of(judge.entry.reasoning, judge.offer.card),
                    recipe=judge.recipe,
                )
                plan.judges.append(planned)
                judge.offer.refuse_code(options, planned.code_model)  # before its recipe is trained for hours
                yield planned


def plan_tasks(loaded: LoadedManifest, plugins: Plugins, *, workspace: Path) -> Plan:
    """Make every task that a manifest names, and no judge.

    Raises:
        UserError: A task cannot be made, or two entries have one name.
    """
    plan = Plan(seed=loaded.manifest.run.seed, plugins=plugins, workspace=workspace)
    for number in range(len(loaded.tasks)):
        plan_entry(loaded, plan, number)
    return plan


def plan_entry(loaded: LoadedManifest, plan: Plan, number: int) -> list[PlannedTask]:
    """Make the tasks that one entry of a manifest stands for, and add them to the plan.

    Raises:
        UserError: One cannot be made, or its name is taken.
    """
    resolved, made = loaded.tasks[number], []
    entry = resolved.entry
    with at(loaded, f"tasks.{number}"):
        for name, options in unfold_entry(plan, resolved.offer, entry.name, entry.data, resolved.options):
            refuse_twice("task", name, plan.tasks)
            made.append(
                plan_task(
                    plan,
                    resolved.offer,
                    name=name,
                    options=options,
                    data=entry.data,
                    split=entry.split,
                    limit=least_of(entry.limit, entry.sample, loaded.manifest.run.limit),
                    sampled=entry.sample is not None,
                    format_name=entry.format,
                    overrides=entry.protocol,
                    suite=entry.suite,
                )
            )
            plan.tasks.append(made[-1])
    return made


def thinking_of(entry: ReasoningMarks, card: Card | None = None) -> Thinking:
    """How a judge marks its reasoning, as its card and its entry say together."""
    marks = (*getattr(card, "reasoning_marks", ()), *entry.marks)
    return Thinking(marks=tuple((opening, closing) for opening, closing in marks), opened=entry.opened)


@contextmanager
def at(loaded: LoadedManifest | LoadedRecipe, path: str) -> Iterator[None]:
    """Say which entry of a manifest or recipe an error is about, and where it stands.

    Args:
        loaded: The manifest or recipe.
        path: Dotted path of the entry, such as `tasks.0`.
    """
    try:
        yield
    except UserError as error:
        place = loaded.origins.get(f"{path}.use", str(loaded.path))
        raise ManifestError(f"{place}: {display(path)}: {error}") from error


def refuse_twice(kind: str, name: str, planned: Sequence[PlannedTask | PlannedJudge | WeightedReward]) -> None:
    """Raise a `ManifestError` where the name is taken."""
    for other in planned:
        if fold_name(other.name) == fold_name(name):
            alike = "" if other.name == name else f", and the other one {other.name!r}, which looks alike"
            raise ManifestError(f"two {kind}s are named {name!r}{alike}; give one of them another `name:`")


def plan_record(plan: Plan, *, name: str, report: Mapping[str, Any]) -> str:
    """What a reader of the run needs to know of its plan, as JSON for the journal. `harness.recorded` reads it back."""
    return json.dumps(
        {
            "name": name,
            "seed": plan.seed,
            "report": dict(report),
            "tasks": [
                {
                    "name": t.name,
                    "id": t.id,
                    "suite": t.suite,
                    "protocol": t.protocol.to_json(),
                    "format": t.format.name,
                    "wraps": find_wrapped_tasks(plan, t),
                }
                for t in plan.tasks
            ],
            "metrics": _list_owners(plan, report),
            "judges": [
                {
                    "name": j.name,
                    "id": j.id,
                    "key": j.key,
                    "version": j.offer.version,
                    "thinking": {"marks": j.thinking.marks, "opened": j.thinking.opened},
                }
                for j in plan.judges
            ],
        }
    )


def _list_owners(plan: Plan, report: Mapping[str, Any]) -> dict[str, list[str]]:
    """Id and distribution of each metric of a plan, so that a later owner of the same bare name is noticed."""
    names = [name for task in plan.tasks for name in task.protocol.metrics]
    names += [report["metric"]] if report.get("metric") else []
    bare = {Protocol.parse_metric(name)[0] for name in names}
    owners = {}
    for name in sorted(name for name in bare if ":" not in name):
        try:
            offer = plan.plugins.find("metric", name)
        except PluginError:
            continue  # without the core's own plugin nothing is scored here
        owners[name] = [offer.id, offer.distribution]
    return owners


def find_wrapped_tasks(plan: Plan, task: PlannedTask) -> list[str]:
    """Names of the tasks of the plan with the items and the split that a task shows changed; see `harness.api.Task`."""
    if not hasattr(task.task, "wraps"):
        return []
    made, split = task.task.wraps
    # The task that it wraps is an object of its own, not that of the plan: equal fingerprints say that they are equal.
    own = made.fingerprint()
    return [
        other.name
        for other in plan.tasks
        if other.split == split and type(other.task) is type(made) and other.task.fingerprint() == own
    ]


def unfold_entry(
    plan: Plan, offer: Offer, given: str | None, data: str | None, options: BaseModel | None
) -> list[tuple[str, BaseModel | None]]:
    """Name and options of each entry that an entry stands for. Most stand for themselves."""
    name = given or offer.card.name
    context = context_of(plan, offer, name=name, data=data)
    several = offer.unfold(options, context)
    if several is None:
        return [(name, options)]
    model = offer.options_model()
    entries: list[tuple[str, BaseModel | None]] = []
    for part in several:
        try:
            checked = None if model is None else model.model_validate(part.options)
        except ValidationError as error:
            raise PluginError(f"{offer.card.kind} {offer.id}: unfolds to options it refuses: {error}") from error
        # With a name in the manifest, several entries share it as their beginning, so that labels stay unique.
        label = part.name if given is None else given if len(several) == 1 else f"{given}-{part.name}"
        entries.append((label, checked))
    return entries
