"""Keeps a terminal safe from what libraries and plugins print. For what a program prints itself: `text`."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from harness.libraries.text import visible

_RETURN = re.compile(r"(\A\r)")  # with which a bar of another library begins to draw itself again
_DRAWN = {
    "click": re.compile("(\x1b\\[[0-9;]*m)"),
    "rich": re.compile("(\x1b\\[[0-9;]*[mAK]|\x1b\\[\\?25[hl]|\r)"),
}
"""Sequences that two libraries write for colours and bars. What they are given to show is cleaned by the caller."""


@contextmanager
def guard_streams() -> Iterator[None]:
    """Clean what libraries and plugins print, log or warn of meanwhile. They clean nothing themselves.

    What is redirected from stdout is left alone: it is for a program. What is written to a stream that was closed when
    the program began goes nowhere.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    try:
        if sys.stdout.isatty():
            sys.stdout = cast("TextIO", _CleanStream(sys.stdout))
        sys.stderr = cast("TextIO", _CleanStream(sys.stderr))
        yield
    finally:
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Open streams that were closed when the program began. Python has `None` in their place, which nothing expects."""
    # In the order of their numbers: a file that is opened takes the lowest free number, which so is that of its stream.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


def find_output_fault(error: BaseException) -> str:
    """Why stdout cannot be written. Empty where it can, or where `error` is of another kind.

    Args:
        error: What a command ended with.
    """
    if not isinstance(error, OSError):
        return ""
    # The error does not say which file it is about: so a line break is written to find out.
    stream = sys.stdout
    try:
        stream.write("\n")
        stream.flush()
    except OSError as fault:
        return fault.strerror or str(fault)
    return ""


def has_lost_reader(error: SystemExit) -> bool:
    """Whether it is how click and rich end a program whose output is read no further, as by `head`."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _DRAWN


def drop_output() -> None:
    """Write to stdout no more. What it still holds goes nowhere.

    Python writes that at its end. Where it cannot be written Python complains, and ends with code 120.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


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
