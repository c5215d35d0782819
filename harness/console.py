"""What the verbs of the command line share: printing, options, and the plugins that they were called with."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from harness.secrets import scrub_document
from harness.text import visible

if TYPE_CHECKING:
    from harness.discovery import Plugins


HEARER: ContextVar[Callable[[str], None] | None] = ContextVar("hearer", default=None)
"""Takes what `say` says, where a program and no person at a terminal has called."""

_LONGEST = 4000
_RETURN = re.compile(r"(\A\r)")  # with which a bar of another library begins to draw itself again
_DRAWN = {
    "click": re.compile("(\x1b\\[[0-9;]*m)"),
    "rich": re.compile("(\x1b\\[[0-9;]*[mAK]|\x1b\\[\\?25[hl]|\r)"),
}
"""Sequences that two libraries write for colours and bars. What they are given to show is cleaned by the caller."""

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


@contextmanager
def guard_streams() -> Iterator[None]:
    """Clean what libraries and plugins print, log or warn of meanwhile. They know nothing of `echo` and `say`.

    What is redirected from stdout is left alone: it is for a program.
    """
    before = sys.stdout, sys.stderr
    try:
        if sys.stdout.isatty():
            sys.stdout = cast("TextIO", _CleanStream(sys.stdout))
        sys.stderr = cast("TextIO", _CleanStream(sys.stderr))
        yield
    finally:
        sys.stdout, sys.stderr = before


class _CleanStream:
    """A stream that lets nothing through that a terminal obeys, but for colours and bars of those who draw them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        # Only the library that draws can tell its own sequences from those within a text: so who writes decides.
        writer = str(sys._getframe(1).f_globals.get("__name__")).partition(".")[0]
        kept = _DRAWN.get(writer, _RETURN)
        # What is kept stands at the odd places.
        parts = kept.split(text)
        self._stream.write("".join(part if number % 2 else visible(part) for number, part in enumerate(parts)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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
    # A verb that is called on its own, as in a test, has no options before it.
    called = ctx.find_root().obj or CalledWith()
    return called.plugins() if warn else called.load()
