"""The precision of a training: of its weights, of what it computes with them, and how the optimizer runs on a device.

Weights that are all trained stay in float32, because half precision rounds most steps away. To compute in bfloat16 is
another thing: `dtype: bfloat16` multiplies rounded copies of float32 weights (mixed precision, arXiv 1710.03740), and
each step changes the float32 ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from harness_grpo.options import TrainerOptions

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter
    from torch.optim import Optimizer


def opening_dtype(options: TrainerOptions) -> Literal["auto", "float32", "bfloat16", "float16"]:
    """The dtype to open weights in: steps of a full training are too small for half precision."""
    if options.dtype == "float64" or options.lora is None:
        return "float32"
    return options.dtype


def compute_dtype(options: TrainerOptions) -> torch.dtype | None:
    """The dtype to compute in where it is not that of the weights."""
    import torch

    return torch.bfloat16 if options.lora is None and options.dtype == "bfloat16" else None


def autocast(device: str, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    """While the block runs, matrices are multiplied in a dtype. `None` leaves them as they are.

    Leave it between a pass without gradients and one with: autocast remembers its copies of the weights in a block.
    """
    import torch

    return nullcontext() if dtype is None else torch.autocast(device, dtype=dtype)


@contextmanager
def matmul_precision(options: TrainerOptions, device: str) -> Iterator[None]:
    """While the block runs, float32 matrices are multiplied in TF32 where the options say so and the device is CUDA."""
    import torch

    before = torch.get_float32_matmul_precision()
    if options.tf32 and device == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def make_optimizer(parameters: Sequence[Parameter], options: TrainerOptions) -> Optimizer:
    """AdamW (arXiv 1711.05101), in one kernel on CUDA unless the options want its moments elsewhere or smaller.

    Raises:
        UserError: `optimizer: adamw_8bit` needs a package that is not installed.
    """
    import torch

    from harness_grpo.optimizers import OffloadedAdamW, make_eight_bit_adamw

    if options.optimizer == "adamw_8bit":
        return make_eight_bit_adamw(list(parameters), lr=options.lr, weight_decay=options.weight_decay)
    if options.offload_optimizer:
        return OffloadedAdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    # Elsewhere one tensor after the other: `foreach` needs about one more copy of the parameters at its peak.
    fused = parameters[0].device.type == "cuda"
    kind: dict[str, Any] = {"fused": True} if fused else {"foreach": False}
    return torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay, **kind)
