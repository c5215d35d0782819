"""Real processes, really killed: no step that was saved is done twice, and one process trains a folder at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.training.folder import read_curves

TOY = Path(__file__).with_name("toy_plugin.py")


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Train `r.yaml` in steps that are slow enough to be killed between."""
    command = [sys.executable, "-m", "harness", "-p", str(TOY), "train", "r.yaml", "--set", "trainer.with.steps=20"]
    with ExitStack() as processes:

        def _start(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*command, "--set", "trainer.with.pause=0.05", *arguments],
                cwd=folder,
                env={**os.environ, "TOY_LOG": str(folder / "log")},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield _start


def done(folder: Path) -> list[int]:
    log = folder / "log"
    lines = log.read_text().splitlines() if log.is_file() else []
    return [int(line.split()[-1]) for line in lines if line.startswith("step ")]


def wait_for(folder: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while step not in done(folder):
        assert time.monotonic() < deadline, "the trainer does not get on"
        time.sleep(0.01)


def checkpoint(folder: Path) -> Path:
    (found,) = (path for path in (folder / "checkpoints").iterdir() if path.name.startswith("tiny-"))
    return found


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_and_ends_as_one_that_is_not(folder: Path, start: Start) -> None:
    for step in (4, 9):
        # Slower than by default: on a busy machine it would be done before it is killed.
        process = start("--set", "trainer.with.pause=0.25")
        wait_for(folder, step)
        process.kill()
        process.communicate(timeout=60)
        assert not (checkpoint(folder) / "trained.json").exists()
    out, err = (process := start()).communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == f"checkpoints/{checkpoint(folder).name}\n"
    assert "attempt 3" in err
    record = json.loads((checkpoint(folder) / "trained.json").read_text())
    assert record["attempts"] == 3
    assert record["seconds_of_all_attempts"] > record["seconds"] > 0
    curves = read_curves(checkpoint(folder))
    assert list(curves) == list(range(1, 21))
    assert [curves[step]["loss"] for step in curves] == [1 / step for step in curves]
    again = len(done(folder)) - 20
    assert 0 <= again <= 2, "each kill may cost the step that was not saved yet, and no more"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_without_a_traceback(
    folder: Path, start: Start, number: signal.Signals, code: int
) -> None:
    process = start()
    wait_for(folder, 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "run the same command again to go on (checkpoints/tiny-" in err
    assert "Traceback" not in err
    assert out == ""
    process = start()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(done(folder)) in (20, 21)


@pytest.mark.slow
def test_a_second_process_is_refused_while_one_trains_and_finds_it_trained_afterwards(
    folder: Path, start: Start
) -> None:
    first = start()
    wait_for(folder, 1)
    if sys.platform != "win32":  # on a slow machine it would be done before the second one has begun
        first.send_signal(signal.SIGSTOP)
    second = start()
    out, err = second.communicate(timeout=60)
    if sys.platform != "win32":
        first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert f"pid {first.pid}" in err
    assert "Traceback" not in err
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    third = start()
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0
    assert out == f"checkpoints/{checkpoint(folder).name}\n"
    assert "trained already" in err
    assert len(done(folder)) == 20


def test_a_trainer_that_refuses_ends_with_2_and_without_a_traceback(folder: Path, start: Start) -> None:
    process = start("--set", "trainer.with.trouble=refuses")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.splitlines()[-1] == "error: the group does not fit; choose a smaller one"
