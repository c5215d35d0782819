"""The cards of this plugin. Light: importing it imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import TaskCard, hookimpl
from harness_mtrl.cards import cards


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The tasks."""
    return cards()
