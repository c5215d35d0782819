"""What an option means to TRL: held against the native objective on fixed tensors, by TRL's own code."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import trl

from harness.api import UserError
from harness_grpo.objective import aggregate, kl, row_weights, token_loss
from harness_transformers.loading import WeightsSource
from harness_trl.arguments import explain_errors, grpo_arguments, sft_arguments
from harness_trl.options import TrlGrpoOptions, TrlSftOptions

from .conftest import TINY, points, training

N, T = 8, 6
SOURCE = WeightsSource("/somewhere", None)


def arguments(tmp_path: Path, **given: Any) -> dict[str, Any]:
    return grpo_arguments(training(tmp_path, None, tasks=[points("t", 4)]), options(**given), SOURCE)


def options(**given: Any) -> TrlGrpoOptions:
    return TrlGrpoOptions.model_validate({**TINY, "max_new_tokens": T, "batch": 2, "group": 4, **given})


class Accelerator(SimpleNamespace):
    """One process."""

    num_processes, sync_gradients = 1, True

    def gather(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    def reduce(self, tensor: torch.Tensor, reduction: str) -> torch.Tensor:
        return tensor


def theirs(given: dict[str, Any], logp: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of `trl.GRPOTrainer` in a step of one pass, with the log-probabilities given."""
    config = trl.GRPOConfig(**{**given, "per_device_train_batch_size": N, "gradient_accumulation_steps": 1})
    trainer = SimpleNamespace(
        args=config,
        accelerator=Accelerator(),
        model=SimpleNamespace(training=True),
        loss_type=config.loss_type,
        beta=config.beta,
        epsilon_low=config.epsilon,
        epsilon_high=config.epsilon_high,
        importance_sampling_level=config.importance_sampling_level,
        max_completion_length=config.max_completion_length,
        current_gradient_accumulation_steps=1,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        vllm_importance_sampling_correction=False,
        _entropy_bonus_enabled=False,
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp, torch.zeros_like(logp), None),
    )
    loss: torch.Tensor = trl.GRPOTrainer._compute_loss(trainer, None, batch)
    return loss


@pytest.mark.parametrize(
    ("objective", "further"),
    [
        *((kind, {}) for kind in ("grpo", "dr_grpo", "dapo", "bnpo", "gspo", "cispo")),
        *((kind, {"clip_low": 0.1, "clip_high": 0.15}) for kind in ("dapo", "gspo", "cispo")),
        *((kind, {"dual_clip": 1.5}) for kind in ("dapo", "gspo")),
        *((kind, {"kl_weight": 0.3}) for kind in ("dapo", "gspo", "cispo")),
    ],
)
def test_an_objective_is_the_same_to_trl_as_to_the_native_trainer(
    tmp_path: Path, objective: Any, further: dict[str, Any]
) -> None:
    wanted = options(objective=objective, **further)
    dice = torch.Generator().manual_seed(1)
    old, ref = (-2 * torch.rand(N, T, generator=dice) for _ in range(2))
    logp = (old + 0.5 * torch.randn(N, T, generator=dice)).requires_grad_()
    advantage = torch.randn(N, generator=dice)
    mask = torch.arange(T) < torch.randint(1, T + 1, (N, 1), generator=dice)
    term = token_loss(
        logp,
        old,
        advantage,
        mask,
        kind=objective,
        clip_low=wanted.clip_low,
        clip_high=wanted.clip_high,
        dual_clip=wanted.dual_clip,
    )
    loss = term.loss + wanted.kl_weight * kl(logp, ref, mask, kind="k3")
    ours = aggregate(loss, mask, row_weights(mask, kind=objective, longest=T))
    (gradient,) = torch.autograd.grad(ours, logp)
    batch = {
        "prompt_ids": torch.zeros(N, 1, dtype=torch.long),
        "prompt_mask": torch.ones(N, 1, dtype=torch.long),
        "completion_ids": torch.zeros(N, T, dtype=torch.long),
        "completion_mask": mask.long(),
        "advantages": advantage,
        "old_per_token_logps": old,
        "ref_per_token_logps": ref,
        "num_items_in_batch": mask.sum(),
    }
    loss_there = theirs(arguments(tmp_path, objective=objective, **further), logp, batch)
    (gradient_there,) = torch.autograd.grad(loss_there, logp)
    assert float(loss_there.detach()) == pytest.approx(float(ours.detach()), rel=1e-5, abs=1e-6)
    assert torch.allclose(gradient, gradient_there, atol=1e-6)
    assert float(gradient.abs().max()) > 1e-3


def test_steps_are_batches_of_answers_and_not_optimizer_steps(tmp_path: Path) -> None:
    given = arguments(tmp_path, steps=10, updates=3, warmup=2, save_every=5, batch=2, group=4, per_device=2)
    config = trl.GRPOConfig(**given)
    assert (config.max_steps, config.warmup_steps, config.save_steps, config.logging_steps) == (30, 6, 15, 3)
    assert (config.gradient_accumulation_steps, config.generation_batch_size) == (4, 8)
    assert config.num_iterations == 3


def test_a_batch_is_spread_over_the_devices_of_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    given = arguments(tmp_path, batch=16, group=4, per_device=8)
    assert given["per_device_train_batch_size"] * given["gradient_accumulation_steps"] * 4 == 64
    with pytest.raises(UserError, match=r"the 24 rows of a step \(batch 6 x group 4\) do not split over 4 device"):
        arguments(tmp_path, batch=6, group=4, per_device=4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trl": {"top_pp": 0.9}}, r"trl.top_pp: GRPOConfig has no such argument; did you mean top_p\?"),
        ({"trl": {"xyzzy": 1}}, r"trl.xyzzy: GRPOConfig has no such argument; see TRL's documentation"),
        ({"trl": {"loss_type": "dapo"}, "objective": "gspo"}, r"trl.loss_type: set objective; remove it from trl"),
        ({"trl": {"learning_rate": 1e-5}}, r"trl.learning_rate: set lr"),
        ({"trl": {"weight_decay": 0.1}}, r"trl.weight_decay: set weight_decay beside trl"),
        ({"vllm": {"mode": "colocate"}}, r"vllm: is not installed"),
    ],
)
def test_what_is_passed_on_is_checked_by_name(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        arguments(tmp_path, **given)


def test_vllm_is_told_by_names_without_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness_trl.arguments.find_spec", lambda name: object())
    given = arguments(tmp_path, vllm={"mode": "server", "server_host": "10.0.0.2"})
    assert (given["use_vllm"], given["vllm_mode"], given["vllm_server_host"]) == (True, "server", "10.0.0.2")
    with pytest.raises(UserError, match=r"vllm.gpu_memory: TRL has no such argument; did you mean gpu_memory_util"):
        arguments(tmp_path, vllm={"gpu_memory": 0.3})


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "colocate", "tensor_parallel_size": 2, "enable_sleep_mode": True, "gpu_memory_utilization": 0.3},
        {"mode": "colocate", "max_model_length": 8192, "importance_sampling_clip_max": 2.0},
        {"mode": "server", "server_host": "10.0.0.2", "server_port": 8000, "group_port": 51216},
    ],
)
def test_what_the_page_says_of_vllm_is_what_trl_takes(
    tmp_path: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_trl.arguments.find_spec", lambda name: object())
    made = arguments(tmp_path, vllm=given, lora={"rank": 4})
    assert {name: made[f"vllm_{name}"] for name in given} == given
    trl.GRPOConfig(**made)


def test_an_adapter_and_vllm_need_weights_that_do_not_round_it(tmp_path: Path) -> None:
    given: dict[str, Any] = {**TINY, "batch": 4, "vllm": {"mode": "colocate"}}
    for dtype in ("auto", "bfloat16", "float16"):
        with pytest.raises(ValueError, match="half precision would round both; set dtype: float32"):
            TrlGrpoOptions(**{**given, "dtype": dtype, "lora": {"rank": 4}})
        TrlGrpoOptions(**{**given, "dtype": dtype})
    with pytest.raises(ValueError, match="add the adapter to a base in four bits"):
        TrlGrpoOptions(**{**given, "dtype": "float32", "lora": {"rank": 4, "load_in_4bit": True}})


def test_adding_an_adapter_to_half_precision_and_taking_it_off_moves_the_base() -> None:
    """What `vllm` with `lora` is refused for: TRL 1.16 does it with peft for each batch of answers."""
    peft = pytest.importorskip("peft")
    import torch

    moved = {}
    for dtype in (torch.float32, torch.bfloat16):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model: Any = torch.nn.Sequential(torch.nn.Linear(128, 128, bias=False))
            model[0].weight.data.normal_(0, 0.02)
            adapted: Any = peft.get_peft_model(model.to(dtype), peft.LoraConfig(r=4, target_modules=["0"]))
            layer = adapted.base_model.model[0]
            layer.lora_B["default"].weight.data.normal_(0, 1e-3)
        before, delta = layer.base_layer.weight.detach().clone(), layer.get_delta_weight("default").norm()
        adapted.merge_adapter()
        adapted.unmerge_adapter()
        moved[dtype] = float(((layer.base_layer.weight - before).norm() / delta).detach())
    assert moved[torch.float32] < 1e-5
    assert moved[torch.bfloat16] > 1e-2


def test_what_is_passed_on_reaches_the_configuration(tmp_path: Path) -> None:
    recipe = training(tmp_path, None, tasks=[points("t", 4)])
    further = {"adam_beta2": 0.95, "model_init_kwargs": {"use_kernels": True}}
    given = sft_arguments(recipe, TrlSftOptions(**TINY, trl=further), SOURCE)
    assert given["adam_beta2"] == 0.95
    assert given["model_init_kwargs"] == {
        "dtype": "float32",
        "attn_implementation": "sdpa",
        "use_safetensors": True,
        "local_files_only": True,
        "device_map": None,
        "use_kernels": True,
    }
    assert sft_arguments(recipe, TrlSftOptions(**TINY, trl={"loss_type": "dft"}), SOURCE)["loss_type"] == "dft"


def test_the_optimizer_has_the_name_of_transformers(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    recipe = training(tmp_path, tmp_path, tasks=[points("red", 4)])
    source = WeightsSource(str(tmp_path), None)
    assert "optim" not in sft_arguments(recipe, TrlSftOptions(batch=4, device="cpu"), source)
    options = TrlSftOptions(batch=4, device="cpu", optimizer="adamw_8bit")
    assert sft_arguments(recipe, options, source)["optim"] == "adamw_8bit"
    twice = TrlSftOptions(batch=4, device="cpu", optimizer="adamw_8bit", trl={"optim": "adafactor"})
    with pytest.raises(UserError, match=r"trl\.optim: optimizer is set as well"):
        sft_arguments(recipe, twice, source)
    with pytest.raises(ValueError, match="offload_optimizer: TRL's optimizer is accelerate's to place"):
        TrlSftOptions(offload_optimizer=True)  # type: ignore[call-arg]


def test_what_trl_refuses_is_an_error_of_the_recipe(tmp_path: Path) -> None:
    given = {**arguments(tmp_path, trl={"top_entropy_quantile": 0.5}), "num_generations": 3}
    with (
        pytest.raises(UserError, match=r"recipe r: TRL refuses it \(generation_batch_size .* must be divisible"),
        explain_errors("r"),
    ):
        trl.GRPOConfig(**given)
