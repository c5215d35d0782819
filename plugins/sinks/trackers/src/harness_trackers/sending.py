"""The side of the run: starts a process for each service, pokes it, and never waits long for it.

What goes wrong there is a line on stderr. The run's result stands.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness.api import RecordedCell, UserError
from harness_trackers.facts import close_run, close_training, open_run, open_training
from harness_trackers.plain import clean_line
from harness_trackers.records import Opening, Outcome, write_record
from harness_trackers.settings import Settings, read_settings

_Key = tuple[str, str]
_STOPPED_S = 3.0


class Sender:
    """A process that speaks to one service about one run or training."""

    def __init__(self, service: str, opening: Opening) -> None:
        """Start it."""
        self._service, self._opening = service, opening
        self._scratch = Path(tempfile.mkdtemp(prefix="harness-tracker-"))
        write_record(self._scratch, opening)
        # `-P`, so that a file of the current folder is not taken for the library of the service.
        command = [sys.executable, "-P", "-m", "harness_trackers.worker", service, str(self._scratch)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A group of its own: Ctrl-C in the terminal must not cut it off, and it can be ended with all it started.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said, self._is_done, self._problem = b"", False, ""

    def poke(self) -> None:
        """Say that there is something new. It never waits: a poke that finds no room is not needed."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), b".")
        self._show_news()

    def end(self, outcome: Outcome | None) -> None:
        """Hand over what came out. `close` waits for it."""
        assert self._process.stdin is not None
        if outcome is not None:
            write_record(self._scratch, outcome)
        self._process.stdin.close()

    def close(self, until: float, *, end: bool = True) -> None:
        """Wait for it, but not longer than until this reading of the monotonic clock.

        Args:
            until: When it is waited for no longer.
            end: Whether it is then ended. It ends by itself as well, a little later.
        """
        try:
            while self._process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            self._show_news()
            if self._process.poll() is None and end:
                self._warn(f"no answer within {self._opening.wait_s:g} s")
            elif self._process.poll() is not None and not self._is_done and not self._problem:
                self._warn(f"its process ended by itself, with exit code {self._process.returncode}")
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()
            if end and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            if self._process.poll() is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def _show_news(self) -> None:
        for reply in self._read_replies():
            self._is_done = self._is_done or "done" in reply
            if "place" in reply:
                _say(f"tracker {self._service}: {self._opening.name} is logged to {reply['place']}")
            elif "same" in reply:
                _say(f"tracker {self._service}: {self._opening.name} is there already, as it is now")
            elif "problem" in reply:
                self._problem = str(reply["problem"])
                self._warn(self._problem)

    def _read_replies(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._process.stdout.fileno(), 65536):
                self._said += part
        *lines, self._said = self._said.split(b"\n")
        yield from map(json.loads, lines)

    def _warn(self, problem: str) -> None:
        folder = clean_line(os.path.relpath(self._opening.folder))
        if self._opening.kind == "run":
            fix = f"the run and its files are complete; once that is fixed, `harness score {folder}` sends them"
        else:
            fix = f"the training goes on, and {folder}/curves.jsonl has all points; what is missing is sent later"
        _say(f"warning: tracker {self._service}: {self._opening.name} is not sent: {problem}; {fix}")


@cache
def _trainings() -> dict[_Key, Sender]:
    """The processes of trainings that go on, by service and checkpoint folder. Each lives from hook to hook."""
    return {}


def send_run(folder: Path, leaderboard: Mapping[str, Any], cells: Sequence[RecordedCell]) -> None:
    """Send the leaderboard of a run to every service, all at the same time."""
    if (settings := _read_settings()) is None:
        return
    opening = open_run(folder, leaderboard, wait_s=settings.wait_s)
    outcome = close_run(folder, leaderboard, cells, texts=settings.texts)
    senders = [Sender(service, opening) for service in settings.services]
    _close(senders, outcome, settings.wait_s)


def follow_training(recipe: str, folder: Path) -> None:
    """Have new points of a training sent."""
    if (settings := _read_settings()) is None:
        return
    for service in settings.services:
        sender = _trainings().get((service, str(folder)))
        if sender is None:
            sender = Sender(service, open_training(recipe, folder, wait_s=settings.wait_s))
            _trainings()[service, str(folder)] = sender
        sender.poke()


def end_training(recipe: str, folder: Path, record: Mapping[str, Any] | None) -> None:
    """Send the rest of a training and what it came to."""
    if (settings := _read_settings()) is None:
        return
    # One that logged nothing has no process yet.
    follow_training(recipe, folder)
    senders = [_trainings().pop((service, str(folder))) for service in settings.services]
    if record is not None:
        _close(senders, close_training(folder, record), settings.wait_s)
    else:
        # Who presses Ctrl-C wants the prompt back. The processes end by themselves.
        _close(senders, None, min(settings.wait_s, _STOPPED_S), end=False)


def _close(senders: Sequence[Sender], outcome: Outcome | None, wait_s: float, *, end: bool = True) -> None:
    for sender in senders:
        sender.end(outcome)
    until = time.monotonic() + wait_s
    for sender in senders:
        sender.close(until, end=end)


@cache
def _refuse(problem: str) -> None:
    """Warn once: the hooks are called for every step."""
    _say(f"warning: trackers: {problem}; nothing is sent")


def _read_settings() -> Settings | None:
    try:
        return read_settings()
    except UserError as error:
        _refuse(str(error))
        return None


def _say(line: str) -> None:
    print(clean_line(line), file=sys.stderr, flush=True)  # noqa: T201
