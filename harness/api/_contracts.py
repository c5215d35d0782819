"""What plugin objects must do, as `typing.Protocol`s: implement the methods; no base class is needed.

Inner loops call these protocols directly; hooks (see `harness.api.hookspecs`) are for registration and for coarse
events only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.api._cards import UnfoldedEntry
from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Item, Judgement, Usage
from harness.api._requests import Request, VerdictFormat
from harness.api._spaces import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request with its gold, for judges that learn and for trainers."""

    request: Request
    """What a judge would be shown."""
    gold: Verdict
    """The right answer in *shown* places."""
    item: Item
    """Where it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with its gold: what a reward sees that looks at several answers at once."""

    request: Request
    """What the judge was shown."""
    judgement: Judgement
    """What it answered."""
    gold: Verdict
    """The right answer in *shown* places."""


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
    """What the harness gives to a factory: the entry's own facts and doors to the other parts of the plan."""

    @property
    def name(self) -> str:
        """Name of the entry in the plan, as on the leaderboard."""

    @property
    def data(self) -> str | None:
        """The entry's `data:`: the absolute path of a file or folder that exists, or `hub:ORG/NAME[@REVISION]`."""

    @property
    def workspace(self) -> Path:
        """A folder that the plugin may keep files in from run to run. It may be shared by several processes."""

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
        """What would change the items of a task or the answers of a judge: for a judge that is built on either.

        Args:
            name: Name of a task or judge in the plan, or the id of any installed task that needs no `data:`.

        Raises:
            UserError: There is none of that name.
        """

    def total_usage(self) -> Usage:
        """What this judge's answers in the journal of this run have cost so far, earlier commands included."""

    def ask(self, judge: str, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Ask another judge of the plan; answers already in the journal are taken from there.

        Args:
            judge: Name of a judge in the plan.
            requests: Streamed; answers may come in any order.
        """

    def task(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None, split: str = "test"
    ) -> Task:
        """Make another installed task, for one that is made over it: its own options, data and split, checked.

        Args:
            id: Id of any installed task, those of `--plugin` files included.
            options: Its `with:` mapping. A path in it must be absolute.
            data: Its `data:`; by default that of this entry.
            split: The split that will be asked for.

        Raises:
            UserError: There is no such task or split, the options do not fit, it cannot be made, or tasks are made over
                one another in a circle.
        """

    def entries(
        self, id: str, options: Mapping[str, Any] | None = None, *, data: str | None = None
    ) -> list[UnfoldedEntry]:
        """The entries that an entry with this task stands for; most tasks stand for themselves alone.

        Args:
            id: Id of any installed task.
            options: Its `with:` mapping.
            data: Its `data:`; by default that of this entry.

        Raises:
            UserError: As from `task`.
        """


@runtime_checkable
class Task(Protocol):
    """A source of items and the way to put them to a judge.

    A task may also have these, each a protocol of `harness.api.optional`:

    - `count_items(split) -> int`, cheap, for progress bars and `--dry-run`.
    - `provenance() -> str`, which says what data it read, with the commit of a hub dataset, for `run.json`.
    - `media: str`. Where it is `absent`, the pictures are not there: its items hold `Image.absent` in their places, and
      only judges are asked whose card says that they need no media.
    - `wraps: tuple[Task, str]`, of one that shows the items of another task changed: that task, from `Context.task`,
      and its split. The run then records which entries of the plan ask the same items unchanged; see
      `RecordedCell.wraps`.
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
            DataError: The data cannot be used; the message names file, row and column.
        """

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """Put one item to a judge. Pure: equal arguments give an equal `Request.key`; the gold must not leak.

        Args:
            item: One of `items`.
            order: The permutation of the candidates to show; `()` without candidates.
            format: Its `instruction` ends the prompt.
        """

    def fingerprint(self) -> str:
        """Changes whenever the items or their rendering may change (data files, options, version of the code)."""


@runtime_checkable
class Judge(Protocol):
    """A judge model.

    A judge may also have these, each a protocol of `harness.api.optional`:

    - `close()`, called when its last task is done: free weights and connections there. It must be able to answer again
      afterwards.
    - `answers_by_item: bool`. True of a judge whose answer depends on which item is asked, or on chance (recorded
      answers, a temperature above 0): two items of equal content are then two questions, each with a key and a seed of
      its own. By default equal content is asked once.
    - `covers(task: str, item: str) -> bool`, cheap: whether it has an answer to the item of this id. It is not asked a
      task of the plan of which it covers no item, and reports say so. By default it has an answer to everything.
    """

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests as they stream in, each exactly once, in any order.

        The judge owns its batching and its concurrency: it pulls as many requests as it wants to have in flight. It
        should yield each answer as soon as it has it. An exception ends this call only: the engine asks the requests in
        flight again one by one and records the one that fails as an `error`.
        """

    def fingerprint(self) -> str:
        """Changes whenever its answers may change (weights, prompt, decoding, version of the code)."""


@runtime_checkable
class Reward(Protocol):
    """A reward for training.

    It looks at the judgement that `request.read` made of the answer, as evaluation does, and reads no text by rules of
    its own: a verdict means the same in both. An answer without a verdict is never compared with the gold.

    A reward may also have `of_orders(answers: Sequence[Answer]) -> float | None`. A trainer then shows each item with
    candidates in both orders, and calls it once with the answers that share a sample number, one for each order; the
    value goes to each of them, in place of what `__call__` would say.

    The card names the capability `probabilities` where a reward reads `Judgement.probabilities`, and `orders` where it
    has `of_orders`, so that a trainer knows what it must provide.
    """

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """The reward of one answer; `None` where it does not apply to this task or answer.

        Args:
            request: What the judge was shown.
            judgement: What it answered. One with status `error` is a failure of the machine and not of the policy.
            gold: The right answer in *shown* places.

        Raises:
            UserError: The reward needs what the answer does not have. An exception of any kind ends the training: it is
                never turned into a reward.
        """


@runtime_checkable
class Metric(Protocol):
    """A score of many answers, vectorised over weightings of the data.

    The same function gives the value (one row of weights), its interval (a row for the data without each cluster) and
    the paired comparison. `units` are the *distinct* combinations of gold and prediction in a cell; `weights[b, t]`
    says how often unit `t` occurs in row `b`. See `docs/explanation/statistics.md`.
    """

    def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value for each row of weights.

        Args:
            units: T distinct answered units.
            weights: Shape (B, T), non-negative; the harness only asks for whole numbers.

        Returns:
            Shape (B,); NaN where the metric is not defined.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """T distinct answered units of one cell, as columns."""

    space: Any
    """The answer space; for preferences and rankings the largest one that occurs."""
    gold: tuple[Verdict, ...]
    """Length T: the right answers. Preferences are in shown places where each order counts on its own."""
    predicted: tuple[Verdict | None, ...]
    """Length T: the answers, in the same places; `None` where the protocol counts a missing answer as wrong."""
    credit: NDArray[np.float64]
    """Shape (T,): points for the answer under the protocol, from 0 to 1; what accuracy averages."""
    positive: NDArray[np.float64]
    """Shape (T,): probability of the positive class (the first label or candidate), NaN where not known."""
