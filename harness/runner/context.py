"""What the factory of an entry is given, and the tasks that are made with it: making one may make another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from harness.api import (
    Example,
    Item,
    Judgement,
    PluginError,
    Protocol,
    RecordingLayout,
    Request,
    Status,
    Task,
    UnfoldedEntry,
    Usage,
    UserError,
    VerdictFormat,
)
from harness.runner.planned import Plan, PlannedJudge, PlannedTask, check_contract, check_options
from harness.runner.requests import stream_requests

if TYPE_CHECKING:
    from harness.discovery import Offer


@dataclass(frozen=True, kw_only=True)
class PlanContext:
    """The `harness.api.Context` of one entry of the plan."""

    name: str
    data: str | None
    seed: int
    plan: Plan = field(repr=False)
    plugin: str
    kind: str = "judge"
    """Kind of the entry, for messages."""
    over: tuple[str, ...] = ()
    """Tasks that are being made over one another for this entry, the outermost first, to notice circles."""

    @property
    def workspace(self) -> Path:
        """A folder that the plugin may keep files in."""
        return self._make_folder(self.plan.workspace / self.plugin)

    @property
    def run_workspace(self) -> Path:
        """A folder for files of this run alone."""
        journal = self.plan.journal
        return self.workspace if journal is None else self._make_folder(journal.parent / ".workspace" / self.plugin)

    def _make_folder(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.kind} {self.name}: its workspace {folder} cannot be made ({error.strerror or error}); give a "
                "folder that can be written to as --runs"
            ) from error
        return folder

    def examples(self, task: str, split: str) -> Iterator[Example]:
        """Stream a task's split, rendered as its protocol says, with the gold."""
        planned = self._task(task)
        splits = getattr(self.plan.plugins.find("task", planned.id).card, "splits", ())
        if split not in splits:
            known = ", ".join(splits) or "none"
            raise UserError(f"{self.kind} {self.name}: task {planned.id} has no split {split!r}; it has {known}")
        for ask in stream_requests(planned, split=split):
            if ask.request is not None:
                yield example_of(ask.item, ask.request)

    def fingerprint(self, name: str) -> str:
        """What would change the items of a task or the answers of a judge."""
        if all(judge.name != name for judge in self.plan.judges):
            return self._task(name).task.fingerprint()
        with self._enter(name) as judge:
            return judge.key

    def total_usage(self) -> Usage:
        """What this judge's answers in the journal of this run have cost so far."""
        from harness.runner.journal import Journal

        judge = next((judge for judge in self.plan.judges if judge.name == self.name), None)
        if judge is None or self.plan.journal is None:
            return Usage()
        with Journal(self.plan.journal, readonly=True) as reader:
            return reader.usage(judge.key)

    def _task(self, name: str) -> PlannedTask:
        planned = next((task for task in self.plan.tasks if name in (task.name, task.id)), None)
        if planned is not None:
            return planned
        return default_task(self.plan, name)

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Ask another judge of the plan. Answers already in the journal are taken from there."""
        from harness.runner.journal import Journal

        with self._enter(judge) as planned:
            waiting: dict[str, list[Request]] = {}
            fresh: list[Request] = []
            # A reader of its own: this runs in the thread of the judge that asks.
            reader = Journal(self.plan.journal, readonly=True) if self.plan.journal is not None else None
            try:
                for request in requests:
                    put = planned.put(request)
                    known = reader.judgement(planned.key, put.key) if reader is not None else None
                    if known is None and (reason := planned.refusal(put)):
                        known = Judgement.failure(Status.REFUSED, reason)
                    if known is not None:
                        yield request, known
                        continue
                    if put.key not in waiting:
                        fresh.append(put)
                    waiting.setdefault(put.key, []).append(request)
            finally:
                if reader is not None:
                    reader.close()
            asked = self.plan.elsewhere.get(judge, planned.judge)
            for answered, judgement in asked.judge(fresh) if fresh else ():
                # Several requests may be one question to this judge. Each comes back as it was given.
                for request in waiting.pop(answered.key, ()):
                    yield request, judgement

    def task(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None, split: str = "test"
    ) -> Task:
        """Make another installed task."""
        offer, checked, inner = self._inner(id, options, data)
        return make_task(offer, checked, inner, split=split)

    def entries(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None
    ) -> list[UnfoldedEntry]:
        """The entries that an entry with another task stands for."""
        offer, checked, inner = self._inner(id, options, data)
        several = offer.unfold(checked, inner)
        return [UnfoldedEntry(name=offer.card.name, options=dict(options or {}))] if several is None else several

    def recordings(self, id: str) -> RecordingLayout:
        """The layout in which the authors of a task publish the answers of judges."""
        offer = self.plan.plugins.find("task", id)
        if (lazy := getattr(offer.card, "recordings", None)) is None:
            known = [other.id for other in self.plan.plugins.offers("task") if getattr(other.card, "recordings", None)]
            raise UserError(
                f"{self.kind} {self.name}: no layout of recorded answers is known for task {offer.id}; "
                f"one is known for {', '.join(known) or 'none'}"
            )
        layout: RecordingLayout = offer.resolve(lazy)
        return layout

    def _inner(
        self, id: str, options: Mapping[str, Any] | None, data: str | None
    ) -> tuple[Offer, BaseModel | None, PlanContext]:
        """Another task with its options checked, and the context that its factory is given."""
        offer = self.plan.plugins.find("task", id)
        checked = check_options(offer, options or {}, who=f"{self.kind} {self.name}")
        data = self.data if data is None else data  # an entry made over another one shares its data
        made = f"{offer.id} {json.dumps([options or {}, data], sort_keys=True, default=str)}"
        if made in self.over:
            circle = " -> ".join(name.partition(" ")[0] for name in [*self.over[self.over.index(made) :], made])
            raise UserError(f"{self.kind} {self.name}: tasks that are made over one another in a circle: {circle}")
        inner = context_of(self.plan, offer, name=self.name, data=data)
        return offer, checked, replace(inner, over=(*self.over, made))

    @contextmanager
    def _enter(self, judge: str) -> Iterator[PlannedJudge]:
        """Another judge of the plan, refused where that would lead round in a circle."""
        planned = next((member for member in self.plan.judges if member.name == judge), None)
        if planned is None:
            known = ", ".join(member.name for member in self.plan.judges) or "none"
            raise UserError(f"{self.kind} {self.name}: there is no judge {judge!r} in the plan; it has {known}")
        if judge == self.name or judge in self.plan.asking:
            circle = " -> ".join([*self.plan.asking, self.name, judge])
            raise UserError(f"judge {self.name}: judges that ask each other in a circle: {circle}")
        # A jury may be a member of another jury. Only a way back to a judge that waits for an answer has no end.
        self.plan.asking.append(self.name)
        try:
            yield planned
        finally:
            self.plan.asking.remove(self.name)


def context_of(plan: Plan, offer: Offer, *, name: str, data: str | None = None) -> PlanContext:
    """What the factory of an entry is given."""
    plugin = offer.id.partition("/")[0]
    return PlanContext(name=name, data=data, seed=plan.seed, plan=plan, plugin=plugin, kind=offer.card.kind)


def plan_task(
    plan: Plan,
    offer: Offer,
    *,
    name: str,
    options: BaseModel | None,
    data: str | None = None,
    split: str = "test",
    limit: int | None = None,
    sampled: bool = False,
    format_name: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    suite: str | None = None,
) -> PlannedTask:
    """Make a task as its entry says. The split `split` is what it is asked, or what is learnt.

    Raises:
        UserError: It cannot be made, or has no such split.
    """
    context = context_of(plan, offer, name=name, data=data)
    task = make_task(offer, options, context, split=split)
    format_offer = plan.plugins.find("format", format_name or task.format)
    made = format_offer.create(None, context)
    check_contract("format", format_offer.id, made, VerdictFormat)
    return PlannedTask(
        name=name,
        id=offer.id,
        suite=suite or str(getattr(offer.card, "suite", "")),
        split=split,
        limit=limit,
        sampled=sampled,
        task=task,
        protocol=_override(task.protocol, overrides or {}),
        format=made,
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
    check_contract("task", offer.id, task, Task)
    if not isinstance(task.protocol, Protocol):
        raise PluginError(f"task {offer.id}: its `protocol` is {task.protocol!r}, and no Protocol")
    if not isinstance(task.format, str):
        raise PluginError(f"task {offer.id}: its `format` is {task.format!r}; give the id of one, as 'harness/tagged'")
    return task


def _override(official: Protocol, overrides: Mapping[str, Any]) -> Protocol:
    values = {spec.name: getattr(official, spec.name) for spec in fields(official)} | dict(overrides)
    values["metrics"] = tuple(values["metrics"])
    if "order" in overrides and values["order"] != "both" and "pooling" not in overrides:
        values["pooling"] = "each"  # two orders are no longer shown, so there is nothing to pool
    return Protocol(**values)


def default_task(plan: Plan, name: str) -> PlannedTask:
    """An installed task that is not in the plan, by its id, with its default options.

    Raises:
        UserError: There is none of that name, or it needs options or data.
    """
    offer = plan.plugins.find("task", name)
    return plan_task(plan, offer, name=offer.card.name, options=default_options(offer))


def default_options(offer: Offer) -> BaseModel | None:
    """The options of a task that was given none.

    Raises:
        UserError: It needs some.
    """
    model = offer.options_model()
    try:
        return None if model is None else model()
    except ValidationError as error:
        raise UserError(f"task {offer.id}: needs options; name it under `tasks:` in the manifest") from error


def example_of(item: Item, request: Request) -> Example:
    """A request with its gold, in shown places."""
    return Example(request=request, gold=item.space.to_shown(item.gold, request.order), item=item)
