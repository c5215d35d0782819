"""Puts a real leaderboard into the README: `python docs/_readme.py RUN_FOLDER`.

Three of the six tasks are enough to read; a test makes sure that the README has the shape of what the command prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
SHOWN = ("alignment-unseen", "pairwise-safety", "technical-unseen")
_MARKED = re.compile(r"(<!-- leaderboard -->\n)(.*?)(<!-- /leaderboard -->)", re.DOTALL)


def printed(run: Path) -> str:
    """What `harness leaderboard RUN` prints on a terminal of 100 columns, without trailing spaces.

    The run is called by its place in its folder, and by the hash that all pages use.
    """
    place = run.resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "harness", "leaderboard", run.resolve().relative_to(place).as_posix()],
        cwd=place,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    named = done.stdout.replace(run.name, f"{run.name.rpartition('-')[0]}-1a2b3c4d5e6f")
    return "\n".join(line.rstrip() for line in named.splitlines())


def excerpt(text: str) -> str:
    """The blocks of `SHOWN` and the legend, as a block of Markdown; what is left out shows as `...`."""
    parts = re.split(r"^(?=\S+ · \S+(?:, %)?$)", text, flags=re.MULTILINE)
    *blocks, last = [part for part in parts if part.strip()]
    body, legend, rest = last.partition("\n· rank: ")
    kept = [block.strip() if block.startswith(SHOWN) else "..." for block in (*blocks, body)]
    lines = [part for place, part in enumerate(kept) if part != "..." or kept[place - 1 : place] != ["..."]]
    return "```text\n" + "\n\n".join([*lines, (legend + rest).strip()]) + "\n```\n"


def in_readme(text: str) -> str:
    """The block between the markers."""
    match = _MARKED.search(text)
    if match is None:
        raise ValueError("README.md lacks the lines <!-- leaderboard --> and <!-- /leaderboard -->")
    return match[2]


if __name__ == "__main__":
    now = README.read_text(encoding="utf-8")
    new = excerpt(printed(Path(sys.argv[1])))
    README.write_text(_MARKED.sub(lambda match: match[1] + new + match[3], now), encoding="utf-8")
