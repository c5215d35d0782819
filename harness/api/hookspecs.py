"""The hooks that a plugin may implement. All are optional, and a function takes only the arguments that it uses.

A distribution advertises one module:

    [project.entry-points.harness]
    mine = "harness_mine.plugin"

The entry point's name is the plugin's name and the first half of every id (`mine/my-task`). That module must be light.
Its registration hooks return cards, which name the heavy code as `"module:attribute"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pluggy

from harness.api._cards import (
    CommandCard,
    ExecutorCard,
    FormatCard,
    JudgeCard,
    ManifestCard,
    MetricCard,
    RendererCard,
    RewardCard,
    TaskCard,
    TrainerCard,
)
from harness.api._contracts import InstalledPlugins
from harness.api._records import Judgement
from harness.api._requests import Request
from harness.api.execution._executor import JudgePlacer
from harness.api.results._metrics import Metric
from harness.api.results._recorded import RecordedCell
from harness.api.results._report import Report
from harness.api.results._statistics import Statistics
from harness.api.running import CellProgress, KnownAnswers
from harness.api.training._planned import PlannedTraining, ResolvedRecipe

# The name must be that of the manager in `harness.discovery`: pluggy ignores marks of other projects.
hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")
"""Marks a function as an implementation of the hook of its name."""


@hookspec
def harness_tasks() -> list[TaskCard]:
    """Return the tasks that this plugin offers."""


@hookspec
def harness_judges() -> list[JudgeCard]:
    """Return the judges that this plugin offers."""


@hookspec
def harness_rewards() -> list[RewardCard]:
    """Return the rewards that this plugin offers."""


@hookspec
def harness_trainers() -> list[TrainerCard]:
    """Return the trainers that this plugin offers."""


@hookspec
def harness_formats() -> list[FormatCard]:
    """Return the verdict formats that this plugin offers."""


@hookspec
def harness_metrics() -> list[MetricCard]:
    """Return the metrics that this plugin offers."""


@hookspec
def harness_manifests() -> list[ManifestCard]:
    """Return the manifests and recipes that this plugin ships, to be run by name: `harness run PLUGIN/NAME`."""


@hookspec
def harness_renderers() -> list[RendererCard]:
    """Return the ways to write a leaderboard that this plugin offers."""


@hookspec
def harness_executors() -> list[ExecutorCard]:
    """Return the places where judges can be asked that this plugin offers, for `harness run --executor`."""


@hookspec
def harness_commands() -> list[CommandCard]:
    """Return the verbs that this plugin adds to the command `harness`. Those of the core cannot be replaced."""


@hookspec
def harness_metric_wanted(metric: str, answers: str, plugins: InstalledPlugins) -> None:
    """Check a metric that a manifest or a task wants, before any judge is asked or trained, and by `harness validate`.

    Raise `UserError` where it is unknown, cannot be made, or is not defined for the answers. The core's own plugin
    makes it once.

    Args:
        metric: Its name as in a protocol.
        answers: Kind of answer space of the task; empty where that is not known.
        plugins: The installed plugins.
    """


@hookspec
def harness_training_planned(
    recipe: ResolvedRecipe, plugins: InstalledPlugins, checkpoints: Path, say: Callable[[str], None]
) -> PlannedTraining | None:
    """Plan the training of a judge's recipe, before any judge is asked. The first plugin that returns a plan has it.

    The core's own plugin is asked last. It trains with the trainer plugins, on this machine.

    Args:
        recipe: The recipe.
        plugins: The installed plugins.
        checkpoints: The folder of checkpoint folders.
        say: Takes lines for people.
    """


@hookspec
def harness_plan_made(manifest: object, plan: object, plugins: InstalledPlugins) -> None:
    """Check a plan before any judge is asked or trained. A `UserError` ends the run.

    It is called a second time once recipes were trained, since a judge with one is made only then. The core's own
    plugin refuses metrics that cannot be scored and judges that look at pictures which are not there. It leaves out the
    cells to which a judge has no answer, and warns of golds that never come. A plugin adds its warnings to
    `plan.warnings`, a list of lines.

    Args:
        manifest: The core's own loaded manifest. Its form is no promise.
        plan: The core's own plan of tasks and judges, likewise.
        plugins: The installed plugins.
    """


@hookspec
def harness_executor_wanted(name: str, options: Sequence[str], plugins: InstalledPlugins) -> JudgePlacer | None:
    """Make the executor that `harness run --executor` names. The first plugin that returns one has it made.

    The core's own plugin makes those of `harness_executors`.

    Args:
        name: As after `--executor`.
        options: As after `--executor-option`: `key=value`, the value as in YAML.
        plugins: The installed plugins.
    """


@hookspec
def harness_models_wanted(
    manifest: object, plan: object, plugins: InstalledPlugins, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Make the models that judges of a plan wait for. A `UserError` ends the run.

    The core's own plugin plans all their recipes by `harness_training_planned`, and trains those that are not trained.

    Args:
        manifest: The core's own loaded manifest. Its form is no promise.
        plan: The core's own plan of tasks and judges, likewise. The judges in it are replaced.
        plugins: The installed plugins.
        checkpoints: The folder of checkpoint folders.
        say: Takes lines for people.
    """


@hookspec
def harness_dry_run_wanted(
    manifest: object,
    plugins: InstalledPlugins,
    runs: Path,
    checkpoints: Path,
    shard: object,
    reuse: bool | None,
    say: Callable[[str], None],
) -> list[str] | None:
    """Say what a run would ask, for `harness run --dry-run`. The first plugin that returns lines says it.

    The core's own plugin is asked last, and calls `harness_run_planned` for lines of others.

    Args:
        manifest: The core's own loaded manifest. Its form is no promise.
        plugins: The installed plugins.
        runs: The folder of run folders. Nothing is written there.
        checkpoints: The folder of checkpoint folders.
        shard: The part of every task that is asked, likewise the core's own; `None` for all of it.
        reuse: Whether answers that are known need not be asked for; `None` leaves it to the run folder.
        say: Takes lines for people.
    """


@hookspec
def harness_run_planned(folder: Path, plan: object, to_ask: Mapping[tuple[str, str], int], shard: object) -> list[str]:
    """Add lines to `harness run --dry-run`, such as what the run would cost. Ask no judge, and write nothing.

    Args:
        folder: The run folder, which need not be there.
        plan: The core's own plan of tasks and judges. Its form is no promise.
        to_ask: Requests that the journal has no answer to, by names of task and judge.
        shard: The part of every task that is asked, likewise the core's own; `None` for all of it.
    """


@hookspec
def harness_answers_known(folder: Path) -> KnownAnswers | None:
    """Give answers that need not be asked for. The first plugin that returns some has them. Not called by `--fresh`.

    The core's own plugin is asked last. It takes answers over from earlier runs of the manifest beside the run folder.

    Args:
        folder: The run folder. In a dry run it need not be there.
    """


@hookspec
def harness_progress_wanted() -> CellProgress | None:
    """Give the display that shows how far a run is. The first plugin that returns a display has it.

    The core's own plugin is asked last. It draws bars on a terminal, and prints lines to stderr anywhere else.
    """


@hookspec
def harness_run_started(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Called once before the first judge is asked.

    Args:
        folder: The run folder.
        manifest: The resolved manifest, secrets not expanded.
    """


@hookspec
def harness_judgements_recorded(task: str, judge: str, judgements: Sequence[tuple[Request, Judgement]]) -> None:
    """Called after each batch of judgements is safely in the journal, in batches of up to a few hundred.

    Args:
        task: Name of the task in the plan.
        judge: Name of the judge in the plan.
        judgements: The recorded requests and judgements. Do not keep them: memory must not grow with the run.
    """


@hookspec
def harness_run_recorded(folder: Path, plugins: InstalledPlugins, reuse: bool) -> Report | None:
    """Score a run and report it, once its answers are in the journal. The first plugin that returns a report has it.

    The core's own plugin is asked last. It scores with the metric plugins, and writes `scores.json` and a file for each
    renderer that names one.

    Args:
        folder: The run folder.
        plugins: The installed plugins.
        reuse: Whether a report that was made before will do where nothing has changed since.
    """


@hookspec
def harness_run_finished(
    folder: Path, leaderboard: Mapping[str, Any], cells: Sequence[RecordedCell], plugins: InstalledPlugins
) -> None:
    """Called once after the leaderboard has been written.

    The core's own plugin writes `report.html` from what is in the folder.

    Args:
        folder: The run folder.
        leaderboard: The leaderboard as in `leaderboard.json`.
        cells: The recorded cells, in the order of the manifest.
        plugins: The installed plugins.
    """


@hookspec
def harness_report_sections(
    leaderboard: Mapping[str, Any],
    folder: Path,
    cells: Sequence[RecordedCell],
    find_metric: Callable[[str], Metric],
    statistics: Statistics,
) -> list[tuple[str, str]]:
    """Add sections to the Markdown report and pages to `report.html`. Return pairs of a title and Markdown text.

    Args:
        leaderboard: The leaderboard as in `leaderboard.json`.
        folder: The run folder. A plugin may put a file of its own there.
        cells: The recorded cells, in the order of the manifest.
        find_metric: Gives a metric by its name in a protocol. It raises `UserError` where there is none.
        statistics: Measures shares and changes, with the leaderboard's intervals.
    """


@hookspec
def harness_training_logged(recipe: str, folder: Path, step: int, metrics: Mapping[str, float]) -> None:
    """Called each time a trainer logs.

    Args:
        recipe: Name of the recipe.
        folder: The checkpoint folder.
        step: Number of optimizer steps so far.
        metrics: Scalars by name. Those of a task are `task/metric`. A value may be NaN.
    """


@hookspec
def harness_training_ended(recipe: str, folder: Path, record: Mapping[str, Any] | None) -> None:
    """Called once when an attempt to train has ended, one way or the other. A process that is killed calls nothing.

    Args:
        recipe: Name of the recipe.
        folder: The checkpoint folder.
        record: The content of `trained.json`; `None` where the attempt failed or was stopped.
    """
