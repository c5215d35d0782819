"""What outliers do to the interval of a correlation, and how often the board says so; run by hand; last line JSON.

    python tests/validity/outliers.py [--reps 300] [--quick] [--seed 1] [--jobs 2] [--write PAGE]

Two laws of scores, of which 2 % are wild: items that are eight times as spread as the others, and of which the judge
knows nothing there; and a judge that says the right score and, on 2 % of the items, one at random that is three times
as spread. `coverage` is the share of intervals that hold the true correlation, `flagged` the share of data sets with
the flag `outlier`, and `unflagged` the coverage of those without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from boards import estimates, score
from publish import command_of, commit, cpu_seconds, finish, generator, options, run_all, table

from harness.api import Protocol, RecordedAnswer, Score, Status
from harness.score.units import build_cell

SIZES = (50, 150, 300)
METRICS = ("pearson", "spearman", "kendall")
WILD = 0.02
SPACE = Score(-1000, 1000, 0)
LARGE = 200_000
"""Units that stand for all, for the true rank correlations, which have no closed form here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One law at one size, under one metric."""

    law: str
    n: int
    metric: str
    truth: float
    reps: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of it."""

    work: Work
    held: np.ndarray
    """Shape (R,): whether the interval holds the true value."""
    flagged: np.ndarray
    """Shape (R,): whether the board warns."""


def draw(law: str, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gold and answer of n items."""
    gold, other, wild = rng.standard_normal(n), rng.standard_normal(n), rng.random(n) < WILD
    if law == "wild items":
        return np.where(wild, 8 * gold, gold), np.where(wild, 8 * other, 0.8 * gold + 0.6 * other)
    return gold, np.where(wild, 3 * other, gold)


def true_pearson(law: str) -> float:
    """By the moments of the mixture."""
    if law == "wild items":
        return 0.8 * (1 - WILD) / (1 - WILD + 64 * WILD)
    return float((1 - WILD) / np.sqrt(1 - WILD + 9 * WILD))


def true_ranks(metric: str, law: str) -> float:
    """Of very many units."""
    from scipy import stats

    gold, said = draw(law, np.random.default_rng(0), LARGE)
    found = stats.spearmanr(gold, said) if metric == "spearman" else stats.kendalltau(gold, said)
    return float(found.statistic)


def measure(work: Work) -> Found:
    """Simulate one."""
    rng = generator(work.seed, work.law, work.n)
    held, flagged = np.zeros((2, work.reps), dtype=bool)
    for rep in range(work.reps):
        gold, said = draw(work.law, rng, work.n)
        scores = score(build_cell(_answers(gold, said), Protocol(metrics=(work.metric,))))
        found = estimates(scores)[work.metric]
        if found.ci_low is not None and found.ci_high is not None:
            held[rep] = found.ci_low <= work.truth <= found.ci_high
        flagged[rep] = bool({"outlier", "no-errors"} & set(scores.flags))
    return Found(work=work, held=held, flagged=flagged)


def _answers(gold: np.ndarray, said: np.ndarray) -> list[RecordedAnswer]:
    return [
        RecordedAnswer(
            item=f"item {k:05}",
            group=f"item {k:05}",
            category="",
            space=SPACE,
            gold=right,
            order=(),
            sample=0,
            status=Status.OK,
            verdict=answer,
        )
        for k, (right, answer) in enumerate(zip(gold.tolist(), said.tolist(), strict=True))
    ]


def rows(found: Sequence[Found]) -> list[tuple[object, ...]]:
    """Of a table."""
    return [
        (
            f"{one.work.metric}, {one.work.law}, n={one.work.n}",
            one.work.truth,
            float(one.held.mean()),
            float(one.flagged.mean()),
            float(one.held[~one.flagged].mean()) if (~one.flagged).any() else np.nan,
        )
        for one in found
    ]


def main() -> None:
    """Simulate all, print a table and one JSON object."""
    asked = options(__doc__, reps=300).parse_args()
    truths = {
        (metric, law): true_pearson(law) if metric == "pearson" else true_ranks(metric, law)
        for metric in METRICS
        for law in ("wild items", "wild judge")
    }
    works = [
        Work(law=law, n=n, metric=metric, truth=truth, reps=asked.reps, seed=asked.seed)
        for (metric, law), truth in truths.items()
        for n in (SIZES[:1] if asked.quick else SIZES)
    ]
    found = run_all(measure, works, jobs=asked.jobs, cost=lambda work: work.reps * work.n)
    head = ("metric, law and size", "true value", "coverage", "flagged", "coverage where not flagged")
    result: dict[str, Any] = {
        "coverage": {str(row[0]): round(float(str(row[2])), 3) for row in rows(found)},
        "reps": asked.reps,
        "seed": asked.seed,
        "cpu_s": round(cpu_seconds(), 1),
        "commit": commit(),
    }
    finish("outliers", table(head, rows(found)), result, page=asked.write, command=command_of("outliers.py", asked))


if __name__ == "__main__":
    main()
