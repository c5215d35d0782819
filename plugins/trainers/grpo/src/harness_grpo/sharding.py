"""Weights, gradients and moments spread over the processes of a launch: FSDP2 of PyTorch (ZeRO-3, arXiv 1910.02054).

Each block of the language model is a unit, and so are its embeddings. The weights of a unit are gathered while it
computes, in the forward and in the backward pass, and its gradients are summed to where they belong. A vision tower
stays whole in each process: a process that has no picture at hand would not gather it, and the others would wait.

Every pass of the model needs all processes. So those that have less to do go on with empty passes until all are done:
`in_step` where nothing is learnt, and the loop pads micro-batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness_grpo.processes import Processes

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer


def names_apart(model: Any) -> set[str]:
    """Names of the parameters outside the language model, which stay whole: those of a vision tower.

    Args:
        model: A generative model of transformers, with or without an adapter.
    """
    parts = [part for part in (model.get_decoder(), model.get_output_embeddings()) if part is not None]
    inside = {id(parameter) for part in parts for parameter in part.parameters()}
    return {name for name, parameter in model.named_parameters() if id(parameter) not in inside}


def _units(model: Any) -> list[Module]:
    """What is gathered at once: the blocks of the language model, and its embeddings where they are not tied."""
    from torch.nn import ModuleList

    lists = [child for child in model.get_decoder().children() if isinstance(child, ModuleList)]
    if not lists:
        raise UserError(f"shard: {type(model).__name__} has no list of blocks that could be spread; leave shard out")
    units: list[Module] = [*max(lists, key=len)]
    words, head = model.get_input_embeddings(), model.get_output_embeddings()
    # Tied embeddings are one parameter, and belong to one unit: the model itself.
    if head is not None and head.weight is not words.weight:
        units += [words, head]
    return units


def shard(model: Any, device: torch.device, compute: torch.dtype | None) -> None:
    """Spread the language model over all processes, each of which keeps its part of every parameter.

    Args:
        model: Whole, on the CPU. Afterwards on the device.
        device: Of this process.
        compute: The dtype that weights are gathered in, where it is not their own.

    Raises:
        UserError: The model has no blocks.
    """
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    precision = MixedPrecisionPolicy(param_dtype=compute, reduce_dtype=torch.float32 if compute else None)
    units, apart = _units(model), names_apart(model)
    whole = {parameter for name, parameter in model.named_parameters() if name in apart}
    for parameter in whole:
        parameter.data = parameter.data.to(device)
    # Weights are given back after each pass, those of the root too: none of them outlives a step of the optimizer.
    for unit in units:
        fully_shard(unit, mesh=mesh, mp_policy=precision, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, mp_policy=precision, reshard_after_forward=True, ignored_params=whole)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # The loss is already that of the whole step: gradients are added up, and not averaged.
            module.set_gradient_divide_factor(1.0)
            module.set_reduce_scatter_unused_params(True, recurse=False)


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process has a part of it alone."""
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def gather_whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor. All processes call it together."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]


def like(whole: Tensor, parameter: Parameter) -> Tensor:
    """This process's part of a whole tensor, as a parameter has it."""
    if not is_sharded(parameter):
        return whole.to(parameter.device)
    from torch.distributed.tensor import distribute_tensor

    spread: Any = parameter
    # Each process has read the whole: nothing is sent.
    return distribute_tensor(whole.to(parameter.device), spread.device_mesh, spread.placements, src_data_rank=None)


def clip(parameters: Sequence[Parameter], most: float) -> float:
    """Scale gradients down to a norm, over all processes. Returns the norm that they had."""
    import torch

    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = [gather_whole(torch.linalg.vector_norm(grad)).double() ** 2 for grad in grads]
    norm = float(torch.stack(squares).sum().sqrt()) if squares else 0.0
    scale = min(1.0, most / (norm + 1e-6))  # as torch.nn.utils.clip_grad_norm_
    for grad in grads:
        grad.mul_(scale)
    return norm


@contextmanager
def in_step(model: Any, processes: Processes, pad: int) -> Iterator[None]:
    """While the block runs, every pass of the model is one of all processes.

    A process that leaves the block early makes passes of one token until all have left. For passes without gradients.
    """
    import torch

    def count(module: Any, given: Any, named: Any) -> None:
        processes.count(1)

    hook = model.register_forward_pre_hook(count, with_kwargs=True, prepend=True)
    try:
        yield
    finally:
        hook.remove()
    token = torch.tensor([[pad]], device=model.device)
    with torch.no_grad():
        while processes.count(0):
            model(input_ids=token, use_cache=False)


def separate(optimizer: Optimizer) -> None:
    """Give parameters that stay whole a group of their own: a fused optimizer takes no two kinds at once."""
    group = optimizer.param_groups[0]
    whole = [parameter for parameter in group["params"] if not is_sharded(parameter)]
    if 0 < len(whole) < len(group["params"]):
        group["params"] = [parameter for parameter in group["params"] if is_sharded(parameter)]
        optimizer.add_param_group({**group, "params": whole})
