from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import UserError
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.sft import Sft
from harness_grpo.training_setup import make_setup, rate

from .conftest import Curves, points, sft, training

QUICK: dict[str, Any] = {"batch": 4, "lr": 1e-3, "freeze": ["vision"]}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
    ],
)
def test_the_learning_rate_rises_and_falls_as_it_should(schedule: str, expected: list[float]) -> None:
    options = SftOptions.model_validate({"steps": 6, "warmup": 2, "lr": 0.01, "schedule": schedule})
    assert [rate(options, number) for number in range(6)] == pytest.approx([0.01 * one for one in expected])


def test_the_optimizer_goes_by_it(taught: Path, tmp_path: Path) -> None:
    """AdamW's first step has the size of the learning rate, for any gradient."""
    options = SftOptions(lr=0.01, warmup=4, steps=8, batch=2, max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    before = {name: one.detach().clone() for name, one in policy.trained.items()}
    setup = make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    Sft(setup, options).step(0)
    moved = max(float((one - before[name]).abs().max().detach()) for name, one in policy.trained.items())
    assert moved == pytest.approx(0.01 / 4, rel=1e-2)


def test_gradients_are_scaled_down_to_the_greatest_norm_and_no_further(taught: Path, tmp_path: Path) -> None:
    def steps(most: float) -> Curves:
        curves = Curves()
        whole = training(tmp_path / str(most), taught, tasks=[points("red", 4)], curves=curves)
        sft(whole, **QUICK, steps=1, max_grad_norm=most)
        return curves

    assert steps(1e-3).of("grad_norm") == steps(1e3).of("grad_norm"), "what is logged is the norm before"
    options = SftOptions(max_grad_norm=0.5, max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    setup = make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    seen: list[float] = []
    setup.optimizer.step = lambda: seen.append(  # type: ignore[method-assign, assignment]
        math.sqrt(sum(float(one.grad.square().sum()) for one in policy.trained.values() if one.grad is not None))
    )
    for size in (3.0, 0.1):
        some = next(iter(policy.trained.values()))
        some.grad = torch.full_like(some, size / math.sqrt(some.numel()))
        assert setup.apply(1.0, 0) == pytest.approx(size, rel=1e-4)
    assert seen == pytest.approx([0.5, 0.1], rel=1e-4)


@pytest.mark.parametrize(("loss", "gradient"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_neither_loss_nor_gradient_may_be_other_than_finite(
    taught: Path, tmp_path: Path, loss: float, gradient: float
) -> None:
    options = SftOptions(max_new_tokens=24)
    policy = Policy(str(taught), options, name="recipe", seed=0)
    setup = make_setup(training(tmp_path, taught, tasks=[points("red", 2)]), options, policy)
    before = {name: one.detach().clone() for name, one in policy.trained.items()}
    policy.trained["lm_head.weight"].grad = torch.full_like(policy.trained["lm_head.weight"], gradient)
    with pytest.raises(UserError, match=f"the loss of step 8 is {loss}"):
        setup.apply(loss, 7)
    assert all(torch.equal(one, before[name]) for name, one in policy.trained.items())
    assert not setup.optimizer.state
