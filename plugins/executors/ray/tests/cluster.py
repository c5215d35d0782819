"""Runs of the harness on a cluster of two nodes in this machine, the last of which loses a node in its middle.

Run by `test_cluster.py` in a process of its own: Ray prints, leaves processes, and can hang.

    python cluster.py MANIFEST LOG

Prints one JSON object on the last line of stdout: for each run its folder, its errors, what was said, who answered.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import psutil
import ray
from ray.cluster_utils import Cluster

from harness.discovery import Plugins
from harness.execution.placing import ExecutorPlacer
from harness.manifest.load import load_manifest
from harness.pipeline.session import run_manifest
from harness.progress import make_progress
from harness_ray.executor import RayExecutor
from harness_ray.options import RayOptions

_MEMORY = 80 * 2**20
_QUICK = {  # a dead node is noticed in a second, where Ray's own settings take half a minute
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 2,
}
_RUNS = {"one": 1, "two": 2, "four": 4, "killed": 4}


def main() -> None:
    manifest, log = map(Path, sys.argv[1:])
    head = {"num_cpus": 2, "object_store_memory": _MEMORY, "include_dashboard": False, "_system_config": _QUICK}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        second = cluster.add_node(num_cpus=2, object_store_memory=_MEMORY)
        plugins = Plugins.load(extra=["harness.execution.practice"])
        found = {}
        for name, workers in _RUNS.items():
            log.write_text("")
            if name == "killed":
                threading.Thread(target=kill, args=(second, log), daemon=True).start()
            found[name] = run(manifest, plugins, name, cluster.address, workers)
            found[name]["processes"] = len(set(log.read_text().split()))
        print("\n" + json.dumps(found), flush=True)
    finally:
        ray.shutdown()
        cluster.shutdown()


def run(manifest: Path, plugins: Plugins, name: str, address: str, workers: int) -> dict[str, Any]:
    said: list[str] = []
    session = run_manifest(
        load_manifest(manifest, plugins=plugins),
        plugins,
        runs=Path(name),
        fresh=False,
        shard=None,
        progress=make_progress(),
        say=said.append,
        executor=ExecutorPlacer(executor=RayExecutor(RayOptions(address=address, workers=workers))),
    )
    return {"folder": str(session.folder), "errors": sum(session.outcome.errors.values()), "said": said}


def kill(node: object, log: Path) -> None:
    """Once workers of the node have answered something, kill the node's raylet and all that it started."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)  # type: ignore[attr-defined]
    while True:
        workers = {child.pid for child in raylet.children(recursive=True)}
        if sum(int(pid) in workers for pid in log.read_text().split()) >= 10:
            break
        time.sleep(0.02)
    children = raylet.children(recursive=True)
    raylet.kill()  # alone it would prove nothing: workers finish their call first
    for child in children:
        child.kill()


if __name__ == "__main__":
    main()
