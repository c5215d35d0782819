"""Where a function shows how far it is: bars on a terminal, lines in a notebook, nothing in a script."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from harness.api import CellProgress
from harness.console import HEARER
from harness.progress import LineProgress, make_progress

WARNING = "warning: "
"""How a line begins that tells of something to be looked at."""

LOG = logging.getLogger("harness")
"""Hears what the command line says on stderr, where no progress is shown."""


@contextmanager
def show_progress(wanted: bool | None) -> Iterator[CellProgress]:
    """The display of a run. What would be said on stderr goes where it is shown, and to the log where it is not.

    Args:
        wanted: Whether to show anything. `None`: on a terminal and in a notebook.
    """
    in_notebook = is_notebook()
    if wanted is None:
        wanted = in_notebook or sys.stderr.isatty()
    if wanted and not in_notebook:
        yield make_progress()
        return
    # A notebook draws no bars of a terminal, and colours all of stderr as if it were an error.
    token = HEARER.set(_tell_notebook if wanted else _tell_log)
    try:
        with warnings.catch_warnings():
            # Of libraries that judges load, about a bar of a notebook that nothing here draws.
            warnings.filterwarnings("ignore", message="IProgress not found")
            yield LineProgress(sys.stdout) if wanted else CellProgress()
    finally:
        HEARER.reset(token)


def is_notebook() -> bool:
    """Whether what is printed goes to a notebook: its kernel has put streams of its own into place."""
    return type(sys.stdout).__module__.partition(".")[0] == "ipykernel"


def _tell_notebook(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tell_log(line: str) -> None:
    if line.startswith(WARNING):
        LOG.warning("%s", line.removeprefix(WARNING))
    else:
        LOG.info("%s", line)
