"""The process that speaks to one service: `python -m harness_trackers.worker SERVICE FOLDER`.

A process of its own, since libraries of services start threads, catch signals and wait at the exit. Here they can do so
and a run never waits longer than it wants to. FOLDER has the records. Each byte on stdin says that there are new points
of the curves; the end of stdin says that no more come, also when the process of the training was killed. Lines of JSON
on stdout say where it is logged, and what went wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Protocol

from harness_trackers.curves import Tail
from harness_trackers.kept import Kept, Sent
from harness_trackers.records import Opening, Outcome

_PAUSE_S = 20.0  # between two tries to reach a service that is down
_GRACE_S = 5.0
_LONGEST = 600
_ROWS = 200  # lines of curves that are sent before it is noted that they were
_USER = re.compile(r"//[^/@\s]*@")  # a name and a password in an address


class Service(Protocol):
    """What a module of `harness_trackers.services` makes with its function `make`."""

    place: str
    """Where it logs, as far as it is known before it is reached. What was sent is remembered for each place."""

    def open(self, run_id: str) -> str:
        """Begin the run of this id, or go on with it. Return where it is, for people."""

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Take points of curves. It must not fail where the service is down: `flush` may."""

    def flush(self) -> None:
        """Have all points at the service, or on the disk, before it returns."""

    def finish(self, outcome: Outcome, files: list[Path]) -> None:
        """Send what came out."""

    def close(self, state: str) -> None:
        """End it: `finished`, or `stopped` for a training that can go on."""


class Session:
    """One run or training and one service."""

    def __init__(self, name: str, opening: Opening, scratch: Path, reply: Callable[..., None]) -> None:
        """Nothing is reached yet."""
        self._name, self._opening, self._scratch, self._reply = name, opening, scratch, reply
        self._tail = Tail(Path(opening.folder))
        self._rows: deque[tuple[int, dict[str, float]]] = deque()
        self._service: Service | None = None
        self._kept: Kept | None = None
        self._is_open = False
        self._again_at = 0.0
        self._problem = ""

    def advance(self) -> None:
        """Send new points. A service that is down is tried again later, and at the end."""
        if time.monotonic() >= self._again_at:
            self._try(self._send_points)

    def end(self, outcome: Outcome | None) -> None:
        """Send the rest, and what came out."""
        self._try(lambda: self._end(outcome))
        if not self._problem:
            self._reply(done=True)

    def _try(self, action: Callable[[], None]) -> None:
        problem = ""
        try:
            action()
        except Exception as error:  # of a library: it may be anything
            self._again_at = time.monotonic() + _PAUSE_S
            problem = _describe(self._name, error)
            if problem != self._problem:
                self._reply(problem=problem)
        self._problem = problem

    def _find(self) -> tuple[Service, Kept, Sent]:
        """The service, which need not be open, and what it has."""
        if self._kept is None:
            self._kept = Kept(Path(self._opening.folder), self._name)
        if self._service is None:
            module = importlib.import_module(f"harness_trackers.services.{self._name}")
            self._service = module.make(self._opening)
        return self._service, self._kept, self._kept.find(self._service.place)

    def _open(self) -> tuple[Service, Kept, Sent]:
        service, kept, sent = self._find()
        if not self._is_open:
            self._reply(place=_cut_user(service.open(kept.id)))
            self._is_open = True
        return service, kept, sent

    def _send_points(self) -> None:
        self._rows += self._tail.read()
        while self._rows:
            service, kept, sent = self._open()
            for step, metrics in islice(self._rows, _ROWS):
                # After a training was killed, it does some steps again, and logs them again.
                new = {name: value for name, value in metrics.items() if step > sent.steps.get(name, -1)}
                if new:
                    service.log(step, new)
                    sent.steps.update(dict.fromkeys(new, step))
            for _ in range(min(_ROWS, len(self._rows))):
                self._rows.popleft()
            service.flush()
            kept.save()

    def _end(self, outcome: Outcome | None) -> None:
        if self._opening.kind == "training":
            self._send_points()
        if outcome is not None:
            self._send_outcome(outcome)
        if self._is_open:
            self._find()[0].close("stopped" if outcome is None else "finished")

    def _send_outcome(self, outcome: Outcome) -> None:
        service, kept, sent = self._find()
        digest = _hash(outcome)
        if sent.outcome == digest:
            if not self._is_open:
                self._reply(same=_cut_user(service.place))
            return
        self._open()
        files = [Path(path) for path in outcome.files]
        for name, text in outcome.documents.items():
            (self._scratch / name).write_text(text, encoding="utf-8")
            files.append(self._scratch / name)
        service.finish(outcome, files)
        sent.outcome = digest
        kept.save()


def _hash(outcome: Outcome) -> str:
    sha = hashlib.sha256(json.dumps(asdict(outcome), sort_keys=True).encode())
    for path in outcome.files:
        sha.update(Path(path).read_bytes())
    return sha.hexdigest()


def _describe(name: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed; pip install 'judge-harness-trackers[{name}]'"
    text = " ".join(str(error).split()) or "no reason given"
    return _cut_user(f"{type(error).__name__}: {text}")[:_LONGEST]


def _cut_user(text: str) -> str:
    return _USER.sub("//", text)


def _take_stdout() -> Callable[..., None]:
    """Keep stdout for the replies, and let nothing that libraries print reach it."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)

    def reply(**fields: object) -> None:
        # The process of the run may have ended. What is to be sent is sent all the same.
        with contextlib.suppress(OSError):
            print(json.dumps(fields), file=stream, flush=True)

    return reply


def main(name: str, folder: Path) -> None:
    """Serve one run or training until stdin ends."""
    # Ctrl-C is for the run, which then closes stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reply = _take_stdout()
    opening = Opening.read(folder)
    session = Session(name, opening, folder, reply)
    if opening.kind == "training":
        session.advance()
    while os.read(0, 65536):
        session.advance()
    # No one may be there any more to end this process, should the service never answer.
    watchdog = threading.Timer(opening.wait_s + _GRACE_S, os.killpg, (os.getpgrp(), signal.SIGKILL))
    watchdog.daemon = True
    watchdog.start()
    session.end(Outcome.read(folder))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
