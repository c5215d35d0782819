"""Becomes `harness` again and again: what a command imports is loaded once, and each command is a fork of that.

A page has several commands, a test a few, and most of them spend their time on being imported. Each is a process of
its own still, with its own folder, environment, import path and end. Lines of JSON come in; for each, the exit code
goes out. What a test kills or times, and what sets a variable that a library reads as it is imported, is a new Python.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LONGEST_S = 250.0
"""How long a command may take."""


class Commands:
    """Runs commands of the harness in forks of one process that has loaded it."""

    def __init__(self) -> None:
        """None yet: it is started by the first command."""
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, arguments: list[str], *, cwd: Path, env: Mapping[str, str], apart: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run `harness` with arguments. Where a process cannot be forked, it is a new Python.

        Args:
            arguments: What follows the name of the command.
            cwd: Its working directory.
            env: Its whole environment.
            apart: Whether `stderr` is kept apart. Else `stdout` has both, in the order of a terminal.

        Raises:
            subprocess.TimeoutExpired: It took too long, and was ended.
        """
        if not hasattr(os, "fork"):
            command = [sys.executable, "-m", "harness", *arguments]
            err = subprocess.PIPE if apart else subprocess.STDOUT
            return subprocess.run(
                command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=err, text=True, timeout=LONGEST_S, check=False
            )
        with TemporaryDirectory() as folder:
            streams = [str(Path(folder, name)) for name in (("out", "err") if apart else ("out", "out"))]
            asked = {"arguments": arguments, "cwd": str(cwd), "env": dict(env), "streams": streams}
            code = self._become(asked)
            out, said = (Path(stream).read_text(encoding="utf-8") for stream in streams)
        return subprocess.CompletedProcess(arguments, code, stdout=out, stderr=said if apart else "")

    def _become(self, asked: dict[str, Any]) -> int:
        """Have a fork become the command, and wait for its end. Returns its exit code."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], LONGEST_S)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(asked["arguments"], LONGEST_S)
        code = process.stdout.readline()
        assert code, "the process that becomes commands has ended"
        return int(code)

    def close(self) -> None:
        """End that process, and a command that a test has left."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # A session of its own, so that it is ended with all that it became.
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        return self._process


def main() -> None:
    """Load, then fork for each line."""
    # As under the command itself: the folder of this file is no place to import from.
    del sys.path[0]
    for module in (
        "harness.cli",
        "harness.cli.run",
        "harness.pipeline.session",
        "harness.report.publish",
        "harness.report.terminal",
        "harness.score.metrics",
        "harness.testing",
    ):
        importlib.import_module(module)
    _rehearse()
    gc.freeze()  # a collection in a fork would touch, and so copy, every page of memory
    given = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    answers = os.dup(1)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            _be_command(asked, given)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _rehearse() -> None:
    """Run a small benchmark, so that what a run imports late is loaded too, and the report's templates are compiled.

    Not as a command: that would leave its handlers of signals to all those that follow.
    """
    import harness

    os.environ["HARNESS_REPORT"] = "yes"  # the tests' own environment says no
    entries = {"tasks": [{"use": "miniature/technical"}], "judges": [{"use": "baselines/constant"}]}
    with TemporaryDirectory() as folder:
        manifest = Path(folder, "rehearsal.yaml")
        manifest.write_text(json.dumps({"name": "rehearsal", **entries}), encoding="utf-8")
        harness.run(manifest, limit=4, runs=folder, progress=False)


def _be_command(asked: dict[str, Any], given: list[str]) -> None:
    """Become `python -m harness`, and end as it ends."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, number, path in zip(("stdout", "stderr"), (1, 2), asked["streams"], strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        # Unbuffered, so that what is printed and what is said stand in their order.
        raw = os.fdopen(number, "wb", 0, closefd=False)
        setattr(sys, stream, io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    new = [place for place in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if place and place not in given]
    sys.path[:0] = new
    importlib.invalidate_caches()
    sys.argv = ["harness", *asked["arguments"]]
    from harness.cli import main

    try:
        main()
    except SystemExit as end:
        # To take down all modules would touch, and so copy, every page of memory. All that can be seen is done.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        os._exit(end.code if isinstance(end.code, int) else 1)


if __name__ == "__main__":
    main()
