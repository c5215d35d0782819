"""What the experiment on transfer can see: the smallest difference that it shows with a probability of 80 %.

    python benchmarks/train/transfer_power.py [transfer/records/validation transfer/items/validation.json]

Before any judge was trained, the spread over seeds was that of `results.json`: MT-RL minus other arms on pairs, five
seeds from one base. How much bases differ was not known then, so three values are shown. With records of validation
pairs both are estimated from them.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import optimize, stats
from tables import PAIRS, Result, differences
from transfer_analysis import PREDICTIONS, by_repeat
from transfer_design import BASES, HERE
from transfer_scores import read_records

POWER = 0.8
ITEMS = 1.5
"""Standard error, in points, that the choice of test items adds to a difference over both pairs of 300 items."""
PILOT = ("rl-single", "sft-rationale", "mt-rl-adaptive", "mt-rl-calibrated")
"""Arms of the first comparison that answer pairs in their form; the others have a spread of zero."""


def detectable(*, bases: int, repeats: int, between: float, within: float, items: float, alpha: float) -> float:
    """The distance from the threshold, in points, that a one-sided test shows with a probability of `POWER`.

    Args:
        bases: Number of bases, the clusters.
        repeats: Trainings of each arm from each base.
        between: Standard deviation of the difference over bases.
        within: Standard deviation over repeats within a base.
        items: Standard error that the choice of items adds.
        alpha: Level of the test.
    """
    error = math.sqrt((between**2 + within**2 / repeats) / bases + items**2)
    # One degree of freedom less than bases: fewer than the analysis has, where items add a part.
    limit = float(stats.t.isf(alpha, bases - 1))

    def lack(distance: float) -> float:
        return float(stats.nct.sf(limit, bases - 1, distance / error)) - POWER

    return float(optimize.brentq(lack, 0.0, 100 * error))


def pilot_spread() -> dict[str, float]:
    """Standard deviation over seeds of the difference from MT-RL on pairs, in the first comparison."""
    records = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    results = [Result(**record) for record in records]
    return {row: statistics.stdev(differences(results, row, PAIRS)) for row in PILOT}


def spread(records: Path, items: Path, against: str) -> tuple[float, float] | None:
    """Standard deviations between and within bases of MT-RL minus an arm on validation pairs, by analysis of variance.

    Returns:
        `None` where no base has two repeats of both.
    """
    read = read_records(records, items)
    groups = []
    for base in BASES:
        mine, other = (by_repeat(read, arm, "shared", base, "pairs", "macro_f1") for arm in ("mt-rl", against))
        groups.append([mine[repeat].whole - other[repeat].whole for repeat in mine if repeat in other])
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        return None
    within = statistics.fmean(statistics.variance(group) for group in groups)
    repeats = statistics.fmean(len(group) for group in groups)
    between = statistics.variance([statistics.fmean(group) for group in groups]) - within / repeats
    return math.sqrt(max(0.0, between)), math.sqrt(within)


def document(within: float, betweens: list[float], tests: int) -> Iterator[str]:
    """The table of detectable distances."""
    yield f"Points beyond the threshold that are shown with {POWER:.0%} probability, sd of seeds {within:.1f}:"
    yield ""
    yield "| bases x repeats | sd of bases | at 0.05 | by Holm's first step |"
    yield "| --- | ---: | ---: | ---: |"
    for repeats in (1, 2):
        for between in betweens:
            found = [
                detectable(bases=len(BASES), repeats=repeats, between=between, within=within, items=ITEMS, alpha=alpha)
                for alpha in (0.05, 0.05 / tests)
            ]
            yield f"| {len(BASES)} x {repeats} | {between:.1f} | {found[0]:.1f} | {found[1]:.1f} |"


def document_of_pilot() -> Iterator[str]:
    """The table as it was known before any judge was trained."""
    within = float(np.sqrt(np.mean([value**2 for value in pilot_spread().values()])))
    return document(within, [0.0, 3.0, 6.0], _tests())


def _tests() -> int:
    return len(json.loads(PREDICTIONS.read_text(encoding="utf-8"))["predictions"])


def main(arguments: list[str]) -> None:
    """Print what the command line asks for."""
    if not arguments:
        lines = list(document_of_pilot())
    else:
        lines = []
        for against in ("sft-rationale", "rl-single"):
            found = spread(Path(arguments[0]), Path(arguments[1]), against)
            if found is None:
                lines.append(f"mt-rl minus {against}: too few judges are trained")
            else:
                between, within = found
                lines.append(f"mt-rl minus {against}: sd of bases {between:.1f}")
                lines += document(within, [between], _tests())
    print("\n".join(lines))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
