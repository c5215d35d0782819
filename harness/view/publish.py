"""The report of a run, written beside its leaderboard when that is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import UserError
from harness.console import say
from harness.libraries.text import clean
from harness.registration import cause_of
from harness.report.written import wants_page
from harness.runner.folder import REPORT
from harness.view.book import load_book
from harness.view.file import write_report

if TYPE_CHECKING:
    from harness.discovery import Plugins


def publish_report(folder: Path, plugins: Plugins) -> None:
    """Write `report.html` into a run folder. Where that fails there is a warning, and no report of earlier numbers.

    Args:
        folder: The run folder, with its leaderboard.
        plugins: The installed plugins, whose tasks have the pictures.
    """
    if not wants_page():
        return
    try:
        write_report(folder, load_book(folder), plugins)
    except Exception as error:  # a report that fails must not cost the run that it is about
        problem = str(error) if isinstance(error, UserError) else cause_of(error)
        say(clean(f"warning: {REPORT} is not written: {problem}"))
        (folder / REPORT).unlink(missing_ok=True)
