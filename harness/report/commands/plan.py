"""`harness plan`: how many items show a difference between two judges, or which difference so many items show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.plan import ItemPlan, PlanQuestion
    from harness.report.scored import ScoredCell


def _parse_amount(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A fraction, or a percentage with its sign."""
    if value is None:
        return None
    # No exponents and no `nan`, which `float` would take. ASCII, since `\d` knows digits of other scripts.
    match = re.fullmatch(r"(\d{0,9}\.?\d{1,12})\s*(%?)", value.strip(), re.ASCII)
    number = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not number > 0:
        raise click.BadParameter(f"{value!r} is no amount above 0; write 0.02 or 2%", ctx, param)
    return number


@click.command("plan")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--difference",
    callback=_parse_amount,
    metavar="D",
    help="How many items show a difference of D, in units of the metric: 0.02 or 2%.",
)
@click.option("--n", type=click.IntRange(min=2), metavar="N", help="Which difference N items show.")
@click.option(
    "--power",
    type=click.FloatRange(0.5, 0.999),
    default=0.8,
    show_default=True,
    help="Chance to find a difference of that size.",
)
@click.option(
    "--judges",
    type=click.IntRange(2, 1000),
    metavar="K",
    help="Judges on the board.  [default: those of the runs, or 2]",
)
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999, min_open=True), help="Of the tests.  [default: 0.95]")
@click.option("--judge", "names", multiple=True, metavar="NAME", help="Of these judges only; may be given again.")
@click.option("--task", metavar="NAME", help="Of this task only.")
@click.option("--metric", metavar="NAME", help="Plan for this metric instead of each task's headline.")
@click.option(
    "--accuracy", callback=_parse_amount, metavar="A", help="Without a run: the accuracy of the better judge."
)
@click.option(
    "--discordance",
    callback=_parse_amount,
    metavar="P",
    help="Without a run: share of items on which one judge alone is right.",
)
@click.option(
    "--correlation",
    type=click.FloatRange(-1, 1),
    default=0.5,
    show_default=True,
    help="Assumed between two judges' being right, with --accuracy or a run of one judge.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    runs: tuple[Path, ...],
    difference: float | None,
    n: int | None,
    power: float,
    judges: int | None,
    confidence: float | None,
    names: tuple[str, ...],
    task: str | None,
    metric: str | None,
    accuracy: float | None,
    discordance: float | None,
    correlation: float,
    as_json: bool,
) -> int:
    """Plan how many items it takes to tell two judges apart, from what RUNS show or from what you assume.

    With a run, every two of its judges on a task are a row: how often just one of them is right, and what clusters,
    orders and samples do, are taken from there. Without --difference and --n, a run says which difference its own
    items show.

    \b
    Examples:
      harness plan runs/ood-1a2b3c4d5e6f --difference 2%
      harness plan runs/ood-1a2b3c4d5e6f --n 500 --judge pixels --judge prior
      harness plan --difference 3% --accuracy 85% --correlation 0.4 --judges 5
      harness plan --n 1000 --discordance 20%
    """
    # Before anything heavy is imported, so that a slip in the options is answered at once.
    _check(ctx, runs, difference, n, accuracy, discordance, names, task, metric)
    from harness.report.plan import PlanQuestion, plan_from_rates
    from harness.report.plan_text import print_plan

    question = PlanQuestion(difference=difference, n=n, power=power, confidence=confidence or 0.95, judges=judges)
    if runs:
        plan = _plan_runs(
            ctx, runs, question, names, task=task, metric=metric, correlation=correlation, confidence=confidence
        )
    else:
        plan = plan_from_rates(question, discordance=discordance, accuracy=accuracy, correlation=correlation)
    if as_json:
        from harness.report.tables import to_json_text

        echo(to_json_text(plan.to_json()), nl=False)
        return 0
    from harness.report.lines import make_console

    print_plan(plan, make_console())
    return 0


def _check(
    ctx: click.Context,
    runs: Sequence[Path],
    difference: float | None,
    n: int | None,
    accuracy: float | None,
    discordance: float | None,
    names: Sequence[str],
    task: str | None,
    metric: str | None,
) -> None:
    """Refuse options that do not go together."""
    if runs and (accuracy is not None or discordance is not None):
        raise click.UsageError("--accuracy and --discordance are for planning without a run", ctx)
    if runs:
        return
    if (accuracy is None) == (discordance is None):
        raise click.UsageError("give a run, or one of --accuracy and --discordance", ctx)
    # A run has items of its own to speak of. Without one, something has to be given.
    if (difference is None) == (n is None):
        raise click.UsageError("without a run, give one of --difference and --n", ctx)
    if names or task or metric:
        raise click.UsageError("--judge, --task and --metric are for planning from a run", ctx)
    # `--difference 2` most likely means 2 points, and would otherwise be planned as 200.
    for name, share in (("--accuracy", accuracy), ("--discordance", discordance), ("--difference", difference)):
        if share is not None and share > 1:
            raise click.UsageError(f"{name} {share:g} is more than 1; write {share:g}% if percent is meant", ctx)


def _plan_runs(
    ctx: click.Context,
    runs: Sequence[Path],
    question: PlanQuestion,
    names: Sequence[str],
    *,
    task: str | None,
    metric: str | None,
    correlation: float,
    confidence: float | None,
) -> ItemPlan:
    from dataclasses import replace

    from harness.recorded.load import load_run
    from harness.report.plan import plan_from_cells
    from harness.report.scored import load_scored
    from harness.report.settings import agree
    from harness.score.find import make_metric
    from harness.score.metrics import unit_of
    from harness.score.significance import Rules

    loaded = [load_run(folder) for folder in runs]
    settings, seed = agree(loaded, metric=metric)
    cells = _choose(load_scored(loaded), "task", () if task is None else (task,))
    # For its error only: the plan needs all judges of a task for their family.
    _choose(cells, "judge", names)
    plugins = load_plugins(ctx)
    shown = settings.metric or cells[0].metric
    # Only now is the metric known. A difference of 2 is fine for a score from 0 to 100.
    if (question.difference or 0) > 1 and unit_of(make_metric(shown, plugins), name=shown) == "share":
        raise click.UsageError(
            f"--difference {question.difference:g} is more than 1, and {shown} is a share; write "
            f"{question.difference:g}% if points are meant",
            ctx,
        )
    return plan_from_cells(
        cells,
        replace(question, confidence=settings.confidence if confidence is None else confidence),
        names=names,
        metric=settings.metric,
        correlation=correlation,
        rules=Rules(draws=settings.resamples, seed=seed),
        find_metric=lambda name: make_metric(name, plugins),
    )


def _choose(cells: list[ScoredCell], kind: str, names: Sequence[str]) -> list[ScoredCell]:
    """The cells of the judges or tasks of these names. All where none is given.

    Raises:
        UserError: There is none of a name.
    """
    from harness.api import UserError
    from harness.api.data import suggest_names

    known = list(dict.fromkeys(getattr(cell, kind) for cell in cells))
    for name in names:
        if name not in known:
            raise UserError(f"the runs have no {kind} {name!r}.{suggest_names(name, known)}")
    if not cells:
        raise UserError("the runs have no answers yet; run their manifests again")
    return [cell for cell in cells if not names or getattr(cell, kind) in names]
