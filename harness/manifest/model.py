"""What manifests and recipes say, typed. The descriptions go into the JSON Schema and the generated documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from harness.api import Protocol

Name = Annotated[str, Field(min_length=1, max_length=200)]
FolderName = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Mark = Annotated[str, Field(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class ReasoningMarks(_Section):
    """How a judge marks its reasoning, where that is not known already. `harness.api.reading` knows the usual marks."""

    marks: list[tuple[Mark, Mark]] = Field(default_factory=list)
    """Pairs of an opening and a closing mark, such as `["<scratch>", "</scratch>"]`."""
    opened: bool = False
    """Whether its chat template opens the reasoning at the end of the prompt, so that an answer that never closes it
    has no verdict. Local judges find that out themselves."""


class Entry(_Section):
    """An entry that refers to a plugin object by `use:`, with its options under `with:`."""

    kind: ClassVar[str]
    """Kind of the plugin object."""


class TaskEntry(Entry):
    """One entry of `tasks:`."""

    kind = "task"

    use: Name
    """Id of an installed task, such as `miniature/safety`. The bare name will do while it is unique."""
    name: Name | None = None
    """Label on the leaderboard. Default: the last part of the id, with a number where that is taken."""
    split: Name = "test"
    """Which split to ask."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Ask at most the first so many items; all by default."""
    sample: Annotated[int, Field(ge=1)] | None = None
    """Ask a sample of so many items, in place of the first ones: each gold and each category has its share. To choose
    them, the whole split is read once more."""
    data: Annotated[str, Field(min_length=1)] | None = None
    """Where the data is: a file or folder, relative to the manifest, or `hub:ORG/NAME[@REVISION]`."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the task. `harness show ID` lists them."""
    format: Name | None = None
    """Id of the verdict format to ask for, such as `harness/tagged`; the benchmark's own by default."""
    protocol: dict[str, Any] = Field(default_factory=dict)
    """Changes to the official protocol, field by field."""
    suite: Name | None = None
    """The collection that it counts for in `group_by: suite`; the task's own by default."""


class RecipeTask(Entry):
    """One entry of a recipe's `tasks:`."""

    kind = "task"

    use: Name
    """Id of an installed task, such as `miniature/safety`. The bare name will do while it is unique."""
    name: Name | None = None
    """Name in rewards and curves. Default: the last part of the id, with a number where that is taken."""
    train: Name = "train"
    """Which split to learn from."""
    validation: Name | None = None
    """Which split to select on. Default: `validation` where the task has such a split, else none; `null` for none."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Learn from so many items of the train split, a sample with its shares of golds and categories; all by default."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its share, relative to the other tasks, on top of how the trainer mixes them."""
    data: Annotated[str, Field(min_length=1)] | None = None
    """Where the data is: a file or folder, relative to the recipe, or `hub:ORG/NAME[@REVISION]`."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the task. `harness show ID` lists them."""
    format: Name | None = None
    """Id of the verdict format to ask for, such as `harness/tagged`; the benchmark's own by default."""
    protocol: dict[str, Any] = Field(default_factory=dict)
    """Changes to the official protocol, field by field. Training takes its order from it and puts each question once:
    `samples` is for evaluation."""


class RewardEntry(Entry):
    """One entry of a recipe's `rewards:`."""

    kind = "reward"

    use: Name
    """Id of an installed reward, such as `verdict/accuracy`. The bare name will do while it is unique."""
    name: Name | None = None
    """Name in curves. Default: the last part of the id, with a number where that is taken."""
    weight: float = 1.0
    """What its value is multiplied with. A negative weight turns a reward into a penalty."""
    tasks: Annotated[list[Name], Field(min_length=1)] | None = None
    """Names of the tasks that it is for; all by default."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the reward. `harness show ID` lists them."""


class TrainerEntry(Entry):
    """A recipe's `trainer:`."""

    kind = "trainer"

    use: Name
    """Id of an installed trainer. The bare name will do while it is unique."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the trainer. `harness show ID` lists them."""


class Recipe(_Section):
    """A whole recipe, after `extends`, variables and `--set`."""

    sections: ClassVar[Mapping[str, type[Entry]]] = {
        "tasks": RecipeTask,
        "rewards": RewardEntry,
        "trainer": TrainerEntry,
    }

    name: FolderName
    """Lower-case name. The checkpoint folder begins with it."""
    description: str = ""
    """What it trains, for people."""
    vars: dict[str, Any] = Field(default_factory=dict)
    """Values to use as `${vars.NAME}`; put in before the recipe is checked."""
    seed: Seed = 0
    """Seed of everything random."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """The weights to start from: a folder, relative to the recipe, or `hub:ORG/NAME[@REVISION]`. A trainer that makes a
    model of its own needs none."""
    train: Recipe | None = None
    """In place of `model`: start from what this recipe makes, which is trained first, once. A path, relative to this
    recipe, or a recipe written in place."""
    tasks: Annotated[list[RecipeTask], Field(min_length=1)]
    """What is learnt."""
    rewards: list[RewardEntry] = Field(default_factory=list)
    """What answers earn. A trainer that learns from examples needs none."""
    trainer: TrainerEntry
    """How it is learnt."""
    reasoning: ReasoningMarks = ReasoningMarks()
    """How the model marks its reasoning, beside the known marks."""


class Resources(_Section):
    """What one copy of a judge needs, for executors that place judges on machines."""

    cpus: Annotated[float, Field(gt=0)] | None = None
    """Processor cores."""
    gpus: Annotated[float, Field(ge=0)] | None = None
    """Graphics processors. A part, such as 0.5, lets judges share one."""
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    """Gigabytes of main memory."""


class JudgeEntry(Entry):
    """One entry of `judges:`."""

    kind = "judge"

    use: Name
    """Id of an installed judge, such as `baselines/prior`. The bare name will do while it is unique."""
    name: Name | None = None
    """Label on the leaderboard. Default: the last part of the id, with a number where that is taken."""
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    """Options of the judge. `harness show ID` lists them."""
    train: Recipe | None = None
    """The recipe that makes its `model`, trained once if it is not there: a path, relative to the manifest, the name of
    a recipe that a plugin ships (`harness list manifests`), or a recipe written in place. The judge must have an option
    `model`, which is then not given under `with:`."""
    reasoning: ReasoningMarks = ReasoningMarks()
    """How it marks its reasoning, beside the known marks and those of its card. What stands between the marks is not
    searched for a verdict."""
    resources: Resources | None = None
    """What one copy of it needs, for executors such as Ray. The executor `local` does not look at it. It never changes
    an answer, so it is no part of the name of the run folder."""


class RunSettings(_Section):
    """How to run."""

    seed: Seed = 0
    """Seed of everything random: judges that draw, and the flips of corrected tests."""
    timeout: Annotated[float, Field(gt=0)] = 600.0
    """Seconds that a judge may stay silent while requests wait for it. Then it is given up and asked again."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Ask at most so many items of every task: the first ones, or a smaller `sample` where a task names one."""
    fail_on_error: Share | None = None
    """Stop when more than this share of judgements failed, from 0 to 1; by default go on and count them."""


class ReportSettings(_Section):
    """What to print."""

    metric: Name | None = None
    """Headline metric of every task; by default each task's own."""
    compare: Literal["all-pairs", "none"] = "all-pairs"
    """Whether to test each pair of judges for a difference."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of intervals and tests."""
    resamples: Annotated[int, Field(ge=100, le=1_000_000)] = 2000
    """Random flips of the clusters' signs, for the quantile that corrects for many judges."""
    group_by: Literal["task", "category", "suite"] = "task"
    """What one block of the leaderboard is."""
    missing: Literal["counts", "at-random"] = "counts"
    """What missing answers mean for who is placed above whom: a judge must be significantly better with every missing
    answer counted wrong too; or they are declared to be missing at random."""
    equivalence: Annotated[float, Field(gt=0)] | None = None
    """Judges whose difference is shown to be smaller than this, as a fraction or in the units of the metric, are called
    equivalent; by default nothing is said."""
    min_coverage: Share | None = None
    """A gate: do not rank a judge that answered less than this share, from 0 to 1, and end the run with exit code 4. By
    default there is no gate, and who is ranked is as each protocol says."""


class Manifest(_Section):
    """A whole manifest, after `extends`, variables and `--set`."""

    sections: ClassVar[Mapping[str, type[Entry]]] = {"tasks": TaskEntry, "judges": JudgeEntry}

    name: FolderName
    """Lower-case name. The run folder begins with it."""
    description: str = ""
    """What it measures, for people."""
    vars: dict[str, Any] = Field(default_factory=dict)
    """Values to use as `${vars.NAME}`; put in before the manifest is checked."""
    tasks: Annotated[list[TaskEntry], Field(min_length=1)]
    """What is asked."""
    judges: Annotated[list[JudgeEntry], Field(min_length=1)]
    """Who is asked."""
    run: RunSettings = RunSettings()
    """How to run."""
    report: ReportSettings = ReportSettings()
    """What to print."""


@cache
def protocol_model() -> type[BaseModel]:
    """`harness.api.Protocol` with every field optional, for checking overrides key by key."""
    hints = get_type_hints(Protocol)
    overrides: dict[str, Any] = {spec.name: (hints[spec.name], None) for spec in fields(Protocol)}
    return create_model("ProtocolOverrides", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **overrides)
