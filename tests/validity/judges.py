"""What is simulated: designs, and judges of known quality that answer them. Not for what the true values are.

Every judge is driven by standard normal numbers, one for each answer, that depend on each other within a cluster and
within an item; what an answer is, is a function of its number alone. So the marginal distribution, and with it the true
value of every metric, is known exactly, whatever the clusters are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from harness.score.ranking import inversions

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

NOTHING = -1
"""Code of "no verdict"."""

CORRELATION = {"none": 0.0, "of 2": 0.5, "of 5": 0.5, "strong": 0.95, "unequal": 0.5}
"""Clusters by name, and the correlation within one."""

LOPSIDED = (0.6, 0.97)
"""Recalls of a judge that is good at one class only."""

FIVE_POINTS = np.cumsum([0.1, 0.2, 0.4, 0.2])
"""Where the normal scale is cut into five points, as probabilities."""

PERMUTATIONS = sorted(itertools.permutations(range(4)), key=lambda said: (inversions(range(4), said), said))
"""All rankings of four candidates, from the right one to its reverse."""

SCORED = ("scores", "skew", "five-point")
"""Kinds of design whose answers are numbers."""

SPREAD = 0.5
"""Of the logarithm of a skewed score."""

COARSE = np.linspace(0, 1, 11)
"""What a judge says that only knows tenths."""

NODES = np.linspace(-9, 9, 1801)
WEIGHTS = np.exp(-NODES * NODES / 2) / np.exp(-NODES * NODES / 2).sum()
"""The trapezoidal rule for means over a standard normal number: exact to rounding for the smooth functions here."""

_SHARED = 0.5  # of what is left in an item's answers once its cluster is known, this share is the item's
_APART = 12.0  # distance of two classes whose probabilities never overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One data-generating process."""

    kind: str
    """`labels`, `probabilities`, `coarse`, `scores`, `skew`, `five-point`, `ranking`, `swaps` or `first`."""
    n: int
    """Units."""
    truth: float
    """Share of right answers, AUC, correlation, rank accuracy, share of consistent items, or of the first place."""
    clusters: str = "none"
    """A key of `CORRELATION`."""
    prevalence: float = 0.5
    """Of the positive class."""
    lopsided: bool = False
    """`LOPSIDED` in place of `truth`."""
    orders: int = 1
    """1 or 2 in which each item is shown."""
    samples: int = 1
    """Answers to each item in each order, made one by a vote or a mean."""
    dependence: str = "latent"
    """`latent`: numbers within a cluster correlate. `copied`: an answer is that of its cluster, or its own: more errors
    come together, and whole clusters are wrong."""
    parts: tuple[tuple[str, int, float], ...] = ()
    """Categories: name, units, share of right answers; empty for one."""
    weights: tuple[tuple[str, float], ...] = ()
    """`Protocol.weights`."""
    across: bool = False
    """Whether the members of a cluster are of different categories."""

    @property
    def items(self) -> int:
        """Items that are asked about."""
        return self.n // self.orders

    @property
    def correlations(self) -> tuple[float, float]:
        """Within a cluster, and what an item adds where it has several answers."""
        group = CORRELATION[self.clusters]
        return group, (1 - group) * _SHARED if self.orders * self.samples > 1 else 0.0

    @property
    def label(self) -> str:
        """What a table says."""
        said = [self.kind, f"n={self.n}", f"clusters {self.clusters}"]
        said.append("recalls .6/.97" if self.lopsided else f"true {self.truth:g}")
        said += [f"prevalence {self.prevalence:g}"] if self.prevalence != 0.5 else []
        said += ["both orders"] if self.orders > 1 else []
        said += [f"{self.samples} samples"] if self.samples > 1 else []
        said += ["copied"] if self.dependence == "copied" else []
        said += [f"categories {'/'.join(str(size) for _, size, _ in self.parts)}"] if self.parts else []
        said += ["nested"] if any("/" in name for name, _, _ in self.parts) else []
        said += ["weighted"] if self.weights else []
        said += ["across"] if self.across else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replies:
    """What one judge said in R replications, to I items in O orders, S times each."""

    gold: NDArray[np.float64] | Ints
    """Shape (R, I): code of the right answer, in canonical places; or the right score."""
    said: NDArray[np.float64] | Ints
    """Shape (R, I, O, S): code of the answer, in shown places; or the score."""
    sure: Floats | None = None
    """Shape (R, I, O, S): probability of the first label or the first place shown."""


def cluster_sizes(kind: str, items: int) -> list[int]:
    """How many items each cluster has.

    `unequal`: a third in one, then each half of the one before it, and the last third alone.
    """
    if kind == "none":
        return [1] * items
    if kind == "unequal":
        sizes, size = [], items // 3
        while size >= 2:
            sizes.append(size)
            size //= 2
        return sizes + [1] * (items - sum(sizes))
    size = 2 if kind == "of 2" else 5
    whole, rest = divmod(items, size)
    return [size] * whole + ([rest] if rest else [])


def groups_of(design: Design) -> Ints:
    """Shape (I,): the cluster of each item."""
    sizes = cluster_sizes(design.clusters, design.items)
    return np.arange(design.items) % len(sizes) if design.across else np.repeat(np.arange(len(sizes)), sizes)


def numbers(rng: np.random.Generator, design: Design, *, reps: int, groups: Ints | None = None) -> Floats:
    """Standard normal numbers, shape (R, I, O, S), that depend on each other as the design says.

    Args:
        rng: Where they come from.
        design: Says how many, and how they depend on each other.
        reps: R.
        groups: Shape (I,); `None`: those of the design.
    """
    groups = groups_of(design) if groups is None else groups
    by_group, by_item = design.correlations
    shape = (reps, design.items, design.orders, design.samples)
    own = rng.standard_normal(shape)
    if not by_group and not by_item:
        return own
    shared = rng.standard_normal((reps, int(groups.max()) + 1))[:, groups, None, None]
    item = rng.standard_normal((reps, design.items, 1, 1))
    if design.dependence == "copied":
        own = np.where(rng.random(shape) < np.sqrt(by_item / (1 - by_group)), item, own)
        return np.where(rng.random(shape) < np.sqrt(by_group), shared, own)
    out: Floats = np.sqrt(by_group) * shared + np.sqrt(by_item) * item + np.sqrt(1 - by_group - by_item) * own
    return out


def mixed(shared: Floats, own: Floats, *, correlation: float) -> Floats:
    """The numbers of one of several judges who find the same items hard."""
    out: Floats = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return out


def gold_of(rng: np.random.Generator, design: Design, *, reps: int) -> Ints | Floats:
    """Right answers, shape (R, I), the same for every judge of a task; of scores the numbers that they are made of."""
    if design.kind in SCORED:
        single = Design(kind="labels", n=design.items, truth=0, clusters=design.clusters)
        return numbers(rng, single, reps=reps)[:, :, 0, 0]
    if design.kind == "ranking":
        return rng.integers(0, len(PERMUTATIONS), (reps, design.items))
    return (rng.random((reps, design.items)) >= design.prevalence).astype(np.int64)


def answer(design: Design, gold: Ints | Floats, z: Floats, rng: np.random.Generator) -> Replies:
    """What a judge says, from its numbers.

    Args:
        design: Which kind of judge, and how good.
        gold: Shape (R, I), from `gold_of`.
        z: Shape (R, I, O, S).
        rng: For what is not in the numbers.
    """
    if design.kind in SCORED:
        return _scored(design, np.asarray(gold, dtype=np.float64), z)
    codes = np.asarray(gold, dtype=np.int64)
    if design.kind == "ranking":
        place = np.searchsorted(np.cumsum(mallows(design.truth))[:-1], special.ndtr(z), side="right")
        return Replies(gold=codes, said=_COMPOSED[codes[:, :, None, None], place])
    if design.kind in ("swaps", "first"):
        return _swapped(design, codes, z, rng)
    shown = np.stack([codes, 1 - codes][: design.orders], axis=2)[..., None]  # the second order is the reverse
    if design.kind in ("probabilities", "coarse"):
        signal = np.where(shown == 0, 1, -1) * _distance(design.truth) / 2 + z
        sure = special.expit(signal)
        sure = COARSE[np.rint(sure * 10).astype(np.int64)] if design.kind == "coarse" else sure
        return Replies(gold=codes, said=(signal < 0).astype(np.int64), sure=sure)
    right = z < _thresholds(design)[shown if not design.parts else _part_of_item(design)[None, :, None, None]]
    return Replies(gold=codes, said=np.where(right, shown, 1 - shown))


def replies(design: Design, *, reps: int, rng: np.random.Generator) -> Replies:
    """R replications of one judge."""
    gold = gold_of(rng, design, reps=reps)
    return answer(design, gold, numbers(rng, design, reps=reps), rng)


def declined(said: Replies, which: NDArray[np.bool_]) -> Replies:
    """The same, without the answers in `which`, shape (R, I, O, S)."""
    return Replies(gold=said.gold, said=np.where(which, NOTHING, said.said), sure=said.sure)


def mallows(truth: float) -> Floats:
    """Probabilities of `PERMUTATIONS` under Mallows' model (1957) whose mean rank accuracy is `truth`."""
    away = np.array([inversions(range(4), said) for said in PERMUTATIONS])
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        share = middle**away / (middle**away).sum()
        low, high = (middle, high) if 1 - share @ away / 6 > truth else (low, middle)
    share = low**away if truth < 1 else (away == 0).astype(np.float64)
    out: Floats = share / share.sum()
    return out


def score_law(design: Design) -> tuple[float, float, float]:
    """Of a judge that scores: weight of the right score, weight of its noise, and the spread of what it says.

    A mean over samples has less noise; the weights are such that its correlation is the design's `truth`.
    """
    share = sum(design.correlations)
    noise = share + (1 - share) / design.samples
    weight = np.sqrt(design.truth**2 * noise / (1 - design.truth**2 + design.truth**2 * noise))
    return float(weight), float(np.sqrt(1 - weight**2)), float(np.sqrt(weight**2 + (1 - weight**2) * noise))


def majority_threshold(truth: float, design: Design) -> float:
    """Each sample is right where its number is below this: so most of an item's three are in a share of `truth`."""
    if truth >= 1:
        return np.inf
    low, high = -10.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _majority_share(middle, design) < truth else (low, middle)
    return low


def _majority_share(threshold: float, design: Design) -> float:
    share = sum(design.correlations)
    single = special.ndtr((threshold - np.sqrt(share) * NODES) / np.sqrt(1 - share))
    return float(WEIGHTS @ (3 * single**2 - 2 * single**3))


def _points(z: Floats) -> Floats:
    return np.searchsorted(special.ndtri(FIVE_POINTS), z).astype(np.float64) + 1


def _scored(design: Design, gold: Floats, z: Floats) -> Replies:
    weight, noise, _ = score_law(design)
    said = weight * gold[:, :, None, None] + noise * z
    if design.kind == "five-point":
        return Replies(gold=_points(gold), said=_points(said))
    if design.kind == "skew":
        return Replies(gold=np.exp(SPREAD * gold), said=np.exp(SPREAD * said))
    return Replies(gold=gold, said=said)


def _swapped(design: Design, codes: Ints, z: Floats, rng: np.random.Generator) -> Replies:
    """Items answered alike in both orders, four in five of them rightly; or else with one place in both.

    Half of the items that are not answered alike name the first place; where its share is above a half, all do.
    """
    share = design.truth if design.kind == "swaps" else 0.6 if design.truth == 0.5 else 2 * (1 - design.truth)
    alike = z[:, :, :1] < special.ndtri(share)
    chosen = np.where(rng.random(codes.shape) < 0.8, codes, 1 - codes)[:, :, None, None]
    canonical = np.concatenate([chosen, 1 - chosen], axis=2)  # in shown places
    halved = design.kind == "swaps" or design.truth == 0.5
    place = (rng.random(codes.shape) < 0.5).astype(np.int64)[:, :, None, None] if halved else 0
    return Replies(gold=codes, said=np.where(alike, canonical, place))


def _thresholds(design: Design) -> Floats:
    """An answer is right where its number is below this: by class, or by category."""
    shares = [share for _, _, share in design.parts] or list(LOPSIDED if design.lopsided else [design.truth] * 2)
    if design.samples == 1:
        return special.ndtri(np.array(shares))
    return np.array([majority_threshold(share, design) for share in shares])


def _part_of_item(design: Design) -> Ints:
    return np.repeat(np.arange(len(design.parts)), [size for _, size, _ in design.parts])


def _distance(area: float) -> float:
    return float(np.sqrt(2) * special.ndtri(area)) if area < 1 else _APART


def _composition() -> Ints:
    """The code of a ranking by that of the right one and that of how it is changed."""
    place = {said: code for code, said in enumerate(PERMUTATIONS)}
    return np.array([[place[tuple(gold[k] for k in change)] for change in PERMUTATIONS] for gold in PERMUTATIONS])


_COMPOSED = _composition()
