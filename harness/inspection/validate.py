"""`harness validate`: check manifests and recipes without running them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.console import echo, load_plugins, say

if TYPE_CHECKING:
    from harness.discovery import Plugins


@click.command("validate")
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of each file.")
@click.pass_context
def command(ctx: click.Context, manifests: tuple[Path, ...], sets: tuple[str, ...]) -> int:
    """Check MANIFESTS or recipes: syntax, keys, plugin names and options, metrics, and the recipes that judges name.

    Asks no judge and trains nothing. Of data that are on this machine the first 10,000 items are read, or all of them
    where answers were recorded, which are held against them. A file with `trainer:` at its top is a recipe.

    \b
    Example:
      harness validate benchmarks/*.yaml
    """
    from harness.api import UserError

    plugins = load_plugins(ctx)
    code = 0
    # Goes on after a fault, so that one call shows the faults of all files.
    for manifest in manifests:
        try:
            echo(f"{manifest}: ok ({_check(manifest, sets, plugins)})")
        except UserError as error:
            say(f"{error}")
            code = error.exit_code
    return code


def _check(path: Path, sets: tuple[str, ...], plugins: Plugins) -> str:
    """What a file without a mistake holds."""
    from harness.manifest.load import LoadedRecipe, load_document
    from harness.readiness import check_metrics
    from harness.runner.plan import at

    loaded = load_document(path, sets=sets, plugins=plugins)
    check_metrics(loaded, plugins)
    if isinstance(loaded, LoadedRecipe):
        with at(loaded, "trainer"):
            loaded.trainer.offer.refuse_code(loaded.trainer.options, loaded.first_model)
        rewards = f"{len(loaded.rewards)} reward entries, trainer {loaded.trainer.offer.id}"
        return f"recipe: {len(loaded.tasks)} task entries, {rewards}, hash {loaded.hash}"
    from harness.inspection.ready import check_files

    for line in check_files(loaded, plugins):
        say(f"{path}: {line}")
    return f"{len(loaded.tasks)} task entries, {len(loaded.judges)} judge entries, hash {loaded.hash}"
