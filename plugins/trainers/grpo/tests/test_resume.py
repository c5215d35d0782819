"""An interrupted training ends with the same weights, bit for bit, as one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from harness.api import Training, TrainingResult, UserError
from harness.testing import FakeContext
from harness_grpo import state
from harness_grpo.grpo import GrpoTrainer
from harness_grpo.options import GrpoOptions, LoraOptions, SftOptions, ValidationOptions
from harness_grpo.sft import SftTrainer

from .conftest import Curves, length, pairs, points, rewarded, training, weights_of, well_formed

STEPS = 4
COMMON: dict[str, Any] = {
    "steps": STEPS,
    "lr": 1e-2,
    "schedule": "cosine",
    "warmup": 2,
    "weight_decay": 0.1,
    "max_new_tokens": 16,
    "save_every": 2,
    "validation": ValidationOptions(every=2, limit=3),
}
GRPO = {
    "every part": GrpoOptions(
        **COMMON,
        batch=4,
        group=3,
        mixing="adaptive",
        refill=1,
        updates=2,
        kl_weight=0.1,
        advantage="task",
        mask_truncated=False,
    ),
    "bfloat16 in parts": GrpoOptions(
        **COMMON, batch=3, group=3, dtype="bfloat16", answers_per_pass=2, mask_truncated=False
    ),
    "an adapter": GrpoOptions(**COMMON, batch=3, group=2, lora=LoraOptions(rank=2), kl_weight=0.1),
}


def grpo(
    folder: Path, model: Path, options: GrpoOptions, *, stop: Callable[[int], None] | None = None
) -> TrainingResult:
    """Two tasks of three and four items in batches of four: four steps are several epochs of each."""
    curves = Curves()
    whole = training(
        folder,
        model,
        tasks=[points("red", 4), pairs("pair", 3)],
        rewards=rewarded(length, well_formed),
        curves=curves,
    )
    return GrpoTrainer(options, FakeContext(workspace=folder)).train(stopping(whole, stop))


def sft(folder: Path, model: Path, *, stop: Callable[[int], None] | None = None) -> TrainingResult:
    whole = training(folder, model, tasks=[points("red", 4), pairs("pair", 3)])
    return SftTrainer(SftOptions(**COMMON, batch=4), FakeContext(workspace=folder)).train(stopping(whole, stop))


def stopping(whole: Training, stop: Callable[[int], None] | None) -> Training:
    """The same, with something done as a step is logged: after its update, before it is kept."""
    if stop is None:
        return whole
    from dataclasses import replace

    def log(step: int, metrics: Any) -> None:
        if not any(name.startswith("validation/") for name in metrics):
            stop(step)

    return replace(whole, log=log)


class Stop(BaseException):
    """What a test interrupts with."""


def at(wanted: int) -> Callable[[int], None]:
    def stop(step: int) -> None:
        if step == wanted:
            raise Stop

    return stop


def same_files(one: Path, two: Path) -> None:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize("kind", GRPO)
def test_grpo_stopped_at_any_step_ends_with_the_same_bytes(taught: Path, tmp_path: Path, kind: str) -> None:
    whole = grpo(tmp_path / "whole", taught, GRPO[kind])
    start, end = load_file(taught / "model.safetensors"), weights_of(tmp_path / "whole" / "model")
    # The matrices B of an adapter begin as 0.
    moved = max(float((start.get(name, 0.0) - end[name]).abs().max()) for name in end if "lora_A" not in name)
    assert moved > 1e-3, "it learns something at all"
    for step in range(1, STEPS + 1):
        folder = tmp_path / f"stopped at {step}"
        with pytest.raises(Stop):
            grpo(folder, taught, GRPO[kind], stop=at(step))
        assert grpo(folder, taught, GRPO[kind]) == whole
        same_files(tmp_path / "whole" / "model", folder / "model")
        logs = [(one / "completions.jsonl").read_text() for one in (tmp_path / "whole", folder)]
        assert logs[0] == logs[1], "each step is in the log once"


def test_sft_stopped_at_any_step_ends_with_the_same_bytes(taught: Path, tmp_path: Path) -> None:
    whole = sft(tmp_path / "whole", taught)
    for step in (1, 2, 3):
        folder = tmp_path / f"stopped at {step}"
        with pytest.raises(Stop):
            sft(folder, taught, stop=at(step))
        assert sft(folder, taught) == whole
        same_files(tmp_path / "whole" / "model", folder / "model")


@pytest.mark.slow
def test_a_killed_process_goes_on_exactly(taught: Path, tmp_path: Path) -> None:
    whole = grpo(tmp_path / "whole", taught, GRPO["every part"])
    folder = tmp_path / "killed"
    script = (
        "import importlib.util, os, signal, sys, types; from pathlib import Path\n"
        "here = Path(sys.argv[1]); package = types.ModuleType('kit'); package.__path__ = [str(here)]\n"
        "sys.modules['kit'] = package\n"
        "from kit.test_resume import GRPO, grpo\n"
        "stop = lambda step: step == 3 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "grpo(Path(sys.argv[2]), Path(sys.argv[3]), GRPO['every part'], stop=stop)\n"
    )
    arguments = [sys.executable, "-c", script, str(Path(__file__).parent), str(folder), str(taught)]
    ended = subprocess.run(arguments, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert sorted(path.name for path in folder.glob("state-*")) == ["state-00000002"]
    assert grpo(folder, taught, GRPO["every part"]) == whole
    same_files(tmp_path / "whole" / "model", folder / "model")


def test_what_a_crash_left_half_written_is_not_gone_on_from(taught: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(Stop):
        grpo(folder, taught, GRPO["every part"], stop=at(3))
    (folder / ".state-00000099.1").mkdir()
    (folder / "state-00000098").mkdir()
    whole = grpo(tmp_path / "whole", taught, GRPO["every part"])
    assert grpo(folder, taught, GRPO["every part"]) == whole
    assert not list(folder.glob("*state-*")), "a finished training keeps no states"


def test_a_state_of_another_model_is_refused(taught: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(Stop):
        grpo(folder, taught, GRPO["every part"], stop=at(3))
    with pytest.raises(UserError, match="weights of another model; run with --fresh"):
        grpo(folder, taught, GRPO["an adapter"])


def test_a_damaged_state_is_refused_by_name(taught: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(Stop):
        grpo(folder, taught, GRPO["every part"], stop=at(3))
    kept = folder / "state-00000002"
    assert json.loads((kept / "state.json").read_text())["step"] == 2
    (kept / "weights.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"state-00000002: cannot be read .*--fresh"):
        grpo(folder, taught, GRPO["every part"])


def test_what_the_start_scored_is_not_validated_again_after_a_stop(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness_grpo import selection
    from harness_grpo.policy import Policy
    from harness_grpo.validate import scores

    seen: list[bool] = []

    def count(policy: Any, *given: Any, **more: Any) -> dict[str, float]:
        seen.append(isinstance(policy, Policy))
        return scores(policy, *given, **more)

    monkeypatch.setattr(selection, "scores", count)
    with pytest.raises(Stop):
        sft(tmp_path / "stopped", taught, stop=at(1))
    assert (tmp_path / "stopped" / "start.json").is_file()
    said = capsys.readouterr().err.splitlines()
    assert said[:4] == [
        "recipe: opening the model ...",
        "recipe: trains 100 % of the weights (84,256 of 84,256)",
        "recipe: reading the data of 2 tasks ...",
        "recipe: validating the start ...",
    ]
    again = sft(tmp_path / "stopped", taught)
    assert seen.count(True) == 1, "the start was scored once"
    whole = sft(tmp_path / "whole", taught)
    assert (again.scores, again.notes) == (whole.scores, whole.notes)
    same_files(tmp_path / "whole" / "model", tmp_path / "stopped" / "model")
    assert not (tmp_path / "stopped" / "start.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"start": "x", "skipped": {}}', '{"start": 1}'])
def test_a_damaged_record_of_the_start_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "start.json").write_text(text)
    assert state.read_start(tmp_path) is None
    state.keep_start(tmp_path, {"start": 0.5, "skipped": {"red": 2}})
    assert state.read_start(tmp_path) == {"start": 0.5, "skipped": {"red": 2}}
    state.forget_start(tmp_path)
    assert state.read_start(tmp_path) is None
