"""Do the numbers on calibration and on a judge's own noise hold? Simulated judges whose truth is known.

    python tests/validity/calibration.py                      # some six minutes on one core
    python tests/validity/calibration.py --replications 40    # a glance
    python tests/validity/calibration.py --write              # the table of docs/explanation/calibration.md, made anew

The last line is one JSON object. For each interval it has the `worst` and the `mean` coverage over the grid; for the
guarantees how often one was `broken`, in the worst cell and on average; and how near the parts of the noise come to the
truth. A judge is a distribution of confidences, and the chance to be right at each of them; in clusters both are
correlated (a Gaussian copula), and the chance at a confidence stays what it was.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.score.calibration import BINS, PER_BIN, calibrate, equal_mass
from harness.score.noise import noise
from harness.score.selective import aurc
from harness.score.table import Repeats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURE = ("even", "high", "tied")
"""Confidences from .5 to 1 alike; most near 1; or 60 % of them equal to .99."""
JUDGES = ("calibrated", "a little overconfident", "overconfident", "wavy")
SIZES = (50, 150, 600)
CLUSTERS = (("none", 0.0), ("of 2", 0.5), ("of 5", 0.5), ("of 5", 0.95), ("unequal", 0.5))
REPEATED = ("U-shaped", "even", "three kinds", "coin")
LEVEL = 0.95
PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "calibration.md"
_MARKED = re.compile(r"(<!-- simulated -->\n)(.*?)(<!-- /simulated -->)", re.DOTALL)


class Sample(NamedTuple):
    """Simulated verdicts."""

    confidence: Floats
    right: Floats
    cluster: Ints


def chance(confidence: Floats, judge: str) -> Floats:
    """How often a judge is right where it is so sure."""
    if judge == "calibrated":
        return confidence
    if judge == "a little overconfident":
        return np.clip(confidence - 0.05, 0, 1)
    if judge == "overconfident":
        return 0.5 + 0.6 * (confidence - 0.5)
    return np.clip(confidence + 0.1 * np.sin(6 * np.pi * confidence), 0, 1)


def cluster_sizes(n: int, kind: str) -> Ints:
    """The sizes of clusters of `n` units; `unequal` ones have a third of all, a ninth, and so on, then one each."""
    if kind != "unequal":
        size = {"none": 1, "of 2": 2, "of 5": 5}[kind]
        return np.full(n // size, size)
    large = [n // 3**power for power in range(1, 5) if n // 3**power > 1]
    return np.array(large + [1] * (n - sum(large)))


def correlated(cluster: Ints, correlation: float, rng: np.random.Generator) -> Floats:
    """Uniform numbers, correlated within clusters."""
    shared = rng.normal(size=int(cluster.max()) + 1)[cluster]
    own = rng.normal(size=len(cluster))
    uniform: Floats = special.ndtr(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    return uniform


def confidences(uniform: Floats, sure: str) -> Floats:
    """Confidences of a kind."""
    if sure == "even":
        return 0.5 + 0.5 * uniform
    if sure == "high":
        high: Floats = special.betaincinv(6, 0.7, uniform)
        return high
    return np.where(uniform > 0.4, 0.99, np.round(0.5 + 0.49 * uniform / 0.4, 2))


def drawn(n: int, clusters: tuple[str, float], sure: str, judge: str, rng: np.random.Generator) -> Sample:
    """One set of verdicts."""
    kind, correlation = clusters
    sizes = cluster_sizes(n, kind)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    confidence = confidences(correlated(cluster, correlation, rng), sure)
    right = (correlated(cluster, correlation, rng) < chance(confidence, judge)).astype(float)
    return Sample(confidence, right, cluster)


class Truth:
    """What is so for all verdicts of a judge."""

    def __init__(self, sure: str, judge: str, *, size: int = 200_000) -> None:
        self.sure, self.judge = sure, judge
        self.confidence = confidences((np.arange(size) + 0.5) / size, sure)
        self.chance = chance(self.confidence, judge)
        self.brier = float(((self.confidence - self.chance) ** 2 + self.chance * (1 - self.chance)).mean())
        self.aurc = aurc(self.confidence, self.chance)[0]
        order = np.argsort(-self.confidence, kind="stable")
        self._descending = self.confidence[order]
        self._agreement = np.cumsum(self.chance[order]) / np.arange(1, size + 1)

    def error(self, n: int) -> float:
        """The calibration error over as many bins as n verdicts have."""
        place = equal_mass(self.confidence, max(1, min(BINS, n // PER_BIN)))
        held = np.bincount(place)
        gaps = np.bincount(place, weights=self.chance - self.confidence) / held
        return float(np.sqrt(held / len(place) @ gaps**2))

    def agreement(self, threshold: float) -> float:
        """How often verdicts of at least this confidence are right."""
        kept = int(np.searchsorted(-self._descending, -threshold + 1e-6, side="right"))
        return float(self._agreement[max(kept - 1, 0)])


def calibration_cell(
    n: int, clusters: tuple[str, float], truth: Truth, *, replications: int, rng: np.random.Generator
) -> dict[str, float]:
    """Coverage and broken guarantees in one cell of the grid; empty where too few clusters make a report."""
    truths = {"ece": truth.error(n), "brier": truth.brier, "aurc": truth.aurc}
    seen: dict[str, list[float]] = {}
    for _ in range(replications):
        sample = drawn(n, clusters, truth.sure, truth.judge, rng)
        found = calibrate(*sample, level=LEVEL)
        if found is None:
            continue
        for name, value in truths.items():
            low, high = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
            seen.setdefault(name, []).append(low - 1e-9 <= value <= high + 1e-9)
            seen.setdefault("zero width", []).append(high <= low)
        for part in found.bins:
            inside = (sample.confidence >= part.low - 1e-6) & (sample.confidence <= part.high + 1e-6)
            real = float(chance(sample.confidence[inside], truth.judge).mean())
            seen.setdefault("bins", []).append(part.ci_low <= real <= part.ci_high)
        for promise in found.guarantees:
            kept = promise.threshold is not None
            broken = kept and truth.agreement(promise.threshold or 0.0) < promise.agreement - 1e-9
            seen.setdefault(f"broken {promise.agreement}", []).append(broken)
            seen.setdefault(f"kept {promise.agreement}", []).append(promise.coverage or 0.0)
        seen.setdefault("plain", []).append(found.ece_plain)
        seen.setdefault("debiased", []).append(found.ece)
    return {name: float(np.mean(values)) for name, values in seen.items()}


def rightness(uniform: Floats, kind: str) -> Floats:
    """How often a judge is right on a question when it is asked again and again, over questions."""
    if kind == "U-shaped":
        shaped: Floats = special.betaincinv(0.5, 0.2, uniform)
        return shaped
    if kind == "even":
        even: Floats = special.betaincinv(2, 1, uniform)
        return even
    if kind == "three kinds":
        return np.where(uniform < 0.15, 0.05, np.where(uniform < 0.3, 0.5, 0.98))
    return np.full(len(uniform), 0.5)


def noise_cell(
    questions: int, samples: int, size: int, kind: str, *, replications: int, rng: np.random.Generator
) -> dict[str, float]:
    """Estimated over true standard errors, and the coverage of the judge's share, in one cell of the grid."""
    cluster = np.repeat(np.arange(questions // size), size)
    correlation = 0.5 if size > 1 else 0.0
    often = rightness((np.arange(100_000) + 0.5) / 100_000, kind)
    within = float((often * (1 - often)).mean())
    won = 1 - special.bdtr(samples // 2, samples, often)  # more than half of the samples are right
    means = [rightness(correlated(cluster, correlation, rng), kind).mean() for _ in range(3000)]
    items = float(np.var(means))
    asked = within / (samples * questions)
    truths = {
        "se_one": items + within / questions,
        "se": items + asked,
        "se_endless": items,
        "se_vote": float((won * (1 - won)).mean()) / questions,
    }
    squares: dict[str, list[float]] = {name: [] for name in truths}
    covered = []
    for _ in range(replications):
        hits = rng.binomial(samples, rightness(correlated(cluster, correlation, rng), kind)).astype(float)
        found = noise(
            Repeats(
                cluster=cluster,
                answers=np.full(questions, samples),
                total=hits,
                squares=hits,
                voted=(2 * hits > samples).astype(float),
                measure="accuracy",
            ),
            level=LEVEL,
        )
        if found is None or found.share_low is None or found.share_high is None:
            continue
        covered.append(found.share_low - 1e-9 <= asked / (items + asked) <= found.share_high + 1e-9)
        for name in truths:
            squares[name].append(getattr(found, name) ** 2)
    ratios = {name: float(np.sqrt(np.mean(squares[name]) / value)) for name, value in truths.items() if value > 1e-9}
    return {**ratios, "share": float(np.mean(covered))}


def grids(*, replications: int, seed: int) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """All cells by name: those of calibration, and those of noise."""
    rng = np.random.default_rng(seed)
    calibration = {
        f"{judge}, {sure}, n = {n}, clusters {clusters[0]} {clusters[1]:g}": calibration_cell(
            n, clusters, truth, replications=replications, rng=rng
        )
        for sure in SURE
        for judge in JUDGES
        for truth in (Truth(sure, judge),)
        for clusters in CLUSTERS
        for n in SIZES
    }
    repeated = {
        f"{kind}, {questions} questions, {samples} samples, clusters of {size}": noise_cell(
            questions, samples, size, kind, replications=replications, rng=rng
        )
        for kind in REPEATED
        for samples in (3, 5)
        for questions, size in ((50, 1), (200, 1), (200, 5))
    }
    return calibration, repeated


def summary(calibration: dict[str, dict[str, float]], repeated: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The worst and the mean over the cells."""
    cells = {name: cell for name, cell in calibration.items() if cell}
    out: dict[str, Any] = {
        "cells": len(calibration),
        "without_report": len(calibration) - len(cells),
        "zero_width": max(cell["zero width"] for cell in cells.values()),
    }
    for name in ("ece", "brier", "aurc", "bins"):
        worst = min(cells, key=lambda place: cells[place][name])
        mean = float(np.mean([cell[name] for cell in cells.values()]))
        out[name] = {"worst": cells[worst][name], "mean": mean, "where": worst}
    broken = {
        f"{name}: {agreement}": cell[f"broken {agreement}"]
        for name, cell in cells.items()
        for agreement in (0.8, 0.9, 0.95)
    }
    worst = max(broken, key=lambda place: broken[place])
    out["broken"] = {"worst": broken[worst], "mean": float(np.mean(list(broken.values()))), "where": worst}
    honest = [cell for name, cell in cells.items() if name.startswith("calibrated,")]
    out["of_calibrated_judges"] = {
        "ece_plain": float(np.mean([cell["plain"] for cell in honest])),
        "ece": float(np.mean([cell["debiased"] for cell in honest])),
    }
    shares = [cell["share"] for cell in repeated.values()]
    out["noise_share"] = {"worst": float(min(shares)), "mean": float(np.mean(shares))}
    for name in ("se_one", "se", "se_endless", "se_vote"):
        ratios = [cell[name] for cell in repeated.values() if name in cell]
        out[f"noise_{name}"] = {"least": min(ratios), "greatest": max(ratios)}
    return out


def markdown(found: dict[str, Any]) -> str:
    """The summary as a table."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    how = f"{found['replications']} replications in each of {found['cells']} cells"
    when = f"{datetime.now(tz=UTC):%Y-%m-%d}, commit {commit.strip()}"
    lines = [
        f"`python tests/validity/calibration.py`, {how}, {when}:",
        "",
        "| | worst cell | mean |",
        "| --- | --- | --- |",
    ]
    names = {
        "ece": "calibration error, coverage",
        "brier": "Brier score, coverage",
        "aurc": "AURC, coverage",
        "bins": "share right in a bin, coverage",
        "broken": "guarantees that do not hold (at most .05)",
        "noise_share": "the judge's share of the variance, coverage",
    }
    lines += [f"| {text} | {found[name]['worst']:.3f} | {found[name]['mean']:.3f} |" for name, text in names.items()]
    honest = found["of_calibrated_judges"]
    ratios = [found[f"noise_{name}"] for name in ("se_one", "se", "se_endless", "se_vote")]
    texts = [f"{ratio['least']:.2f} to {ratio['greatest']:.2f}" for ratio in ratios]
    lines += [
        "",
        f"Perfectly calibrated judges have a plain ECE of {honest['ece_plain']:.3f} on average, and a debiased one of",
        f"{honest['ece']:.3f}. Standard errors of the noise, estimated over true: {texts[0]} with one answer,",
        f"{texts[1]} as asked, {texts[2]} with any number, {texts[3]} of a vote.",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, and print a table of the cells, the summary and one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write the table into the documentation")
    given = parser.parse_args(arguments)
    start = time.process_time()
    calibration, repeated = grids(replications=given.replications, seed=given.seed)
    for name, cell in (*calibration.items(), *repeated.items()):
        print(f"{name}: " + (", ".join(f"{key} {value:.3f}" for key, value in cell.items()) or "no report"))
    found = summary(calibration, repeated)
    found |= {"replications": given.replications, "seed": given.seed, "cpu_s": round(time.process_time() - start, 1)}
    text = markdown(found)
    print("\n" + text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_MARKED.sub(lambda match: match[1] + text + match[3], page), encoding="utf-8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
