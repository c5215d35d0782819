"""The card of the executor `ray`. Light: imports nothing but `harness.api`, and never ray."""

from __future__ import annotations

from harness.api import ExecutorCard, hookimpl


@hookimpl
def harness_executors() -> list[ExecutorCard]:
    """The executor `ray/ray`."""
    return [
        ExecutorCard(
            name="ray",
            api_version=1,
            summary="Asks judges on the machines of a Ray cluster, each copy with the GPUs and memory that it needs.",
            factory="harness_ray.executor:make",
            options="harness_ray.options:RayOptions",
            licence="Apache-2.0 (this code, and Ray)",
            source="Moritz et al. 2018, Ray: A Distributed Framework for Emerging AI Applications (arXiv 1712.05889)",
            description="Each worker is an actor that makes the judge again from the manifest. Requests and pictures "
            "are sent from the process of the run, so tasks' data are needed there alone, and models on every machine. "
            "That process alone writes the journal. A node that dies costs what was in flight, which is asked again. "
            "Judges that ask a server, or read other parts of the plan, stay in the process of the run. Ray listens on "
            "all interfaces without a password: run it in a network that you trust.",
            capabilities=frozenset({"network"}),
        )
    ]
