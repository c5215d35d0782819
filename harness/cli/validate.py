"""`harness validate`: check manifests without running them."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli._common import load_plugins


@click.command("validate")
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Override one value of the manifest.")
@click.pass_context
def command(ctx: click.Context, manifests: tuple[Path, ...], sets: tuple[str, ...]) -> int:
    """Check MANIFESTS: syntax, keys, plugin names and every plugin's options. Asks no judge and reads no data.

    \b
    Example:
      harness validate benchmarks/*.yaml
    """
    from harness.api import UserError
    from harness.manifest.load import load_manifest

    plugins = load_plugins(ctx)
    code = 0
    for manifest in manifests:
        try:
            loaded = load_manifest(manifest, sets=sets, plugins=plugins)
        except UserError as error:
            click.echo(f"{error}", err=True)
            code = error.exit_code
        else:
            entries = f"{len(loaded.tasks)} task entries, {len(loaded.judges)} judge entries"
            click.echo(f"{manifest}: ok ({entries}, hash {loaded.hash})")
    return code
