"""What the scripts of this folder share: options, processes, the last line, and tables in the documentation."""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

ROOT = Path(__file__).parents[2]

_Work = TypeVar("_Work")
_Found = TypeVar("_Found")


def options(description: str | None, *, reps: int) -> argparse.ArgumentParser:
    """The options of every script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=reps, help="data sets for each design (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the grid, to see that it runs")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data sets")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page, between its marks")
    return parser


def command_of(script: str, asked: argparse.Namespace) -> str:
    """How to make the same tables again."""
    return f"{script} --reps {asked.reps} --seed {asked.seed}{' --quick' if asked.quick else ''}"


def run_all(
    function: Callable[[_Work], _Found], work: Sequence[_Work], *, jobs: int, cost: Callable[[_Work], float]
) -> list[_Found]:
    """What the function gives for each piece of work, in the order of the work; the costly ones are begun first."""
    order = sorted(range(len(work)), key=lambda index: -cost(work[index]))
    if jobs < 2:
        found = [function(work[index]) for index in order]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(function, [work[index] for index in order], chunksize=1))
    return [found[place] for place in np.argsort(order).tolist()]


def generator(seed: int, *names: object) -> np.random.Generator:
    """Random numbers that belong to a name, whatever else is run."""
    return np.random.default_rng([seed, zlib.crc32(repr(names).encode())])


def standard_error(share: float, count: int) -> float:
    """Of a simulated share; that of one case in `count` where there is none."""
    inside = min(max(share, 1 / (count + 2)), 1 - 1 / (count + 2))
    return float(np.sqrt(inside * (1 - inside) / count))


def cpu_seconds() -> float:
    """Of this process and those that it has started and ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def commit() -> str:
    """The commit that was measured, with a plus where the code differs from it."""
    try:
        name = _git("rev-parse", "--short=10", "HEAD")
        return name + (
            "+" if _git("status", "--porcelain", "--untracked-files=no", "--", "harness", "tests/validity") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table; all columns but the first are numbers."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(_shown(value) for value in row) + " |" for row in rows]


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.3f}"
    return str(value)


def finish(name: str, lines: Sequence[str], result: dict[str, Any], *, page: Path | None, command: str) -> None:
    """Print the tables, put them into a page where one is named, and print the result as the last line.

    Args:
        name: Of the script, and of the block in the page.
        lines: The tables.
        result: What is printed last, as JSON.
        page: Where the tables go; `None`: nowhere.
        command: How to make them again.

    Raises:
        SystemExit: The page has no marks for this block.
    """
    text = "\n".join(lines)
    print(text)
    if page is not None:
        said = f"`{command}`: {date.today().isoformat()}, commit {result['commit']}, {result['cpu_s']:.0f} CPU s."
        begin, end = f"<!-- measured: {name} -->", f"<!-- /measured: {name} -->"
        before = page.read_text(encoding="utf-8")
        if begin not in before or end not in before:
            raise SystemExit(f"{page}: has no block {begin} ... {end}; add the two marks where the tables belong")
        block = f"{begin}\n\n{said}\n\n{text}\n\n{end}"
        after = re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, before, flags=re.DOTALL)
        page.write_text(after, encoding="utf-8")
    print(json.dumps(result))
