"""What several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.discovery import Plugins


def load_plugins(ctx: click.Context, *, warn: bool = True) -> Plugins:
    """The plugins, with `--plugin` and `--no-plugin` obeyed; a warning line for each that did not load."""
    from harness.discovery import Plugins

    options = ctx.find_root().obj or {}
    plugins = Plugins.load(blocked=options.get("blocked", ()), extra=options.get("extra", ()))
    if warn:
        for line in plugins.warnings():
            click.echo(f"warning: {line}", err=True)
    return plugins
