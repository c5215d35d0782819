"""Do the intervals of `harness estimate` cover the truth, and do planned items have the planned power?

    python tests/validity/estimate.py [--sets 300] [--data ../shared/data] [--write]

Run by hand, some seven minutes; `--sets 20 --every 40` is a smoke test of seconds. `--write` puts the table into the
documentation, with date and commit. Judges of known sensitivity and
specificity, items in correlated clusters, labels few or many: each cell of the grid is drawn `--sets` times. Planning
is checked by planning a number of items from a large pilot and running the project's own test on so many. Where the
recorded answers of GenAI-Bench are, real judges' errors are resampled as well, by whole clusters.

The last line is one JSON object: `worst` and `mean` coverage of each method over the cells that are not flagged,
`flagged` as a share, `power` planned and reached by design, and the CPU seconds.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import math
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.api import Choice, Measurement, Protocol, RecordedAnswer, Status
from harness.score import padded, planning, worth
from harness.score.contest import Contest, Round
from harness.score.metrics import Accuracy
from harness.score.significance import compare_all
from harness.score.table import CellTable
from harness.score.units import build_cell
from harness.score.worth import Verdicts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLUSTERS = (("none", 1, 0.0), ("of 2", 2, 0.5), ("of 5", 5, 0.5), ("of 5", 5, 0.95), ("unequal", 0, 0.5))
LABELS, VERDICTS = (20, 50, 150, 300, 1000), (200, 5000)
PREVALENCE = (0.05, 0.15, 0.5, 0.8)
JUDGES = ((0.6, 0.6), (0.9, 0.7), (0.8, 0.8), (0.95, 0.95), (0.8, 1.0), (1.0, 1.0))
STARS = {
    "even": (0.2, 0.2, 0.2, 0.2, 0.2),
    "middling": (0.1, 0.2, 0.4, 0.2, 0.1),
    "nearly all five": (0.02, 0.02, 0.03, 0.08, 0.85),
    "either end": (0.3, 0.05, 0.05, 0.1, 0.5),
}
PILOT = 40_000
"""Items from which a number of items is planned."""
FLAGGED = 5.0
"""Clusters, counted as of equal size, below which the command warns."""


def groups(size: int, n: int, rng: np.random.Generator) -> Ints:
    """Codes of clusters; of very unequal sizes, the largest a sixth of all, where `size` is 0."""
    if size:
        return np.arange(n) // size
    sizes = [max(1, n // 6)]
    while sum(sizes) < n:
        sizes.append(min(n - sum(sizes), int(rng.choice([1, 1, 1, 1, 2, 3, 5, 8]))))
    return np.repeat(np.arange(len(sizes)), sizes)


def latent(rng: np.random.Generator, cluster: Ints, correlation: float) -> Floats:
    """Standard normals, correlated within clusters."""
    common = rng.standard_normal(int(cluster.max()) + 1)[cluster]
    return np.asarray(math.sqrt(correlation) * common + math.sqrt(1 - correlation) * rng.standard_normal(len(cluster)))


def draw(
    rng: np.random.Generator, cluster: Ints, share: float, q1: float, q0: float, correlation: float
) -> tuple[Floats, Floats]:
    """Gold and verdicts."""
    gold = (latent(rng, cluster, correlation) < special.ndtri(share)).astype(np.float64)
    right = latent(rng, cluster, correlation) < np.where(gold == 1, special.ndtri(q1), special.ndtri(q0))
    return gold, np.where(right, gold, 1 - gold)


class Cell(NamedTuple):
    """One cell of a grid."""

    name: str
    flagged: bool
    """Whether the command warns of it."""
    simulate: Callable[[], dict[str, bool]]
    """Draws one data set: whether the interval of each method holds the truth, where it has one."""


def coverage_of(cells: Iterable[Cell], *, sets: int) -> tuple[dict[str, dict[str, Any]], list[bool]]:
    """Coverage of each method over the cells that are not flagged.

    The lowest of very many cells is low by luck, so the eight lowest of each method are drawn again, ten times as
    often, and `worst` is the lowest of these.

    Returns:
        The summary by method, and which cells are flagged.
    """
    found: dict[str, list[tuple[float, int]]] = {}
    listed = list(cells)
    for place, cell in enumerate(listed):
        for method, share in ({} if cell.flagged else shares_of(cell, sets)).items():
            found.setdefault(method, []).append((share, place))
    summary = {}
    for method, each in found.items():
        lowest = [place for _, place in sorted(each)[:8]]
        again = [(shares_of(listed[place], 10 * sets)[method], listed[place].name) for place in lowest]
        worst, where = min(again)
        shares = [share for share, _ in each]
        summary[method] = {
            "worst": round(worst, 4),
            "mean": round(float(np.mean(shares)), 4),
            "cells": len(shares),
            "worst_cell": where,
        }
        print(f"{method}: {json.dumps(summary[method])}", flush=True)
    return summary, [cell.flagged for cell in listed]


def shares_of(cell: Cell, sets: int) -> dict[str, float]:
    """How often each method holds the truth; methods that mostly have no answer in a cell are left out."""
    hits: dict[str, list[bool]] = {}
    for _ in range(sets):
        for method, hit in cell.simulate().items():
            hits.setdefault(method, []).append(hit)
    return {method: float(np.mean(each)) for method, each in hits.items() if len(each) > sets / 2}


def covers(found: Measurement, truth: float) -> bool:
    """Whether the interval holds the truth; never where there is none, or where it has no width."""
    if found.low is None or found.high is None or found.high - found.low < 1e-9:
        return False
    return found.low - 1e-9 <= truth <= found.high + 1e-9


def shares(rng: np.random.Generator) -> Iterator[Cell]:
    """Shares of a class: Rogan-Gladen, PPI++, labels alone, and what a label is worth."""
    for (kind, size, correlation), n, many, share, (q1, q0) in itertools.product(
        CLUSTERS, LABELS, VERDICTS, PREVALENCE, JUDGES
    ):
        cluster = groups(size, n, rng)
        yield Cell(
            f"clusters {kind} (correlation {correlation:g}), n {n}, N {many}, share {share}, judge {q1}/{q0}",
            padded.kish(cluster) < FLAGGED,
            partial(_share, rng, cluster, many, share, q1, q0, correlation),
        )


def _share(
    rng: np.random.Generator, cluster: Ints, many: int, share: float, q1: float, q0: float, correlation: float
) -> dict[str, bool]:
    n = len(cluster)
    gold, judged = draw(rng, cluster, share, q1, q0, correlation)
    _, unknown = draw(rng, np.arange(many), share, q1, q0, 0.0)
    own = Verdicts(judged=judged, cluster=cluster, gold=gold)
    other = Verdicts(judged=unknown, cluster=int(cluster.max()) + 1 + np.arange(many))
    hits = {
        "ppi": covers(worth.ppi(own, other), share),
        "labels_alone": covers(padded.mean_of(gold, cluster), share),
    }
    if 0 < gold.sum() < n:  # else the command says that one class has no label
        hits["rogan_gladen"] = covers(worth.rogan_gladen(own, other), share)
        found = worth.labels_worth(worth.correlation(own), labels=n, verdicts=many)
        says = share * q1 + (1 - share) * (1 - q0)
        rho = (share * q1 - share * says) / math.sqrt(share * (1 - share) * says * (1 - says))
        truth = 1 / (1 - rho**2 * many / (n + many))
        if found.low is not None:
            hits["label_worth"] = found.low <= truth + 1e-9 and truth <= (found.high or math.inf) + 1e-9
    return hits


ERRORS = {
    "none": (0.0, 0.0),
    "a little": (0.5, 0.0),
    "much": (1.5, 0.0),
    "rarely anything": (0.0, 0.05),
    "always anything": (0.0, 1.0),
}
"""How a judge of scores errs: the deviation of all its errors, and the share of verdicts that are a guess."""


def scores(rng: np.random.Generator) -> Iterator[Cell]:
    """Means of scores from 1 to 5."""
    kinds = tuple(kind for kind in CLUSTERS if kind[2] < 0.9)
    for (kind, size, correlation), n, many, name, error in itertools.product(
        kinds, LABELS[:4], VERDICTS, STARS, ERRORS
    ):
        cluster = groups(size, n, rng)
        yield Cell(
            f"clusters {kind}, n {n}, N {many}, scores {name}, errors {error}",
            padded.kish(cluster) < FLAGGED,
            partial(_score, rng, cluster, many, STARS[name], *ERRORS[error], correlation),
        )


def _score(
    rng: np.random.Generator,
    cluster: Ints,
    many: int,
    stars: tuple[float, ...],
    spread: float,
    guesses: float,
    correlation: float,
) -> dict[str, bool]:
    edges, mean = special.ndtri(np.cumsum(stars)[:-1]), float(np.dot(stars, range(1, 6)))

    def said(gold: Floats) -> Floats:
        near = np.clip(np.round(gold + spread * rng.standard_normal(len(gold))), 1, 5)
        return np.where(rng.random(len(gold)) < guesses, rng.integers(1, 6, len(gold)), near)

    gold, unknown = (
        (1 + np.searchsorted(edges, drawn)).astype(np.float64)
        for drawn in (latent(rng, cluster, correlation), rng.standard_normal(many))
    )
    own = Verdicts(judged=said(gold), cluster=cluster, gold=gold)
    other = Verdicts(judged=said(unknown), cluster=int(cluster.max()) + 1 + np.arange(many))
    return {"ppi_of_scores": covers(worth.ppi(own, other, low=1, high=5), mean)}


def real_judges(rng: np.random.Generator, data: Path) -> Iterator[Cell]:
    """GenAI-Bench: votes and answers of six judges, whole prompts drawn again and again; the truth is all votes."""
    names = {"[[A>B]]": "leftvote", "[[B>A]]": "rightvote", "[[A=B=Good]]": "tievote", "[[A=B=Bad]]": "bothbad_vote"}
    for folder in sorted((data / "genai_bench").glob("image_*")):
        items = read(folder / "items.jsonl.gz")
        prompts = [row.get("prompt") or f"{row.get('source_prompt')}|{row.get('target_prompt')}" for row in items]
        _, cluster = np.unique(prompts, return_inverse=True)
        members = [np.flatnonzero(cluster == code) for code in range(int(cluster.max()) + 1)]
        for path in sorted((folder / "outputs").glob("*.jsonl.gz")):
            answers = {row["idx"]: names.get(str(row["official_vote"])) for row in read(path)}
            for vote, n in itertools.product(("leftvote", "bothbad_vote"), (60, 200)):
                gold = np.array([row["human_vote"] == vote for row in items], dtype=np.float64)
                judged = np.array([answers.get(row["idx"]) == vote for row in items], dtype=np.float64)
                name = f"{folder.name}, {path.name.removesuffix('.jsonl.gz')}, {vote}, n {n}"
                yield Cell(name, False, partial(_real, rng, members, gold, judged, n))


def _real(rng: np.random.Generator, members: list[Ints], gold: Floats, judged: Floats, n: int) -> dict[str, bool]:
    (few, own), (many, other) = picked(rng, members, n), picked(rng, members, 1000)
    labelled = Verdicts(judged=judged[few], cluster=own, gold=gold[few])
    unlabelled = Verdicts(judged=judged[many], cluster=1 + int(own.max()) + other)
    hits = {"real_ppi": covers(worth.ppi(labelled, unlabelled), float(gold.mean()))}
    if 0 < gold[few].sum() < len(few):
        hits["real_rogan_gladen"] = covers(worth.rogan_gladen(labelled, unlabelled), float(gold.mean()))
    return hits


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def picked(rng: np.random.Generator, members: list[Ints], size: int) -> tuple[Ints, Ints]:
    """Whole clusters drawn with replacement until there are so many items: rows and clusters."""
    rows: list[Ints] = []
    codes: list[Ints] = []
    total = 0
    while total < size:
        cluster = members[int(rng.integers(len(members)))]
        codes.append(np.full(len(cluster), len(rows)))
        rows.append(cluster)
        total += len(cluster)
    return np.concatenate(rows), np.concatenate(codes)


# -- planning ------------------------------------------------------------------------------------------------------

YES = Choice(("yes", "no"))


def cell(cluster: Ints) -> CellTable:
    """A table of right answers, whose columns are then replaced."""

    def answers() -> Iterator[RecordedAnswer]:
        for place, code in enumerate(cluster.tolist()):
            gold = "yes" if place % 2 else "no"
            yield RecordedAnswer(f"i{place:07}", f"g{code:07}", "", YES, gold, (), 0, Status.OK, gold)

    return build_cell(answers(), Protocol())


def told(base: CellTable, right: NDArray[np.bool_]) -> CellTable:
    """The table with these answers right and the others wrong."""
    predicted = np.where(right, base.units.gold, 1 - base.units.gold)
    return replace(base, units=replace(base.units, predicted=predicted, credit=right.astype(np.float64)))


def power(rng: np.random.Generator, *, sets: int) -> dict[str, dict[str, float]]:
    """Planned and reached power of the project's own test, by design."""
    found = {}
    for name, size, correlation, judges, better, gap in (
        ("one order", 1, 0.0, 2, 0.85, 0.05),
        ("one order, a large difference", 1, 0.0, 2, 0.9, 0.12),
        ("both orders", 2, 0.5, 2, 0.85, 0.05),
        ("clusters of 5", 5, 0.5, 2, 0.85, 0.05),
        ("family of 5 judges", 1, 0.0, 5, 0.85, 0.05),
    ):

        def right(
            cluster: Ints, shared: float = correlation, best: float = better, count: int = judges, gap: float = gap
        ) -> list[NDArray[np.bool_]]:
            common = latent(rng, cluster, shared)
            rates = [best, *[best - gap] * (count - 1)]
            each = [math.sqrt(0.5) * common + math.sqrt(0.5) * latent(rng, cluster, shared) for _ in rates]
            return [own < special.ndtri(rate) for own, rate in zip(each, rates, strict=True)]

        pilot = np.arange(PILOT) // size
        base = cell(pilot)
        tables = {f"j{k}": told(base, answers) for k, answers in enumerate(right(pilot)[:2])}
        apart = Contest([Round(tables, Accuracy(), name="accuracy")]).meet("j0", "j1").gap
        assert apart is not None
        quantile = planning.family_quantile(judges)
        n = planning.items_needed(apart.error * math.sqrt(len(pilot)), gap, quantile=quantile)
        cluster = np.arange(math.ceil(n / size) * size) // size
        base, hits = cell(cluster), 0
        for _ in range(sets):
            tables = {f"j{k}": told(base, answers) for k, answers in enumerate(right(cluster))}
            (first, *_) = compare_all(tables, Accuracy())
            hits += first.better == "j0"
        found[name] = {"items": len(cluster), "planned": 0.8, "reached": round(hits / sets, 3)}
    return found


PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "downstream.md"
BEGIN, END = "<!-- made by tests/validity/estimate.py -->", "<!-- end -->"
METHODS = {
    "rogan_gladen": "Rogan-Gladen",
    "ppi": "PPI++, share",
    "ppi_of_scores": "PPI++, mean of scores",
    "labels_alone": "labels alone",
    "label_worth": "what a label is worth",
    "real_rogan_gladen": "Rogan-Gladen, real judges",
    "real_ppi": "PPI++, real judges",
}


def table(summary: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    made = f"{time.strftime('%Y-%m-%d')}, commit {summary['commit']}, {summary['sets']} data sets a cell"
    lines = [
        f"{made}; {summary['flagged'] * 100:.0f} % of the cells are flagged.",
        "",
        "| interval of | cells | worst coverage | mean |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {one['cells']:,} | {one['worst']:.3f} | {one['mean']:.3f} |"
            for method, name in METHODS.items()
            if (one := summary.get(method)) is not None
        ),
        "",
        "| design | planned items | planned power | reached |",
        "| --- | --- | --- | --- |",
        *(
            f"| {design} | {one['items']:,} | {one['planned']:.2f} | {one['reached']:.2f} |"
            for design, one in summary["power"].items()
        ),
    ]
    return "\n".join(lines)


def commit() -> str:
    """What is measured; asked before, since a simulation takes its time."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def write(summary: dict[str, Any]) -> None:
    """Put the table into its page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(summary)}\n\n{END}{after}", encoding="utf-8")


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Simulate, print what is worst, and print all of it as one JSON object."""
    parser = argparse.ArgumentParser(description="Coverage of corrected rates, and power of planned items.")
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--sets", type=int, default=300, help="simulated data sets in each cell")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th cell of the grids")
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--write", action="store_true", help="put the table into docs/explanation/downstream.md")
    options = parser.parse_args(argv)
    started, rng = time.process_time(), np.random.default_rng(20_251_129)
    summary: dict[str, Any] = {"sets": options.sets, "commit": commit()}
    flagged: list[bool] = []
    for cells in (shares(rng), scores(rng), real_judges(rng, options.data)):
        found, raised = coverage_of(itertools.islice(cells, 0, None, options.every), sets=options.sets)
        summary |= found
        flagged += raised
    summary["flagged"] = round(float(np.mean(flagged)), 4)
    summary["power"] = power(rng, sets=options.sets)
    summary["cpu_seconds"] = round(time.process_time() - started, 1)
    if options.write:
        write(summary)
    print(json.dumps(summary))
    return summary


if __name__ == "__main__":
    main()
