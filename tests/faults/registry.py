"""The rows of the campaign, and the bench on which they attack.

A row is a generator that attacks `count` times. For each attempt it yields what got through in words, or an empty text.
To add one, write it in a module `rows_*.py` beside this one and decorate it with `row`.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]

Attack = Callable[["Bench", int], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of attack."""

    name: str
    """What is done, as in the table."""
    smoke: int
    """Attempts in the suite."""
    full: int
    """Attempts by hand."""
    attack: Attack
    """Attacks."""


ROWS: dict[str, Row] = {}


def row(name: str, *, smoke: int, full: int) -> Callable[[Attack], Attack]:
    """Make an attack a row of the campaign."""

    def add(attack: Attack) -> Attack:
        ROWS[name] = Row(name=name, smoke=smoke, full=full, attack=attack)
        return attack

    return add


class CannotError(Exception):
    """This machine does not allow the attack: no mounts, no such library."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    """Exit code, negative for a signal."""
    out: str
    """What it printed."""
    err: str
    """What it said."""
    cpu: float
    """Seconds of CPU."""
    megabytes: float
    """The most memory that it had."""

    @property
    def fault(self) -> str:
        """What no command may do with a small input: a traceback, raw control characters, minutes, gigabytes."""
        return self.find_fault(seconds=20, megabytes=1500)

    def find_fault(self, *, seconds: float, megabytes: float) -> str:
        """What is wrong with how it ended, or with what it took. Empty where nothing is."""
        if "Traceback" in self.err or self.code == 1:
            return f"traceback: {self.err.strip().splitlines()[-1:]}"
        if any(ord(letter) < 32 and letter not in "\n\t\r" for letter in self.out + self.err):
            return "control characters on the terminal"
        if self.cpu > seconds:
            return f"{self.cpu:.0f} s of CPU"
        return f"{self.megabytes:.0f} MB of memory" if self.megabytes > megabytes else ""


@dataclass
class Process:
    """A command at work: a fork of this process, in which the harness is loaded already."""

    pid: int
    place: Path
    done: Done | None = None

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.done is None and not self._wait(os.WNOHANG)

    def kill(self) -> bool:
        """`kill -9`. Says whether it hit a living process."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        return self.finish().code == -signal.SIGKILL

    def send(self, number: int) -> bool:
        """Send a signal. Says whether there was a process."""
        if self.is_alive():
            os.kill(self.pid, number)
            return True
        return False

    def finish(self, timeout: float = 300) -> Done:
        """Wait until it ends. One that takes too long is killed, and has the code -9."""
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.002)
        assert self.done is not None
        return self.done

    def _wait(self, how: int) -> bool:
        pid, status, used = os.wait4(self.pid, how)
        if not pid:
            return False
        read = {name: (self.place / name).read_text("utf-8", "replace") for name in ("out", "err")}
        self.done = Done(
            code=os.waitstatus_to_exitcode(status),
            cpu=used.ru_utime + used.ru_stime,
            megabytes=used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
            **read,
        )
        return True


@dataclass
class Bench:
    """Folders, processes and chance for the attacks."""

    folder: Path
    """Where all of it happens."""
    rng: random.Random
    """The same attacks for the same seed."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What several rows share, such as a run that nothing happened to."""
    mounts: list[Path] = field(default_factory=list)

    def new(self) -> Path:
        """An empty folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def start(
        self,
        place: Path,
        *arguments: str,
        call: Callable[[], object] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Process:
        """Start a command in a folder, or a function in the place of one."""
        logs = self.new()
        for name in ("out", "err"):  # it may be killed before it opens them
            (logs / name).touch()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return Process(pid, logs)
        code = 70
        try:
            code = _be_command(place, logs, arguments, environment, call)
        finally:
            os._exit(code)

    def command(
        self,
        place: Path,
        *arguments: str,
        timeout: float = 300,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Done:
        """Run a command to its end."""
        return self.start(place, *arguments, environment=environment).finish(timeout)

    def call(self, function: Callable[[], object], timeout: float = 300) -> Done:
        """Call a function in a process of its own."""
        return self.start(self.folder, call=function).finish(timeout)

    def mount(self, place: Path, *options: str) -> None:
        """Mount something; undone at the end.

        Raises:
            CannotError: This process may not.
        """
        if sys.platform != "linux" or os.getuid() != 0 or shutil.which("mount") is None:
            raise CannotError("only a superuser of Linux may mount")
        done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotError(f"mount: {done.stderr.strip()}")
        self.mounts.append(place)

    def close(self) -> None:
        """Undo the mounts and remove the folders."""
        for place in reversed(self.mounts):
            subprocess.run(["umount", "-l", str(place)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _be_command(
    place: Path,
    logs: Path,
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    call: Callable[[], object] | None,
) -> int:
    os.chdir(place)
    os.environ.update(environment)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(logs / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    # What a small file must not make it take; address space is more than memory.
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    # As of a terminal, so that a signal to this process is for it alone.
    os.setsid()
    sys.argv = ["harness", *arguments]
    try:
        if call is not None:
            print(call())
            return 0
        from harness.cli import main

        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
