"""Signals that end a command: Ctrl-C, the SIGTERM of a batch system, the SIGHUP of a closed terminal.

All of them mean the same: stop in order. Wherever nothing else is said, one raises `Interrupted` in the main thread,
which is a `KeyboardInterrupt`. So what handles Ctrl-C, in the core or in a plugin, handles the others too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Those that are heard, where the operating system has them."""

LAST_S = 3.0
"""Seconds that threads and plugins have to end once the command has said its last word."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the command to end."""


class _Heard:
    """What this process has heard since the outermost `hear_signals`."""

    numbers: ClassVar[list[int]] = []
    first: ClassVar[Callable[[], None] | None] = None
    leaves: ClassVar[bool] = False
    before: ClassVar[dict[int, Any]] = {}


@contextmanager
def hear_signals(first: Callable[[], None] | None = None, *, leaves: bool = False) -> Iterator[None]:
    """Have signals end what runs inside. A signal that was ignored at the start, as under `nohup`, stays ignored.

    Args:
        first: Called at the first signal, in the place of `Interrupted`. The second one raises.
        leaves: Whether this process is the command, and ends at the second signal even if a thread of it hangs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    if not _Heard.before:
        _Heard.numbers, _Heard.leaves = [], leaves
    changed = {}
    for name in NAMES:
        number = getattr(signal, name, None)
        # `None` is a handler of a program that has Python in it.
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None, _handle):
            changed[number] = signal.signal(number, _handle)
    outer = _Heard.first, _Heard.before
    _Heard.first, _Heard.before = first, {**_Heard.before, **changed}
    try:
        yield
    finally:
        _Heard.first, _Heard.before = outer
        for number, handler in changed.items():
            # The command has said its last word: a signal while Python ends must not print a traceback after it.
            signal.signal(number, _leave_now if leaves else handler)


def _leave_now(number: int, frame: FrameType | None) -> None:
    _leave(128 + number)


def _handle(number: int, frame: FrameType | None) -> None:
    _Heard.numbers.append(number)
    if len(_Heard.numbers) == 1 and _Heard.first is not None:
        _Heard.first()
        return
    if len(_Heard.numbers) > 1 and _Heard.leaves:
        leave_soon()
    raise Interrupted


def exit_code() -> int:
    """The code that tells a batch script which signal it was: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
    return 128 + int(_Heard.numbers[0]) if _Heard.numbers else 130


def leave_soon() -> None:
    """End the process in `LAST_S` seconds, even if a thread of it still waits for a disk that does not answer."""
    # Python waits at its end for the threads of pools. All that must be kept is in files by now.
    timer = threading.Timer(LAST_S, _leave, [exit_code()])
    timer.daemon = True
    timer.start()


def _leave(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(code)


def _hold() -> None:
    # Python loses a signal that comes between a fork and the first step of the child.
    if _Heard.before:
        signal.pthread_sigmask(signal.SIG_BLOCK, _Heard.before)


def _let_go() -> None:
    if _Heard.before:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _Heard.before)


def _forget() -> None:
    # A worker that a library forks must end when it is told to, and not go on to tell of an interruption.
    for number, handler in _Heard.before.items():
        signal.signal(number, handler)
    _let_go()
    _Heard.before, _Heard.first = {}, None


if sys.platform != "win32":
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_forget)
