"""The records of a plan: its tasks, judges, and the cells that they make. Planning itself is `harness.runner.plan`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import (
    Context,
    DataError,
    Item,
    Judge,
    PluginError,
    Protocol,
    Request,
    Task,
    UserError,
    VerdictFormat,
    sample_items,
)
from harness.api.reading import NO_MARKS, Thinking
from harness.discovery import Offer, Plugins, options_of
from harness.libraries.calls import find_call_fault
from harness.libraries.config import Origin, check_defaults, make_node, validate
from harness.manifest.problems import ManifestProblems
from harness.runner.rows import CellRow

if TYPE_CHECKING:
    from pydantic import BaseModel

    from harness.manifest.load import LoadedRecipe


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
    sampled: bool = False
    """Whether `limit` takes a sample of the split, and not its first items."""
    only: frozenset[str] | None = None
    """Ids of the items that are asked. `None`: all."""

    @cached_property
    def _sample(self) -> frozenset[str]:
        """Ids of the items of the sample. Reads the whole split, and holds little of it."""
        return sample_items(self.read(self.split), limit=self.limit or 0)

    def read(self, split: str) -> Iterator[Item]:
        """All items of a split. A `DataError` names the task, and so does the `PluginError` of what is no item."""
        try:
            items: object = self.task.items(split)
            if not isinstance(items, Iterable):
                raise PluginError(f"task {self.name} ({self.id}): `items` gives {items!r}; let it yield each Item")
            for item in items:
                if not isinstance(item, Item):
                    raise PluginError(f"task {self.name} ({self.id}), {split}: `items` yields {item!r}, and no Item")
                yield item
        except DataError as error:
            if f"task {self.name}" in str(error):
                raise
            raise DataError(f"task {self.name}, {split}: {error}") from error

    def size_of(self, split: str) -> int | None:
        """Number of items of a split, where the task knows it. What is no number is a `PluginError`."""
        counter = getattr(self.task, "count_items", None)
        count = None if counter is None else counter(split)
        if counter is not None and not (type(count) is int and count >= 0):
            raise PluginError(f"task {self.name} ({self.id}): `count_items` says {count!r}, and no number of items")
        return count

    def items(self) -> Iterator[tuple[int, Item]]:
        """The items of the split up to the limit, each with its place in the split, from 0. `only` is not looked at."""
        found = 0
        for ordinal, item in enumerate(self.read(self.split)):
            if not self.sampled or item.id in self._sample:
                yield ordinal, item
                found += 1
                if found == self.limit:  # nothing is read further than that
                    return

    def count(self) -> int | None:
        """Number of items, where the task knows it."""
        if self.only is not None:
            return len(self.only)
        known = self.size_of(self.split)
        return known if known is None or self.limit is None else min(known, self.limit)

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
    def requests_per_item(self) -> int:
        """Requests that an item with candidates makes."""
        # `reshuffled` draws one order for each sample, so that it makes no more requests than `fixed`.
        return self.protocol.samples * (2 if self.protocol.order == "both" else 1)

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the requests may change."""
        # Of the protocol, only what decides about the requests: the rest changes scores, and asks for nothing new.
        asked = (self.protocol.order, self.protocol.order_seed, self.protocol.samples)
        facts: list[Any] = [self.id, own := self.task.fingerprint(), self.split, self.limit, self.format.name, asked]
        # Facts are added only where they differ from the default, so that the fingerprints of older journals stay.
        facts += ["sample"] if self.sampled else []
        return _digest(f"task {self.id}", own, facts if self.only is None else [*facts, sorted(self.only)])


@dataclass(frozen=True, kw_only=True)
class PlannedJudge:
    """A judge of the plan."""

    name: str
    """Label on the leaderboard."""
    offer: Offer
    """Where it comes from."""
    options: BaseModel | None
    """Its checked options."""
    context: Context
    """What its factory is given."""
    entry: str = ""
    """Path of its entry in the manifest, `judges.0`. Those that one entry stands for share it."""
    thinking: Thinking = NO_MARKS
    """How it marks its reasoning, from its card and its entry."""
    recipe: LoadedRecipe | None = None
    """The recipe that makes its model."""
    model: Path | None = None
    """The model that its recipe made; `None` until then."""

    @property
    def id(self) -> str:
        """Canonical id."""
        return self.offer.id

    @property
    def needs_training(self) -> bool:
        """Whether its recipe has to be trained before it can be made."""
        return self.recipe is not None and self.model is None

    @property
    def code_model(self) -> str | None:
        """What its code comes with, if any runs, where its options name only what a recipe made of that."""
        return None if self.recipe is None else self.recipe.first_model

    def make(self) -> Judge:
        """A new judge object. The engine makes another one when the first hangs.

        Raises:
            WaitsForRecipeError: Its recipe has to be trained first.
            UserError: It cannot be made.
        """
        if self.recipe is not None and self.model is None:
            raise WaitsForRecipeError(f"judge {self.name}: its recipe {self.recipe.recipe.name} is not trained yet")
        made: Judge = self.offer.create(self.options, self.context, model=self.code_model)
        check_contract("judge", self.id, made, Judge)  # the factory may return anything
        return made

    @cached_property
    def judge(self) -> Judge:
        """The judge object."""
        return self.make()

    def close(self) -> None:
        """Let the judge free its memory after its last cell. A jury may ask it again later."""
        if (close := getattr(self.judge, "close", None)) is not None:
            close()

    def put(self, request: Request) -> Request:
        """The request as it is put to this judge: under the judge's own key, with the marks of its reasoning."""
        request = request.with_key(by_item=self.answers_by_item)
        return request if self.thinking == NO_MARKS else replace(request, thinking=self.thinking)

    def refusal(self, request: Request) -> str:
        """Why a request is not put to it. Empty where it is."""
        if not request.beginning or getattr(self.judge, "continues", False):
            return ""
        # A chat template would close that turn and open another: an answer to something that was not asked.
        return (
            f"judge {self.name} ({self.id}) cannot go on from a given beginning, and this request ends with a message "
            "of the assistant's; ask a judge that `continues`, or end the request with the user's message"
        )

    @property
    def answers_by_item(self) -> bool:
        """Whether two items of equal content are two questions to it; see `harness.api.Judge`."""
        return bool(getattr(self.judge, "answers_by_item", False))

    @cached_property
    def key(self) -> str:
        """Changes whenever its answers may change. The journal keeps judgements under it."""
        facts: list[Any] = [self.id, options_of(self.options), own := self.judge.fingerprint()]
        # Facts are added only where they differ from the default, so that the keys of older journals stay.
        if self.answers_by_item:
            facts.append("by item")
        if self.thinking != NO_MARKS:
            facts.append([list(map(list, self.thinking.marks)), self.thinking.opened])
        return _digest(f"judge {self.id}", own, facts)


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One judge on one task."""

    task: PlannedTask
    judge: PlannedJudge

    def row(self, state: str) -> CellRow:
        """How far it got, as the journal keeps it."""
        return CellRow(self.task.name, self.judge.name, self.judge.key, self.task.fingerprint, state)


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
    elsewhere: Mapping[str, Judge] = field(default_factory=dict)
    """By name, the stand-ins of judges that an executor asks elsewhere; set when the run starts."""
    left_out: set[tuple[str, str]] = field(default_factory=set)
    """Names of task and judge of the cells that are not asked. Plugins find them: the hook `harness_plan_made`."""
    warnings: list[str] = field(default_factory=list)
    """What may make its scores say less than they seem to, from the same hook."""

    def cells(self) -> list[PlannedCell]:
        """All cells that are asked, judge by judge."""
        # Judges are outermost, so that the weights of one judge at a time are in memory.
        cells = [PlannedCell(task, judge) for judge in self.judges for task in self.tasks]
        return [cell for cell in cells if (cell.task.name, cell.judge.name) not in self.left_out]


def check_contract(kind: str, name: str, made: object, contract: type) -> None:
    """Raise a `PluginError` where what a factory made lacks members of its protocol, or they cannot be called so."""
    members = {member: declared for member, declared in vars(contract).items() if not member.startswith("_")}
    missing = [member for member in members if not hasattr(made, member)]
    methods = {member: members[member] for member in members if callable(members[member]) and member not in missing}
    missing += [f"the method {member}()" for member in methods if not callable(getattr(made, member))]
    if missing:
        raise PluginError(f"{kind} {name}: its factory returned {made!r}, which lacks {', '.join(missing)}")
    for member, declared in methods.items():
        if fault := find_call_fault(getattr(made, member), declared):
            raise PluginError(f"{kind} {name}: `{member}` takes {fault}")


def check_options(offer: Offer, given: Mapping[str, Any], *, who: str) -> BaseModel | None:
    """Options that a plugin gives to an object of another plugin, checked as those of a manifest.

    Raises:
        UserError: They do not fit. The message names `who`, the object and each option.
    """
    model = offer.options_model()
    if model is None:
        if given:
            raise UserError(f"{who}: {offer.id} takes no options, got {', '.join(given)}; leave them out")
        return None
    problems = ManifestProblems()
    node = make_node(given, Origin(label=f"{who}: options of {offer.id}", folder=Path()))
    checked = validate(model, node, "", problems)
    problems.raise_if_any()
    return None if checked is None else check_defaults(checked, node.data())


def _digest(who: str, own: object, data: object) -> str:
    if not isinstance(own, str):  # a method without `return` would keep the answers of an edited plugin
        raise PluginError(f"{who}: its fingerprint is {own!r:.200}, not text; return one that changes with the answers")
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def least_of(*limits: int | None) -> int | None:
    """The smallest limit; `None` where there is none."""
    return min((limit for limit in limits if limit is not None), default=None)
