"""The executor `processes`: several processes of this machine ask a judge, such as one for each of its GPUs.

Parent and worker exchange frames over the worker's standard streams: a length of eight bytes, and so many bytes. No
frame is pickled, and what a judge prints goes to stderr.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import IO, Annotated

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Judge, Placement, UserError
from harness.api.execution import Fleet, JudgeWorker, LostWorkerError, Parcel, Reply


class ProcessesOptions(BaseModel):
    """Options of the executor `processes`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Processes for each judge. Default: one for each share of `gpus` that its `resources` ask for, or else 2."""
    gpus: list[int] = Field(default_factory=list)
    """Numbers of the GPUs, dealt out to the workers of a judge by `CUDA_VISIBLE_DEVICES`. Empty: it is left alone."""
    here: list[str] = Field(default_factory=list)
    """Names of judges that are asked in the process of the run."""


class ProcessesExecutor:
    """Implements `harness.api.Executor`."""

    def __init__(self, options: ProcessesOptions) -> None:
        self._options = options
        self._fleets: list[Fleet] = []

    def place(self, placement: Placement, say: Callable[[str], None]) -> Judge | None:
        """Place all judges but those that need the process of the run: for the plan, for a limit, for a budget."""
        if placement.name in self._options.here or {"network", "plan"} & {*placement.capabilities}:
            return None
        shares = self._deal_gpus(placement)
        size = self._options.workers or len(shares) or 2
        if shares and size > len(shares):
            raise UserError(
                f"judge {placement.name}: {size} workers need more GPUs than the {len(self._options.gpus)} of the "
                "option `gpus`; ask for fewer workers"
            )
        fleet = Fleet(ProcessCrew(placement, shares), placement, size=size, say=say)
        self._fleets.append(fleet)
        return fleet

    def close(self) -> None:
        """End all workers that are left."""
        for fleet in self._fleets:
            fleet.close()

    def _deal_gpus(self, placement: Placement) -> list[str]:
        """For each worker the GPUs that it sees."""
        numbers = list(map(str, self._options.gpus))
        wanted = float(placement.resources.get("gpus", 1 if "gpu" in placement.capabilities else 0))
        if not numbers or not wanted:
            return []
        if wanted < 1:
            # As many workers as parts of a GPU, on different ones first.
            return [number for _ in range(int(1 / wanted + 1e-9)) for number in numbers]
        each = int(wanted)
        if each != wanted or each > len(numbers):
            raise UserError(
                f"judge {placement.name}: its resources ask for {wanted:g} GPUs, and the option `gpus` has "
                f"{len(numbers)}; a worker takes whole GPUs of these, or a part of one such as 0.5"
            )
        return [",".join(numbers[k : k + each]) for k in range(0, len(numbers) - each + 1, each)]


class _Process:
    """One worker, and the thread that waits for its replies."""

    def __init__(self, environment: dict[str, str], gpus: str | None) -> None:
        self.gpus = gpus
        # A group of its own: Ctrl-C in a terminal is for the run, which lets the workers finish.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.execution.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def call(self, *frames: bytes) -> Future[Reply]:
        future: Future[Reply] = Future()
        threading.Thread(target=self._exchange, args=(future, frames), name="call", daemon=True).start()
        return future

    def _exchange(self, future: Future[Reply], frames: Sequence[bytes]) -> None:
        sender, receiver = self.process.stdin, self.process.stdout
        assert sender is not None
        assert receiver is not None
        try:
            write_frames(sender, frames)
            facts, answers = read_frames(receiver)
            future.set_result(Reply(answers, **json.loads(facts)))
        except (OSError, EOFError, ValueError):
            code = self.process.wait()
            future.set_exception(LostWorkerError(f"signal {-code}" if code < 0 else f"exit code {code}"))


class ProcessCrew:
    """Implements `harness.api.execution.Crew`."""

    def __init__(self, placement: Placement, shares: Sequence[str]) -> None:
        self._placement = placement.to_json().encode()
        self._free = list(shares)

    def start(self) -> tuple[_Process, Future[Reply]]:
        """Start a worker; its first message is the placement."""
        gpus = self._free.pop(0) if self._free else None
        environment = dict(os.environ) if gpus is None else {**os.environ, "CUDA_VISIBLE_DEVICES": gpus}
        worker = _Process(environment, gpus)
        return worker, worker.call(self._placement)

    def call(self, worker: _Process, parcel: Parcel, *, flush: bool, more: bool) -> Future[Reply]:
        """Send a parcel."""
        return worker.call(json.dumps({"flush": flush, "more": more}).encode(), parcel.text, *parcel.pictures)

    def wait(self, calls: Sequence[Future[Reply]], seconds: float) -> Sequence[Future[Reply]]:
        """Wait for the first."""
        return list(wait(calls, timeout=seconds, return_when=FIRST_COMPLETED).done)

    def result(self, call: Future[Reply]) -> Reply:
        """What came back."""
        return call.result()

    def name(self, worker: _Process) -> str:
        """Its process."""
        return f"process {worker.process.pid}"

    def end(self, worker: _Process) -> None:
        """Kill it. It has written nothing that could be left half done."""
        worker.process.kill()
        worker.process.wait()
        for stream in (worker.process.stdin, worker.process.stdout):
            assert stream is not None
            with suppress(OSError):  # what was still to be written to the dead
                stream.close()
        if worker.gpus is not None:
            self._free.append(worker.gpus)


def write_frames(stream: IO[bytes], frames: Sequence[bytes]) -> None:
    """Write a message: the number of its frames, then each with its length before it."""
    parts = [len(frames).to_bytes(8)]
    for frame in frames:
        parts += [len(frame).to_bytes(8), frame]
    stream.write(b"".join(parts))
    stream.flush()


def read_frames(stream: IO[bytes]) -> list[bytes]:
    """The frames of the next message.

    Raises:
        EOFError: The other side is gone.
    """

    def read(count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    return [read(int.from_bytes(read(8))) for _ in range(int.from_bytes(read(8)))]


def serve(receiver: IO[bytes], sender: IO[bytes]) -> None:
    """Be a worker until the parent is gone."""
    worker: JudgeWorker | None = None
    while True:
        try:
            frames = read_frames(receiver)
        except EOFError:
            return
        try:
            if worker is None:
                worker = Placement.from_json(frames[0].decode()).open()
                reply = worker.exchange(Parcel(b"[]", ()), more=True)
            else:
                facts = json.loads(frames[0])
                reply = worker.exchange(Parcel(frames[1], tuple(frames[2:])), **facts)
        except UserError as error:
            reply = Reply(b"[]", 0, str(error))
        write_frames(sender, [json.dumps({"wanted": reply.wanted, "problem": reply.problem}).encode(), reply.answers])


def make(options: ProcessesOptions, context: None) -> ProcessesExecutor:
    """The executor `processes`."""
    return ProcessesExecutor(options)


def _main() -> None:
    # What a judge or its libraries print would stand between the frames.
    sender = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, sender)
    os._exit(0)  # a judge's own threads must not keep the process


if __name__ == "__main__":
    _main()
