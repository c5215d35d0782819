"""The executor `ray`: connects to a cluster, and gives each judge a fleet of actors. Imports ray when it is asked."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.api import Judge, Placement, UserError
from harness.api.execution import Fleet
from harness_ray.options import RayOptions


class RayExecutor:
    """Implements `harness.api.Executor`."""

    def __init__(self, options: RayOptions) -> None:
        self._options = options
        self._fleets: list[Fleet] = []
        self._connected = False
        self._stdout = -1

    def place(self, placement: Placement, say: Callable[[str], None]) -> Judge | None:
        """Place all judges but those that need the process of the run: for the plan, for a limit, for a budget."""
        if placement.name in self._options.here or {"network", "plan"} & {*placement.capabilities}:
            return None
        missing = [name for name in self._options.env if name not in os.environ]
        if missing:
            raise UserError(f"executor ray: the environment variable {missing[0]!r} is not set; set it, or take it out")
        self._connect(say)
        import ray

        from harness_ray.crew import RayCrew

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        needs = translate(placement, nodes)
        room = count_places(needs, nodes)
        if not room:
            raise UserError(
                f"judge {placement.name}: no machine of the cluster has {describe(needs)}; they have "
                f"{' and '.join(map(describe, nodes)) or 'nothing'}; ask for less under `resources:`, or add a machine"
            )
        size = self._options.workers or room
        say(f"judge {placement.name}: {size} workers on {len(nodes)} nodes, each with {describe(needs)}")
        if size > room:
            say(f"judge {placement.name}: the cluster has room for {room} of them at a time")
        resources = {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"], "memory": int(needs["memory"])}
        environment = {name: os.environ[name] for name in self._options.env}
        crew = RayCrew(placement, resources=resources, environment=environment)
        fleet = Fleet(crew, placement, size=size, say=say)
        self._fleets.append(fleet)
        return fleet

    def close(self) -> None:
        """End all workers, and leave the cluster."""
        for fleet in self._fleets:
            fleet.close()
        if self._connected:
            import ray

            ray.shutdown()
            self._connected = False
        self._give_back_stdout()

    def _connect(self, say: Callable[[str], None]) -> None:
        if self._connected:
            return
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read at import: nothing is reported to anyone
        try:
            import ray
        except ImportError as error:
            raise UserError(f"executor ray: Ray cannot be imported ({error}); pip install judge-harness-ray") from error
        address = self._options.address or os.environ.get("RAY_ADDRESS", "") or "local"
        own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        # Ray takes SIGTERM over, which is the run's to hear.
        main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM) if main else None
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
        except Exception as error:  # Ray raises many kinds for a cluster that is not there
            cause = " ".join(str(error).split())[:300]
            raise UserError(
                f"executor ray: no cluster at {address!r} ({type(error).__name__}: {cause}); start one with `ray "
                "start --head`, or leave `address` out for this machine alone"
            ) from error
        finally:
            if main:
                signal.signal(signal.SIGTERM, before)
        self._connected = True
        self._take_stdout()

    def _take_stdout(self) -> None:
        """Send what is printed to stderr while Ray is at work.

        A node that dies has its last log lines poured over the driver's stdout, also with `log_to_driver=False`.
        Results are printed there, and only when the executor is closed.
        """
        sys.stdout.flush()
        with contextlib.suppress(OSError):  # stdout or stderr is closed: there is nothing to keep clean
            self._stdout = os.dup(1)
            os.dup2(2, 1)

    def _give_back_stdout(self) -> None:
        if self._stdout >= 0:
            sys.stdout.flush()  # what Python still holds of Ray's lines
            os.dup2(self._stdout, 1)
            os.close(self._stdout)
            self._stdout = -1


def translate(placement: Placement, nodes: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """What one copy of a judge needs, in the names of Ray's own resources.

    A judge whose card says `gpu` gets one, where the cluster has any and its entry says nothing else.
    """
    given = placement.resources
    wants_gpu = "gpu" in placement.capabilities and any(node.get("GPU", 0) >= 1 for node in nodes)
    return {
        "CPU": given.get("cpus", 1.0),
        "GPU": given.get("gpus", 1.0 if wants_gpu else 0.0),
        "memory": given.get("memory_gb", 0.0) * 1e9,
    }


def count_places(needs: Mapping[str, float], nodes: Iterable[Mapping[str, float]]) -> int:
    """How many copies fit into a cluster, node by node: a copy never stands on two of them."""
    counts = [
        min(int(node.get(name, 0) / amount + 1e-9) for name, amount in needs.items() if amount > 0) for node in nodes
    ]
    return sum(counts)


def describe(resources: Mapping[str, float]) -> str:
    """Resources in words."""
    parts = [
        f"{resources.get('CPU', 0):g} CPU",
        f"{resources.get('GPU', 0):g} GPU",
        f"{resources.get('memory', 0) / 1e9:.3g} GB",
    ]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing"


def make(options: RayOptions, context: None) -> RayExecutor:
    """The executor `ray`."""
    return RayExecutor(options)
