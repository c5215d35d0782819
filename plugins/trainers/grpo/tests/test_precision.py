from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from harness_grpo.options import GrpoOptions, LoraOptions, SftOptions
from harness_grpo.policy import Policy
from harness_grpo.precision import autocast, make_optimizer, matmul_precision
from harness_grpo.prefix import PrefixScorer, Rollouts

from .conftest import Curves, grpo, length, points, rewarded, sft, training, weights_of
from .test_adapters import wordiness
from .test_policy import asked, opened


def scorer(policy: Policy, mode: Any = "repeat") -> PrefixScorer:
    return PrefixScorer(policy.model, mode=mode, pad=policy.opened.language.pad, compute=policy.compute)


def rollouts(policy: Policy) -> list[Rollouts]:
    return [Rollouts(asked(policy, number).prompt, ((20, 21, 22, 2), (30, 31, 2), (40, 2))) for number in range(2)]


def projections(policy: Policy) -> list[Tensor]:
    """Takes what a projection of the language model gives, from now on."""
    given: list[Tensor] = []
    layer = policy.model.model.language_model.layers[0].self_attn.q_proj
    layer.register_forward_hook(lambda _module, _inputs, output: given.append(output))
    return given


def test_experts_are_trained_and_judged_with_in_float64(mixture: Path, tmp_path: Path) -> None:
    """Their kernel for all at once has none, so that another is taken."""
    recipe = training(tmp_path, mixture, tasks=[points("red", 4)])
    sft(recipe, steps=1, batch=2, dtype="float64", max_new_tokens=4, validation={"limit": 2})
    assert {value.dtype for value in weights_of(recipe.checkpoint).values()} == {torch.float64}


# -- bfloat16 over float32 weights -------------------------------------------------------------------------------------


def test_weights_stay_in_float32_and_what_is_computed_is_bfloat16(taught: Path) -> None:
    policy = opened(taught, dtype="bfloat16")
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.float32}
    seen = projections(policy)
    with policy.learning():
        scored = scorer(policy).logps(rollouts(policy))
        torch.autograd.backward(scored.logps.sum())
    assert {output.dtype for output in seen} == {torch.bfloat16}
    assert scored.logps.dtype is torch.float32
    assert {parameter.grad.dtype for parameter in policy.trained.values() if parameter.grad is not None} == {
        torch.float32
    }
    seen.clear()
    with policy.writing() as ready:
        ready.language.prefill([asked(policy).prompt])
    assert {output.dtype for output in seen} == {torch.bfloat16}, "answers are written as they are learnt"


def test_an_adapter_computes_as_its_weights_were_opened(taught: Path) -> None:
    policy = opened(taught, dtype="bfloat16", lora=LoraOptions(rank=2))
    assert policy.compute is None
    assert policy.model.dtype is torch.bfloat16


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_are_those_of_float32_to_the_rounding_of_bfloat16(taught: Path, checkpointing: bool) -> None:
    found = []
    for dtype in ("float32", "bfloat16"):
        policy = opened(taught, dtype=dtype, gradient_checkpointing=checkpointing)
        with policy.learning():
            torch.autograd.backward(scorer(policy).logps(rollouts(policy)).logps.sum())
        found.append(
            torch.cat([parameter.grad.flatten() for parameter in policy.trained.values() if parameter.grad is not None])
        )
    exact, rounded = found
    assert not torch.equal(exact, rounded)
    cosine = torch.nn.functional.cosine_similarity(exact, rounded, dim=0)
    assert cosine > 0.999
    assert (rounded - exact).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("mode", ["packed", "cache"])
def test_prompts_are_shared_in_bfloat16_too(taught: Path, mode: Any) -> None:
    policy = opened(taught, dtype="bfloat16")
    with torch.no_grad():
        expected = scorer(policy).logps(rollouts(policy)).logps
        found = scorer(policy, mode).logps(rollouts(policy)).logps
    assert torch.isfinite(found).all()
    assert (found - expected).abs().mean() < 0.02


def test_a_training_in_bfloat16_moves_what_half_precision_would_round_away(taught: Path, tmp_path: Path) -> None:
    """A step of 1e-6 is less than bfloat16 can add to a weight of 0.01 or more."""
    sft(training(tmp_path, taught, tasks=[points("red", 8)]), steps=2, batch=4, lr=1e-6, dtype="bfloat16")
    start, end = weights_of(taught), weights_of(tmp_path / "model")
    assert {value.dtype for value in end.values()} == {torch.float32}
    name = next(name for name in start if name.endswith("layers.0.mlp.down_proj.weight"))
    assert (start[name] != end[name]).float().mean() > 0.9
    assert (start[name].bfloat16() != end[name].bfloat16()).float().mean() < 0.05


def test_a_training_in_bfloat16_learns_as_one_in_float32(taught: Path, tmp_path: Path) -> None:
    losses = {}
    for dtype in ("float32", "bfloat16"):
        curves = Curves()
        whole = training(tmp_path / dtype, taught, tasks=[points("red", 8)], curves=curves)
        sft(whole, steps=6, batch=4, lr=1e-3, dtype=dtype)
        losses[dtype] = list(curves.of("loss").values())
    assert losses["float32"] != losses["bfloat16"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


@pytest.mark.parametrize("updates", [1, 2])
def test_grpo_in_bfloat16_writes_and_learns(taught: Path, tmp_path: Path, updates: int) -> None:
    curves = Curves()
    whole = training(tmp_path, taught, tasks=[points("red", 8)], rewards=rewarded(wordiness, length), curves=curves)
    grpo(whole, steps=2, batch=3, lr=1e-3, dtype="bfloat16", kl_weight=0.05, updates=updates, mask_truncated=False)
    assert all(0 < norm < 1e3 for norm in curves.of("grad_norm").values())
    if updates == 1:  # nothing has moved yet; the second update of a step sees what the first one did
        assert abs(curves.of("kl")[1]) < 1e-6, "the reference computes as the policy does"


def test_no_copy_of_weights_is_remembered_from_pass_to_pass(taught: Path) -> None:
    """Autocast keeps its copies in a block; a step between two passes must be seen by the second."""
    policy = opened(taught, dtype="bfloat16")
    judge = scorer(policy)
    with torch.no_grad():
        before = judge.logps(rollouts(policy)).logps
        for parameter in policy.trained.values():
            parameter.mul_(1.1)
        after = judge.logps(rollouts(policy)).logps
    assert not torch.allclose(before, after)
    assert not torch.is_autocast_enabled("cpu")


def test_without_another_dtype_nothing_is_cast() -> None:
    with autocast("cpu", None):
        assert not torch.is_autocast_enabled("cpu")


# -- TF32 --------------------------------------------------------------------------------------------------------------


def test_tf32_is_for_cuda_and_ends_with_the_training() -> None:
    before = torch.get_float32_matmul_precision()
    for device, tf32, expected in (("cuda", True, "high"), ("cuda", False, before), ("cpu", True, before)):
        with matmul_precision(SftOptions(tf32=tf32), device):
            assert torch.get_float32_matmul_precision() == expected
        assert torch.get_float32_matmul_precision() == before
    with pytest.raises(KeyError), matmul_precision(SftOptions(tf32=True), "cuda"):
        raise KeyError
    assert torch.get_float32_matmul_precision() == before


# -- the optimizer -----------------------------------------------------------------------------------------------------


def test_the_optimizer_is_fused_on_cuda_alone() -> None:
    on_cpu = make_optimizer([torch.nn.Parameter(torch.ones(2))], GrpoOptions())
    assert on_cpu.param_groups[0]["foreach"] is False
    assert not on_cpu.param_groups[0]["fused"]

    asked_for: dict[str, Any] = {}
    there = SimpleNamespace(device=torch.device("cuda"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", lambda _parameters, **given: asked_for.update(given))
        make_optimizer([there], GrpoOptions())  # type: ignore[list-item]
    assert asked_for["fused"] is True
    assert "foreach" not in asked_for


# -- parts of a group --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["dapo", "gspo", "dr_grpo"])
@pytest.mark.parametrize("most", [1, 3, 5, 12])
def test_a_group_in_parts_learns_the_same(taught: Path, tmp_path: Path, most: int, objective: Any) -> None:
    ended = []
    for place, given in (("whole", {}), ("parts", {"answers_per_pass": most})):
        curves = Curves()
        whole = training(tmp_path / place, taught, tasks=[points("red", 8)], rewards=rewarded(wordiness), curves=curves)
        options = {"steps": 1, "batch": 3, "lr": 1e-3, "kl_weight": 0.1, "updates": 2, "mask_truncated": False}
        grpo(whole, group=4, objective=objective, **options, **given)
        ended.append((curves, weights_of(tmp_path / place / "model")))
    (curves, expected), (others, found) = ended
    for name in ("loss", "grad_norm", "kl", "ratio"):
        if curves.of(name):
            assert others.of(name)[1] == pytest.approx(curves.of(name)[1], rel=1e-4, abs=1e-6), name
    # AdamW divides by the root of the second moment: where a gradient is nearly 0, rounding decides its sign.
    apart = torch.cat([(expected[name] - found[name]).flatten() for name in expected])
    assert apart.abs().mean() < 1e-6


def test_a_pass_holds_no_more_answers_than_asked(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = PrefixScorer.logps

    def count(self: PrefixScorer, groups: Any, **given: Any) -> Any:
        if torch.is_grad_enabled():  # the comparison of what was written is none of it
            seen.append(sum(len(group.completions) for group in groups))
        return plain(self, groups, **given)

    monkeypatch.setattr(PrefixScorer, "logps", count)
    for most, expected in ((1, 1), (3, 3), (4, 4), (9, 8), (100, 16)):
        seen.clear()
        whole = training(tmp_path / str(most), taught, tasks=[points("red", 8)], rewards=rewarded(wordiness))
        grpo(whole, steps=1, batch=4, group=4, groups=4, answers_per_pass=most, mask_truncated=False)
        assert max(seen) == expected, most
        assert sum(seen) == 16
