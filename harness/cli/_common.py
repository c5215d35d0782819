"""What several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.discovery import Plugins


checkpoints_option = click.option(
    "--checkpoints",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("checkpoints"),
    show_default=True,
    help="Where the checkpoints of recipes are kept.",
)


def say(line: str) -> None:
    """A line for people: to stderr, since results go to stdout."""
    click.echo(line, err=True)


def load_plugins(ctx: click.Context, *, warn: bool = True) -> Plugins:
    """The plugins, with `--plugin` and `--no-plugin` obeyed; a warning line for each that did not load."""
    from harness.discovery import Plugins

    options = ctx.find_root().obj or {}
    plugins = Plugins.load(blocked=options.get("blocked", ()), extra=options.get("extra", ()))
    if warn:
        for line in plugins.warnings():
            click.echo(f"warning: {line}", err=True)
    return plugins
