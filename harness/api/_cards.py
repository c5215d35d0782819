"""Cards: the metadata of a plugin's objects, which can be listed before any of their code is imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from harness.api._protocol import Protocol
from harness.api.facts import Column, Dataset, KnownResult, OfficialPart, Parity
from harness.api.reading._reasoning import Marks
from harness.api.results._written import Unit

API_VERSION = 1
"""Version of `harness.api` for plugins. A card states the version that it was written for, as a number."""

# Raised only when support for old plugins ends. Cards outside of the range are refused with the fix.
OLDEST_API_VERSION = 1
"""The oldest version that plugins may be written for: those up to `API_VERSION` work."""

# The text form keeps start-up fast: `harness list` shows every plugin and imports the code of none.
Lazy: TypeAlias = str | Callable[..., Any]
"""`"package.module:attribute"`, imported only when a manifest uses it, or the object itself."""


class IsPath:
    """Marks a text option as a path: `answers: Annotated[str, IsPath()]`.

    The harness makes such an option absolute before the factory sees it. An option of the manifest is relative to the
    manifest's folder. An option of `--set` on the command line is relative to the working directory. A text that begins
    with a scheme of two letters or more (`hub:ORG/NAME`) is left as it is. One letter is a drive of Windows.
    """


class Operational:
    """Marks an option that never changes what a judge answers: `batch: Annotated[int, Operational()]`.

    Examples are a batch size, a timeout and a budget. Such an option is no part of the key of an answer, and no part of
    the name of the run folder. When you change it, the same run goes on.
    """


class AddedLater:
    """Marks an option that a plugin got after others: `optimizer: Annotated[str, AddedLater()] = "adamw"`.

    While it has its default, such an option is no part of the key of an answer, and no part of the name of a run folder
    or a checkpoint folder. So what was made before there was the option keeps its name. The default must do what was
    done then.
    """


class RunsCode:
    """Marks an option that runs code which comes with a model: `trust: Annotated[bool, RunsCode("model")]`.

    Where such an option is true, the harness makes no object with it before the user has named the model on the command
    line, as `--allow-code model:MODEL`. No manifest or recipe can do that.
    """

    def __init__(self, of: str) -> None:
        """Say which option of the same model names what the code comes with; a trainer's is the recipe's `model`."""
        self.of = of


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The fields that cards of every kind have. A card is light: making one imports nothing of the plugin."""

    kind: ClassVar[str]

    name: str
    """Lower-case words with hyphens between them. The canonical id is `plugin/name`."""
    summary: str
    """One line for `harness list`."""
    factory: Lazy
    """Called as `factory(options, context)`; `options` is an instance of the options model or `None`."""
    options: Lazy | None = None
    """A pydantic model; the manifest's `with:` is checked against it, position by position."""
    unfold: Lazy | None = None
    """Called as `unfold(options, context)` at plan time. It returns a list of `UnfoldedEntry` to put in the entry's
    place."""
    licence: str = ""
    """Licence of the code, the data or the weights."""
    source: str = ""
    """Paper, repository or dataset that this comes from."""
    description: str = ""
    """A paragraph for `harness show`: what it measures, what it does not, known traps."""
    capabilities: frozenset[str] = frozenset()
    """Needs and abilities: `network`, `gpu`, `images`, `video`, `text`, ... A judge that reads other parts of the plan
    (examples of a task, answers of other judges) names `plan`: executors ask it in the process of the run. Rewards may
    name `probabilities` and `orders`. Trainers may name `processes`, where one launch may run several."""
    example: Lazy | None = None
    """Called as `example(folder)`. It writes what the object needs, but tiny, into an empty folder. It returns the
    options that it needs besides, or `None`. For a task that is a copy of the data in the published layout. A trainer
    gets the folder as the model to start from, unless it stays empty, and its options make the training short. For
    `harness check`, where no data are given, and for the worked example of a task in the docs."""
    api_version: int | None = None
    """The `API_VERSION` that it was written for, as a number: `api_version=1`. Do not take it from the installed
    harness, since it would then always agree. A card that states none counts as version 1, and `harness check` fails
    it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard(Card):
    """A judging task. The factory returns a `Task`."""

    kind: ClassVar[str] = "task"

    splits: tuple[str, ...] = ("test",)
    """Names of its splits."""
    answers: str = ""
    """Kind of answer space: `choice`, `preference`, `score` or `ranking`."""
    suite: str = ""
    """The collection that it belongs to, for `--group-by suite`."""
    protocol: str | Protocol | None = None
    """The official protocol or its place, `"package.module:PROTOCOL"`. Only for a task whose protocol does not depend
    on its options."""
    metric: str = ""
    """The score of its authors, in words."""
    data: Dataset | None = None
    """Where its data are. `None` where they come with the plugin, or are the user's own."""
    official: frozenset[OfficialPart] = frozenset()
    """The parts that are its authors' own. What is left out is not, or is not known to be; `deviations` says more."""
    parity: Parity | None = None
    """How close its scores come to published ones. `None` where that was not tried."""
    results: tuple[KnownResult, ...] = ()
    """A few published scores of judges."""
    columns: tuple[Column, ...] = ()
    """The columns of its data."""
    deviations: str = ""
    """Differences from its authors' own script, and why."""
    pitfalls: str = ""
    """Known traps, and mistakes of other harnesses."""
    recordings: Lazy | None = None
    """Its `RecordingLayout`, or the place of it: how its authors publish the answers of the judges that they tried."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """What a judge is shown, by its capabilities: `image`, `text`, `video`."""
        named = (("images", "image"), ("text", "text"), ("video", "video"))
        return tuple(modality for capability, modality in named if capability in self.capabilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCard(Card):
    """A judge model. The factory returns a `Judge`."""

    kind: ClassVar[str] = "judge"

    reasoning_marks: Marks = ()
    """Pairs of an opening and a closing mark around its reasoning, beside those that `harness.api.reading` knows."""

    check: Lazy | None = None
    """Called as `check(options, context)` by `harness validate`, for files that the options name (recorded answers). It
    raises a `UserError` where they cannot be used. A run makes the judge instead, which must find the same faults."""
    needs_media: bool = True
    """Whether it looks at pictures. A judge that does not can be asked tasks whose pictures are absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardCard(Card):
    """A reward for training. The factory returns a `Reward`."""

    kind: ClassVar[str] = "reward"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerCard(Card):
    """A way to train a judge. The factory returns a `Trainer`."""

    kind: ClassVar[str] = "trainer"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatCard(Card):
    """A verdict format. The factory returns a `VerdictFormat`."""

    kind: ClassVar[str] = "format"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCard(Card):
    """A metric. The factory returns a `Metric`."""

    kind: ClassVar[str] = "metric"

    answers: frozenset[str] = frozenset({"choice", "preference", "score", "ranking", "rubric"})
    """Kinds of answer space for which it is defined."""
    greater_is_better: bool = True
    """False for errors and distances."""
    unit: Unit = "score"
    """Unit of its values: `share` (0 to 1, printed as a percentage), `correlation` (-1 to 1), `distance` (0 is best) or
    `score` (printed as it is, with no known range). The metric itself says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestCard(Card):
    """A manifest or recipe that comes with a plugin: `harness run PLUGIN/NAME` runs it, and `extends:` builds on it."""

    kind: ClassVar[str] = "manifest"

    path: Path
    """The file, beside the code so that it is in the wheel: `Path(__file__).with_name("my-benchmark.yaml")`."""
    factory: Lazy = ""
    """Empty: a manifest is read, and nothing is made from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererCard(Card):
    """A way to write a leaderboard: `harness leaderboard --format NAME`. The factory returns a `Renderer`."""

    kind: ClassVar[str] = "renderer"

    file: str = ""
    """Name of the file that every run leaves, such as `leaderboard.md`; empty: none, only on demand. It stands in the
    run folder, and is none of the run's own files. Where two renderers name one file, the first by id writes it, and
    the core's own come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCard(Card):
    """A verb of the command line, `harness NAME`. `factory` is the `click.Command` itself, or its place.

    `ctx.find_root().obj` is an `Invocation`, which gives a command the installed plugins.
    """

    kind: ClassVar[str] = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorCard(Card):
    """A place where judges are asked: `harness run --executor NAME`. The factory returns an `Executor`."""

    kind: ClassVar[str] = "executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfoldedEntry:
    """One of several entries that a manifest entry stands for."""

    name: str
    """Name in the plan and on the leaderboard."""
    options: dict[str, Any]
    """Its `with:` mapping."""
