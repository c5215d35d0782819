"""Real processes and real signals: all of them end a run in order, and nothing that stalls keeps it from ending."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from harness.libraries.stopping import Interrupted, exit_code, hear_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

PLUGIN = Path(__file__).with_name("kill_plugin.py")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def _hear_hangups() -> Iterator[None]:
    """A process under `nohup` ignores this signal, and so do those that it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "m.yaml").write_text(
        "name: stop\ntasks: [{use: kill_plugin/pairs}]\njudges: [{use: kill_plugin/slow}]\n"
    )
    (tmp_path / "log").touch()
    with ExitStack() as processes:

        def _start(*before: str, **environment: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "harness", "-p", str(PLUGIN), "run", "m.yaml"],
                cwd=tmp_path,
                env={**os.environ, "KILL_LOG": str(tmp_path / "log"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield _start


def wait_for(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len((folder / "log").read_text().split()) < count:
        assert time.monotonic() < deadline, "the judge does not get on"
        time.sleep(0.01)


def run_folder(folder: Path) -> Path:
    (found,) = (folder / "runs").glob("stop-*")
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_of_a_batch_system_ends_a_run_like_ctrl_c(
    tmp_path: Path, start: Start, number: signal.Signals, code: int
) -> None:
    process = start()
    wait_for(tmp_path, 20)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert (
        err.splitlines()[-1] == f"interrupted; run the same command again to go on (runs/{run_folder(tmp_path).name})"
    )
    assert json.loads((run_folder(tmp_path) / "run.json").read_text())["state"] == "interrupted"
    # What was in flight has its answer: nothing was asked in vain.
    with closing(sqlite3.connect(run_folder(tmp_path) / "journal.sqlite")) as journal:
        kept = {key for (key,) in journal.execute("SELECT request FROM judgements")}
    assert kept == set((tmp_path / "log").read_text().split())


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(tmp_path: Path, start: Start) -> None:
    process = start("nohup", KILL_COUNT="20")
    wait_for(tmp_path, 5)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads((run_folder(tmp_path) / "run.json").read_text())["state"] == "finished"


@pytest.mark.parametrize("after", [0, 70], ids=["the first read", "a later read"])
def test_a_read_that_stalls_does_not_keep_a_run_from_ending(tmp_path: Path, start: Start, after: int) -> None:
    os.mkfifo(tmp_path / "stalls")
    process = start(KILL_STALL=f"{after}:{tmp_path / 'stalls'}", KILL_GRACE="0.5")
    deadline = time.monotonic() + 60
    while not (tmp_path / "stalls.reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert time.monotonic() - began < 5, "the grace and the moment in which Python ends"
    assert "interrupted; run the same command again" in err


def test_a_second_signal_ends_at_once(tmp_path: Path, start: Start) -> None:
    os.mkfifo(tmp_path / "stalls")
    process = start(KILL_STALL=f"0:{tmp_path / 'stalls'}")
    deadline = time.monotonic() + 60
    while not (tmp_path / "stalls.reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 130, "the first one says why it ends"
    assert time.monotonic() - began < 8


def test_a_task_that_makes_no_request_any_more_ends_the_run_and_says_so(tmp_path: Path, start: Start) -> None:
    os.mkfifo(tmp_path / "stalls")
    text = (tmp_path / "m.yaml").read_text()
    (tmp_path / "m.yaml").write_text(f"{text}run: {{timeout: 0.5}}\n")
    process = start(KILL_STALL=f"70:{tmp_path / 'stalls'}", KILL_GRACE="0.5")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "error: task pairs: made no request within 0.5 s" in err
    with closing(sqlite3.connect(run_folder(tmp_path) / "journal.sqlite")) as journal:
        assert journal.execute("SELECT count(*) FROM asks").fetchone()[0] == 128


def test_a_forked_worker_ends_by_the_signal_itself() -> None:
    with hear_signals():
        worker = os.fork()
        if worker == 0:
            time.sleep(30)
            os._exit(0)
        os.kill(worker, signal.SIGTERM)
        _, status = os.waitpid(worker, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_what_waits_inside_a_plugin_is_interrupted_and_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with hear_signals():
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGHUP)
        assert exit_code() == 129
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
