"""How far a download is: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from harness.console import say

LINE_EVERY_S = 10.0
"""Seconds between two plain lines."""


class FetchStoppedError(Exception):
    """The download was stopped while a thread was still at it."""


class ByteCount:
    """Counts the bytes of all files together. Threads share it."""

    def __init__(self, total: int, bar: Any = None) -> None:
        """Begin at 0 of `total` bytes, shown on a bar of rich, or as lines without one."""
        self.total, self.done, self.is_stopped = total, 0, False
        self._bar = bar
        self._lock = threading.Lock()
        self._said = time.monotonic()

    def add(self, count: int) -> None:
        """Count bytes. A negative number takes back what has to come again.

        Raises:
            StoppedError: The download was stopped, which ends the thread that asks.
        """
        if self.is_stopped:
            raise FetchStoppedError
        with self._lock:
            self.done += count
            if self._bar is not None:
                self._bar.update(0, completed=self.done)
            elif time.monotonic() - self._said >= LINE_EVERY_S:
                self._said = time.monotonic()
                say(f"{write_bytes(self.done)} of {write_bytes(self.total)}")


@contextmanager
def count_bytes(total: int) -> Iterator[ByteCount]:
    """A count that is shown meanwhile on stderr."""
    bar: Any = nullcontext()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True))
        bar.add_task("", total=total)
    with bar as shown:
        yield ByteCount(total, shown)


def write_bytes(count: int) -> str:
    """A size for people, with three digits.

    >>> write_bytes(999), write_bytes(1_234_567), write_bytes(335_000_000_000)
    ('999 bytes', '1.23 MB', '335 GB')
    """
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.{0 if size >= 99.95 else 1 if size >= 9.995 else 2}f} {unit}"
