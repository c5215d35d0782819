"""The core's own plugin, `harness`: what it ships arrives the way everybody else's does.

Scores, reports, training and their verbs are reached through these hooks. The kernel imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.api import (
    CellProgress,
    CommandCard,
    ExecutorCard,
    FormatCard,
    InstalledPlugins,
    JudgePlacer,
    KnownAnswers,
    MetricCard,
    PlannedTraining,
    RendererCard,
    Report,
    ResolvedRecipe,
    hookimpl,
)
from harness.verbs import VERBS

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest, LoadedRecipe
    from harness.runner.planned import Plan
    from harness.runner.requests import Shard


@hookimpl
def harness_formats() -> list[FormatCard]:
    """The formats of `harness.formats`."""
    from harness.formats.cards import FORMATS  # here, as a plugin's module must be light

    return list(FORMATS)


@hookimpl
def harness_metrics() -> list[MetricCard]:
    """The metrics of `harness.score`."""
    from harness.score.cards import METRICS

    return list(METRICS)


@hookimpl
def harness_renderers() -> list[RendererCard]:
    """The renderers of `harness.report`."""
    from harness.report.cards import RENDERERS

    return list(RENDERERS)


@hookimpl
def harness_executors() -> list[ExecutorCard]:
    """The executors of `harness.execution`."""
    return [
        ExecutorCard(
            name="local",
            api_version=1,
            summary="Asks every judge in the process of the run. The default.",
            factory="harness.execution.local:make",
        ),
        ExecutorCard(
            name="processes",
            api_version=1,
            summary="Asks a judge in several processes of this machine, such as one for each GPU.",
            factory="harness.execution.processes:make",
            options="harness.execution.processes:ProcessesOptions",
            description="Each worker makes the judge again. One that dies costs what it had in flight, which is asked "
            "again. Judges that ask a server, or read other parts of the plan, are asked in the process of the run.",
        ),
    ]


@hookimpl
def harness_commands() -> list[CommandCard]:
    """The verbs of the core."""
    return [
        CommandCard(name=name, summary=summary, factory=place, api_version=1)
        for name, (place, summary) in VERBS.items()
    ]


# The core hands its own objects to these hooks, and may know them better than the hooks promise to others.


@hookimpl
def harness_metric_wanted(metric: str, answers: str, plugins: InstalledPlugins) -> None:
    """Made once, to see what is wrong with it."""
    from harness.score.find import check_metric

    check_metric(metric, answers, cast("Plugins", plugins))


@hookimpl
def harness_answers_known(folder: Path) -> KnownAnswers | None:
    """Answers of earlier runs of the manifest."""
    from harness.reuse.earlier import find_earlier

    return find_earlier(folder)


@hookimpl
def harness_training_planned(
    recipe: ResolvedRecipe, plugins: InstalledPlugins, checkpoints: Path, say: Callable[[str], None]
) -> PlannedTraining:
    """Training on this machine, by the trainer that the recipe names."""
    from harness.training.session import plan_training

    return plan_training(cast("LoadedRecipe", recipe), cast("Plugins", plugins), checkpoints=checkpoints, say=say)


@hookimpl
def harness_plan_made(manifest: object, plan: object, plugins: InstalledPlugins) -> None:
    """What could not be judged or scored."""
    from harness.readiness import check_plan

    check_plan(cast("LoadedManifest", manifest), cast("Plan", plan), cast("Plugins", plugins))


@hookimpl
def harness_executor_wanted(name: str, options: Sequence[str], plugins: InstalledPlugins) -> JudgePlacer:
    """The executors that plugins offer."""
    from harness.execution.placing import make_executor

    return make_executor(cast("Plugins", plugins), name, options)


@hookimpl
def harness_models_wanted(
    manifest: object, plan: object, plugins: InstalledPlugins, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Training of the recipes that judges name."""
    from harness.recipes import train_judges

    known, made = cast("Plugins", plugins), cast("Plan", plan)
    train_judges(made, cast("LoadedManifest", manifest), known, checkpoints=checkpoints, say=say)


@hookimpl
def harness_dry_run_wanted(
    manifest: object,
    plugins: InstalledPlugins,
    runs: Path,
    checkpoints: Path,
    shard: object,
    reuse: bool | None,
    say: Callable[[str], None],
) -> list[str]:
    """Cells, requests, and what is known of them."""
    from harness.price.dry_run import list_lines

    known, part = cast("Plugins", plugins), cast("Shard | None", shard)
    loaded = cast("LoadedManifest", manifest)
    return list(list_lines(loaded, known, runs=runs, checkpoints=checkpoints, shard=part, reuse=reuse, say=say))


@hookimpl
def harness_run_planned(folder: Path, plan: object, to_ask: Mapping[tuple[str, str], int], shard: object) -> list[str]:
    """Tokens and money."""
    from harness.price.lines import price_run, write_lines

    return write_lines(price_run(cast("Plan", plan), folder, to_ask, cast("Shard | None", shard)))


@hookimpl
def harness_progress_wanted() -> CellProgress:
    """Bars on a terminal, plain lines otherwise."""
    from harness.progress import make_progress

    return make_progress()


@hookimpl
def harness_report_sections(folder: Path) -> list[tuple[str, str]]:
    """The section of a run whose answers were explained."""
    from harness.explain.section import sections_of

    return sections_of(folder)


@hookimpl
def harness_run_recorded(folder: Path, plugins: InstalledPlugins, reuse: bool) -> Report | None:
    """Scores, leaderboard and reports."""
    from harness.report.publish import publish_run

    return publish_run(folder, cast("Plugins", plugins), reuse=reuse)


@hookimpl
def harness_run_finished(folder: Path, plugins: InstalledPlugins) -> None:
    """The report to look at."""
    from harness.view.publish import publish_report

    publish_report(folder, cast("Plugins", plugins))
