"""Reaches workers as Ray's actors. Importing this module imports ray, so only `harness_ray.executor` does, when asked.

Nothing is left to Ray's own retries: a task of Ray may run twice, and the fleet knows better what is still missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from harness.api import Placement
from harness.api.execution import LostWorkerError, Parcel, Reply
from harness_ray.actor import WorkerActor


@dataclass(eq=False)
class Worker:
    """An actor and where it is."""

    handle: Any
    where: str = "a node that is not known yet"


class RayCrew:
    """Implements `harness.api.execution.Crew`.

    Args:
        placement: The judge.
        resources: What one copy needs, in Ray's own terms: `num_cpus`, `num_gpus`, `memory` in bytes.
        environment: Variables for the workers.
    """

    def __init__(self, placement: Placement, *, resources: Mapping[str, float], environment: Mapping[str, str]) -> None:
        self._placement = placement.to_json()
        self._environment = dict(environment)
        # Spread: a node that dies then takes as few of them as can be.
        self._actor = ray.remote(WorkerActor).options(scheduling_strategy="SPREAD", max_restarts=0, **resources)
        self._called: dict[Any, Worker] = {}

    def start(self) -> tuple[Worker, Any]:
        """Ask for an actor. It waits in the cluster's queue until there is room for it."""
        worker = Worker(self._actor.remote())
        # The environment goes in a call, from process to process. The head would keep what a constructor is given.
        return worker, self._note(worker, worker.handle.open.remote(self._placement, self._environment))

    def call(self, worker: Worker, parcel: Parcel, *, flush: bool, more: bool) -> Any:
        """Send a parcel. Ray puts large arguments into its object store."""
        return self._note(worker, worker.handle.exchange.remote(parcel.text, parcel.pictures, flush, more))

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        """Wait for the first."""
        done, _ = ray.wait(list(calls), num_returns=1, timeout=seconds)
        return [call for call in calls if call in done]

    def result(self, call: Any) -> Reply:
        """What came back."""
        worker = self._called.pop(call)
        try:
            said = ray.get(call)
        except RayTaskError as error:  # our own code raised there
            return Reply(b"", 0, f"{type(error.cause).__name__}: {error.cause}")
        except RayError as error:
            # Its module could not be imported there, say. No other machine is likely to do better.
            if getattr(error, "actor_init_failed", False):
                return Reply(b"", 0, _first_lines(error))
            raise LostWorkerError(_name_cause(error)) from error
        if not isinstance(said, Reply):  # of a first call, which says where it is as well
            said, worker.where = said
        assert isinstance(said, Reply)
        return said

    def name(self, worker: Worker) -> str:
        """Its node and process."""
        return worker.where

    def end(self, worker: Worker) -> None:
        """Kill it. Ray takes the request back where it was still waiting for room."""
        ray.kill(worker.handle)

    def _note(self, worker: Worker, call: Any) -> Any:
        self._called[call] = worker
        return call


def _name_cause(error: RayError) -> str:
    """Why an actor is gone, in a few words. Ray's own text is a page."""
    text = " ".join(str(error).split())
    for sign, cause in (
        ("OOM", "out of memory"),
        ("memory usage", "out of memory"),
        ("node", "its node died, or could not be reached"),
        ("SIGKILL", "killed, or out of memory"),
    ):
        if sign in text:
            return cause
    return type(error).__name__


def _first_lines(error: RayError) -> str:
    return " ".join(str(error).split())[:500]
