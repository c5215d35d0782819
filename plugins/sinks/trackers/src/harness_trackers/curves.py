"""Reads what a training has logged so far, from `curves.jsonl` in its checkpoint folder.

From the file rather than from the hook: nothing is lost while a service is down, and memory does not grow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.api.files import open_regular
from harness_trackers.names import clean_metric

FILE = "curves.jsonl"


class Tail:
    """Gives each line of the file once."""

    def __init__(self, folder: Path) -> None:
        """Begin at the beginning."""
        self._path = folder / FILE
        self._place = 0

    def read(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Steps and metrics that were added. Values that are not finite stand in the file as nothing, and are left out.

        Raises:
            OSError: The file is there, and cannot be read.
        """
        if not self._path.exists():
            return
        with open_regular(self._path) as stream:
            stream.seek(self._place)
            for line in stream:
                # Half a line is being written, or was left by a process that was killed.
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                try:
                    record = json.loads(line)
                    step, metrics = int(record["step"]), dict(record["metrics"])
                    yield step, {clean_metric(name): float(x) for name, x in metrics.items() if x is not None}
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # a line of an earlier attempt that a power cut has damaged
