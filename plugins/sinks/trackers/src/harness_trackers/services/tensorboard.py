"""TensorBoard: event files in the folder `tensorboard` of the run or the training. Nothing leaves the machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from harness_trackers.records import Opening, Outcome

FOLDER = "tensorboard"


class TensorBoard:
    """Writes one event file for each time that it is opened."""

    def __init__(self, opening: Opening) -> None:
        """Nothing is written yet."""
        from tensorboard.compat.proto import event_pb2, summary_pb2

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._opening = opening
        self._folder = Path(opening.folder) / FOLDER
        self._writer: Any = None
        self.place = "."  # the folder itself, which may be moved

    def open(self, run_id: str) -> str:
        """Begin an event file."""
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if self._opening.kind == "run":
            # The leaderboard is one point, and not a curve: an earlier one of this run is replaced.
            for path in self._folder.glob("events.out.tfevents.*"):
                path.unlink()
        # The time keeps files of one second apart: their names have whole seconds.
        self._writer = EventFileWriter(str(self._folder), filename_suffix=f".{time.time_ns():020d}")
        return str(self._folder)

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Add scalars."""
        values = [self._summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
        self._add(step, values)

    def flush(self) -> None:
        """Have all on the disk."""
        self._writer.flush()

    def finish(self, outcome: Outcome, files: list[Path]) -> None:
        """Add the numbers and, as text, what was set. Other files lie beside it anyway."""
        self.log(0, dict(outcome.metrics))
        self._add(0, [self._text("parameters", self._opening.params), self._text("tags", outcome.tags)])
        self.flush()

    def close(self, state: str) -> None:
        """End the file."""
        self._writer.close()

    def _add(self, step: int, values: list[Any]) -> None:
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))

    def _text(self, tag: str, facts: Any) -> Any:
        from tensorboard.plugins.text.metadata import create_summary_metadata
        from tensorboard.util.tensor_util import make_tensor_proto

        rows = "".join(f"| {_escape(name)} | {_escape(value)} |\n" for name, value in facts.items())
        text = f"| name | value |\n| --- | --- |\n{rows}"
        return self._summary.Value(
            tag=tag,
            metadata=create_summary_metadata(display_name=tag, description=""),
            tensor=make_tensor_proto([text.encode()], shape=(1,)),
        )


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\|`*_<>[]#!" else char for char in " ".join(text.split()))


def make(opening: Opening) -> TensorBoard:
    """The service."""
    return TensorBoard(opening)
