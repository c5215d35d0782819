"""The executor `processes` with real processes: killed in the middle, interrupted, and dealt their GPUs."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.api import Placement, UserError
from harness.execution.processes import (
    ProcessCrew,
    ProcessesExecutor,
    ProcessesOptions,
    read_frames,
    serve,
    write_frames,
)
from harness.testing._executors import make_requests, place_practice

FILES = ("scores.json", "leaderboard.json", "leaderboard.md", "leaderboard.csv")


def place(**fields: object) -> Placement:
    return Placement(**{"name": "j", "entry": {}, "seed": 0, "key": "k", "versions": {}, **fields})  # type: ignore[arg-type]


def write_manifest(folder: Path, *, items: int = 120, seconds: float = 0.01) -> None:
    options = f"{{seconds: {seconds}, log: {folder / 'log'}}}"
    (folder / "m.yaml").write_text(
        f"name: m\ntasks: [{{use: miniature/technical, with: {{items: {items}}}}}]\n"
        f"judges: [{{use: practice/worker, with: {options}}}, {{use: baselines/random, resources: {{cpus: 1}}}}]\n"
    )


def command(folder: Path, runs: str, *options: str) -> list[str]:
    words = [sys.executable, "-m", "harness", "--plugin", "harness.execution.practice", "run", str(folder / "m.yaml")]
    return [*words, "--runs", str(folder / runs), *options]


def read_results(folder: Path, runs: str) -> dict[str, bytes]:
    (run,) = (folder / runs).glob("m-*")
    return {name: (run / name).read_bytes() for name in FILES}


def wait_for_answers(folder: Path, count: int) -> list[int]:
    """The processes that have answered, once so many answers are there."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pids = [int(pid) for pid in (folder / "log").read_text().split()] if (folder / "log").exists() else []
        if len(pids) >= count:
            return pids
        time.sleep(0.01)
    raise AssertionError("nothing was answered")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    subprocess.run(command(tmp_path, "alone"), check=True, capture_output=True)
    (tmp_path / "log").unlink()
    options = ["--executor", "processes", "--executor-option", "workers=2"]
    with subprocess.Popen(command(tmp_path, "spread", *options), stderr=subprocess.PIPE, text=True) as process:
        os.kill(wait_for_answers(tmp_path, 10)[-1], signal.SIGKILL)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said
    assert "judge worker: lost a worker on process" in said
    assert "(signal 9)" in said
    assert read_results(tmp_path, "spread") == read_results(tmp_path, "alone")
    # One run folder for both: the executor, and what a judge needs, are no part of its name.
    names = {path.name for runs in ("alone", "spread") for path in (tmp_path / runs).glob("m-*")}
    assert len(names) == 1


@pytest.mark.slow
def test_ctrl_c_ends_soon_and_the_same_run_goes_on_without_the_executor(tmp_path: Path) -> None:
    write_manifest(tmp_path, items=250)
    options = ["--executor", "processes", "--executor-option", "workers=1"]
    with subprocess.Popen(command(tmp_path, "runs", *options), stderr=subprocess.PIPE, text=True) as process:
        (worker, *_) = wait_for_answers(tmp_path, 10)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not Path(f"/proc/{worker}").exists()
    before = len((tmp_path / "log").read_text().split())
    assert before < 250
    subprocess.run(command(tmp_path, "runs"), check=True, capture_output=True)
    # What had come home is not asked again.
    assert len((tmp_path / "log").read_text().split()) == 250


def test_gpus_are_dealt_out_whole() -> None:
    executor = ProcessesExecutor(ProcessesOptions(gpus=[0, 2, 5, 7], workers=3))
    assert executor._deal_gpus(place(capabilities=("gpu",))) == ["0", "2", "5", "7"]
    assert executor._deal_gpus(place(resources={"gpus": 2})) == ["0,2", "5,7"]
    assert executor._deal_gpus(place()) == []
    with pytest.raises(UserError, match="judge j: 3 workers need more GPUs than the 4"):
        executor.place(place(resources={"gpus": 2}), print)


@pytest.mark.parametrize(
    ("numbers", "wanted", "shares"),
    [
        ([3], 0.5, ["3", "3"]),
        ([3, 4], 0.5, ["3", "4", "3", "4"]),
        ([3], 0.3, ["3", "3", "3"]),
        ([3], 0.7, ["3"]),
        ([3], 0.1, ["3"] * 10),
        ([3], 0, []),
        ([], 2, []),
    ],
)
def test_a_part_of_a_gpu_lets_workers_share_it(numbers: list[int], wanted: float, shares: list[str]) -> None:
    executor = ProcessesExecutor(ProcessesOptions(gpus=numbers))
    assert executor._deal_gpus(place(resources={"gpus": wanted})) == shares


@pytest.mark.parametrize("wanted", [2, 1.5])
def test_gpus_that_are_not_there_are_an_error_and_no_worker_sees_them_all(wanted: float) -> None:
    executor = ProcessesExecutor(ProcessesOptions(gpus=[3]))
    with pytest.raises(UserError, match=f"judge j: its resources ask for {wanted} GPUs, and the option `gpus` has 1"):
        executor.place(place(resources={"gpus": wanted}), print)


def test_judges_that_need_the_run_s_own_process_stay_there() -> None:
    executor = ProcessesExecutor(ProcessesOptions(here=["mine"]))
    for fields in ({"capabilities": ("network",)}, {"capabilities": ("plan",)}, {"name": "mine"}):
        assert executor.place(place(**fields), print) is None
    assert executor.place(place(), print) is not None
    executor.close()


def test_the_end_of_the_executor_ends_workers_of_a_judge_that_was_not_closed(tmp_path: Path) -> None:
    executor = ProcessesExecutor(ProcessesOptions(workers=1))
    judge = executor.place(place_practice(log=str(tmp_path / "log")), print)
    assert judge is not None
    assert len(list(judge.judge(iter(make_requests(3))))) == 3
    (pid,) = set(wait_for_answers(tmp_path, 3))
    assert is_alive(pid), "it waits for more"
    executor.close()
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(pid)


def test_a_placement_that_cannot_be_opened_comes_back_as_a_problem() -> None:
    crew = ProcessCrew(place(entry={"use": "practice/no-such", "name": "j"}), [])
    worker, call = crew.start()
    reply = crew.result(call)
    crew.end(worker)
    assert "no-such" in reply.problem


def test_frames_are_read_as_they_were_written_and_half_a_message_is_an_end() -> None:
    stream = io.BytesIO()
    write_frames(stream, [b"", b"abc", bytes(300)])
    whole = stream.getvalue()
    assert read_frames(io.BytesIO(whole)) == [b"", b"abc", bytes(300)]
    for cut in (0, 3, 8, 20, len(whole) - 1):
        with pytest.raises(EOFError):
            read_frames(io.BytesIO(whole[:cut]))


def test_a_worker_ends_with_its_parent() -> None:
    out = io.BytesIO()
    thread = threading.Thread(target=serve, args=(io.BytesIO(b""), out), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
