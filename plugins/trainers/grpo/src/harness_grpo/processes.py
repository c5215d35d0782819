"""The processes of one launch (torchrun, accelerate): what each of them does, and what they tell one another.

    draw -> each writes its share -> rewards, once -> each learns its share -> gradients are summed -> step

All processes draw the same prompts and know all answers of a step, so that denominators and advantages are those of the
whole step. The first process alone writes files and computes rewards.

Messages are JSON, sent between CPUs by gloo; gradients are summed where they are. One process alone tells no one
anything, and loads nothing of torch.distributed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from harness.api import Training, UserError, read_launch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from harness_grpo.options import TrainerOptions

Found = TypeVar("Found")

_AT_ONCE = 2**24
"""Numbers of gradients that are summed in one message: 64 MiB in float32."""


class Processes:
    """One process alone. `ProcessGroup` is several of them.

    Attributes:
        rank: The number of this one, from 0.
        size: How many there are.
    """

    rank = 0
    size = 1

    def device(self, wanted: str) -> str:
        """The device of this process, of those that a recipe names."""
        return wanted

    def silence(self, training: Training) -> Training:
        """A training that logs in the first process only."""
        return training

    def once(
        self, work: Callable[[], Found], *, during: Callable[[], AbstractContextManager[Any]] = nullcontext
    ) -> Found:
        """What some work of the first process finds, in all of them. The others wait for it.

        Args:
            work: Finds plain data, as JSON has it.
            during: A context that all are in while it works.

        Raises:
            UserError: In the others, where the work fails in the first.
        """
        return work()

    def gather(self, found: Found) -> list[Found]:
        """What every process found, by rank. Plain data, as JSON has it."""
        return [found]

    def sum_gradients(self, parameters: Sequence[Parameter]) -> None:
        """Sum the gradients of all processes, in all of them. What has one in none of them is left without."""

    def count(self, number: int) -> int:
        """The sum of a number over all processes."""
        return number

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The processes of one machine run the block one after the other."""
        yield

    def deal(self, costs: Sequence[int]) -> list[list[int]]:
        """Places of some work for each process, in rising order. The most expensive goes to who has least so far.

        Args:
            costs: Of each piece of work.
        """
        shares: list[list[int]] = [[] for _ in range(self.size)]
        sums = [0] * self.size
        for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
            least = sums.index(min(sums))
            shares[least].append(place)
            sums[least] += costs[place]
        return [sorted(share) for share in shares]

    @contextmanager
    def explaining(self, name: str) -> Iterator[None]:
        """While the block runs, an error of the wires between processes says what to do."""
        yield


class ProcessGroup(Processes):
    """Several processes. Each makes one, and then all make the same calls in the same order.

    Args:
        timeout: Seconds that one waits for the others.
        cuda: Whether they have GPUs to talk by as well.
    """

    def __init__(self, timeout: int, *, cuda: bool) -> None:
        import torch.distributed as dist

        self._timeout = timeout
        if not dist.is_initialized():  # a recipe and the one that it starts from are trained one after the other
            backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
            dist.init_process_group(backend, timeout=timedelta(seconds=timeout))
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        if self.rank:  # each reads all data, and would warn of the same items
            logging.getLogger("harness_grpo").setLevel(logging.ERROR)

    def device(self, wanted: str) -> str:
        """The GPU with the number of the process on its machine, or what is wanted."""
        import torch

        if wanted != "cuda" and not (wanted == "auto" and torch.cuda.is_available()):
            return wanted
        number = int(os.environ.get("LOCAL_RANK", self.rank))
        if number >= torch.cuda.device_count():
            raise UserError(
                f"process {number} of this machine has no GPU of its own: there are {torch.cuda.device_count()}; start "
                "as many processes as there are GPUs"
            )
        torch.cuda.set_device(number)
        return f"cuda:{number}"

    def silence(self, training: Training) -> Training:
        """A training that logs in the first process only."""
        from dataclasses import replace

        return replace(training, log=lambda step, metrics: None) if self.rank else training

    def once(
        self, work: Callable[[], Found], *, during: Callable[[], AbstractContextManager[Any]] = nullcontext
    ) -> Found:
        """See `Processes.once`."""
        found: list[Any] = [None, ""]
        raised: BaseException | None = None
        with during():
            if self.rank == 0:
                try:
                    found[0] = work()
                except BaseException as error:  # Ctrl-C too: the others must not wait
                    raised, found[1] = error, str(error) or type(error).__name__
        value, failure = json.loads(self._tell(json.dumps(found)))
        if raised is not None:
            raise raised
        if failure:
            raise UserError(f"process {self.rank} ends, because the first one did: {failure}")
        return found[0] if self.rank == 0 else value  # type: ignore[no-any-return]

    def gather(self, found: Found) -> list[Found]:
        """See `Processes.gather`."""
        import torch
        import torch.distributed as dist

        mine = _bytes_of(json.dumps(found))
        sizes = [torch.zeros(1, dtype=torch.long) for _ in range(self.size)]
        dist.all_gather(sizes, torch.tensor([len(mine)]))
        padded = torch.zeros(int(max(sizes)), dtype=torch.uint8)
        padded[: len(mine)] = mine
        all_of_them = [torch.zeros_like(padded) for _ in sizes]
        dist.all_gather(all_of_them, padded)
        return [json.loads(_text_of(part[: int(size)])) for part, size in zip(all_of_them, sizes, strict=True)]

    def sum_gradients(self, parameters: Sequence[Parameter]) -> None:
        """See `Processes.sum_gradients`."""
        import torch
        import torch.distributed as dist

        has = torch.tensor([int(parameter.grad is not None) for parameter in parameters])
        dist.all_reduce(has)
        # AdamW passes by what has no gradient, and one process would do so too.
        asked = [parameter for parameter, count in zip(parameters, has.tolist(), strict=True) if count]
        for bucket in _buckets(asked):
            for parameter in bucket:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            grads = [_gradient(parameter) for parameter in bucket]
            if len(grads) == 1 and grads[0].is_contiguous():  # the large ones are not copied
                dist.all_reduce(grads[0])
                continue
            flat = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(flat)
            for grad, summed in zip(grads, torch.split(flat, [grad.numel() for grad in grads]), strict=True):
                grad.copy_(summed.view_as(grad))

    def count(self, number: int) -> int:
        """See `Processes.count`."""
        import torch
        import torch.distributed as dist

        total = torch.tensor([number])
        dist.all_reduce(total)
        return int(total)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """See `Processes.in_turn`."""
        place = int(os.environ.get("LOCAL_RANK", self.rank))
        turns = max(self.gather(place)) + 1
        for _ in range(place):
            self.count(0)
        yield
        for _ in range(turns - place):
            self.count(0)

    @contextmanager
    def explaining(self, name: str) -> Iterator[None]:
        """See `Processes.explaining`."""
        import torch.distributed as dist

        try:
            yield
        except RuntimeError as error:
            # gloo raises a plain RuntimeError where the other end is gone.
            if not isinstance(error, dist.DistError) and not any(word in str(error) for word in ("gloo", "NCCL")):
                raise
            raise UserError(
                f"recipe {name}: process {self.rank} of {self.size} waited for another one, which has ended or said "
                f"nothing for {self._timeout} s (timeout); what it printed says why. The same command goes on from "
                f"the newest state ({str(error).splitlines()[0][:200]})"
            ) from error

    def _tell(self, text: str) -> str:
        """What the first process says."""
        import torch
        import torch.distributed as dist

        said = _bytes_of(text) if self.rank == 0 else torch.zeros(0, dtype=torch.uint8)
        size = torch.tensor([len(said)])
        dist.broadcast(size, src=0)
        if self.rank:
            said = torch.zeros(int(size), dtype=torch.uint8)
        dist.broadcast(said, src=0)
        return _text_of(said)


ALONE = Processes()
"""One process."""


def join_launch(timeout: int, *, device: str, name: str) -> Processes:
    """The processes that the environment speaks of, as torchrun and accelerate set it.

    Args:
        timeout: Seconds that one waits for the others.
        device: That the recipe asks for.
        name: Of the recipe.

    Raises:
        UserError: They cannot find one another, or the recipe names one device for all of them.
    """
    processes = read_launch().processes
    if processes == 1:
        return ALONE
    if ":" in device or device == "mps":
        raise UserError(
            f"recipe {name}: device {device}: each of {processes} processes needs one of its own; write "
            "device: cuda, or leave it out"
        )
    import torch

    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    try:
        return ProcessGroup(timeout, cuda=cuda)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"recipe {name}: the processes of this launch do not find one another ({str(error)[:200]}); start them "
            "with torchrun or accelerate launch, on machines that reach the address of the first"
        ) from error


def place_options(options: TrainerOptions, processes: Processes) -> TrainerOptions:
    """The options, with the devices that are this process's."""
    look = options.validation
    where = None if look.device is None else processes.device(look.device)
    return options.model_copy(
        update={
            "device": processes.device(options.device),
            "validation": look.model_copy(update={"device": where}),
        }
    )


def is_first() -> bool:
    """Whether this is the first process of a launch, or the only one: it alone talks to people."""
    return read_launch().rank == 0


def _buckets(parameters: Sequence[Parameter]) -> Iterator[list[Parameter]]:
    """Parameters whose gradients are summed together: of one type, and not too many numbers."""
    bucket: list[Parameter] = []
    size = 0
    for parameter in parameters:
        if bucket and (parameter.dtype != bucket[0].dtype or size + parameter.numel() > _AT_ONCE):
            yield bucket
            bucket, size = [], 0
        bucket.append(parameter)
        size += parameter.numel()
    if bucket:
        yield bucket


def _gradient(parameter: Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


def _bytes_of(text: str) -> Tensor:
    import torch

    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def _text_of(message: Tensor) -> str:
    return bytes(message.numpy()).decode()
