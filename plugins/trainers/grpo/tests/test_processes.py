"""Real processes, on the CPU over gloo: two of them learn what one learns, and the end of one ends the other."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import Answer, Judgement, Request, Training, UserError, Verdict
from harness_grpo import state
from harness_grpo.options import LoraOptions
from harness_grpo.processes import ALONE, join_launch

from .conftest import (
    Curves,
    accuracy,
    grpo,
    pairs,
    points,
    rewarded,
    sft,
    training,
    weights_of,
)

pytestmark = pytest.mark.timeout(900)

WITHIN = 2e-5
"""Weights after two steps, one process beside two: sums of float32 gradients in another order, which the first step
of AdamW makes large where a gradient is close to 0. Steps are of 1e-3."""


class Agree:
    """A reward that looks at both orders of a pair at once."""

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return None

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        return len({answer.judgement.raw for answer in answers}) / 2


def uneven(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Many answers earn the same, so that some groups are flat, and some are not."""
    return float(len(judgement.raw) % 3 == 0)


def fine(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Hardly any two answers earn the same, so that all processes have something to learn."""
    return sum(map(ord, judgement.raw)) % 101 / 100


def brier(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    if judgement.probabilities is None:
        return 0.0
    return -sum((value - (name == str(gold))) ** 2 for name, value in judgement.probabilities.items())


GRPO: dict[str, Any] = {
    "steps": 2,
    "batch": 4,
    "lr": 1e-3,
    "objective": "dapo",
    "refill": 2,
    "mixing": "uniform",
    "std_floor": 0.1,
    "kl_weight": 0.01,
    "updates": 2,
    "log_completions": 10_000,
    "max_grad_norm": 100.0,
}
# Each token of a sharded model is several messages: few of them, so that a busy machine is done in time.
SHARDED: dict[str, Any] = {
    "steps": 2,
    "batch": 3,
    "group": 3,
    "lr": 1e-3,
    "max_new_tokens": 10,
    "mask_truncated": False,
    "log_completions": 10_000,
    "max_grad_norm": 100.0,
    "shard": True,
}
ONCE: dict[str, Any] = {"steps": 1}
LORA = LoraOptions(rank=4)
SFT: dict[str, Any] = {"steps": 2, "batch": 5, "lr": 1e-3, "max_grad_norm": 100.0}


def recipe_of(folder: Path, model: Path, curves: Curves | None = None, *, validates: bool = False) -> Training:
    own = rewarded(uneven, accuracy) if folder.name == "grpo" else rewarded(fine)
    rewards = (
        *rewarded(Agree(), capabilities=frozenset({"orders"})),
        *rewarded(brier, capabilities=frozenset({"probabilities"})),
        *own,
    )
    tasks = [points("red", 6, weight=2.0), pairs("pair", 3)]
    if not validates:
        tasks = [replace(task, validation=None) for task in tasks]
    return training(folder, model, tasks=tasks, rewards=rewards, curves=curves)


RUNS: Mapping[str, Callable[[Training], Any]] = {
    "grpo": lambda recipe: grpo(recipe, **GRPO),
    "sft": lambda recipe: sft(
        recipe, **SFT, validation={"every": 1, "limit": 2}, save_total_limit=1, offload_optimizer=True
    ),
    # One process has nothing to shard, so that the same options give the yardstick.
    "sharded": lambda recipe: grpo(recipe, **SHARDED),
    "sharded-adapter": lambda recipe: grpo(
        recipe, **{**SHARDED, **ONCE}, lora=LORA, kl_weight=0.01, updates=2, gradient_checkpointing=True
    ),
    "sharded-sft": lambda recipe: sft(recipe, **{**SFT, **ONCE}, shard=True, prefix="packed"),
    "sharded-half": lambda recipe: sft(recipe, **{**SFT, **ONCE}, shard=True, dtype="bfloat16"),
}


def learn_all(folder: Path, model: Path) -> dict[str, Any]:
    """What every launch here trains. Returns the curves and results, as plain data."""
    found: dict[str, Any] = {}
    for name, run in RUNS.items():
        curves = Curves()
        trained = run(recipe_of(folder / name, model, curves, validates=name == "sft"))
        found[name] = {"curves": list(curves), "scores": dict(trained.scores), "selected": trained.selected}
    if "RANK" in os.environ:
        go_on_after_a_stop(folder, model)
    return found


class Stop(BaseException):
    """What a test interrupts with."""


def go_on_after_a_stop(folder: Path, model: Path) -> None:
    """Two processes stop when they have kept their first state, and go on. A copy stays for another number of them."""
    plain = state.save

    def save(*given: Any, **named: Any) -> None:
        plain(*given, **named)
        raise Stop

    state.save = save
    try:
        with pytest.raises(Stop):
            grpo(recipe_of(folder / "resumed", model), **SHARDED, save_every=1)
    finally:
        state.save = plain
    if os.environ["RANK"] == "0":
        shutil.copytree(folder / "resumed", folder / "copied")
    grpo(recipe_of(folder / "resumed", model), **SHARDED)


_SCRIPT = """
import importlib, json, os, sys, types
from pathlib import Path
package = types.ModuleType("kit"); package.__path__ = [sys.argv[1]]; sys.modules["kit"] = package
kit = importlib.import_module(f"kit.{sys.argv[2]}")
found = getattr(kit, sys.argv[3])(*map(Path, sys.argv[4:6]))
Path(sys.argv[6], os.environ["RANK"]).write_text(json.dumps(found))
"""


def launch(
    work: str, folder: Path, model: Path, *, processes: int = 2, module: str = "test_processes"
) -> subprocess.Popen[str]:
    """Start processes that do what a function of a module here does."""
    folder.mkdir(parents=True, exist_ok=True)
    (script := folder / "script.py").write_text(_SCRIPT)
    (said := folder / "said").mkdir(exist_ok=True)  # a file each: what two processes print may land in one line
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    given = [str(script), str(Path(__file__).parent), module, work, str(folder), str(model), str(said)]
    with (folder / "printed").open("w") as printed:
        return subprocess.Popen(
            [*command, *given],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
        )


def end(running: subprocess.Popen[str]) -> None:
    """Wait for the end of a launch, and let none outlive a test."""
    try:
        running.wait(timeout=800)
    finally:
        running.terminate()  # the launcher ends its processes
        running.wait(timeout=60)


@pytest.fixture(scope="module")
def both(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The same trainings by one process, in `one`, and by two, in `two`."""
    folder = tmp_path_factory.mktemp("both")
    alone = json.loads(json.dumps(learn_all(folder / "one", taught)))
    end(running := launch("learn_all", folder / "two", taught))
    assert running.returncode == 0, (folder / "two" / "printed").read_text()
    first, second = (json.loads((folder / "two" / "said" / rank).read_text()) for rank in ("0", "1"))
    for name in first:
        assert second[name] == {**first[name], "curves": []}, "all know the scores, and the first alone logs"
    return folder, alone, first


@pytest.mark.parametrize("run", ["grpo", "sharded", "sharded-adapter"])
def test_two_processes_draw_the_answers_that_one_draws(both: Any, run: str) -> None:
    folder, _, _ = both
    one, two = ((folder / name / run / "completions.jsonl").read_text().splitlines() for name in ("one", "two"))
    assert len(one) == len(two) >= 3 * 3
    for mine, other in zip(map(json.loads, one), map(json.loads, two), strict=True):
        for name in ("rewards", "reward", "advantage"):
            assert flat(mine.pop(name)) == pytest.approx(flat(other.pop(name)), abs=1e-4)
        assert mine == other
    steps = [json.loads(line) for line in one]
    assert len({line["advantage"] for line in steps}) > 3, "or the test could see nothing"


def flat(value: Any) -> list[float]:
    return [number for number in (value.values() if isinstance(value, dict) else [value]) if number is not None]


@pytest.mark.parametrize("run", ["grpo", "sft", "sharded", "sharded-adapter", "sharded-sft"])
def test_two_processes_learn_what_one_learns(both: Any, taught: Path, run: str) -> None:
    folder, alone, together = both
    one, two = (weights_of(folder / name / run / "model") for name in ("one", "two"))
    start = weights_of(taught)
    assert set(one) == set(two)
    # An adapter begins with B at 0.
    moved = max(
        float((value - start.get(name, 0.0)).abs().max()) for name, value in one.items() if "lora_A" not in name
    )
    apart = max(float((one[name] - two[name]).abs().max()) for name in one)
    assert moved > 5e-4
    assert apart < WITHIN
    mine, other = alone[run], together[run]
    assert (mine["selected"], mine["scores"]) == (other["selected"], other["scores"])
    norms = [metrics["grad_norm"] for _, metrics in mine["curves"] if "grad_norm" in metrics]
    assert min(norms) > 1e-2, "or nothing was learnt"
    assert [step for step, _ in mine["curves"]] == [step for step, _ in other["curves"]]
    for (step, first), (_, second) in zip(mine["curves"], other["curves"], strict=True):
        assert set(first) == set(second)
        for name in set(first) - {"rollout_s", "learn_s"}:
            assert second[name] == pytest.approx(first[name], abs=1e-4, rel=1e-3, nan_ok=True), (step, name)


def test_a_state_of_two_processes_is_gone_on_from_by_two_and_by_one(both: Any, taught: Path) -> None:
    folder, _, _ = both
    whole = weights_of(folder / "two" / "sharded" / "model")
    again = weights_of(folder / "two" / "resumed" / "model")
    assert max(float((whole[name] - again[name]).abs().max()) for name in whole) == 0, "exactly"
    logged = Curves()
    grpo(recipe_of(folder / "two" / "copied", taught, logged), **SHARDED)
    assert list(logged.of("loss")) == [2]
    alone = weights_of(folder / "two" / "copied" / "model")
    assert max(float((whole[name] - alone[name]).abs().max()) for name in whole) < WITHIN


def test_sharded_weights_are_computed_with_in_half_precision(both: Any) -> None:
    _, alone, together = both
    losses = [_loss(found) for found in (alone, together)]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def _loss(found: Mapping[str, Any]) -> float:
    return next(float(metrics["loss"]) for _, metrics in found["sharded-half"]["curves"] if "loss" in metrics)


def test_the_first_process_alone_writes(both: Any) -> None:
    folder, _, _ = both
    for run in ("grpo", "sft", "sharded", "sharded-adapter", "sharded-sft"):
        left = {"sft": ["model", "steps"], "sharded-sft": ["model"]}.get(run, ["completions.jsonl", "model"])
        assert sorted(path.name for path in (folder / "two" / run).iterdir()) == left
    assert [path.name for path in (folder / "two" / "sft" / "steps").iterdir()] == ["step-00000002"]


def fail_in_one(folder: Path, model: Path) -> None:
    """The second process ends in the middle of a step, without a word to the first."""

    from harness_grpo import grpo as module

    plain = module.Grpo._learn

    def learn(self: Any, *given: Any) -> Any:
        if os.environ["RANK"] == "1":
            Path(folder, "ended").write_text(str(time.time()))
            os._exit(9)
        return plain(self, *given)

    module.Grpo._learn = learn  # type: ignore[method-assign, assignment]
    try:
        grpo(recipe_of(folder / "grpo", model), **GRPO)
    except UserError as error:
        Path(folder, "first").write_text(f"{time.time()} {error}")
        raise


def fork_two(folder: Path, model: Path) -> None:
    """Two processes that `fail_in_one`, without a launcher. This one loads the libraries and forks them."""
    from transformers import AutoModelForImageTextToText, AutoProcessor  # noqa: F401

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    context = multiprocessing.get_context("fork")
    forked = []
    for rank in ("0", "1"):
        os.environ.update(RANK=rank, LOCAL_RANK=rank)
        forked.append(context.Process(target=fail_in_one, args=(folder, model)))
        forked[-1].start()
    for process in forked:
        process.join()
    (folder / "codes").write_text(" ".join(str(process.exitcode) for process in forked))


@pytest.mark.slow
def test_the_end_of_one_process_ends_the_other(taught: Path, tmp_path: Path) -> None:
    """No launcher ends the first: it has to find out by itself."""
    (script := tmp_path / "script.py").write_text(_SCRIPT)
    given = [str(Path(__file__).parent), "test_processes", "fork_two", str(tmp_path), str(taught), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), *given]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "codes").read_text() == "1 9", done.stderr
    assert (tmp_path / "ended").is_file()
    assert "process 0 of 2 waited for another one, which has ended" in (tmp_path / "first").read_text()


# -- without a launch ------------------------------------------------------------------------------------------------


def test_work_goes_to_the_process_with_least() -> None:
    class Three(type(ALONE)):  # type: ignore[misc]
        size = 3

    assert ALONE.deal([3, 1, 2]) == [[0, 1, 2]]
    assert Three().deal([5, 1, 4, 1, 3, 1]) == [[0], [2, 3], [1, 4, 5]]
    assert Three().deal([7]) == [[0], [], []]


@pytest.mark.parametrize("size", ["", "0", "1"])
def test_one_process_joins_no_other(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", size)
    assert join_launch(60, device="cuda:1", name="r") is ALONE


@pytest.mark.parametrize("device", ["cuda:1", "mps"])
def test_one_device_for_several_processes_is_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UserError, match=f"device {device}: each of 2 processes needs one of its own"):
        join_launch(60, device=device, name="r")


def test_processes_that_do_not_find_one_another_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        UserError, match=r"do not find one another \(.*MASTER_ADDR expected.*torchrun or accelerate launch"
    ):
        join_launch(60, device="cpu", name="r")


def test_one_process_loads_nothing_of_torch_distributed() -> None:
    code = (
        "import sys; from harness_grpo.processes import ALONE\n"
        "assert ALONE.once(lambda: 3) == 3 and ALONE.gather(4) == [4]\n"
        "ALONE.sum_gradients([])\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
