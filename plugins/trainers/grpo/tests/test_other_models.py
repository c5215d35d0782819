"""Whole trainings of models of Qwen's shapes: all weights, adapters, experts, half precision, stops, processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from harness.api import Judgement, Request, Training, Verdict
from harness.testing import FakeContext
from harness_grpo.memory.native import plan_memory
from harness_grpo.options import GrpoOptions, LoraOptions
from harness_grpo.policy import Policy
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions
from harness_transformers.testing.qwen import FAMILIES, make_tiny_qwen

from .conftest import Curves, fixed, grpo, pairs, points, question, rewarded, sft, training, weights_of
from .test_processes import WITHIN, end, launch

pytestmark = [pytest.mark.torchvision, pytest.mark.timeout(900)]

LOOK = {"every": 2, "limit": 2}
SFT: dict[str, Any] = {"steps": 2, "batch": 4, "lr": 1e-3, "max_new_tokens": 6, "max_grad_norm": 100.0}
GRPO: dict[str, Any] = {
    "steps": 2,
    "batch": 3,
    "group": 3,
    "lr": 1e-3,
    "max_new_tokens": 8,
    "mask_truncated": False,
    "max_grad_norm": 100.0,
}
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]


def fine(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
    """Hardly any two answers earn the same, so that there is something to learn from each."""
    return sum(map(ord, judgement.raw)) % 101 / 100


def lora_of(qwen: Path, **more: Any) -> dict[str, Any]:
    """An adapter on all that is linear, and on the experts where there are any."""
    return {"rank": 2, **({"parameters": EXPERTS} if "moe" in qwen.name else {}), **more}


def recipe_in(folder: Path, model: Path, curves: Curves | None = None, *, validates: bool = True) -> Training:
    """One picture, two pictures, and none."""
    words = fixed("words", [question("words", number) for number in range(3)])
    tasks = [points("red", 4), pairs("pair", 2), words]
    if not validates:
        tasks = [replace(task, validation=None) for task in tasks]
    return training(folder, model, tasks=tasks, rewards=rewarded(fine), curves=curves)


def assert_a_judge_opens(recipe: Training) -> None:
    """And sees something: answers differ from picture to picture in their probabilities."""
    options = GenerativeOptions(model=str(recipe.checkpoint), device="cpu", threads=1, mode="verdict")
    judge = LocalJudge(options, FakeContext(workspace=recipe.folder))
    asked = [example.request for task in recipe.tasks for example in task.examples(task.train)]
    found = [judgement.probabilities for _, judgement in judge.judge(asked)]
    assert None not in found
    assert len({str(one) for one in found}) > len(asked) / 2


def moves(before: Path, after: Path) -> dict[str, float]:
    """How far each parameter of a model folder has moved."""
    first, second = (load_file(folder / "model.safetensors") for folder in (before, after))
    assert set(first) == set(second), "the names of the hub are kept"
    return {name: float((first[name].float() - second[name].float()).abs().max()) for name in first}


def test_sft_moves_every_weight_and_is_scored_as_a_judge_opens_it(qwen: Path, tmp_path: Path) -> None:
    logged = Curves()
    recipe = recipe_in(tmp_path, qwen, logged)
    sft(recipe, **SFT, validation=LOOK, gradient_checkpointing=True)
    still = [name for name, by in moves(qwen, recipe.checkpoint).items() if not by]
    assert not still
    assert max(logged.of("delivered/difference").values()) < 1e-4
    assert_a_judge_opens(recipe)


def test_grpo_moves_every_weight_also_with_groups_in_parts(qwen: Path, tmp_path: Path) -> None:
    found = []
    for name, most in (("whole", None), ("parts", 2)):
        recipe = recipe_in(tmp_path / name, qwen)
        grpo(recipe, **GRPO, kl_weight=0.1, updates=2, entropy=True, validation=LOOK, answers_per_pass=most)
        found.append(weights_of(recipe.checkpoint))
        still = [part for part, by in moves(qwen, recipe.checkpoint).items() if not by]
        assert not still
    whole, parts = found
    assert max(float((whole[name] - parts[name]).abs().max()) for name in whole) < WITHIN


def test_an_adapter_is_trained_delivered_trained_on_and_merged(qwen: Path, tmp_path: Path) -> None:
    first = recipe_in(tmp_path / "first", qwen)
    grpo(first, **GRPO, kl_weight=0.1, lora=lora_of(qwen), gradient_checkpointing=True, validation=LOOK)
    learnt = weights_of(first.checkpoint)
    kinds = {"visual", "self_attn", "mlp.experts" if "moe" in qwen.name else "mlp.down_proj"}
    assert all(any(kind in name for name in learnt) for kind in kinds)
    assert all(value.abs().max() > 0 for name, value in learnt.items() if "lora_B" in name)
    assert_a_judge_opens(first)
    second = recipe_in(tmp_path / "second", first.checkpoint)
    sft(second, **SFT, lora=lora_of(qwen, merge=True))
    assert {path.name for path in second.folder.iterdir()} == {"model"}
    assert_a_judge_opens(second)


@pytest.mark.parametrize("whole", [True, False], ids=["all weights", "an adapter"])
def test_half_precision_delivers_what_it_scored(qwen: Path, tmp_path: Path, whole: bool) -> None:
    logged = Curves()
    recipe = recipe_in(tmp_path, qwen, logged)
    grpo(recipe, **GRPO, dtype="bfloat16", lora=None if whole else lora_of(qwen), validation=LOOK)
    assert max(logged.of("delivered/difference").values()) < 3e-2
    assert_a_judge_opens(recipe)


class Stop(BaseException):
    """What a test interrupts with."""


def test_a_training_that_was_stopped_ends_with_the_same_bytes(qwen: Path, tmp_path: Path) -> None:
    def stop(step: int, metrics: Any) -> None:
        if step == 2:
            raise Stop

    options = {**GRPO, "steps": 3, "save_every": 1, "lora": lora_of(qwen)}
    straight, halted = (recipe_in(tmp_path / name, qwen, validates=False) for name in ("straight", "halted"))
    grpo(straight, **options)
    with pytest.raises(Stop):
        grpo(replace(halted, log=stop), **options)
    grpo(halted, **options)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (straight.checkpoint / name).read_bytes() == (halted.checkpoint / name).read_bytes()


@pytest.mark.parametrize("adapts", [False, True], ids=["all weights", "an adapter"])
def test_the_memory_plan_counts_the_weights_that_there_are(qwen: Path, tmp_path: Path, adapts: bool) -> None:
    options = GrpoOptions(**GRPO, lora=LoraOptions(**lora_of(qwen)) if adapts else None)
    found = plan_memory(recipe_in(tmp_path, qwen), options, devices=1)
    policy = Policy(str(qwen), options, name="recipe", seed=0)
    sizes = {name: 4 * parameter.numel() for name, parameter in policy.model.named_parameters()}
    always = found["always"]
    assert always["weights"] == sum(size for name, size in sizes.items() if "lora_" not in name)
    assert always.get("adapter", 0) == sum(size for name, size in sizes.items() if "lora_" in name)
    assert always["optimizer"] == 2 * sum(sizes[name] for name in policy.trained)
    assert ("experts with their adapter" in found["learning"]) == (adapts and "moe" in qwen.name)
    assert found["learning"]["pictures"] > 0


# -- two processes -----------------------------------------------------------------------------------------------------

NEAR = 1e-4
"""Weights after a step of 1e-3, one process beside two. The gradients of the biases of keys are 0 but for rounding,
which the first step of AdamW makes large."""

RUNS: dict[str, Callable[[Training, Path], Any]] = {
    "sharded": lambda recipe, qwen: sft(recipe, **{**SFT, "steps": 1, "batch": 5}, shard=True),
    "sharded-adapter": lambda recipe, qwen: grpo(
        recipe, **{**GRPO, "steps": 1}, shard=True, lora={"rank": 2}, kl_weight=0.1, gradient_checkpointing=True
    ),
    "adapter": lambda recipe, qwen: grpo(recipe, **{**GRPO, "steps": 1}, lora=lora_of(qwen)),
}


def learn_all(folder: Path, models: Path) -> dict[str, Any]:
    """What every launch here trains. Returns the norms of the gradients."""
    norms = {}
    for family in FAMILIES:
        for name, run in RUNS.items():
            logged = Curves()
            run(recipe_in(folder / family / name, models / family, logged, validates=False), models / family)
            norms[f"{family}/{name}"] = list(logged.of("grad_norm").values())
    return norms


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The same trainings by one process, in `one`, and by two, in `two`."""
    folder = tmp_path_factory.mktemp("both")
    for family in FAMILIES:
        make_tiny_qwen(folder / "models" / family, family)
    alone = json.loads(json.dumps(learn_all(folder / "one", folder / "models")))
    end(running := launch("learn_all", folder / "two", folder / "models", module="test_other_models"))
    assert running.returncode == 0, (folder / "two" / "printed").read_text()
    return folder, alone, json.loads((folder / "two" / "said" / "0").read_text())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("run", RUNS)
def test_two_processes_learn_what_one_learns(both: Any, family: str, run: str) -> None:
    folder, alone, together = both
    one, two = (weights_of(folder / name / family / run / "model") for name in ("one", "two"))
    assert set(one) == set(two)
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < NEAR
    norms, others = (found[f"{family}/{run}"] for found in (alone, together))
    assert min(norms) > 1e-2
    assert others == pytest.approx(norms, rel=1e-3)
