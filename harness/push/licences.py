"""Whether the questions and pictures of a run may be shown to everybody, by the licences that the cards of tasks state.

Not legal advice: a licence in an open list lets data be passed on, and all else is for the user to decide. Gated
data were given to the user alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.api import PluginError

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.recorded.load import RecordedRun

_OPEN = re.compile(
    r"(?:CC0(?:[- ]1\.0)?|CC[- ]BY(?:-SA)?[- ][34]\.0|ODC-BY(?: 1\.0)?|Apache-2\.0|MIT|BSD-[23]-Clause|Unlicense)"
    r"(?: \(this code and its data\))?"
)
_GATED = re.compile(r"\bgated\b|\bresearch only\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DataLicence:
    """The licence of the data of one task of a run."""

    task: str
    """Name of the task in the plan."""
    task_id: str
    """Canonical id."""
    text: str
    """What the card says; empty where the task is not installed here."""
    gated: bool = False
    """Whether the card says that one has to ask for the data."""

    @property
    def is_open(self) -> bool:
        """Whether everybody may pass the data on."""
        return _OPEN.fullmatch(self.text) is not None

    @property
    def is_gated(self) -> bool:
        """Whether the data were given to the user alone, or for research only."""
        return self.gated or _GATED.search(self.text) is not None

    def __str__(self) -> str:
        return f"{self.task} ({self.text or f'{self.task_id} is not installed here, so its licence is not known'})"


def list_licences(run: RecordedRun, plugins: Plugins) -> list[DataLicence]:
    """One for each task of a run, in the order of the manifest."""
    tasks = {cell.task: cell.task_id for cell in run.cells}
    return [_read_licence(name, task, plugins) for name, task in tasks.items()]


def _read_licence(name: str, task: str, plugins: Plugins) -> DataLicence:
    try:
        card = plugins.find("task", task).card
    except PluginError:
        return DataLicence(task=name, task_id=task, text="")
    gated = getattr(getattr(card, "data", None), "gated", None) is True
    return DataLicence(task=name, task_id=task, text=card.licence or "not stated", gated=gated)


def find_obstacle(licences: Sequence[DataLicence], *, answers_for: bool) -> str:
    """Why the questions and pictures may not be made public; empty where they may.

    Args:
        licences: Of the tasks.
        answers_for: Whether the user says that he may pass on what no open licence covers. A gate stays one.
    """
    if gated := [licence for licence in licences if licence.is_gated]:
        return f"its data are gated, or for research only: {'; '.join(map(str, gated))}"
    if not answers_for and (closed := [licence for licence in licences if not licence.is_open]):
        return f"no open licence of its data is known: {'; '.join(map(str, closed))}"
    return ""
