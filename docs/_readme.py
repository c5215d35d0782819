"""Puts a real leaderboard into the README: `python docs/_readme.py RUN_FOLDER`.

The summary, and two of the four tables of single tasks: enough to read. A test makes sure that the README has the shape
of what the command prints.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
SHOWN = ("pairwise-safety", "technical-unseen")
_MARKED = re.compile(r"(<!-- leaderboard -->\n)(.*?)(<!-- /leaderboard -->)", re.DOTALL)


def printed(run: Path) -> str:
    """What `harness leaderboard RUN --details` prints on a terminal of 100 columns, without trailing spaces.

    The run is called by its place in its folder, and by the hash that all pages use.
    """
    place = run.resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "harness", "leaderboard", run.resolve().relative_to(place).as_posix(), "--details"],
        cwd=place,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    named = done.stdout.replace(run.name, f"{run.name.rpartition('-')[0]}-1a2b3c4d5e6f")
    return "\n".join(line.rstrip() for line in named.splitlines())


def excerpt(text: str) -> str:
    """The summary and the blocks of `SHOWN`, each a block of Markdown with the command that prints it."""
    summary, *blocks = re.split(r"^(?=\S+ · \S+(?:, %)?$)", text, flags=re.MULTILINE)
    shown = [block.partition("What it cost")[0].strip() for block in blocks if block.startswith(SHOWN)]
    said = "A table of each task comes with `--details`. Two of them:"
    return f"```text\n{summary.strip()}\n```\n\n{said}\n\n```text\n" + "\n\n".join(shown) + "\n```\n"


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
