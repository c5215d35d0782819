"""The plan: which judges answer which tasks. Built from a checked manifest; asks nobody anything yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from harness.api import (
    Card,
    Judge,
    ManifestError,
    PluginError,
    Protocol,
    Request,
    Task,
    UserError,
    VerdictFormat,
    WeightedReward,
)
from harness.api.reading import NO_MARKS, Thinking
from harness.discovery import Offer, Plugins, options_of
from harness.manifest.check import validate
from harness.manifest.model import ReasoningMarks
from harness.manifest.problems import Origin, Problems, display
from harness.manifest.source import Node
from harness.run.context import PlanContext as PlanContext

if TYPE_CHECKING:
    from harness.manifest.load import LoadedManifest, LoadedRecipe


class WaitsForRecipeError(UserError):
    """A judge cannot be made yet: the recipe that makes its model has to be trained first."""


@dataclass(frozen=True, kw_only=True)
class PlannedTask:
    """A task of the plan, ready to stream."""

    name: str
    """Label on the leaderboard."""
    id: str
    """Canonical id."""
    suite: str
    """Collection."""
    split: str
    """Which split is asked."""
    limit: int | None
    """At most so many items."""
    task: Task
    """The plugin's task."""
    protocol: Protocol
    """The official protocol with the manifest's changes."""
    format: VerdictFormat
    """The verdict format."""

    def count(self) -> int | None:
        """Number of items, where the task knows it."""
        counter = getattr(self.task, "count_items", None)
        if counter is None:
            return None
        known = int(counter(self.split))
        return known if self.limit is None else min(known, self.limit)

    @property
    def provenance(self) -> str:
        """Which data were read, where the task says."""
        say = getattr(self.task, "provenance", None)
        return "" if say is None else str(say())

    @property
    def without_media(self) -> bool:
        """Whether its pictures are not there, so that only judges that do not look at them can be asked."""
        return getattr(self.task, "media", "") == "absent"

    @property
    def asks_per_item(self) -> int:
        """Requests that an item with candidates makes."""
        return self.protocol.samples * (2 if self.protocol.order == "both" else 1)

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the requests may change."""
        asked = (self.protocol.order, self.protocol.order_seed, self.protocol.samples)
        return _digest([self.id, self.task.fingerprint(), self.split, self.limit, self.format.name, asked])


@dataclass(frozen=True, kw_only=True)
class PlannedJudge:
    """A judge of the plan."""

    name: str
    """Label on the leaderboard."""
    id: str
    """Canonical id."""
    offer: Offer
    """Where it comes from."""
    options: BaseModel | None
    """Its checked options."""
    context: PlanContext
    """What its factory is given."""
    entry: str = ""
    """Path of its entry in the manifest, `judges.0`; those that one entry stands for share it."""
    thinking: Thinking = NO_MARKS
    """How it marks its reasoning, from its card and its entry."""
    recipe: LoadedRecipe | None = None
    """The recipe that makes its model."""
    model: Path | None = None
    """The model that its recipe made; `None` until then."""

    @property
    def waits(self) -> bool:
        """Whether its recipe has to be trained before it can be made."""
        return self.recipe is not None and self.model is None

    def make(self) -> Judge:
        """A new judge object; the engine makes another one when the first hangs.

        Raises:
            WaitsForRecipeError: Its recipe has to be trained first.
            UserError: It cannot be made.
        """
        if self.recipe is not None and self.model is None:
            raise WaitsForRecipeError(f"judge {self.name}: its recipe {self.recipe.recipe.name} is not trained yet")
        judge = self.offer.create(self.options, self.context)
        check_contract("judge", self.id, judge, ("judge", "fingerprint"))
        made: Judge = judge
        return made

    @cached_property
    def judge(self) -> Judge:
        """The judge object."""
        return self.make()

    def rest(self) -> None:
        """Let the judge free its memory: its last cell is done. It may be asked again, by a jury."""
        close = getattr(self.judge, "close", None)
        if close is not None:
            close()

    def put(self, request: Request) -> Request:
        """The request as it is put to this judge: under the judge's own key, with the marks of its reasoning."""
        request = request.keyed(by_item=self.answers_by_item)
        return request if self.thinking == NO_MARKS else replace(request, thinking=self.thinking)

    @property
    def answers_by_item(self) -> bool:
        """Whether two items of equal content are two questions to it; see `harness.api.Judge`."""
        return bool(getattr(self.judge, "answers_by_item", False))

    @cached_property
    def key(self) -> str:
        """Changes whenever its answers may change; the journal keeps judgements under it."""
        facts: list[Any] = [self.id, options_of(self.options), self.judge.fingerprint()]
        if self.answers_by_item:
            facts.append("by item")
        if self.thinking != NO_MARKS:
            facts.append([list(map(list, self.thinking.marks)), self.thinking.opened])
        return _digest(facts)


@dataclass(frozen=True, slots=True)
class Cell:
    """One judge on one task."""

    task: PlannedTask
    judge: PlannedJudge


@dataclass(kw_only=True)
class Plan:
    """All cells of a run."""

    tasks: list[PlannedTask] = field(default_factory=list)
    judges: list[PlannedJudge] = field(default_factory=list)
    seed: int
    plugins: Plugins
    workspace: Path
    journal: Path | None = None
    """Where answers already given can be looked up; set when the run starts."""
    asking: list[str] = field(default_factory=list)
    """Judges that are being asked through a context right now, to notice circles."""
    left_out: set[tuple[str, str]] = field(default_factory=set)
    """Names of task and judge of the cells that are not asked; `harness.run.coverage` finds them."""

    def cells(self) -> list[Cell]:
        """Judges in order, and for each the tasks in order: weights of one judge at a time need to be in memory."""
        cells = [Cell(task, judge) for judge in self.judges for task in self.tasks]
        return [cell for cell in cells if (cell.task.name, cell.judge.name) not in self.left_out]


def build_plan(loaded: LoadedManifest, plugins: Plugins, *, workspace: Path) -> Plan:
    """Make every task and judge that a manifest names, unfolding the entries that stand for several.

    Judges with a recipe are planned and not yet made: `harness.train.judges` gives them their models.

    Raises:
        UserError: A plugin object cannot be made, or two entries have one name.
    """
    plan = plan_tasks(loaded, plugins, workspace=workspace)
    for number, judge in enumerate(loaded.judges):
        with at(loaded, f"judges.{number}"):
            for name, options in unfolded(plan, judge.offer, judge.entry.name, None, judge.options):
                refuse_twice("judge", name, plan.judges)
                context = context_of(plan, judge.offer, name=name)
                planned = PlannedJudge(
                    name=name,
                    id=judge.offer.id,
                    offer=judge.offer,
                    options=options,
                    context=context,
                    entry=f"judges.{number}",
                    thinking=thinking_of(judge.entry.reasoning, judge.offer.card),
                    recipe=judge.recipe,
                )
                plan.judges.append(planned)
                if not planned.waits:
                    _ = planned.judge  # made now, so that what is wrong with it is known before anybody is asked
    return plan


def plan_tasks(loaded: LoadedManifest, plugins: Plugins, *, workspace: Path) -> Plan:
    """Make every task that a manifest names, and no judge.

    Raises:
        UserError: A task cannot be made, or two entries have one name.
    """
    plan = Plan(seed=loaded.manifest.run.seed, plugins=plugins, workspace=workspace)
    for number, resolved in enumerate(loaded.tasks):
        entry = resolved.entry
        with at(loaded, f"tasks.{number}"):
            for name, options in unfolded(plan, resolved.offer, entry.name, entry.data, resolved.options):
                refuse_twice("task", name, plan.tasks)
                plan.tasks.append(
                    plan_task(
                        plan,
                        resolved.offer,
                        name=name,
                        options=options,
                        data=entry.data,
                        split=entry.split,
                        limit=_least(entry.limit, loaded.manifest.run.limit),
                        format_name=entry.format,
                        overrides=entry.protocol,
                        suite=entry.suite,
                    )
                )
    return plan


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
    if any(one.name == name for one in planned):
        raise ManifestError(f"two {kind}s are named {name!r}; give one of them another `name:`")


def plan_task(
    plan: Plan,
    offer: Offer,
    *,
    name: str,
    options: BaseModel | None,
    data: str | None = None,
    split: str = "test",
    limit: int | None = None,
    format_name: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    suite: str | None = None,
) -> PlannedTask:
    """Make a task as its entry says; the split `split` is what it is asked, or what is learnt.

    Raises:
        UserError: It cannot be made, or has no such split.
    """
    context = context_of(plan, offer, name=name, data=data)
    task = make_task(offer, options, context, split=split)
    format_offer = plan.plugins.find("format", format_name or task.format)
    return PlannedTask(
        name=name,
        id=offer.id,
        suite=suite or str(getattr(offer.card, "suite", "")),
        split=split,
        limit=limit,
        task=task,
        protocol=_overridden(task.protocol, overrides or {}),
        format=format_offer.create(None, context),
    )


def make_task(offer: Offer, options: BaseModel | None, context: PlanContext, *, split: str) -> Task:
    """The task object by itself.

    Raises:
        UserError: It cannot be made, or has no such split.
    """
    splits = getattr(offer.card, "splits", ())
    if split not in splits:
        raise UserError(f"task {offer.id} has no split {split!r}; it has {', '.join(splits) or 'none'}")
    task: Task = offer.create(options, context)
    check_contract("task", offer.id, task, ("protocol", "format", "items", "render", "fingerprint"))
    return task


def checked_options(offer: Offer, given: Mapping[str, Any], *, who: str) -> BaseModel | None:
    """Options that a plugin gives to an object of another plugin, checked as those of a manifest.

    Raises:
        UserError: They do not fit; the message names `who`, the object and each option.
    """
    model = offer.options_model()
    if model is None:
        if given:
            raise UserError(f"{who}: {offer.id} takes no options, got {', '.join(given)}; leave them out")
        return None
    problems = Problems()
    origin = Origin(label=f"{who}: options of {offer.id}", folder=Path())
    checked = validate(model, _node(given, origin), "", problems)
    problems.raise_if_any()
    return checked


def _node(value: Any, origin: Origin) -> Node:
    """Plain data as the manifest's checks take it."""
    if isinstance(value, Mapping):
        return Node(value={str(key): _node(one, origin) for key, one in value.items()}, origin=origin)
    if isinstance(value, list | tuple):
        return Node(value=tuple(_node(one, origin) for one in value), origin=origin)
    return Node(value=value, origin=origin)


def wrapped_by(plan: Plan, task: PlannedTask) -> list[str]:
    """Names of the tasks of the plan with the items and the split that a task shows changed; see `harness.api.Task`."""
    if not hasattr(task.task, "wraps"):
        return []
    made, split = task.task.wraps
    own = made.fingerprint()
    return [
        one.name
        for one in plan.tasks
        if one.split == split and type(one.task) is type(made) and one.task.fingerprint() == own
    ]


def _overridden(official: Protocol, overrides: Mapping[str, Any]) -> Protocol:
    values = {spec.name: getattr(official, spec.name) for spec in fields(official)} | dict(overrides)
    values["metrics"] = tuple(values["metrics"])
    if "order" in overrides and values["order"] != "both" and "pooling" not in overrides:
        values["pooling"] = "each"  # the official pooling of two orders means nothing for one
    return Protocol(**values)


def default_task(plan: Plan, name: str) -> PlannedTask:
    """An installed task that is not in the plan, by its id, with its default options.

    Raises:
        UserError: There is none of that name, or it needs options or data.
    """
    offer = plan.plugins.find("task", name)
    return plan_task(plan, offer, name=offer.card.name, options=_default_options(offer))


def unfolded(
    plan: Plan, offer: Offer, given: str | None, data: str | None, options: BaseModel | None
) -> list[tuple[str, BaseModel | None]]:
    """Name and options of each entry that an entry stands for; most stand for themselves."""
    name = given or offer.card.name
    context = context_of(plan, offer, name=name, data=data)
    several = offer.unfold(options, context)
    if several is None:
        return [(name, options)]
    model = offer.options_model()
    entries: list[tuple[str, BaseModel | None]] = []
    for one in several:
        try:
            checked = None if model is None else model.model_validate(one.options)
        except ValidationError as error:
            raise PluginError(
                f"{offer.card.kind} {offer.id}: unfolds to options it does not accept: {error}"
            ) from error
        label = one.name if given is None else given if len(several) == 1 else f"{given}-{one.name}"
        entries.append((label, checked))
    return entries


def _default_options(offer: Offer) -> BaseModel | None:
    model = offer.options_model()
    try:
        return None if model is None else model()
    except ValidationError as error:
        raise UserError(f"task {offer.id}: needs options; name it under `tasks:` in the manifest") from error


def check_contract(kind: str, name: str, made: object, members: tuple[str, ...]) -> None:
    """Raise a `PluginError` where what a factory made lacks members of its protocol."""
    missing = [member for member in members if not hasattr(made, member)]
    if missing:
        raise PluginError(f"{kind} {name}: its factory returned {made!r}, which lacks {', '.join(missing)}")


def context_of(plan: Plan, offer: Offer, *, name: str, data: str | None = None) -> PlanContext:
    """What the factory of an entry is given."""
    plugin = offer.id.partition("/")[0]
    return PlanContext(name=name, data=data, seed=plan.seed, plan=plan, plugin=plugin, kind=offer.card.kind)


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _digest(data: object) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def sample_task(offer: Offer, plugins: Plugins, *, split: str, data: str | None) -> PlannedTask:
    """One task by itself with its default options, to look at.

    Raises:
        UserError: It cannot be made without options or data, or has no such split.
    """
    plan = Plan(seed=0, plugins=plugins, workspace=Path("runs") / ".workspace")
    given = None if data is None or data.startswith("hub:") else str(Path(data).resolve())
    name, options = unfolded(plan, offer, None, given or data, _default_options(offer))[0]
    return plan_task(plan, offer, name=name, options=options, data=given or data, split=split)
