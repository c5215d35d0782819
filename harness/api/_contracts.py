"""The interfaces of plugin objects, as `typing.Protocol`s. Implement the methods. No base class is needed.

Inner loops call these methods directly. Hooks (see `harness.api.hookspecs`) are only for registration and for coarse
events, since a call through pluggy costs far more than a method call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from harness.api._cards import UnfoldedEntry
from harness.api._protocol import Protocol as ScoringProtocol
from harness.api._records import Item, Judgement, Usage
from harness.api._requests import Request, VerdictFormat
from harness.api._spaces import Verdict

if TYPE_CHECKING:  # its import is slow, and commands that only list plugins do not need it
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request with its gold, for judges that learn and for trainers."""

    request: Request
    """The request, as a judge would get it."""
    gold: Verdict
    """The right answer in *shown* places."""
    item: Item
    """The item of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with its gold, for rewards that look at several answers at once."""

    request: Request
    """The request."""
    judgement: Judgement
    """The answer to the request."""
    gold: Verdict
    """The right answer in *shown* places."""


class InstalledPlugins(Protocol):
    """The plugins of this process, for hooks that tell the others something."""

    def notify(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook of every plugin that has it. One that raises is warned about, and ends nothing.

        Returns:
            Pairs of plugin name and what it returned.
        """


class KnownAnswers(Protocol):
    """Answers that need not be asked for, from the hook `harness_answers_known`."""

    def find(self, judge: str, requests: Sequence[Request]) -> Mapping[str, tuple[str, Judgement]]:
        """Those of a judge's answers to some requests that are known. Called from one thread at a time.

        Args:
            judge: Key of the judge. It changes whenever its answers may.
            requests: A few hundred at most, as they are put to this judge.

        Returns:
            By key of the request: where the answer is from, in words, and the answer. It is no error.
        """

    def close(self) -> None:
        """Free what it holds, once the run has ended."""


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


@runtime_checkable
class Task(Protocol):
    """A source of items and the way to put them to a judge.

    A task may also have these, each a protocol of `harness.api.optional`:

    - `count_items(split) -> int`, cheap, for progress bars and `--dry-run`.
    - `provenance() -> str`, the data that it read, with the commit of a hub dataset, for `run.json`.
    - `media: str`. Where it is `absent`, the items hold `Image.absent` in the places of their pictures. Only judges
      whose card says that they need no media are then asked.
    - `wraps: tuple[Task, str]`, for a task that changes the items of another: that task, from `Context.task`, and its
      split. The run then records which entries of the plan ask the same items unchanged. See `RecordedCell.wraps`.
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

    A judge may also have these, each a protocol of `harness.api.optional`:

    - `close()`, called when its last task is done. It frees weights and connections. The judge must be able to answer
      again afterwards.
    - `answers_by_item: bool`. True where an answer depends on which item is asked, or on chance (recorded answers, a
      temperature above 0). Two items of equal content are then two questions, each with its own key and seed. By
      default equal content is asked once.
    - `covers(task: str, item: str) -> bool`, cheap: whether it has an answer to the item of this id. A judge is not
      asked a task of which it covers no item, and reports say so. By default it has an answer to every item.
    - `estimate_tokens(request) -> TokenEstimate` and `pricing: Pricing`: what a question will take and what that costs,
      for the estimate of `harness run --dry-run`. By default characters are counted, and there is no price.
    - `holds: tuple[int, float] | None`: how many requests it takes before it answers one, and for how many seconds it
      may stay silent, for judges that wait for others. By default 2,048 requests, and the manifest's `run.timeout`.
    - `covers(task: str, item: str) -> bool`, cheap: whether it has an answer to the item of this id. A judge is not
      asked a task of which it covers no item, and reports say so. By default it has an answer to every item.
    """

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """Answer requests as they stream in, each exactly once, in any order.

        The judge owns its batching and its concurrency: it pulls as many requests as it wants to have in flight. It
        should yield each answer as soon as it has it. An exception ends this call only. The engine then asks the
        requests in flight again one by one, and records the one that fails as an `error`.
        """

    def fingerprint(self) -> str:
        """A text that changes whenever its answers may change (weights, prompt, decoding, version of the code)."""


@runtime_checkable
class Reward(Protocol):
    """A reward for training.

    It takes the judgement that `request.read` made of the answer, as evaluation does. It does not read the text by
    rules of its own, so a verdict means the same in both. It never compares an answer without a verdict with the gold.

    A reward may also have `of_orders(answers: Sequence[Answer]) -> float | None`. A trainer then shows each item with
    candidates in both orders. It calls `of_orders` once for the answers that share a sample number, one for each order.
    Each of them earns the value, in place of that of `__call__`.

    The card names the capability `probabilities` where a reward reads `Judgement.probabilities`, and `orders` where it
    has `of_orders`. A trainer knows from this what it must provide.
    """

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        """The reward of one answer; `None` where it does not apply to this task or answer.

        Args:
            request: What the judge was shown.
            judgement: What it answered. Status `error` is a failure of the machine and not of the policy.
            gold: The right answer in *shown* places.

        Raises:
            UserError: The reward needs a field that the answer does not have. Any exception ends the training. It is
                never turned into a reward.
        """


@runtime_checkable
class Metric(Protocol):
    """A score of many answers, vectorised over weightings of the data.

    The same function gives the value (one row of weights), its interval (a row for the data without each cluster) and
    the paired comparison. `units` are the *distinct* combinations of gold and prediction in a cell. `weights[b, t]` is
    the number of times that unit `t` occurs in row `b`. See `docs/explanation/statistics.md`.

    >>> import numpy as np
    >>> class MeanCredit:
    ...     def __call__(self, units, weights):
    ...         return weights @ units.credit / weights.sum(axis=1)
    >>> units = Units(
    ...     space="any",
    ...     gold=("yes", "no"),
    ...     predicted=("yes", "yes"),
    ...     credit=np.array([1.0, 0.0]),
    ...     positive=np.array([np.nan, np.nan]),
    ... )
    >>> MeanCredit()(units, np.array([[3.0, 1.0], [1.0, 1.0]])).tolist()
    [0.75, 0.5]
    """

    def __call__(self, units: Units, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value for each row of weights.

        Args:
            units: T distinct answered units.
            weights: Shape (B, T), non-negative. The harness only gives whole numbers.

        Returns:
            Shape (B,). NaN where the metric is not defined.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """T distinct answered units of one cell, as columns."""

    space: Any
    """The answer space. For preferences and rankings it is the largest one that occurs."""
    gold: tuple[Verdict, ...]
    """Length T: the right answers. Preferences are in shown places where each order counts on its own."""
    predicted: tuple[Verdict | None, ...]
    """Length T: the answers, in the same places. `None` where the protocol counts a missing answer as wrong."""
    credit: NDArray[np.float64]
    """Shape (T,): points for the answer under the protocol, from 0 to 1. Accuracy is their mean."""
    positive: NDArray[np.float64]
    """Shape (T,): probability of the positive class (the first label or candidate), NaN where not known."""
