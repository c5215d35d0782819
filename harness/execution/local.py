"""The executor `local`: every judge is asked in the process of the run."""

from __future__ import annotations

from collections.abc import Callable

from harness.api import Judge, Placement


class LocalExecutor:
    """Places no judge anywhere else. Implements `harness.api.Executor`."""

    def place(self, placement: Placement, say: Callable[[str], None]) -> Judge | None:
        """The judge stays in this process. What its entry needs under `resources` is not looked at."""

    def close(self) -> None:
        """Nothing is held."""


def make(options: None, context: None) -> LocalExecutor:
    """The executor `local`."""
    return LocalExecutor()
