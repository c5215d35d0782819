"""When two ways to the same logits agree, and when memory is at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = {"float32": 1e-3, "float64": 1e-6}
"""How far two ways to the same logits may be apart, as a share of their spread. Half precision gets `ROUGH`."""

ROUGH = 0.1


def differ(first: Tensor, second: Tensor, dtype: str) -> bool:
    """Whether two ways to the same logits give different ones, beyond what rounding explains."""
    import torch

    if torch.is_autocast_enabled(first.device.type):  # what is computed is rounded further than the weights are
        dtype = str(torch.get_autocast_dtype(first.device.type))
    # As a share of the spread: logits have no scale of their own.
    difference = float((first - second).abs().max() / first.std().clamp(min=1e-12))
    # `not <=` and not `>`: NaN differs.
    return not difference <= TOLERANCE.get(dtype.removeprefix("torch."), ROUGH)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the CPU's allocator, has no more memory."""
    import torch

    # CUDA has an error class of its own; the allocator of the CPU raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("not enough memory" in str(error) or "can't allocate memory" in str(error))
    )
