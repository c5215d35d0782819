"""The true value of a metric under a design, exactly: closed forms and numerical integrals. Not for simulating."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from math import comb

import numpy as np
from judges import (
    COARSE,
    FIVE_POINTS,
    LOPSIDED,
    NODES,
    PERMUTATIONS,
    SPREAD,
    WEIGHTS,
    Design,
    Floats,
    cluster_sizes,
    majority_threshold,
    mallows,
    score_law,
)
from scipy import special

from harness.api import Protocol
from harness.score.ranking import edit_distance


@cache
def true_value(metric: str, design: Design) -> float:
    """What the metric tends to as the data grow without end.

    Args:
        metric: As in a protocol, such as `macro_f1` or `accuracy@category`.
        design: What is simulated; with `average: group` the mean over the design's own clusters.
    """
    name, average = Protocol.parse_metric(metric)
    if average == "category":
        return _over_categories(name, design)
    if average == "group":
        return _over_groups(name, design)
    if design.kind in ("scores", "skew"):
        return _of_scores(name, design)
    if design.kind == "five-point":
        return of_joint(name, joint(design.truth))
    if design.kind == "ranking":
        distance = [edit_distance(PERMUTATIONS[0], said) / 4 for said in PERMUTATIONS]
        return design.truth if name == "rank_accuracy" else float(mallows(design.truth) @ distance)
    if name == "roc_auc" and design.kind == "coarse":
        return _coarse_area(design.truth)
    if design.kind in ("probabilities", "coarse", "swaps", "first"):
        return design.truth
    if name == "repeat_consistency":
        return _alike(design)
    # In both orders each place is right for half of the units.
    return of_classes(name, design.prevalence if design.orders == 1 else 0.5, _recalls(design))


def of_classes(name: str, prevalence: float, recalls: tuple[float, float]) -> float:
    """A metric of two classes from the share of the first one and the recall of each."""
    (hit, miss), (alarm, rejected) = (
        (prevalence * recalls[0], prevalence * (1 - recalls[0])),
        ((1 - prevalence) * (1 - recalls[1]), (1 - prevalence) * recalls[1]),
    )
    first = 2 * hit / (2 * hit + miss + alarm)
    second = 2 * rejected / (2 * rejected + miss + alarm)
    chance = prevalence * (hit + alarm) + (1 - prevalence) * (miss + rejected)
    values = {
        "accuracy": hit + rejected,
        "balanced_accuracy": sum(recalls) / 2,
        "roc_auc": sum(recalls) / 2,
        "f1": first,
        "macro_f1": (first + second) / 2,
        "kappa": (hit + rejected - chance) / (1 - chance),
    }
    return values[name]


def joint(correlation: float) -> Floats:
    """Shares of gold and answer on the five-point scale, shape (5, 5), from a normal law of this correlation."""
    cuts = np.r_[-np.inf, special.ndtri(FIVE_POINTS), np.inf]
    margins = np.diff(special.ndtr(cuts))
    if correlation >= 1:
        return np.diag(margins)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    out = np.empty((5, 5))
    for row, (low, high) in enumerate(itertools.pairwise(np.clip(cuts, -9, 9))):
        z = (high + low) / 2 + (high - low) / 2 * nodes
        density = weights * (high - low) / 2 * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        below = special.ndtr((cuts[:, None] - correlation * z) / np.sqrt(1 - correlation**2))
        out[row] = np.diff(below, axis=0) @ density
    return out


def of_joint(name: str, shares: Floats) -> float:
    """A metric of scores 1, 2, ... from the shares of every gold (rows) with every answer (columns)."""
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    points = np.arange(1.0, len(shares) + 1)
    apart = (points[:, None] - points) ** 2
    if name == "mae":
        return float((shares * np.sqrt(apart)).sum())
    if name == "weighted_kappa":
        return float(1 - (shares * apart).sum() / (np.outer(rows, columns) * apart).sum())
    if name == "kendall":
        signs = np.sign(points[:, None] - points)
        agreement = float((signs @ shares @ signs.T * shares).sum())
        return agreement / float(np.sqrt((1 - rows @ rows) * (1 - columns @ columns)))
    x, y = points, points
    if name == "spearman":
        x, y = np.cumsum(rows) - rows / 2, np.cumsum(columns) - columns / 2
    dx, dy = x - rows @ x, y - columns @ y
    return float(dx @ shares @ dy / np.sqrt((rows @ dx**2) * (columns @ dy**2)))


def share_right(design: Design, size: int, value: Callable[[Floats], Floats]) -> float:
    """The mean, over clusters of a size, of a function of how often each answer in the cluster is right.

    Given what its members share, answers are independent: `value` has that share, shape (Q,), and is averaged.
    """
    share = sum(design.correlations)
    threshold = special.ndtri(design.truth)
    if size == 1 or not share:
        return float(value(np.array([design.truth]))[0])
    return float(WEIGHTS @ value(special.ndtr((threshold - np.sqrt(share) * NODES) / np.sqrt(1 - share))))


def _alike(design: Design) -> float:
    """How often two samples of one item agree, where most of its samples are right with the design's `truth`."""
    share, threshold = sum(design.correlations), majority_threshold(design.truth, design)
    single = special.ndtr((threshold - np.sqrt(share) * NODES) / np.sqrt(1 - share))
    return float(WEIGHTS @ (single**2 + (1 - single) ** 2))


def _recalls(design: Design) -> tuple[float, float]:
    return LOPSIDED if design.lopsided else (design.truth, design.truth)


def _of_scores(name: str, design: Design) -> float:
    true = design.truth
    _, _, spread = score_law(design)
    if name == "spearman":
        return float(6 / np.pi * np.arcsin(true / 2))
    if name == "kendall":
        return float(2 / np.pi * np.arcsin(true))
    if design.kind == "skew" and name == "pearson":
        return float(np.expm1(SPREAD**2 * true) / np.expm1(SPREAD**2))
    if design.kind == "skew":
        raise ValueError(f"{name} of skewed scores: no closed form is written down")
    if name == "mae":
        return float(np.sqrt((1 + spread**2 - 2 * true * spread) * 2 / np.pi))
    return true if name == "pearson" else 2 * true * spread / (1 + spread**2)


def _coarse_area(area: float) -> float:
    """The AUC of tenths of a probability whose exact values have the AUC `area`."""
    if area >= 1:
        return 1.0
    half = np.sqrt(2) * special.ndtri(area) / 2
    edges = np.r_[-np.inf, special.logit((COARSE[1:] + COARSE[:-1]) / 2), np.inf]
    positive, negative = np.diff(special.ndtr(edges - half)), np.diff(special.ndtr(edges + half))
    return float(positive @ (np.cumsum(negative) - negative / 2))


def _over_categories(name: str, design: Design) -> float:
    values = {part: of_classes(name, design.prevalence, (share, share)) for part, _, share in design.parts}
    return _mean_of_parts([(tuple(part.split("/")), value) for part, value in values.items()], dict(design.weights), 0)


def _mean_of_parts(parts: list[tuple[tuple[str, ...], float]], weights: dict[str, float], depth: int) -> float:
    found: dict[tuple[str, ...], list[tuple[tuple[str, ...], float]]] = {}
    for path, value in parts:
        found.setdefault(path[depth : depth + 1], []).append((path, value))
    total = present = 0.0
    for step, same in found.items():
        weight = weights.get("/".join(same[0][0][: depth + 1]), 1.0) if step else 1.0
        total += weight * (_mean_of_parts(same, weights, depth + 1) if step else same[0][1])
        present += weight
    return total / present


def _over_groups(name: str, design: Design) -> float:
    sizes = cluster_sizes(design.clusters, design.items)
    by_size = {size: _of_group(name, design, size * design.orders) for size in set(sizes)}
    return sum(by_size[size] for size in sizes) / len(sizes)


def _of_group(name: str, design: Design, size: int) -> float:
    if name == "accuracy":
        return design.truth
    if design.dependence != "latent":
        raise ValueError(f"{name} of groups: known for latent dependence only")
    if name == "all_right":
        return share_right(design, size, lambda right: right**size)
    return share_right(design, size, lambda right: _macro_f1_of_group(right, size, design.prevalence))


def _macro_f1_of_group(right: Floats, size: int, prevalence: float) -> Floats:
    """The mean macro-F1 of groups of a few units, over all that a group can be."""
    cells = np.stack([prevalence * right, prevalence * (1 - right), (1 - prevalence) * (1 - right)])
    cells = np.concatenate([cells, 1 - cells.sum(axis=0, keepdims=True)])
    out = np.zeros(right.shape)
    for hit, miss, alarm in itertools.product(range(size + 1), repeat=3):
        rest = size - hit - miss - alarm
        if rest < 0:
            continue
        ways = comb(size, hit) * comb(size - hit, miss) * comb(size - hit - miss, alarm)
        # Of the classes that occur in the gold of the group.
        each = [2 * k / (2 * k + miss + alarm) for k, lost in ((hit, miss), (rest, alarm)) if k or lost]
        out += ways * np.prod(cells ** np.array([hit, miss, alarm, rest])[:, None], axis=0) * sum(each) / len(each)
    return out
