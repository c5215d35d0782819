"""A context for factories without a plan around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.api import Example, Judge, Judgement, RecordingLayout, Request, Task, UnfoldedEntry, Usage, UserError
from harness.runner.context import PlanContext
from harness.runner.planned import Plan
from harness.testing._installed import load_installed


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeContext:
    """Implements `harness.api.Context` from what a test gives it."""

    workspace: Path
    """An empty folder, such as pytest's `tmp_path`."""
    name: str = "under-test"
    """Name of the entry in the plan."""
    data: str | None = None
    """The entry's `data:`."""
    seed: int = 0
    """The run's seed."""
    splits: Mapping[tuple[str, str], tuple[Example, ...]] = field(default_factory=dict)
    """Examples by task and split."""
    judges: Mapping[str, Judge] = field(default_factory=dict)
    """Other judges of the plan, by name."""
    usage: Usage = field(default_factory=Usage)
    """What the journal says the judge has spent."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """Tasks by id, for a task that is made over another one; those that are installed need not be given."""
    run_folder: Path | None = None
    """The run folder, for a test with several runs. By default the workspace stands for it."""

    @property
    def run_workspace(self) -> Path:
        """The run folder, or the workspace."""
        return self.run_folder or self.workspace

    def examples(self, task: str, split: str) -> Iterator[Example]:
        """The examples given for that task and split.

        Raises:
            UserError: None were given.
        """
        if (task, split) not in self.splits:
            raise UserError(f"FakeContext has no split {split!r} of task {task!r}; give it in `splits`")
        # An iterator, as the harness gives: a judge that runs through it twice must fail here too.
        return iter(self.splits[task, split])

    def fingerprint(self, name: str) -> str:
        """The fingerprint of one of `judges`, or a constant for a task of `splits`.

        Raises:
            UserError: There is none of that name.
        """
        if name in self.judges:
            return self.judges[name].fingerprint()
        if any(name == task for task, _ in self.splits):
            return f"fake:{name}"
        raise UserError(f"FakeContext has no task or judge {name!r}; give it in `splits` or `judges`")

    def total_usage(self) -> Usage:
        """What was given as `usage`."""
        return self.usage

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Ask one of `judges`.

        Raises:
            UserError: There is none of that name.
        """
        if judge not in self.judges:
            raise UserError(f"FakeContext has no judge {judge!r}; give it in `judges`")
        return self.judges[judge].judge(requests)

    def task(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None, split: str = "test"
    ) -> Task:
        """One of `tasks` as it is, or else an installed one as the harness makes it.

        Raises:
            UserError: There is none of that id, or it cannot be made.
        """
        return self.tasks[id] if id in self.tasks else self._plan_context().task(id, options, data=data, split=split)

    def entries(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None
    ) -> list[UnfoldedEntry]:
        """The entries that an entry with an installed task stands for; one of `tasks` stands for itself.

        Raises:
            UserError: There is none of that id, or its options do not fit.
        """
        if id in self.tasks:
            return [UnfoldedEntry(name=id.rpartition("/")[2], options=dict(options or {}))]
        return self._plan_context().entries(id, options, data=data)

    def recordings(self, id: str) -> RecordingLayout:
        """The layout of an installed task's recorded answers.

        Raises:
            UserError: There is no task of that id, or its card names no layout.
        """
        return self._plan_context().recordings(id)

    def _plan_context(self) -> PlanContext:
        """A context of a plan of its own, over the installed plugins."""
        # A plan without tasks and judges: tasks over others look for plugins and nothing else.
        plan = Plan(seed=self.seed, plugins=load_installed(), workspace=self.workspace)
        return PlanContext(name=self.name, data=self.data, seed=self.seed, plan=plan, plugin="", kind="task")
