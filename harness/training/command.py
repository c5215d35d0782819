"""`harness train`: make the checkpoint of a recipe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import checkpoints_option, echo, load_plugins, say

if TYPE_CHECKING:
    from harness.training.plan import PlannedRecipe


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of the recipe.")
@checkpoints_option
@click.option("--fresh", is_flag=True, help="Train again; the older checkpoint folder is kept beside the new one.")
@click.option("--dry-run", is_flag=True, help="Print what would be trained; train nothing.")
@click.option(
    "--devices",
    type=click.IntRange(1, 65_536),
    metavar="N",
    help="With --dry-run: also plan the memory of each of N devices that train together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record of the training for programs.")
@click.pass_context
def command(
    ctx: click.Context,
    recipe: Path,
    sets: tuple[str, ...],
    checkpoints: Path,
    fresh: bool,
    dry_run: bool,
    devices: int | None,
    as_json: bool,
) -> int:
    """Train a judge by RECIPE, and print its checkpoint folder.

    The folder is named by a hash of all that decides what is trained, so that nothing is trained twice. The same
    command goes on where it stopped, for any reason. What the recipe starts from is trained first.

    \b
    Examples:
      harness train benchmarks/train/mt_rl_judge.yaml
      harness train benchmarks/train/mt_rl_judge.yaml --set seed=1
      harness train benchmarks/train/mt_rl_judge.yaml --dry-run
      harness train benchmarks/train/mt_rl_judge.yaml --dry-run --devices 1
    """
    from harness.manifest.load import load_recipe
    from harness.training.plan import plan_recipe
    from harness.training.session import train

    if dry_run and as_json:
        raise click.UsageError("--json prints the record of a training, and --dry-run trains nothing", ctx)
    if devices is not None and not dry_run:
        raise click.UsageError("--devices plans a training, with --dry-run; a launcher says on how many it runs", ctx)
    plugins = load_plugins(ctx)
    loaded = load_recipe(recipe, sets=sets, plugins=plugins)
    planned = plan_recipe(loaded, plugins, checkpoints=checkpoints, say=say)
    if dry_run:
        _print_plan(planned)
        if devices is not None:
            _print_memory(planned, devices)
        return 0
    try:
        record = train(planned, plugins, fresh=fresh, say=say)
    except KeyboardInterrupt:
        say(f"interrupted; run the same command again to go on ({planned.folder})")
        return 130
    if record is not None:  # one process of a launch prints, and the others only help it
        echo(json.dumps(record, indent=2) if as_json else str(planned.folder))
    return 0


def _print_plan(planned: PlannedRecipe) -> None:
    from harness.training.examples import size

    if planned.start is not None:  # printed first, as it is trained first
        _print_plan(planned.start)
    start = planned.training.model if planned.start is None else planned.start.folder
    echo(f"recipe {planned.name}, hash {planned.hash}, starts from {start or 'no model'}")
    for task, learnt in zip(planned.tasks, planned.training.tasks, strict=True):
        splits = [task.split] if learnt.validation is None else [task.split, learnt.validation]
        sizes = ", ".join(f"{size(task, split):,} items of {split}" for split in splits)
        echo(f"  task {task.name} ({task.id}): {sizes}; weight {learnt.weight:g}, format {task.format.name}")
    for reward in planned.training.rewards:
        tasks = "all tasks" if reward.tasks is None else ", ".join(sorted(reward.tasks))
        echo(f"  reward {reward.name}: weight {reward.weight:g}, {tasks}")
    echo(f"  trainer {planned.offer.id} ({planned.offer.distribution} {planned.offer.version})")
    echo(f"checkpoint folder: {planned.folder} ({_state(planned)})")


def _print_memory(planned: PlannedRecipe, devices: int) -> None:
    from harness.training.memory import memory_lines

    start = planned.start
    training = planned.training if start is None else replace(planned.training, model=str(start.model))
    if start is not None and not start.is_trained:
        echo(f"memory: not known before {start.name} is trained, which it starts from")
        return
    for line in memory_lines(planned.offer, planned.trainer, training, devices=devices):
        echo(line)


def _state(planned: PlannedRecipe) -> str:
    if planned.is_trained:
        return "trained already"
    # The folder is made when training begins, and `trained.json` when it ends.
    return "begun, not finished" if planned.folder.exists() else "new"
