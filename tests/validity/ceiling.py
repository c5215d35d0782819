"""Do the numbers about people hold? Simulated people of known quality, through the harness's own code. By hand.

    python tests/validity/ceiling.py --write docs/explanation/human-ceiling.md

- `coverage`: how often the 95 % intervals of Krippendorff's alpha, of the ceiling, of the judge beside it and of their
  difference hold the truth, which is what the same design gives on 40,000 items;
- `alt_test`: how often a judge that is worse than every person by exactly epsilon is said to be no worse: than one
  person (p below .05), than any person (after correction), and than half of them (passed).

The last line is one JSON object: the worst and the mean of each over the grid, every cell, and the CPU seconds.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import optimize

sys.path.append(str(Path(__file__).parent))  # last: a script of this folder is named like a library

from publish import commit, cpu_seconds, finish, generator, options, run_all, table

from harness.api import AnswerSpace, Choice, Protocol, RecordedAnswer, Score, Status
from harness.score.agreement import MacroF1
from harness.score.ceiling import human_ceiling
from harness.score.correlation import Spearman
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.records import Ceiling
from harness.score.units import build_cell

METRICS = {
    "choice": {"accuracy": Accuracy(), "macro_f1": MacroF1()},
    "score": {"spearman": Spearman(), "mae": MeanAbsoluteError()},
}
TRUTH = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Who annotates what, and how well."""

    kind: str = "choice"
    items: int = 100
    people: int = 3
    right: float = 0.85
    """Chance that a person, or the judge, says what is so; of scores the correlation with it."""
    classes: int = 2
    common: float = 0.5
    """Share of the first class."""
    cluster: int = 1
    """Items of one cluster, which are equally hard."""
    missing: float = 0.0
    """Share of verdicts of people that are not there."""
    epsilon: float = 0.0
    """Of the alternative-annotator test; 0 where it is not what is simulated."""

    @property
    def space(self) -> AnswerSpace:
        return Choice(tuple(f"c{k}" for k in range(self.classes))) if self.kind == "choice" else Score(0, 10, 0)

    def __str__(self) -> str:
        return (
            f"{self.kind} n={self.items} people={self.people} right={self.right} classes={self.classes} "
            f"common={self.common} cluster={self.cluster} missing={self.missing} epsilon={self.epsilon}"
        )


def answers(design: Design, rng: np.random.Generator, *, items: int | None = None) -> Iterator[RecordedAnswer]:
    """One answer for each item, with what people said of it."""
    n = items or design.items
    hard = rng.beta(4 * design.right, 4 * (1 - design.right), size=-(-n // design.cluster))
    chance = np.repeat(hard, design.cluster)[:n] if design.cluster > 1 else np.full(n, design.right)
    space = design.space
    if design.kind == "choice":
        rest = (1 - design.common) / (design.classes - 1)
        truth = rng.choice(design.classes, size=n, p=[design.common] + [rest] * (design.classes - 1))
        wrong = (truth[:, None] + rng.integers(1, design.classes, size=(n, design.people + 1))) % design.classes
        said = np.where(rng.random((n, design.people + 1)) < chance[:, None], truth[:, None], wrong)
        words: list[list[str | float]] = [[f"c{code}" for code in row] for row in said.tolist()]
    else:
        noise = rng.normal(size=(n, design.people + 1)) * np.sqrt(1 / chance[:, None] ** 2 - 1).clip(0, 5)
        scores = np.clip(5 + 1.5 * (rng.normal(size=(n, 1)) + noise), 0, 10)
        words = [list(row) for row in scores.tolist()]
    there = rng.random((n, design.people)) >= design.missing
    for k, row in enumerate(words):
        yield RecordedAnswer(
            item=f"i{k}",
            group=f"g{k // design.cluster}",
            category="",
            space=space,
            gold=row[0],
            order=(),
            sample=0,
            status=Status.OK,
            verdict=row[-1],
            annotations={f"p{j}": row[j] for j in range(design.people) if there[k, j]},
        )


def numbers(found: Ceiling, design: Design) -> dict[str, tuple[float | None, float | None, float | None]]:
    """Value and interval of everything, by name."""
    out = {"alpha": (found.alpha, found.alpha_low, found.alpha_high)}
    for name in METRICS[design.kind]:
        one = next(one for one in found.metrics if one.metric == name)
        out[f"{name} ceiling"] = (one.value, one.ci_low, one.ci_high)
        out[f"{name} judge"] = (one.judge, one.judge_low, one.judge_high)
        out[f"{name} difference"] = (one.difference, one.difference_low, one.difference_high)
    return out


def measured(design: Design, rng: np.random.Generator, *, items: int | None = None) -> Ceiling:
    """Everything about people in one simulated cell."""
    table = build_cell(answers(design, rng, items=items), Protocol())
    found = human_ceiling(table, METRICS[design.kind])
    assert found is not None
    return found


def grid() -> list[Design]:
    """The designs of the coverage."""
    found = [
        Design(items=n, people=people, right=right)
        for n, people, right in itertools.product((30, 100, 300), (3, 5), (0.7, 0.9, 0.98))
    ]
    found += [Design(items=n, right=0.9, common=0.85) for n in (30, 100, 300)]
    found += [Design(items=n, right=0.8, classes=4, common=0.25, missing=0.3) for n in (30, 100, 300)]
    found += [Design(items=n, right=0.85, cluster=5) for n in (50, 150, 300)]
    found += [Design(kind="score", items=n, right=right) for n in (30, 100, 300) for right in (0.7, 0.95)]
    return [*found, Design(kind="score", items=150, right=0.8, cluster=5, missing=0.3)]


def coverage(design: Design, *, reps: int, seed: int, truth_items: int) -> dict[str, float]:
    """How often each interval of one design holds the truth, and the width of the narrowest."""
    large = measured(design, generator(seed, "truth", design), items=truth_items)
    truth = {name: value for name, (value, _, _) in numbers(large, design).items()}
    hits: dict[str, list[bool]] = {name: [] for name in truth}
    narrowest = np.inf
    for rep in range(reps):
        for name, (_, low, high) in numbers(measured(design, generator(seed, design, rep)), design).items():
            held = low is not None and high is not None and low <= (truth[name] or 0.0) <= high
            hits[name].append(held)
            if low is not None and high is not None:
                narrowest = min(narrowest, high - low)
    return {**{name: float(np.mean(found)) for name, found in hits.items()}, "narrowest": float(narrowest)}


def boundaries() -> list[Design]:
    """The designs of the test."""
    grid = itertools.product((30, 100, 300), (0.8, 0.95), (3, 6), (0.1, 0.2))
    return [Design(items=n, right=right, people=people, epsilon=epsilon) for n, right, people, epsilon in grid]


def boundary(right: float, epsilon: float, people: int) -> float:
    """How often a judge must be right to be worse than each person by exactly epsilon, two classes."""

    def gap(judge: float) -> float:
        mean = 0.0
        for person, own, *others in itertools.product((0, 1), repeat=people + 1):
            chance = (judge if own else 1 - judge) * (right if person else 1 - right)
            chance *= float(np.prod([right if one else 1 - right for one in others]))
            ours, theirs = (np.mean([one == said for one in others]) for said in (own, person))
            mean += chance * ((theirs >= ours) - float(ours >= theirs))
        return mean - epsilon

    return float(optimize.brentq(gap, 0.0, 1.0))


def at_the_boundary(design: Design, *, reps: int, seed: int) -> dict[str, float]:
    """How often a judge at the boundary is called no worse."""
    judge = boundary(design.right, design.epsilon, design.people)
    protocol = Protocol(alt_test_epsilon=design.epsilon)
    one, beaten, passed = [], [], []
    for rep in range(reps):
        table = build_cell(with_judge(design, judge, generator(seed, "alt-test", design, rep)), protocol)
        found = human_ceiling(table, {"accuracy": Accuracy()})
        assert found is not None
        one += [test.p_value < 0.05 for test in found.alt_test.tests]
        beaten.append(any(test.beaten for test in found.alt_test.tests))
        passed.append(bool(found.alt_test.passed))
    return {"one": float(np.mean(one)), "any": float(np.mean(beaten)), "passed": float(np.mean(passed))}


def with_judge(design: Design, judge: float, rng: np.random.Generator) -> Iterator[RecordedAnswer]:
    """The same people beside a judge of its own quality; the truth is always the first class but for a coin."""
    truth = rng.integers(0, 2, size=design.items)
    people = np.where(rng.random((design.items, design.people)) < design.right, truth[:, None], 1 - truth[:, None])
    said = np.where(rng.random(design.items) < judge, truth, 1 - truth)
    for k in range(design.items):
        yield RecordedAnswer(
            item=f"i{k}",
            group=f"i{k}",
            category="",
            space=design.space,
            gold=f"c{truth[k]}",
            order=(),
            sample=0,
            status=Status.OK,
            verdict=f"c{said[k]}",
            annotations={f"p{j}": f"c{people[k, j]}" for j in range(design.people)},
        )


def summary(cells: dict[str, dict[str, float]], names: list[str], *, least: bool) -> dict[str, dict[str, float]]:
    """The worst and the mean of each number over the cells that have it."""
    found: dict[str, dict[str, float]] = {"worst": {}, "mean": {}}
    for name in names:
        values = [cell[name] for cell in cells.values() if name in cell]
        found["worst"][name] = min(values) if least else max(values)
        found["mean"][name] = float(np.mean(values))
    return found


def main(arguments: list[str] | None = None) -> None:
    """Simulate, print, and write where asked."""
    parser = options(__doc__, reps=400)
    chosen = parser.parse_args(arguments)
    designs, tests = grid(), boundaries()
    if chosen.quick:
        designs, tests = designs[::12], tests[::12]
    cover = partial(coverage, truth_items=2_000 if chosen.quick else TRUTH)
    covered = simulated(
        cover, designs, chosen, low=lambda cell: min(cell[name] for name in cell if name != "narrowest")
    )
    tested = simulated(at_the_boundary, tests, chosen, low=lambda cell: -cell["one"])
    names = list(dict.fromkeys(name for cell in covered.values() for name in cell if name != "narrowest"))
    intervals = summary(covered, names, least=True)
    kinds = ["one", "any", "passed"]
    size = summary(tested, kinds, least=False)
    rows = [[name, intervals["worst"][name], intervals["mean"][name]] for name in names]
    lines = [*table(["interval", "worst", "mean"], rows), ""]
    said = ["one person (p < .05)", "any person (corrected)", "half of them (passed)"]
    rows = [[text, size["worst"][kind], size["mean"][kind]] for text, kind in zip(said, kinds, strict=True)]
    lines += table(["a judge at the boundary is called no worse than", "worst", "mean"], rows)
    result = {
        "coverage": {**intervals, "narrowest": min(cell["narrowest"] for cell in covered.values()), "cells": covered},
        "alt_test": {**size, "cells": tested},
        "reps": chosen.reps,
        "commit": commit(),
        "cpu_s": round(cpu_seconds(), 1),
    }
    finish("ceiling", lines, result, page=chosen.write, command=f"tests/validity/ceiling.py --reps {chosen.reps}")


def simulated(
    function: Callable[..., dict[str, float]],
    designs: list[Design],
    chosen: argparse.Namespace,
    *,
    low: Callable[[dict[str, float]], float],
) -> dict[str, dict[str, float]]:
    """Every design, and the worst fifth once more with four times the data sets and a fresh seed, which then counts."""
    first = partial(function, reps=chosen.reps, seed=chosen.seed)
    again = partial(function, reps=4 * chosen.reps, seed=chosen.seed + 1_000)
    found = dict(zip(designs, run_all(first, designs, jobs=chosen.jobs, cost=cost), strict=True))
    worst = sorted(designs, key=lambda design: low(found[design]))[: 0 if chosen.quick else len(designs) // 5]
    found.update(zip(worst, run_all(again, worst, jobs=chosen.jobs, cost=cost), strict=True))
    return {str(design): cell for design, cell in found.items()}


def cost(design: Design) -> float:
    """What a design takes, in any unit."""
    return design.items * design.people


if __name__ == "__main__":
    main()
