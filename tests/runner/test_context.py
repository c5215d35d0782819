"""Tasks that are made over other tasks, through the context of their entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import PluginError, UserError
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.runner.context import PlanContext
from harness.runner.plan import build_plan, find_wrapped_tasks
from harness.runner.planned import Plan

MINE = '''
from pydantic import BaseModel

from harness.api import Choice, Item, Message, Protocol, Request, TaskCard, UnfoldedEntry, hookimpl


class Options(BaseModel, extra="forbid"):
    count: int = 2


class Plain:
    """Remembers what its factory was given."""

    format = "harness/tagged"
    protocol = Protocol()

    def __init__(self, options, context):
        self.options, self.context = options, context

    def items(self, split):
        for n in range(self.options.count if self.options else 2):
            yield Item(id=f"{split}-{n}", group=f"{n}", space=Choice(("yes", "no")), gold="yes", question=(f"{n}?",))

    def render(self, item, *, order, format):
        message = Message("user", (*item.question, format.instruction(item.space)))
        return Request(task="?", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self):
        return f"plain {self.options} {self.context.data}"


class Over(Plain):
    """The items of `plain`, as they are."""

    def __init__(self, options, context):
        super().__init__(options, context)
        self.inner = context.task("mine/plain", {"count": options.count}, split="train")
        self.wraps = (self.inner, "train")

    def fingerprint(self):
        return "over " + self.inner.fingerprint()


class Unruled(Plain):
    protocol = None


class Shapeless(Plain):
    format = None


class Twin(Plain):
    """Another task that happens to have the fingerprint of `plain`."""


def deeper(options, context):
    return context.task("mine/deep", {"count": options.count - 1}) if options.count else Plain(options, context)


def card(name, factory, **fields):
    return TaskCard(name=name, summary="A task.", factory=factory, splits=("train", "test"), **fields)


@hookimpl
def harness_tasks():
    several = lambda options, context: [UnfoldedEntry(name=f"s{n}", options={"count": n}) for n in range(options.count)]
    return [
        card("plain", Plain, options=Options),
        card("over", Over, options=Options),
        card("several", Plain, options=Options, unfold=several),
        card("bare", Plain),
        card("twin", Twin, options=Options),
        card("unruled", Unruled),
        card("shapeless", Shapeless),
        card("broken", lambda options, context: object()),
        card("deep", deeper, options=Options),
        card("a", lambda options, context: context.task("mine/b")),
        card("b", lambda options, context: context.task("mine/a")),
        card("c", Plain, unfold=lambda options, context: context.entries("mine/c")),
    ]
'''


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Plugins:
    path = tmp_path_factory.mktemp("plugin") / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return Plugins.load(extra=[str(path)])


@pytest.fixture
def context(plugins: Plugins, tmp_path: Path) -> PlanContext:
    plan = Plan(seed=7, plugins=plugins, workspace=tmp_path)
    return PlanContext(name="outer", data="/some/where", seed=7, plan=plan, plugin="other", kind="task")


@pytest.fixture
def planned(plugins: Plugins, tmp_path: Path) -> Callable[[str], Plan]:
    def build(text: str) -> Plan:
        path = tmp_path / "m.yaml"
        path.write_text(f"name: m\n{text}", encoding="utf-8")
        return build_plan(load_manifest(path, plugins=plugins), plugins, workspace=tmp_path / "w")

    return build


def test_a_task_over_another_has_the_data_and_seed_of_its_entry_and_its_own_plugins_workspace(
    context: PlanContext, tmp_path: Path
) -> None:
    made: Any = context.task("mine/plain", {"count": 3})
    assert len(list(made.items("test"))) == 3
    inner = made.context
    assert (inner.name, inner.data, inner.seed, inner.workspace) == ("outer", "/some/where", 7, tmp_path / "mine")
    told: Any = context.task("plain", data="/else/where")
    assert (told.context.data, told.options.count) == ("/else/where", 2)


@pytest.mark.parametrize(
    ("id", "options", "split", "said"),
    [
        ("mine/plain", {"cuont": 3}, "test", r"task outer: options of mine/plain: cuont: unknown key\..*'count'"),
        ("mine/plain", {"count": "3"}, "test", r"task outer: options of mine/plain: count: must be a whole number"),
        ("mine/bare", {"count": 3}, "test", r"task outer: mine/bare takes no options, got count; leave them out"),
        ("mine/plain", {}, "tset", r"task mine/plain has no split 'tset'; it has train, test"),
        ("mine/plian", {}, "test", r"there is no task 'mine/plian'\. Did you mean 'mine/plain'"),
        ("mine/a", {}, "test", r"task outer: .* in a circle: mine/a -> mine/b -> mine/a"),
    ],
)
def test_what_is_wrong_with_another_task_is_named(
    context: PlanContext, id: str, options: dict[str, Any], split: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        context.task(id, options, split=split)


def test_another_task_must_keep_the_contract(context: PlanContext) -> None:
    with pytest.raises(PluginError, match=r"mine/broken: its factory returned .* lacks protocol, format, items"):
        context.task("mine/broken")


def test_the_protocol_of_a_task_is_a_protocol(context: PlanContext) -> None:
    with pytest.raises(PluginError, match="task mine/unruled: its `protocol` is None, and no Protocol"):
        context.task("mine/unruled")


def test_the_format_of_a_task_is_an_id(context: PlanContext) -> None:
    with pytest.raises(PluginError, match="mine/shapeless: its `format` is None; give the id of one, as 'harness/"):
        context.task("mine/shapeless")


def test_a_task_may_be_made_over_itself_with_other_options(context: PlanContext) -> None:
    made: Any = context.task("mine/deep", {"count": 3})
    assert made.options.count == 0


def test_entries_are_those_that_the_plan_would_have(context: PlanContext) -> None:
    [only] = context.entries("mine/plain", {"count": 3})
    assert (only.name, only.options) == ("plain", {"count": 3})
    several = context.entries("mine/several", {"count": 2})
    assert [(one.name, one.options) for one in several] == [("s0", {"count": 0}), ("s1", {"count": 1})]
    with pytest.raises(UserError, match="options of mine/several: coutn: unknown key"):
        context.entries("mine/several", {"coutn": 2})
    with pytest.raises(UserError, match="in a circle: mine/c -> mine/c"):
        context.entries("mine/c")


def test_the_plan_knows_which_entries_ask_the_items_that_a_task_shows_changed(
    planned: Callable[[str], Plan],
) -> None:
    plan = planned(
        """
tasks:
  - {name: same, use: mine/plain, with: {count: 3}, split: train}
  - {name: other-split, use: mine/plain, with: {count: 3}}
  - {name: other-options, use: mine/plain, with: {count: 2}, split: train}
  - {name: limited, use: mine/plain, with: {count: 3}, split: train, limit: 1}
  - {name: other-task, use: mine/twin, with: {count: 3}, split: train}
  - {name: over, use: mine/over, with: {count: 3}}
judges: [{use: baselines/random}]
"""
    )
    assert [find_wrapped_tasks(plan, task) for task in plan.tasks] == [*[[]] * 5, ["same", "limited"]]


def test_the_workspace_of_a_plugin_is_there_when_it_is_asked_for(context: PlanContext) -> None:
    for _ in range(2):  # also when it is there already
        (context.workspace / "file").write_text("kept", encoding="utf-8")
    assert context.workspace.name == context.plugin


def test_files_of_one_run_are_not_those_of_another(context: PlanContext, tmp_path: Path) -> None:
    assert context.run_workspace == context.workspace, "before there is a journal"
    context.plan.journal = tmp_path / "first" / "journal.sqlite"
    (context.run_workspace / "file").write_text("kept", encoding="utf-8")
    assert context.run_workspace == tmp_path / "first" / ".workspace" / context.plugin
    context.plan.journal = tmp_path / "second" / "journal.sqlite"
    assert list(context.run_workspace.iterdir()) == []
