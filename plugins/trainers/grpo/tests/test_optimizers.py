"""Moments on the CPU and in eight bits: steps against those of torch, and states that training goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from harness.api import UserError
from harness_grpo import sft as method
from harness_grpo.memory.native import plan_memory
from harness_grpo.optimizers import OffloadedAdamW, make_eight_bit_adamw
from harness_grpo.options import LoraOptions, SftOptions
from harness_transformers import four_bits

from .conftest import points, sft, training, weights_of

QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-2, "freeze": ["vision"], "validation": {"every": 9, "limit": 2}}


def parameters() -> list[Parameter]:
    made = torch.Generator().manual_seed(0)
    return [Parameter(torch.randn(shape, generator=made)) for shape in ((80, 90), (7,))]


def descend(optimizer: torch.optim.Optimizer, values: list[Parameter], *, steps: int) -> None:
    """Steps along gradients of different sizes, the same ones each time that it is called."""
    made = torch.Generator().manual_seed(1)
    for number in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 / (number + 1)
        for value in values:
            value.grad = value.detach() * 10.0 ** (number % 3) + torch.randn(value.shape, generator=made)
        optimizer.step()


def test_with_moments_on_the_cpu_steps_are_those_of_torch_to_the_bit() -> None:
    ours, theirs = parameters(), parameters()
    descend(OffloadedAdamW(ours, lr=1e-2, weight_decay=0.1), ours, steps=7)
    descend(torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1, foreach=False), theirs, steps=7)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def test_moments_are_kept_on_the_cpu() -> None:
    value = Parameter(torch.ones(3, 4))
    optimizer = OffloadedAdamW([value], lr=1e-2, weight_decay=0.0)
    value.grad = torch.ones(3, 4)
    optimizer.step()
    assert torch.allclose(value, torch.full((3, 4), 0.99))
    assert {part: kept.device.type for part, kept in optimizer.state[value].items()} == dict.fromkeys(
        ("step", "exp_avg", "exp_avg_sq"), "cpu"
    )


def test_in_eight_bits_steps_are_close_and_moments_take_a_byte() -> None:
    pytest.importorskip("bitsandbytes")
    ours, theirs, before = parameters(), parameters(), parameters()
    optimizer = make_eight_bit_adamw(ours, lr=1e-2, weight_decay=0.1)
    descend(optimizer, ours, steps=20)
    descend(torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1, foreach=False), theirs, steps=20)
    large, small = (
        float((one - other).detach().norm() / (other - start).detach().norm())
        for one, other, start in zip(ours, theirs, before, strict=True)
    )
    # Rounding moments costs a few percent of the way; small parameters keep exact ones.
    assert 1e-6 < large < 0.1
    assert small < 1e-5
    assert optimizer.state[ours[0]]["state1"].dtype == torch.uint8
    assert optimizer.state[ours[1]]["state1"].dtype == torch.float32


@pytest.mark.parametrize("given", [{"optimizer": "adamw_8bit"}, {"offload_optimizer": True}])
def test_a_stop_is_not_seen_in_the_weights(
    taught: Path, tmp_path: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "optimizer" in given:
        pytest.importorskip("bitsandbytes")
    more = {**QUICK, **given, "steps": 4, "save_every": 1}
    alone, stopped = (training(tmp_path / name, taught, tasks=[points("red", 8)]) for name in ("alone", "stopped"))
    sft(alone, **more)
    step = method.Sft.step

    def stop(self: Any, number: int) -> dict[str, float]:
        if number == 2:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(method.Sft, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        sft(stopped, **more)
    monkeypatch.undo()
    sft(stopped, **more)
    ours, theirs = weights_of(alone.checkpoint), weights_of(stopped.checkpoint)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    if "offload_optimizer" in given:  # where it is computed is no part of what is trained
        plain = training(tmp_path / "plain", taught, tasks=[points("red", 8)])
        sft(plain, **{**more, "offload_optimizer": False})
        assert all(torch.equal(value, ours[name]) for name, value in weights_of(plain.checkpoint).items())


def test_without_bitsandbytes_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(four_bits, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"optimizer: adamw_8bit needs bitsandbytes; pip install"):
        make_eight_bit_adamw(parameters(), lr=1e-2, weight_decay=0.0)


def test_the_plan_knows_where_moments_are_and_how_large(tiny: Path, tmp_path: Path) -> None:
    whole = training(tmp_path, tiny, tasks=[points("red", 4)])

    def plan(**given: Any) -> Any:
        return plan_memory(whole, SftOptions(**given), devices=1)

    plain, few, away = plan(), plan(optimizer="adamw_8bit"), plan(offload_optimizer=True)
    assert plain["always"]["optimizer"] == 2 * plain["always"]["weights"]
    assert few["always"]["optimizer"] == pytest.approx(plain["always"]["optimizer"] / 4, rel=0.04)
    assert "optimizer" not in away["always"]
    assert away["host"]["optimizer"] == plain["always"]["optimizer"]
    adapter = plan(lora=LoraOptions(rank=2), offload_optimizer=True)
    assert adapter["host"]["optimizer"] == 2 * adapter["always"]["adapter"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"offload_optimizer": True}, "offload_optimizer: is for adamw"),
        ({"dtype": "float64"}, "adamw_8bit has no float64"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SftOptions(optimizer="adamw_8bit", **given)
