"""What the verbs of the command line share: printing, options, and the plugins that they were called with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.libraries.secrets import scrub_document
from harness.libraries.text import visible

if TYPE_CHECKING:
    from harness.discovery import Plugins


HEARER: ContextVar[Callable[[str], None] | None] = ContextVar("hearer", default=None)
"""Takes what `say` says, where a program and no person at a terminal has called."""

_LONGEST = 4000
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
    # Escaping for a terminal would damage a file that is written by a redirect.
    click.echo(scrub_document(text) if document and not sys.stdout.isatty() else visible(text), nl=nl)


def say(line: str) -> None:
    """A line for people: to stderr, since results go to stdout. Of what fills screens, only the beginning."""
    lines = (
        part if len(part) <= _LONGEST else f"{part[:_LONGEST]}... ({len(part) - _LONGEST:,} more characters)"
        for part in visible(line).split("\n")
    )
    if (hearer := HEARER.get()) is not None:
        hearer("\n".join(lines))
        return
    click.echo("\n".join(lines), err=True)


@dataclass(frozen=True, kw_only=True)
class CalledWith:
    """The options before the verb. Implements `harness.api.Invocation`."""

    extra: tuple[str, ...] = ()
    """Files and modules to use as plugins (`--plugin`)."""
    blocked: tuple[str, ...] = ()
    """Plugins and distributions to leave alone (`--no-plugin`)."""
    allowed: tuple[str, ...] = ()
    """Other code that may run (`--allow-code`)."""

    def plugins(self) -> Plugins:
        """The installed plugins, loaded now. There is a warning line for each that did not load."""
        plugins = self.load()
        for line in plugins.warnings():
            say(f"warning: {line}")
        return plugins

    def load(self) -> Plugins:
        """The same without warnings."""
        from harness.discovery import Plugins

        return Plugins.load(blocked=self.blocked, extra=self.extra, allowed=self.allowed)


def load_plugins(ctx: click.Context, *, warn: bool = True) -> Plugins:
    """The plugins, with `--plugin` and `--no-plugin` obeyed. There is a warning line for each that did not load."""
    called = ctx.find_root().obj or CalledWith()  # called on its own, as in a test, a verb has no options before it
    with redirect_stdout(sys.stderr):  # what plugins print is no result. Not in `load`: other threads may be printing
        return called.plugins() if warn else called.load()
