"""Cost of a judgement through the engine: a no-op judge, a tiny text task, the full journal.

    python tests/perf/engine.py --n 100000

Run by hand; the last line is one JSON object. CPU seconds are of the whole process, both threads. Memory is the peak
resident size of a process of its own for n and for n / 10, so that growth with the number of items can be read off.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.api import (
    Choice,
    Item,
    JudgeCard,
    Judgement,
    Message,
    Protocol,
    Request,
    TaskCard,
    VerdictFormat,
    hookimpl,
)

SPACE = Choice(("yes", "no"))


class NoOpTask:
    """`n` short questions."""

    protocol = Protocol(metrics=("accuracy", "macro_f1"))
    format = "harness/label"

    def __init__(self, n: int) -> None:
        """Ask n questions."""
        self.n = n

    def items(self, split: str) -> Iterator[Item]:
        """Stream them."""
        for index in range(self.n):
            yield Item(id=f"item-{index}", group=f"item-{index}", space=SPACE, gold="yes", question=(f"Item {index}?",))

    def count_items(self, split: str) -> int:
        """How many."""
        return self.n

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The question and the instruction."""
        parts = (*item.question, format.instruction(SPACE))
        return Request(task="no-op", item=item.id, messages=(Message("user", parts),), space=SPACE, format=format)

    def fingerprint(self) -> str:
        """By size."""
        return str(self.n)


class NoOpJudge:
    """Says yes."""

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        """At once."""
        for request in requests:
            yield request, Judgement.of("yes", raw="yes")

    def fingerprint(self) -> str:
        """Never changes."""
        return "no-op"


SIZE = 0


@hookimpl
def harness_tasks() -> list[TaskCard]:
    """The task of the size asked for."""
    return [TaskCard(name="no-op", summary="Nothing.", factory=lambda options, context: NoOpTask(SIZE))]


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The judge."""
    return [JudgeCard(name="no-op", summary="Nothing.", factory=lambda options, context: NoOpJudge())]


def measure(n: int) -> dict[str, float]:
    """Judge n items, then the same command again, in this process."""
    global SIZE
    SIZE = n
    from harness.discovery import Plugins
    from harness.manifest.load import load_manifest
    from harness.pipeline.session import run_manifest
    from harness.progress import LineProgress

    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "no-op.yaml"
        manifest.write_text("name: no-op\ntasks: [{use: engine/no-op}]\njudges: [{use: engine/no-op}]\n")
        plugins = Plugins.load(extra=[__file__])
        sys.modules["harness_plugin_engine"].SIZE = n  # type: ignore[attr-defined]
        loaded = load_manifest(manifest, plugins=plugins)

        def run() -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time()
            run_manifest(
                loaded, plugins, runs=Path(folder), fresh=False, shard=None, progress=LineProgress(io.StringIO())
            )
            return time.perf_counter() - wall, time.process_time() - cpu

        wall, cpu = run()
        again, _ = run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"n": n, "cpu_s": cpu, "wall_s": wall, "again_s": again, "peak_mb": peak}


def main() -> None:
    """Measure n and n / 10 in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--alone", action="store_true", help="measure in this process and print the raw figures")
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(measure(arguments.n)))
        return
    figures = []
    for n in (arguments.n // 10, arguments.n):
        command = [sys.executable, __file__, "--n", str(n), "--alone"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures.append(json.loads(out.splitlines()[-1]))
        print(figures[-1])
    small, large = figures
    print(
        json.dumps(
            {
                "n": large["n"],
                "cpu_s_per_judgement": large["cpu_s"] / large["n"],
                "judgements_per_s": large["n"] / large["wall_s"],
                "peak_mb": large["peak_mb"],
                "peak_mb_at_a_tenth": small["peak_mb"],
                "growth_mb": large["peak_mb"] - small["peak_mb"],
                "same_command_again_s": large["again_s"],
            }
        )
    )


if __name__ == "__main__":
    main()
