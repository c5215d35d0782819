"""Do the numbers about people hold? Simulated people of known quality, through the harness's own code. By hand.

    python tests/validity/ceiling.py [--repeats 400] [--only alpha,ceiling,alt_test]

Two parts, each cell of a small grid so many times:

- `coverage`: how often the 95 % intervals of Krippendorff's alpha, of the ceiling, of the judge beside it and of their
  difference hold the truth, which is what the same design gives on 40,000 items;
- `alt_test`: how often a judge that is worse than every person by exactly epsilon is said to be no worse: of one person
  (raw p below .05), of any person (after correction), and of half of them (passed).

The last line is one JSON object with the worst and the mean of each, and the CPU seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from harness.api import AnswerSpace, Choice, Protocol, Score, Status
from harness.score.agreement import MacroF1
from harness.score.ceiling import human_ceiling
from harness.score.correlation import Spearman
from harness.score.metrics import Accuracy, MeanAbsoluteError
from harness.score.records import Answer, Ceiling
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

    @property
    def space(self) -> AnswerSpace:
        return Choice(tuple(f"c{k}" for k in range(self.classes))) if self.kind == "choice" else Score(0, 10, 0)

    def __str__(self) -> str:
        return (
            f"{self.kind} n={self.items} people={self.people} right={self.right} classes={self.classes} "
            f"common={self.common} cluster={self.cluster} missing={self.missing}"
        )


def answers(design: Design, rng: np.random.Generator, *, items: int | None = None) -> Iterator[Answer]:
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
        yield Answer(
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


def coverage(repeats: int) -> dict[str, object]:
    """How often each interval holds the truth."""
    rows: dict[str, dict[str, float]] = {}
    widths: list[float] = []
    none = total = 0
    for place, design in enumerate(grid()):
        truth = {name: value for name, (value, _, _) in numbers(large(design), design).items()}
        hits: dict[str, list[bool]] = {name: [] for name in truth}
        for repeat in range(repeats):
            rng = np.random.default_rng([place, repeat])
            for name, (_, low, high) in numbers(measured(design, rng), design).items():
                total += 1
                if low is None or high is None:
                    none += 1
                    continue
                widths.append(high - low)
                hits[name].append(low <= (truth[name] or 0.0) <= high)
        rows[str(design)] = {name: float(np.mean(found)) for name, found in hits.items() if found}
        print(f"{design!s:75}", " ".join(f"{name} {value:.3f}" for name, value in rows[str(design)].items()))
    by_name: dict[str, list[float]] = {}
    for row in rows.values():
        for name, value in row.items():
            by_name.setdefault(name, []).append(value)
    return {
        "worst": {name: min(values) for name, values in by_name.items()},
        "mean": {name: float(np.mean(values)) for name, values in by_name.items()},
        "narrowest": min(widths),
        "no_interval": none / total,
        "cells": rows,
    }


def large(design: Design) -> Ceiling:
    """What the design gives on very many items."""
    return measured(design, np.random.default_rng(99), items=TRUTH)


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


def alt_test_size(repeats: int) -> dict[str, object]:
    """How often a judge at the boundary is called no worse."""
    rows: dict[str, dict[str, float]] = {}
    for place, (n, right, people, epsilon) in enumerate(
        itertools.product((30, 100, 300), (0.8, 0.95), (3, 6), (0.1, 0.2))
    ):
        judge = boundary(right, epsilon, people)
        design = Design(items=n, right=right, people=people)
        raw, beaten, passed = [], [], []
        for repeat in range(repeats):
            rng = np.random.default_rng([7, place, repeat])
            found = human_ceiling(
                build_cell(with_judge(design, judge, rng), Protocol(alt_test_epsilon=epsilon)), {"accuracy": Accuracy()}
            )
            assert found is not None
            raw += [one.p_value < 0.05 for one in found.alt_test.tests]
            beaten.append(any(one.beaten for one in found.alt_test.tests))
            passed.append(bool(found.alt_test.passed))
        name = f"n={n} right={right} people={people} epsilon={epsilon}"
        rows[name] = {"one": float(np.mean(raw)), "any": float(np.mean(beaten)), "passed": float(np.mean(passed))}
        print(f"{name:45}", " ".join(f"{key} {value:.3f}" for key, value in rows[name].items()))
    summary = {
        kind: {key: float(take([row[key] for row in rows.values()])) for key in ("one", "any", "passed")}
        for kind, take in (("worst", max), ("mean", np.mean))
    }
    return {**summary, "cells": rows}


def with_judge(design: Design, judge: float, rng: np.random.Generator) -> Iterator[Answer]:
    """The same people beside a judge of its own quality; the truth is always the first class but for a coin."""
    truth = rng.integers(0, 2, size=design.items)
    people = np.where(rng.random((design.items, design.people)) < design.right, truth[:, None], 1 - truth[:, None])
    said = np.where(rng.random(design.items) < judge, truth, 1 - truth)
    for k in range(design.items):
        yield Answer(
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


def main(arguments: list[str]) -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--only", default="coverage,alt_test")
    options = parser.parse_args(arguments)
    parts = {"coverage": coverage, "alt_test": alt_test_size}
    begun = time.process_time()
    found = {name: parts[name](options.repeats) for name in options.only.split(",")}
    print(json.dumps({"repeats": options.repeats, **found, "cpu_s": round(time.process_time() - begun, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
