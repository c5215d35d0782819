"""Calls a function in a fresh process, for what must be equal in every process.

Most of what a fresh process costs is that it loads the harness, and a plugin may have forty tasks. On Linux one more
process therefore loads this package once, and each call is a fork of that: what a call imports, keeps or changes is
gone after it. Elsewhere each call is a process that starts from nothing. Not for runs.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_LONGEST_S = 300.0
_SAID = 2_000  # characters of what a call printed, for its fault
_FORKS = sys.platform == "linux"  # on macOS a fork may end in a crash of the system's own libraries


def call_fresh(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call a function in a fresh process, with the folder, environment and import path of this one.

    Args:
        function: A function of a module that can be imported.
        argument: Its argument, of what JSON can say.

    Returns:
        What the function returns, through JSON.

    Raises:
        AssertionError: It raised, it ended the process, or it took longer than 300 seconds. The text says what it
            printed last.
    """
    with tempfile.TemporaryDirectory(prefix="harness-fresh-") as place:
        asked = {
            "function": [function.__module__, function.__name__],
            "argument": argument,
            "folder": os.getcwd(),
            "environment": dict(os.environ),
            "path": sys.path,
            "place": place,
        }
        ended = _ask(json.dumps(asked))
        said = Path(place, "said")
        last = said.read_text(encoding="utf-8", errors="replace").strip()[-_SAID:] if said.exists() else ""
        if ended:
            raise AssertionError(f"{ended} in a fresh process:\n{last}")
        return json.loads(Path(place, "answer").read_text(encoding="utf-8"))


def _ask(line: str) -> str:
    """How a call failed, or `""`."""
    late = f"takes longer than {_LONGEST_S:.0f} s"
    if not _FORKS:
        try:
            code = subprocess.run([*_command(), "once"], input=line, text=True, timeout=_LONGEST_S).returncode
        except subprocess.TimeoutExpired:
            return late
        return f"fails with exit code {code}" if code else ""
    process = _start()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    if not select.select([process.stdout], [], [], _LONGEST_S)[0]:
        fault = late
    elif ended := process.stdout.readline():
        return "" if int(ended) == 0 else f"fails with exit code {int(ended)}"
    else:
        fault = "cannot be called"
    _end(process)
    _start.cache_clear()
    return fault


def _command() -> list[str]:
    return [sys.executable, "-c", "from harness.testing._fresh import serve; serve()"]


@cache
def _start() -> subprocess.Popen[str]:
    """The process that is forked. It ends with this one, which closes its input."""
    # Hashes must differ from those of this process, also where it was given a seed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    # A session of its own, so that it is ended with the fork that is at work.
    process = subprocess.Popen(
        _command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def serve() -> None:
    """In the other process: make each call that a line asks for, and say with which exit code it ended."""
    if sys.argv[1:] == ["once"]:
        _call(json.loads(sys.stdin.readline()))
        return
    answers = os.dup(1)  # what a call prints goes elsewhere
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(answers)
            _call(asked)
            # To take down all modules would touch, and so copy, every page of memory: most of what a call costs.
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _call(asked: dict[str, Any]) -> None:
    """Become the process that a call asks for. What the function raises ends it, with a traceback in `said`."""
    place = Path(asked["place"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    said = os.open(place / "said", os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[:] = asked["path"]
    importlib.invalidate_caches()
    module, name = asked["function"]
    answer = getattr(importlib.import_module(module), name)(asked["argument"])
    (place / "answer").write_text(json.dumps(answer), encoding="utf-8")
