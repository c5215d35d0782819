"""A judge's own noise, apart from the noise of items: what would change if the same questions were put again?

Not for intervals of scores: these hold both kinds of noise already, also where samples are voted into one, since each
item comes with answers of its own. What they do not say is how much of the noise a repetition of the run would show.

The mean of n questions with K answers each has the variance between/n + within/(nK) (Miller, Adding Error Bars to
Evals, arXiv 2411.00640, section 3): more answers make the second part small, and only more items the first.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from harness.score.arrays import Floats, Ints
from harness.score.clusters import Clusters
from harness.score.table import Repeats
from harness.score.trust import Noise

# Shares of right answers in steps of 0.01: counts of a few samples tell no finer ones apart.
_GRID = np.linspace(0, 1, 101)
_STEPS = 300  # of the EM algorithm: its estimates of a standard error no longer move by a hundredth
_FLOOR = 0.25  # of a sum, when a cluster that is left out would take more away
_UNSEEN = 3.7
"""Upper end of the 95 % interval of a count of which none was seen, by Poisson."""


def noise(repeats: Repeats, *, level: float = 0.95) -> Noise | None:
    """Split the variance of a score into that of the items and that of the judge.

    Both parts are free of bias: the variance of the answers to each question is taken with K - 1, and what it adds to
    the variance of the means is taken off that variance, which is taken over clusters.

    Args:
        repeats: One row for each question.
        level: Confidence of the interval of the share.

    Returns:
        `None` if no question has two answers, or if there are fewer than two clusters.
    """
    many = repeats.answers > 1
    clusters = Clusters(repeats.cluster)
    count, groups = len(repeats.answers), len(clusters.sizes)
    if not many.any() or groups < 2:
        return None
    mean = repeats.total / repeats.answers
    # Sum of squares about the mean. Rounding can make it -1e-17 where all answers are alike.
    spread = np.maximum(repeats.squares - repeats.total * mean, 0.0)
    own = spread[many] / (repeats.answers[many] - 1)
    within = float(own.mean())
    # A question that was answered once shows no variance of its own. The mean of the others stands for it.
    asks = np.full(count, within)
    asks[many] = own
    asks /= repeats.answers
    value = float(mean.mean())
    # The variance over clusters, with C - 1, as Miller (2024) takes it for clustered items.
    moved = clusters.sums(mean - value) ** 2 * groups / (groups - 1)
    total, asked = float(moved.sum()) / count**2, float(asks.sum()) / count**2
    # Two estimates are subtracted, and their difference may fall below 0 if items hardly differ.
    items = max(total - asked, 0.0)
    share, low, high = _share(clusters.sums(asks), moved, clusters, repeats, level=level)
    vote = _vote_variance(repeats)
    return Noise(
        measure=repeats.measure,
        questions=count,
        groups=groups,
        samples=float(repeats.answers.mean()),
        value=value,
        between=max(float(mean.var(ddof=1) - asks.mean()), 0.0),
        within=within,
        share=share,
        share_low=low,
        share_high=high,
        se_one=float(np.sqrt(items + within / count)),
        se=float(np.sqrt(max(total, asked))),
        se_endless=float(np.sqrt(items)),
        se_again=float(np.sqrt(asked)),
        se_vote=None if vote is None else float(np.sqrt(vote / count)),
        vote_changes=None if vote is None else 2 * vote,
    )


def _share(
    asks: Floats, moved: Floats, clusters: Clusters, repeats: Repeats, *, level: float
) -> tuple[float | None, float | None, float | None]:
    """The judge's share of a variance, and its interval, on the scale of logarithms by the jackknife over clusters.

    Sums of squares rest on few clusters, so the quantile is that of Student's t with half of their degrees of freedom.

    Args:
        asks: Shape (C,): what asking adds to the variance in each cluster.
        moved: Shape (C,): what each cluster adds to the whole variance.
        clusters: Of the questions.
        repeats: The questions.
        level: Confidence of the interval.
    """
    judge, whole = float(asks.sum()), float(moved.sum())
    if whole <= 0:
        return None, None, None
    if judge <= 0:
        # The least disagreement that could have been seen is one answer of a question against the others.
        unseen = _UNSEEN * clusters.mean_size / float(repeats.answers.mean()) ** 2
        return 0.0, 0.0, min(1.0, unseen / whole)
    # On the logarithms a ratio of sums of squares is near to normal, and its interval stays above 0.
    left = np.log(np.maximum(judge - asks, _FLOOR * judge) / np.maximum(whole - moved, _FLOOR * whole))
    # The jackknife's variance: (C - 1) / C times the sum of squares of what leaving out changes.
    error = float(np.sqrt((1 - 1 / len(left)) * ((left - left.mean()) ** 2).sum()))
    factor = float(np.exp(clusters.quantile(level, part=0.5) * error))
    ratio = judge / whole
    return min(ratio, 1.0), min(ratio / factor, 1.0), min(ratio * factor, 1.0)


def _vote_variance(repeats: Repeats) -> float | None:
    """The mean variance of a question's voted credit if all of its answers were drawn again.

    How often the answers to a question are right is different for each question and not known. Its distribution over
    questions is estimated from the counts of right answers, without assuming a form (nonparametric maximum likelihood,
    Kiefer and Wolfowitz 1956; by the EM algorithm, Laird 1978). Given the share, the counts are binomial, and what a
    vote is worth for each count is taken from the votes themselves.
    """
    # x^2 = x holds for 0 and 1 alone, so that the sums agree only if no answer is worth a part.
    decided = repeats.squares == repeats.total  # each answer is right or wrong
    known = decided & np.isfinite(repeats.voted) & (repeats.answers > 1)
    if repeats.measure != "accuracy" or not known.any():
        return None
    answers, right = repeats.answers[known], repeats.total[known].astype(np.int64)
    kinds, kind, seen = np.unique(np.stack([answers, right], axis=1), axis=0, return_inverse=True, return_counts=True)
    voted = repeats.voted[known]
    first, second = (np.bincount(kind.reshape(-1), weights=part) / seen for part in (voted, voted**2))
    worth = {(int(k), int(r)): (a, b) for (k, r), a, b in zip(kinds, first, second, strict=True)}
    weights = _mixture(_binomial(kinds[:, 0], kinds[:, 1]), seen)
    variance = 0.0
    for size, questions in zip(*np.unique(answers, return_counts=True), strict=True):
        counts = np.arange(size + 1)
        chance = _binomial(np.full(size + 1, size), counts)
        # A count that was never seen has no vote to look at. A majority would be right above half.
        table = np.array([worth.get((int(size), int(r)), (float(2 * r > size),) * 2) for r in counts])
        # Variance of the vote for each share of the grid: E v^2 - (E v)^2.
        once, squared = table.T @ chance
        variance += float(weights @ (squared - once**2)) * questions / len(answers)
    return max(variance, 0.0)


def _binomial(size: Ints, right: Ints) -> Floats:
    """Chance of the counts, a row each, for each share of the grid: shape (R, 101)."""
    ways = special.binom(size, right)[:, None]
    chance: Floats = ways * _GRID ** right[:, None] * (1 - _GRID) ** (size - right)[:, None]
    return chance


def _mixture(chance: Floats, seen: Ints) -> Floats:
    """The distribution over the grid under which the counts seen are likeliest: shape (101,)."""
    weights = np.full(chance.shape[1], 1 / chance.shape[1])
    for _ in range(_STEPS):
        joint = chance * weights
        # One step of EM: each count's questions are dealt out over the grid by how likely each share made them.
        weights = (seen[:, None] * joint / joint.sum(axis=1, keepdims=True)).sum(axis=0) / seen.sum()
    return weights
