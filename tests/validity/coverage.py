"""Do intervals of "95 %" hold the true value in 95 of 100 data sets? Simulated judges; run by hand; last line JSON.

    python tests/validity/coverage.py [--reps 120] [--quick] [--only METRIC] [--seed 1] [--jobs 2] [--write PAGE]

A cell is a metric under a design. Of each cell: the share of data sets whose interval holds the true value, of those
that have one; the share that the board flags (a cell is flagged where half of its data sets are, or where half of them
have no interval); the share of intervals of no width. The worst twentieth of the cells is simulated again, with four
times the data sets and other seeds, and of these the worst 30 with twenty times the data sets: the last figure counts,
so that the worst cell is not the unluckiest.

`worst` and `mean` are over unflagged cells whose true value is not exactly 1 (or a distance of 0); those at 1 are in
`at_one`. `mean` is of the first data sets alone: to replace only the low cells, which were unlucky too, would raise it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from boards import CLASSES, RANKINGS, SCORES
from cells import Found, Work, measure
from judges import CORRELATION, Design
from publish import command_of, commit, cpu_seconds, finish, options, run_all, standard_error, table

SIZES = (20, 50, 150, 300, 1000)
TRUTHS = (0.5, 0.8, 0.95, 0.99, 1.0)
PREVALENCES = (0.5, 0.15)
CLUSTERS = tuple(CORRELATION)

MANY = (("a", 3), ("b", 5), ("c", 10), ("d", 20), ("e", 50), ("f", 100))
FEW = (("a", 200), ("b", 5), ("c", 5))
NESTED = (("a/x", 10), ("a/y", 40), ("b", 100))

FOUR = ("accuracy", "macro_f1", "f1", "kappa")
"""Of two classes in equal shares the others are all but one of these."""

TARGET = 0.93
LAST = 30
"""So many of the lowest cells are simulated a third time."""


def grid(*, quick: bool) -> Iterator[tuple[Design, tuple[str, ...]]]:
    """Every design with the metrics that are looked at."""
    sizes, truths = (SIZES[1:3], TRUTHS[1:]) if quick else (SIZES, TRUTHS)
    for n, clusters, truth in itertools.product(sizes, CLUSTERS, truths):
        plain = Design(kind="labels", n=n, truth=truth, clusters=clusters)
        for prevalence in PREVALENCES:
            yield replace(plain, prevalence=prevalence), CLASSES
            yield replace(plain, kind="probabilities", prevalence=prevalence), ("roc_auc",)
        yield replace(plain, orders=2), FOUR
        for kind in ("scores", "five-point"):
            yield replace(plain, kind=kind), SCORES
        yield replace(plain, kind="ranking"), RANKINGS
        yield replace(plain, kind="swaps", orders=2, n=2 * n), ("swap_consistency",)
        yield replace(plain, kind="first", orders=2, n=2 * n), ("first_position",)
        if clusters in ("none", "of 5"):
            yield replace(plain, samples=3), (*FOUR, "repeat_consistency")
            yield replace(plain, kind="coarse"), ("roc_auc",)
        if clusters == "none":
            yield replace(plain, kind="scores", samples=3), SCORES
            yield replace(plain, kind="skew"), ("pearson",)
        else:
            yield replace(plain, dependence="copied"), FOUR
            # The true macro-F1 of a group is a sum over all that the group can be: of large ones that is too much.
            small = () if clusters == "unequal" else ("macro_f1@group",)
            yield plain, ("accuracy@group", "all_right@group", *small)
    for n, clusters in itertools.product(sizes, CLUSTERS):
        for prevalence in PREVALENCES:
            yield (
                Design(kind="labels", n=n, truth=0.0, lopsided=True, clusters=clusters, prevalence=prevalence),
                CLASSES,
            )
    yield from _categories(truths)


def _categories(truths: Sequence[float]) -> Iterator[tuple[Design, tuple[str, ...]]]:
    """Averages over categories: many, few and very unequal, nested, weighted, and clusters within and across them."""
    metrics = ("accuracy@category", "macro_f1@category")
    even = tuple((f"c{k}", 4) for k in range(5))
    wide = tuple((f"c{k:02}", 10) for k in range(10))
    layouts = (MANY, FEW, NESTED, even, wide)
    for parts, truth in itertools.product(layouts, truths):
        design = Design(
            kind="labels",
            n=sum(size for _, size in parts),
            truth=truth,
            parts=tuple((name, size, truth) for name, size in parts),
        )
        yield design, metrics
        if parts in (MANY, NESTED, wide):
            yield replace(design, clusters="of 5"), metrics
            yield replace(design, clusters="of 5", across=True), metrics
        if parts is NESTED:
            yield replace(design, weights=(("a/x", 3.0), ("b", 2.0))), metrics
    for parts, shares in ((FEW, (0.8, 0.9, 0.9)), (NESTED, (0.7, 0.9, 0.95)), (MANY, (0.5, 0.6, 0.7, 0.8, 0.9, 0.99))):
        uneven = tuple((name, size, share) for (name, size), share in zip(parts, shares, strict=True))
        yield Design(kind="labels", n=sum(size for _, size in parts), truth=0.5, parts=uneven), metrics


def simulate(works: Sequence[Work], *, jobs: int) -> list[Found]:
    """Every cell; then again, in two steps, those that came out worst, with more data sets and fresh seeds."""
    found = [cell for several in run_all(measure, works, jobs=jobs, cost=_cost) for cell in several]
    reps = {cell.key: cell.reps for cell in found}
    lowest = _lowest(found)
    for step, (count, times) in enumerate(((-(-len(lowest) // 20), 4), (LAST, 20)), start=1):
        again = [
            replace(
                works[0],
                design=cell.design,
                metrics=(cell.metric,),
                reps=times * reps[cell.key],
                seed=works[0].seed + step * 1_000_000,
            )
            for cell in lowest[:count]
        ]
        anew = [cell for several in run_all(measure, again, jobs=jobs, cost=_cost) for cell in several]
        lowest = _lowest(anew)
        better = {cell.key: cell for cell in anew}
        found = [
            replace(better[cell.key], picked_at=cell.first_coverage) if cell.key in better else cell for cell in found
        ]
    return found


def _lowest(cells: Sequence[Found]) -> list[Found]:
    return sorted((cell for cell in cells if cell.counts), key=lambda cell: cell.coverage)


def _cost(work: Work) -> float:
    return work.reps * (300 + work.design.n * (10 if "kendall" in work.metrics else 1))


def summary(cells: Sequence[Found]) -> dict[str, Any]:
    """The figures of some cells."""
    judged = [found for found in cells if found.counts]
    shares = np.array([found.coverage for found in judged])
    printed = sum(found.printed for found in cells)
    lowest = judged[int(shares.argmin())] if judged else None
    return {
        "worst": _rounded(shares.min()) if judged else None,
        "worst_se": None if lowest is None else _rounded(standard_error(lowest.coverage, lowest.printed)),
        "worst_cell": None if lowest is None else lowest.label,
        "mean": _rounded(np.mean([found.first_coverage for found in judged])) if judged else None,
        "below_93": _rounded((shares < TARGET).mean()) if judged else None,
        "flagged": _rounded(np.mean([found.is_flagged for found in cells if not found.at_one])) if judged else None,
        "zero_width": _rounded(sum(found.zero_width for found in cells) / printed) if printed else None,
        "cells": len(cells),
    }


def _rounded(value: Any) -> float:
    return round(float(value), 4)


def tables(cells: Sequence[Found]) -> list[str]:
    """By metric, by kind of cluster, and the lowest cells."""
    head = ("metric", "cells", "worst", "mean", "below .93", "flagged", "no width", "mean width")
    lines = table(head, [(name, *_line(same)) for name, same in _by(cells, lambda found: found.metric)])
    head = ("clusters", *head[1:])
    lines += [
        "",
        *table(head, [(name, *_line(same)) for name, same in _by(cells, lambda found: found.design.clusters)]),
    ]
    lowest = sorted((found for found in cells if found.counts), key=lambda found: found.coverage)[:15]
    rows = [(found.label, found.coverage, standard_error(found.coverage, found.printed)) for found in lowest]
    return [*lines, "", *table(("lowest cells that are not flagged", "coverage", "standard error"), rows)]


def _by(cells: Sequence[Found], key: Any) -> Iterable[tuple[str, list[Found]]]:
    for name in dict.fromkeys(key(found) for found in cells):
        yield name, [found for found in cells if key(found) == name]


def _line(cells: Sequence[Found]) -> tuple[object, ...]:
    figures = summary(cells)
    widths = [found.width for found in cells if found.counts]
    width = float(np.nanmean(widths)) if widths else np.nan
    values = [np.nan if figures[name] is None else figures[name] for name in NUMBERS]
    return (len(cells), *values, width)


NUMBERS = ("worst", "mean", "below_93", "flagged", "zero_width")


def main() -> None:
    """Simulate the grid, print tables and one JSON object."""
    parser = options(__doc__, reps=120)
    parser.add_argument("--only", action="append", metavar="METRIC", help="this metric only; may be repeated")
    asked = parser.parse_args()
    works = [
        Work(design=design, metrics=kept, reps=reps, seed=asked.seed)
        for design, metrics in grid(quick=asked.quick)
        if (kept := tuple(name for name in metrics if not asked.only or name in asked.only))
        for reps in [_reps(design, asked.reps)]
    ]
    if not works:
        raise SystemExit(f"no design has the metric {', '.join(asked.only)}")
    cells = simulate(works, jobs=asked.jobs)
    result = {
        **summary(cells),
        "at_one": _at_one([found for found in cells if found.at_one]),
        "no_interval": _rounded(1 - sum(found.printed for found in cells) / sum(found.reps for found in cells)),
        "by_metric": {name: summary(same) for name, same in _by(cells, lambda found: found.metric)},
        **{f"mean_by_{name}": _means(cells, name) for name in ("n", "clusters", "truth")},
        "grid": {"n": SIZES, "clusters": CLUSTERS, "true": TRUTHS, "prevalence": PREVALENCES, "quick": asked.quick},
        "reps": asked.reps,
        "seed": asked.seed,
        "cpu_s": round(cpu_seconds(), 1),
        "commit": commit(),
    }
    finish("coverage", tables(cells), result, page=asked.write, command=command_of("coverage.py", asked))


def _reps(design: Design, reps: int) -> int:
    """Fewer where little can differ, and where each data set takes a tenth of a second: many different scores."""
    if design.truth >= 1:
        return max(20, reps // 8)
    return max(20, reps // 4) if design.kind in ("scores", "skew") and design.n >= 1000 else reps


def _means(cells: Sequence[Found], name: str) -> dict[str, Any]:
    """Mean coverage by a field of the design, to see where intervals are too wide or too narrow."""
    judged = [found for found in cells if found.counts]
    by_value = _by(judged, lambda found: getattr(found.design, name))
    return {str(value): summary(same)["mean"] for value, same in by_value}


def _at_one(cells: Sequence[Found]) -> dict[str, Any]:
    shares = np.array([found.coverage for found in cells if found.printed])
    return (
        {"cells": len(cells), "worst": _rounded(shares.min()), "mean": _rounded(shares.mean())} if len(shares) else {}
    )


if __name__ == "__main__":
    main()
