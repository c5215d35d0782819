"""The hooks by which runs and trainings are sent. Light: imports nothing but `harness.api` until something is sent.

Installed alone, the plugin does nothing: `HARNESS_TRACKERS` names the services that are wanted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import RecordedCell, hookimpl
from harness_trackers.settings import VARIABLE


@hookimpl
def harness_run_finished(folder: Path, leaderboard: Mapping[str, Any], cells: Sequence[RecordedCell]) -> None:
    """Send the leaderboard of a run."""
    if os.environ.get(VARIABLE):
        from harness_trackers.sending import send_run

        send_run(folder, leaderboard, cells)


@hookimpl
def harness_training_logged(recipe: str, folder: Path) -> None:
    """Say that there are new points of the curves."""
    if os.environ.get(VARIABLE):
        from harness_trackers.sending import follow_training

        follow_training(recipe, folder)


@hookimpl
def harness_training_ended(recipe: str, folder: Path, record: Mapping[str, Any] | None) -> None:
    """Send what is left of the curves, and what the training came to."""
    if os.environ.get(VARIABLE):
        from harness_trackers.sending import end_training

        end_training(recipe, folder, record)
