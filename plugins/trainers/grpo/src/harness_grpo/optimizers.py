"""AdamW (arXiv 1711.05101) that takes less memory of the device: its moments on the CPU, or in eight bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim.adamw import adamw

from harness_transformers.four_bits import import_bitsandbytes


class OffloadedAdamW(torch.optim.Optimizer):
    """AdamW whose moments are on the CPU and whose steps are computed there, as in ZeRO-Offload (arXiv 2101.06840).

    A step copies each parameter and its gradient to the CPU, one after the other, and the parameter back. On the CPU it
    is `torch.optim.AdamW` with `foreach=False`, to the last bit.

    Args:
        parameters: What is trained.
        lr: Learning rate.
        weight_decay: Of AdamW.
    """

    def __init__(self, parameters: Iterable[Parameter], *, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "betas": (0.9, 0.999), "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # it returns no loss
        """One step along the gradients that there are."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, group)

    def _step(self, parameter: Parameter, group: dict[str, Any]) -> None:
        here, gradient = parameter.detach().cpu(), parameter.grad.cpu() if parameter.grad is not None else None
        assert gradient is not None
        state = self.state[parameter]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(here), torch.zeros_like(here)
        adamw(
            [here],
            [gradient],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            foreach=False,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )
        # On the CPU both are the same memory.
        if parameter.device.type != "cpu":
            parameter.copy_(here)


def make_eight_bit_adamw(parameters: list[Parameter], *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW with moments in eight bits, rounded in blocks (arXiv 2110.02861). Those of small parameters stay float32.

    Raises:
        UserError: bitsandbytes is not installed.
    """
    bitsandbytes = import_bitsandbytes("optimizer: adamw_8bit", parameters[0].device.type)
    made: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(parameters, lr=lr, weight_decay=weight_decay)
    return made
