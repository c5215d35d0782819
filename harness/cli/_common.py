"""What several verbs share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.text import visible

if TYPE_CHECKING:
    from harness.discovery import Plugins


checkpoints_option = click.option(
    "--checkpoints",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("checkpoints"),
    show_default=True,
    help="Where the checkpoints of recipes are kept.",
)


def echo(text: str, *, nl: bool = True, document: bool = False) -> None:
    """Print a result. All that a verb prints goes through here or `say`, so that nothing reaches a terminal raw.

    Files, models and servers put escape sequences and direction marks into names, answers and errors.

    Args:
        text: What to print.
        nl: Whether a line break follows.
        document: Text for a program, which gets it to the letter where stdout is no terminal.
    """
    click.echo(text if document and not sys.stdout.isatty() else visible(text), nl=nl)


def say(line: str) -> None:
    """A line for people: to stderr, since results go to stdout."""
    click.echo(visible(line), err=True)


def load_plugins(ctx: click.Context, *, warn: bool = True) -> Plugins:
    """The plugins, with `--plugin` and `--no-plugin` obeyed; a warning line for each that did not load."""
    from harness.discovery import Plugins

    options = ctx.find_root().obj or {}
    plugins = Plugins.load(blocked=options.get("blocked", ()), extra=options.get("extra", ()))
    if warn:
        for line in plugins.warnings():
            say(f"warning: {line}")
    return plugins
