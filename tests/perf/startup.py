"""CPU time of the commands that must be instant.

    python tests/perf/startup.py

Run by hand; the last line is one JSON object: the median over runs of user + system CPU seconds of whole processes,
with a bare interpreter measured in the same run.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys

COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "help": ["harness", "--help"],
    "list_tasks": ["harness", "list", "tasks"],
    "plugins": ["harness", "plugins"],
}
RUNS = 15


def cpu_of(command: list[str]) -> float:
    """CPU seconds of one run of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure each command in turn, so that all see the same machine."""
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    if shutil.which("harness") is None:
        sys.exit("install the harness into this environment first")
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS + 1):
        for name, command in COMMANDS.items():
            times[name].append(cpu_of(command))
    medians = {f"{name}_cpu_s": round(statistics.median(values[1:]), 4) for name, values in times.items()}
    print(json.dumps({"runs": RUNS, **medians}))


if __name__ == "__main__":
    main()
