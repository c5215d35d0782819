"""What an executor costs beside one process: CPU of all processes, for a judge of 10 ms a request, and equal bytes.

    python tests/perf/executors.py [--executor ray] [--workers 1 2 4] [--items 2000] [--repeats 3]

Run by hand. Each run is a `harness run` in a process of its own, whose children count: workers, and Ray's daemons. The
runs of a round are made one after another, and overheads are compared within a round, since a machine's speed drifts.
The daemons of Ray are told apart: a cluster that is there already has them with and without a run, and what they take
grows with the time and not with the requests. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FILES = ("scores.json", "leaderboard.json", "leaderboard.md", "leaderboard.csv")


def write_manifest(folder: Path, *, items: int, seconds: float) -> Path:
    """A manifest of one judge that computes for so long on each request."""
    path = folder / "perf.yaml"
    path.write_text(
        f"name: perf\ntasks: [{{use: miniature/technical, with: {{items: {items}}}}}]\n"
        f"judges: [{{use: practice/worker, with: {{seconds: {seconds}}}}}]\n"
    )
    return path


DAEMONS = ("gcs_server", "raylet/raylet", "ray/dashboard", "ray/_private", "ray/autoscaler")
"""What the command lines of Ray's own processes hold."""


def is_daemon(line: str) -> bool:
    """Whether a process is one of Ray's own. Those that give themselves a name begin it with `ray::`, as ours does."""
    named = line.startswith("ray::") and not line.startswith("ray::WorkerActor")
    return named or any(mark in line for mark in DAEMONS)


def measure(manifest: Path, runs: Path, options: Sequence[str]) -> tuple[float, float, float, str]:
    """CPU seconds of a run and its workers, of Ray's daemons, seconds by the clock, and a hash of what it came to."""
    command = [sys.executable, "-m", "harness", "--plugin", "harness.execution.practice", "run", str(manifest)]
    meter, began = Meter(), time.monotonic()
    done = subprocess.run([*command, "--runs", str(runs), *options], capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{' '.join(options)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    (folder,) = runs.glob("perf-*")
    content = hashlib.sha256(b"".join((folder / name).read_bytes() for name in FILES)).hexdigest()
    return *meter.stop(), wall, content


class Meter:
    """Adds up the CPU of all processes below this one, by looking at them five times a second.

    The kernel's own sum does not do: it leaves out children whose parent never waits for them, as Ray's do not.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], float] = {}
        self._lines: dict[tuple[int, str], str] = {}
        # Workers of an earlier run whose end was never asked for are still listed, with all that they took.
        self._before = {(pid, row[19]) for pid, row in _read_processes()}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> tuple[float, float]:
        """CPU seconds without and of Ray's daemons, at most a fifth of a second short for each process."""
        self._stopped.set()
        self._thread.join()
        daemons = sum(seconds for key, seconds in self._seen.items() if is_daemon(self._lines[key]))
        return sum(self._seen.values()) - daemons, daemons

    def _look(self) -> None:
        tick = os.sysconf("SC_CLK_TCK")
        while not self._stopped.wait(0.2):
            rows = dict(_read_processes())
            mine = {os.getpid()}
            # Parents are started before their children, and so a few passes find all of them.
            while found := {pid for pid, row in rows.items() if int(row[1]) in mine} - mine:
                mine |= found
            for pid in mine - {os.getpid()}:
                row = rows[pid]
                key = (pid, row[19])  # with its time of start, since numbers of processes come again
                if key in self._before:
                    continue
                self._seen[key] = (int(row[11]) + int(row[12])) / tick
                with contextlib.suppress(OSError):
                    line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
                    # A worker of Ray changes its line when it is given its actor, and loses it when it ends.
                    self._lines[key] = line or self._lines.get(key, "")
                self._lines.setdefault(key, "")


def _read_processes() -> Iterator[tuple[int, list[str]]]:
    """The fields of `/proc/PID/stat` after the name, which may hold blanks and brackets itself; see proc(5)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()


def become_subreaper() -> None:
    """Linux: processes whose parent ends become children of this one, so that their CPU is counted here."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def main() -> None:
    """Measure, and print a line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", default="processes", help="name of the executor")
    parser.add_argument("--option", action="append", default=[], help="a further --executor-option")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--items", type=int, default=2000, help="requests")
    parser.add_argument("--seconds", type=float, default=0.01, help="CPU seconds of the judge for each")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    asked = parser.parse_args()
    become_subreaper()
    overheads: dict[int, list[float]] = {workers: [] for workers in asked.workers}
    contents = set()
    for number in range(asked.repeats):
        with tempfile.TemporaryDirectory() as folder:
            manifest = write_manifest(Path(folder), items=asked.items, seconds=asked.seconds)
            alone, _, wall, content = measure(manifest, Path(folder) / "alone", [])
            contents.add(content)
            print(f"round {number + 1}: one process {alone:.1f} s CPU, {wall:.1f} s", flush=True)
            for workers in asked.workers:
                options = [f"workers={workers}", *asked.option]
                given = ["--executor", asked.executor, *(part for o in options for part in ("--executor-option", o))]
                cpu, daemons, wall, content = measure(manifest, Path(folder) / str(workers), given)
                contents.add(content)
                overheads[workers].append(cpu / alone - 1)
                said = f"{cpu:.1f} s CPU ({cpu / alone - 1:+.1%}), daemons {daemons:.1f} s, {wall:.1f} s"
                print(f"  {asked.executor}, {workers} workers: {said}", flush=True)
    medians = {workers: round(statistics.median(values), 4) for workers, values in overheads.items()}
    print(json.dumps({"executor": asked.executor, "items": asked.items, "overhead": medians, "bytes": len(contents)}))


if __name__ == "__main__":
    main()
