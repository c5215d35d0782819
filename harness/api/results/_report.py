"""What comes of a run for people, and how others publish the answers of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Report(Protocol):
    """What a run has come to, from the hook `harness_run_recorded`."""

    @property
    def leaderboard(self) -> Mapping[str, Any]:
        """The content of `leaderboard.json`."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that it wrote into the run folder for people."""

    def show(self, *, details: bool = False) -> None:
        """Print it to the terminal: a summary, or every detail."""


class RecordingLayout(Protocol):
    """How the authors of a benchmark publish the answers of judges: `TaskCard.recordings`."""

    def find(self, folder: Path) -> Mapping[str, Sequence[Path]]:
        """The files of each judge, by its name, in an order that is always the same. Empty where there are none.

        A file may hold the answers of several judges, and a judge may have several files.

        Raises:
            DataError: The folder or a file cannot be read.
        """

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Stream a judge's answers in one of its files.

        Returns:
            Rows of the schema of `baselines/replay`, each with its place in the file for messages: `"line 12"`. The
            `id` of a row is the full id of the item.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
