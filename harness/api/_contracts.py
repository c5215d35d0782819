"""The interfaces of plugin objects, as `typing.Protocol`s. Implement the methods. No base class is needed.

Inner loops call these methods directly. Hooks (see `harness.api.hookspecs`) are only for registration and for coarse
events, since a call through pluggy costs far more than a method call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.api._cards import UnfoldedEntry
from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Item, Judgement, Usage
from harness.api._requests import Request, VerdictFormat
from harness.api.results._report import RecordingLayout
from harness.api.spaces._kinds import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request with its gold, for judges that learn and for trainers."""

    request: Request
    """The request, as a judge would get it."""
    gold: Verdict
    """The right answer in *shown* places."""
    item: Item
    """The item of the request."""


class InstalledPlugins(Protocol):
    """The plugins of this process, for hooks that tell the others something."""

    def notify(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook of every plugin that has it. One that raises is warned about, and ends nothing.

        Returns:
            Pairs of plugin name and what it returned.
        """


class Invocation(Protocol):
    """What the command line was called with: `ctx.find_root().obj` in the command of a `CommandCard`."""

    def plugins(self) -> InstalledPlugins:
        """The installed plugins, loaded now; `--plugin` and `--no-plugin` are obeyed."""


class Context(Protocol):
    """The argument of every factory: the entry's own settings, and access to other parts of the plan."""

    @property
    def name(self) -> str:
        """Name of the entry in the plan, as on the leaderboard."""

    @property
    def data(self) -> str | None:
        """The entry's `data:`: the absolute path of a file or folder that exists, or `hub:ORG/NAME[@REVISION]`."""

    @property
    def workspace(self) -> Path:
        """A folder for files that the plugin keeps from run to run. Several processes may share it."""

    @property
    def run_workspace(self) -> Path:
        """A folder for files of this run alone, in the run folder. A run that starts with `--fresh` has another one.

        Before a judge is asked there is no run folder, and this is `workspace`.
        """

    @property
    def seed(self) -> int:
        """The run's seed."""

    def examples(self, task: str, split: str) -> Iterator[Example]:
        """Stream a task's split, rendered as its protocol says, with the gold.

        Args:
            task: Name of a task in the plan, or the id of any installed task that needs no `data:`.
            split: One of its splits.

        Raises:
            UserError: There is no such task, or it has no such split.
        """

    def fingerprint(self, name: str) -> str:
        """The fingerprint of a task or a judge, for a judge that is built on it.

        Args:
            name: Name of a task or judge in the plan, or the id of any installed task that needs no `data:`.

        Raises:
            UserError: There is none of that name.
        """

    def total_usage(self) -> Usage:
        """The cost of this judge's answers in the journal of this run so far, earlier commands included."""

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Ask another judge of the plan. Answers that are already in the journal are taken from there.

        Args:
            judge: Name of a judge in the plan.
            requests: The requests, as a stream. Answers may come in any order.
        """

    def task(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None, split: str = "test"
    ) -> Task:
        """Make another installed task, for a task that wraps it. Options, data and split are checked first.

        Args:
            id: Id of any installed task, those of `--plugin` files included.
            options: Its `with:` mapping. A path in it must be absolute.
            data: Its `data:`. By default that of this entry.
            split: The split that will be asked for.

        Raises:
            UserError: There is no such task or split, the options do not fit, it cannot be made, or tasks wrap one
                another in a circle.
        """

    def entries(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None
    ) -> list[UnfoldedEntry]:
        """The entries into which an entry with this task unfolds. Most tasks stand for themselves alone.

        Args:
            id: Id of any installed task.
            options: Its `with:` mapping.
            data: Its `data:`. By default that of this entry.

        Raises:
            UserError: As from `task`.
        """

    def recordings(self, id: str) -> RecordingLayout:
        """The layout in which the authors of a task publish the answers of judges, for a judge that repeats them.

        Args:
            id: Id of any installed task.

        Raises:
            UserError: There is no such task, or its card names no layout.
        """


@runtime_checkable
class Task(Protocol):
    """A source of items and the way to put them to a judge.

    `count_items`, `provenance`, `media`, `wraps`, `find_implied` and `claims` are optional: each has a protocol in
    `harness.api.optional`.
    """

    @property
    def protocol(self) -> ScoringProtocol:
        """The official protocol."""

    @property
    def format(self) -> str:
        """Id of the verdict format that the benchmark asks for, such as `harness/tagged`."""

    def items(self, split: str) -> Iterator[Item]:
        """Stream the items of a split, in the same order every time. Images stay lazy.

        Raises:
            DataError: The data cannot be used. The message names file, row and column.
        """

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Make the request for an item. Equal arguments give an equal `Request.key`, and the gold must not leak.

        Args:
            item: One of `items`.
            order: The permutation of the candidates to show. `()` without candidates.
            format: Its `instruction` ends the prompt.
        """

    def fingerprint(self) -> str:
        """A text that changes whenever the items or their rendering may change (data, options, version of the code)."""


@runtime_checkable
class Judge(Protocol):
    """A judge model.

    `close`, `answers_by_item`, `covers`, `ignores_task`, `holds`, `estimate_tokens`, `pricing`, `continues`,
    `log_probabilities` and `make_blind_twin` are optional: each has a protocol in `harness.api.optional`.
    """

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests as they stream in, each exactly once, in any order.

        The judge owns its batching and its concurrency: it pulls as many requests as it wants to have in flight. It
        should yield each answer as soon as it has it. An exception ends this call only. The engine then asks the
        requests in flight again one by one, and records the one that fails as an `error`.
        """

    def fingerprint(self) -> str:
        """A text that changes whenever its answers may change (weights, prompt, decoding, version of the code)."""
