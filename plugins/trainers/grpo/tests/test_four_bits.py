"""A base in four bits (QLoRA): trained, delivered and opened as a judge in the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import UserError
from harness.testing import FakeContext
from harness_grpo.adapters import describe
from harness_grpo.data import units_of
from harness_grpo.options import LoraOptions, SftOptions
from harness_grpo.policy import Policy
from harness_grpo.reopened import compare, first_prompts, reopen
from harness_grpo.rollout import Prompts
from harness_transformers import four_bits
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions

from .conftest import Curves, grpo, length, points, rewarded, sft, training, weights_of

LORA: dict[str, Any] = {"rank": 2, "alpha": 8, "load_in_4bit": True}
QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-2, "freeze": ["vision"], "validation": {"every": 1, "limit": 4}}


@pytest.fixture(autouse=True)
def has_bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes")


def policy_of(folder: Path, **lora: Any) -> Policy:
    return Policy(str(folder), SftOptions(lora=LoraOptions(**{**LORA, **lora})), name="recipe", seed=0)


def test_linear_layers_are_in_four_bits_and_the_adapter_in_float32(taught: Path) -> None:
    policy = policy_of(taught)
    kinds = {name: parameter.dtype for name, parameter in policy.model.named_parameters()}
    packed = [name for name, kind in kinds.items() if kind == torch.uint8]
    assert any("language_model.layers.0.mlp.up_proj" in name for name in packed)
    assert not any("lm_head" in name or "embed" in name or "lora_" in name for name in packed)
    assert {kinds[name] for name in policy.trained} == {torch.float32}
    # A weight in four bits is off by a few percent: not the exact one, and not noise.
    exact = weights_of(taught)
    layer = dict(policy.model.named_modules())["model.language_model.layers.0.mlp.up_proj.base_layer"]
    bitsandbytes = pytest.importorskip("bitsandbytes")

    meant = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    name = next(name for name in exact if name.endswith("layers.0.mlp.up_proj.weight") and "vision" not in name)
    off = float((meant - exact[name]).norm() / exact[name].norm())
    assert 0.02 < off < 0.2


def test_the_line_about_what_is_trained_counts_numbers_and_not_bytes(taught: Path) -> None:
    plain = Policy(str(taught), SftOptions(lora=LoraOptions(rank=2, alpha=8)), name="recipe", seed=0)
    assert describe(policy_of(taught).model) == describe(plain.model)


@pytest.mark.parametrize("train", [sft, grpo])
@pytest.mark.parametrize("merge", [False, True])
def test_what_is_trained_is_what_a_judge_opens(taught: Path, tmp_path: Path, train: Any, merge: bool) -> None:
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[points("red", 8)], rewards=rewarded(length), curves=curves)
    done = train(whole, **QUICK, steps=2, lora={**LORA, "merge": merge})
    # The same four bits and the same adapter: the same numbers. On the exact base it is another model.
    assert max(curves.of("delivered/difference").values()) < (1e-4 if merge else 1e-5)
    judge = LocalJudge(
        GenerativeOptions(model=str(whole.checkpoint), device="cpu", threads=1, max_new_tokens=24),
        FakeContext(workspace=tmp_path),
    )
    requests = {example.request.key: example for example in whole.tasks[0].examples("validation")}
    right = [
        judgement.verdict == requests[request.key].gold
        for request, judgement in judge.judge(example.request for example in list(requests.values())[:4])
    ]
    assert sum(right) / 4 == done.scores["red/accuracy"]
    assert (whole.checkpoint / four_bits.CONFIG).is_file() != merge
    if merge:
        assert "quantization_config" not in json.loads((whole.checkpoint / "config.json").read_text())
        assert {value.dtype for value in weights_of(whole.checkpoint).values()} == {torch.float32}


def test_a_folder_that_does_not_say_it_is_refused(taught: Path, tmp_path: Path) -> None:
    """As an adapter would be that a judge opens on the exact weights."""
    policy = policy_of(taught)
    with torch.no_grad():
        for value in policy.trained.values():
            value.add_(0.02 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
    policy.save(tmp_path / "adapter")
    options = SftOptions(max_new_tokens=24)

    def difference() -> float:
        written = reopen(tmp_path / "adapter", options, device="cpu", name="recipe")
        asked = first_prompts({"red": units_of(points("red", 4), "train")}, Prompts(written))
        return compare(policy.model, written, asked, name="recipe", most=24)

    assert difference() < 1e-5
    (tmp_path / "adapter" / four_bits.CONFIG).unlink()
    with pytest.raises(UserError, match="differ by"):
        difference()


@pytest.mark.parametrize("name", ["bitsandbytes", "accelerate"])
def test_without_what_it_needs_the_error_says_what_to_install(
    taught: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(four_bits, "find_spec", lambda wanted: None if wanted == name else find_spec(wanted))
    with pytest.raises(UserError, match=rf"needs {name}; pip install 'judge-harness-transformers\[bitsandbytes\]'"):
        policy_of(taught)


def test_on_mps_it_is_refused() -> None:
    with pytest.raises(UserError, match="is not used on mps; take device: cpu"):
        four_bits.import_bitsandbytes("recipe r: a base in four bits", "mps")


def test_code_from_the_hub_is_not_fetched(taught: Path, tmp_path: Path) -> None:
    """On some CPUs bitsandbytes takes compiled code by the package `kernels`, where that is installed."""
    (tmp_path / "kernels.py").write_text("raise SystemExit('fetched')")
    code = (
        "import sys\n"
        "from harness_transformers.four_bits import import_bitsandbytes\n"
        "import_bitsandbytes('x', 'cpu')\n"
        "print('kernels' in sys.modules)\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.parametrize("text", ["{", "[]", '{"load_in_8bit": true, "quant_method": "bitsandbytes"}'])
def test_a_folder_with_another_rounding_is_refused(taught: Path, tmp_path: Path, text: str) -> None:
    policy_of(taught).save(tmp_path / "adapter")
    (tmp_path / "adapter" / four_bits.CONFIG).write_text(text)
    with pytest.raises(UserError, match=r"quantization_config\.json: (cannot be read|asks for a base)"):
        reopen(tmp_path / "adapter", SftOptions(), device="cpu", name="recipe")


def test_a_stop_is_not_seen_in_the_weights(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [points("red", 8)]
    alone = training(tmp_path / "alone", taught, tasks=tasks)
    sft(alone, **QUICK, steps=3, lora=LORA, save_every=1)
    stopped = training(tmp_path / "stopped", taught, tasks=tasks)
    from harness_grpo import sft as method

    step = method.Sft.step

    def stop(self: Any, number: int) -> dict[str, float]:
        if number == 2:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(method.Sft, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        sft(stopped, **QUICK, steps=3, lora=LORA, save_every=1)
    monkeypatch.undo()
    sft(stopped, **QUICK, steps=3, lora=LORA, save_every=1)
    ours, theirs = weights_of(alone.checkpoint), weights_of(stopped.checkpoint)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
