"""The plan: which judges answer which tasks. Built from a checked manifest; asks nobody anything yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from harness.api import (
    Example,
    Judge,
    Judgement,
    ManifestError,
    PluginError,
    Protocol,
    Request,
    Task,
    Usage,
    UserError,
    VerdictFormat,
)
from harness.discovery import Offer, Plugins, options_of
from harness.run.asks import asks_of

if TYPE_CHECKING:
    from harness.manifest.load import LoadedManifest


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

    def make(self) -> Judge:
        """A new judge object; the engine makes another one when the first hangs."""
        judge = self.offer.create(self.options, self.context)
        _check_contract("judge", self.id, judge, ("judge", "fingerprint"))
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

    @cached_property
    def key(self) -> str:
        """Changes whenever its answers may change; the journal keeps judgements under it."""
        return _digest([self.id, options_of(self.options), self.judge.fingerprint()])


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

    def cells(self) -> list[Cell]:
        """Judges in order, and for each the tasks in order: weights of one judge at a time need to be in memory."""
        return [Cell(task, judge) for judge in self.judges for task in self.tasks]


@dataclass(frozen=True, kw_only=True)
class PlanContext:
    """The `harness.api.Context` of one entry of the plan."""

    name: str
    data: str | None
    seed: int
    plan: Plan = field(repr=False)
    plugin: str

    @property
    def workspace(self) -> Path:
        """A folder that the plugin may keep files in."""
        folder = self.plan.workspace / self.plugin
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def examples(self, task: str, split: str) -> Iterator[Example]:
        """Stream a task's split, rendered as its protocol says, with the gold."""
        planned = self._task(task)
        card = self.plan.plugins.find("task", planned.id).card
        if split not in getattr(card, "splits", ()):
            raise UserError(f"judge {self.name}: task {planned.id} has no split {split!r}; it has {_listed(card)}")
        for ask in asks_of(planned, split=split):
            if ask.request is not None:
                gold = ask.item.space.shown(ask.item.gold, ask.request.order)
                yield Example(request=ask.request, gold=gold, item=ask.item)

    def fingerprint(self, name: str) -> str:
        """What would change the items of a task or the answers of a judge."""
        if all(one.name != name for one in self.plan.judges):
            return self._task(name).task.fingerprint()
        with self._entered(name) as judge:
            return judge.key

    def spent(self) -> Usage:
        """What this judge's answers in the journal of this run have cost so far."""
        from harness.run.journal import Journal

        judge = next((one for one in self.plan.judges if one.name == self.name), None)
        if judge is None or self.plan.journal is None:
            return Usage()
        reader = Journal(self.plan.journal, readonly=True)
        try:
            return reader.usage(judge.key)
        finally:
            reader.close()

    def _task(self, name: str) -> PlannedTask:
        planned = next((one for one in self.plan.tasks if name in (one.name, one.id)), None)
        if planned is not None:
            return planned
        offer = self.plan.plugins.find("task", name)
        return _plan_task(self.plan, offer, name=offer.card.name, options=_default_options(offer))

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Ask another judge of the plan; answers already in the journal are taken from there."""
        from harness.run.journal import Journal

        with self._entered(judge) as planned:
            fresh: list[Request] = []
            reader = Journal(self.plan.journal, readonly=True) if self.plan.journal is not None else None
            try:
                for request in requests:
                    known = reader.judgement(planned.key, request.key) if reader is not None else None
                    if known is None:
                        fresh.append(request)
                    else:
                        yield request, known
            finally:
                if reader is not None:
                    reader.close()
            yield from planned.judge.judge(fresh)

    @contextmanager
    def _entered(self, judge: str) -> Iterator[PlannedJudge]:
        """Another judge of the plan, refused where that would lead round in a circle."""
        planned = next((one for one in self.plan.judges if one.name == judge), None)
        if planned is None:
            known = ", ".join(one.name for one in self.plan.judges)
            raise UserError(f"judge {self.name}: there is no judge {judge!r} in the plan; it has {known}")
        if judge == self.name or judge in self.plan.asking:
            circle = " -> ".join([*self.plan.asking, self.name, judge])
            raise UserError(f"judge {self.name}: judges that ask each other in a circle: {circle}")
        self.plan.asking.append(self.name)
        try:
            yield planned
        finally:
            self.plan.asking.remove(self.name)


def build_plan(loaded: LoadedManifest, plugins: Plugins, *, workspace: Path) -> Plan:
    """Make every task and judge that a manifest names, unfolding the entries that stand for several.

    Raises:
        UserError: A plugin object cannot be made, or two entries have one name.
    """
    plan = Plan(seed=loaded.manifest.run.seed, plugins=plugins, workspace=workspace)
    for number, resolved in enumerate(loaded.tasks):
        entry = resolved.entry
        with _at(loaded, "tasks", number):
            for name, options in _unfolded(plan, resolved.offer, entry.name, entry.data, resolved.options):
                _refuse_twice("task", name, plan.tasks)
                plan.tasks.append(
                    _plan_task(
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
    for number, judge in enumerate(loaded.judges):
        with _at(loaded, "judges", number):
            for name, options in _unfolded(plan, judge.offer, judge.entry.name, None, judge.options):
                _refuse_twice("judge", name, plan.judges)
                context = PlanContext(name=name, data=None, seed=plan.seed, plan=plan, plugin=_plugin(judge.offer))
                planned = PlannedJudge(
                    name=name, id=judge.offer.id, offer=judge.offer, options=options, context=context
                )
                plan.judges.append(planned)
                _ = planned.judge  # made now, so that what is wrong with it is known before anybody is asked
    return plan


@contextmanager
def _at(loaded: LoadedManifest, section: str, number: int) -> Iterator[None]:
    """Say which entry of the manifest an error is about, and where it stands."""
    try:
        yield
    except UserError as error:
        use = f"{section}.{number}.use"
        place = loaded.origins.get(use, str(loaded.path))
        raise ManifestError(f"{place}: {section}[{number}]: {error}") from error


def _refuse_twice(kind: str, name: str, planned: Sequence[PlannedTask | PlannedJudge]) -> None:
    if any(one.name == name for one in planned):
        raise ManifestError(f"two {kind}s are named {name!r}; give one of them another `name:`")


def _plan_task(
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
    splits = getattr(offer.card, "splits", ())
    if split not in splits:
        raise UserError(f"task {offer.id} has no split {split!r}; it has {_listed(offer.card)}")
    context = PlanContext(name=name, data=data, seed=plan.seed, plan=plan, plugin=_plugin(offer))
    task = offer.create(options, context)
    _check_contract("task", offer.id, task, ("protocol", "format", "items", "render", "fingerprint"))
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


def _overridden(official: Protocol, overrides: Mapping[str, Any]) -> Protocol:
    values = {spec.name: getattr(official, spec.name) for spec in fields(official)} | dict(overrides)
    values["metrics"] = tuple(values["metrics"])
    if "order" in overrides and values["order"] != "both" and "pooling" not in overrides:
        values["pooling"] = "each"  # the official pooling of two orders means nothing for one
    return Protocol(**values)


def _unfolded(
    plan: Plan, offer: Offer, given: str | None, data: str | None, options: BaseModel | None
) -> list[tuple[str, BaseModel | None]]:
    name = given or offer.card.name
    context = PlanContext(name=name, data=data, seed=plan.seed, plan=plan, plugin=_plugin(offer))
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


def _check_contract(kind: str, name: str, made: object, members: tuple[str, ...]) -> None:
    missing = [member for member in members if not hasattr(made, member)]
    if missing:
        raise PluginError(f"{kind} {name}: its factory returned {made!r}, which lacks {', '.join(missing)}")


def _plugin(offer: Offer) -> str:
    return offer.id.partition("/")[0]


def _listed(card: object) -> str:
    return ", ".join(getattr(card, "splits", ())) or "none"


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
    name, options = _unfolded(plan, offer, None, given or data, _default_options(offer))[0]
    return _plan_task(plan, offer, name=name, options=options, data=given or data, split=split)
