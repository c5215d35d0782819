"""Attacks the harness, row by row, and counts what gets through.

    python tests/faults/campaign.py [--rows TEXT ...] [--scale smoke|full] [--seed N]

By hand, on Linux; `--scale full` takes an hour or two. Its last line is JSON: `{"attacks": {row: [tried, through]}}`.
What got through is printed as it is found. Exit code 1 says that something did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import rows_data  # noqa: F401
import rows_files  # noqa: F401
import rows_runs  # noqa: F401
import rows_text  # noqa: F401
import rows_training  # noqa: F401
from registry import ROWS, Bench, CannotError, Row


def load_harness() -> None:
    """Load what the attacked commands need, once. They are forks of this process."""
    import harness.pipeline.session
    import harness.report.publish
    import harness.report.terminal
    import harness.runner.engine  # noqa: F401
    from harness.discovery import Plugins

    Plugins.load()


def attack(row: Row, count: int, *, seed: int) -> tuple[int, int]:
    """How often one row was tried, and how often it got through."""
    bench = Bench(folder=Path(tempfile.mkdtemp(prefix="harness-faults-")).resolve(), rng=random.Random(seed))
    tried = through = 0
    try:
        for problem in row.attack(bench, count):
            tried += 1
            if tried % 100 == 0:
                print(f"  {row.name}: {tried} tried", flush=True)
            if problem:
                through += 1
                print(f"  THROUGH {row.name}: {problem}", flush=True)
    except CannotError as error:
        print(f"  {row.name}: not tried here: {error}", flush=True)
    finally:
        bench.close()
    return tried, through


def main() -> int:
    """Run the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", nargs="*", default=[""], help="only rows whose names have one of these texts")
    parser.add_argument("--scale", choices=["smoke", "full"], default="smoke")
    parser.add_argument("--seed", type=int, default=20260311)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no attack needs the hub, and waiting for it takes long
    load_harness()
    found: dict[str, tuple[int, int]] = {}
    for row in ROWS.values():
        count = row.full if options.scale == "full" else row.smoke
        if count and any(text in row.name for text in options.rows):
            began = time.monotonic()
            found[row.name] = attack(row, count, seed=options.seed)
            print(
                f"{row.name}: {found[row.name][0]} tried, {found[row.name][1]} through, "
                f"{time.monotonic() - began:.0f} s",
                flush=True,
            )
    print(json.dumps({"attacks": found}))
    return 1 if any(through for _, through in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
