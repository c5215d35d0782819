"""Evidence that grows over dates: may be looked at after each, and rings falsely with at most the chance that was set.

A judge that draws, or a server that rounds otherwise under load, changes some answers by itself. Given the first
answers, the changes of answers that are asked again at once and of answers of any later date have one mean in each
cluster, as long as the judge stays what it was. With X the share of a cluster's answers that changed, from 0 to 1:

    bound     U_s: the greatest mean that all changes before date s allow, with a chance of error of w_s alpha / 2
    bet       B_s(t, q): product over dates s to t and clusters of 1 + b (X - U_s),   b = (q - U_s) / (U_s (1 - U_s))
    evidence  E_t: sum over first dates s of w_s times the mean over q > U_s of B_s(t, q),   w_s = 1 / (s (s + 1))
    alarm     as soon as E_t reaches 2 / alpha

U inverts the bound of Hoeffding (1963, theorem 1) for means of independent numbers from 0 to 1. Each product is a bet
that the mean is above U (Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting). The
clusters may have different means: with one b for all of them the product is largest where they are equal, so that its
mean is at most 1. Sums with fixed weights keep that, and by Ville's inequality (1939) the evidence ever reaches 2 /
alpha with chance alpha / 2 at most. The other half is for the bounds. Bets that begin at each date are needed since a
change that comes late would have to make good all that was lost before (Shin, Ramdas and Rinaldo 2024, E-detectors).
The bet that begins first knows the first answers only, so that a slow change is not taken for noise.

Noise sits in few questions, and a change of the judge does not. Half of each bet is therefore on the clusters alone
that did not change in the earlier half of what was seen before; the later half gives their bound.

Not for one comparison of two runs: `harness.score.pairs` is sharper there.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from harness.score.arrays import Floats

# Shares of the way from U to 1 at which q stands: small drifts and large ones.
_STEPS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9])
_SMALLEST = 1e-9  # a bound of 0 would make the first change of one answer certain evidence
_LARGEST = 1 - 1e-9


def mean_bound(values: Floats, *, alpha: float) -> float:
    """The greatest mean that independent numbers from 0 to 1 allow, with chance `alpha` of an error.

    Args:
        values: Shape (N,): their means may differ; the bound is on the mean of these. None: the bound is 1.
        alpha: Chance that the true mean is above the bound.

    Example:
        None of 200 answers changed:

        >>> round(mean_bound(np.zeros(200), alpha=0.05), 4)
        0.0149
    """
    if not len(values):
        return 1.0
    seen, room = float(np.mean(values)), -np.log(alpha) / len(values)
    if _divergence(seen, _LARGEST) <= room:
        return 1.0
    # The divergence grows from 0 at the mean that was seen, so there is one root.
    return float(optimize.brentq(lambda mean: _divergence(seen, mean) - room, max(seen, _SMALLEST), _LARGEST))


def evidence(again: Floats, dates: Floats, *, alpha: float) -> Floats:
    """The natural logarithm of the evidence after each date, shape (T,). It is an alarm from `log(2 / alpha)` on.

    Args:
        again: Shape (R, C): how far the answers that were asked again at once changed, by cluster, from 0 to 1. NaN
            where there is no answer.
        dates: Shape (T, C): the same for each later date.
        alpha: Chance that there is ever an alarm as long as nothing changes.
    """
    # A missing answer counts as one that did not change: it must not make evidence.
    moved = np.nan_to_num(dates)
    parts = []
    for start in range(len(dates)):
        weight = 1 / ((start + 1) * (start + 2))
        seen = np.concatenate([again, dates[:start]])
        half = len(seen) // 2
        calm = ~(np.nan_to_num(seen[:half]) > 0).any(axis=0)
        for chosen, known in ((np.ones_like(calm), seen), (calm, seen[half:])):
            values = known[:, chosen]
            bound = mean_bound(values[np.isfinite(values)], alpha=alpha / 2 * weight / 2)
            parts.append(np.log(weight / 2) + _bets(moved[start:, chosen], bound, before=start))
    # Bets that have not begun are still worth 1, and the weights of all dates to come are 1 / (t + 1) together.
    waiting = -np.log(np.arange(1, len(dates) + 1) + 1.0)
    found: Floats = special.logsumexp(np.stack([*parts, waiting]), axis=0)
    return found


def alarm_level(alpha: float) -> float:
    """What the logarithm of the evidence must reach."""
    return float(np.log(2 / alpha))


def level_at(alpha: float, date: int) -> float:
    """The level for a test of its own at a date, so that all dates together have `alpha`: alpha / (k (k + 1)).

    >>> level_at(0.06, 1), level_at(0.06, 2)
    (0.03, 0.01)
    """
    return alpha / (date * (date + 1))


def _bets(moved: Floats, bound: float, *, before: int) -> Floats:
    """Logarithm of what a bet is worth after each date, shape (before + T,); it has not begun `before` dates long."""
    worth = np.zeros(len(moved))
    if bound < 1:
        # (q - U) / (U (1 - U)) with q = U + step (1 - U).
        stakes = _STEPS / max(bound, _SMALLEST)
        each = np.log1p(stakes[:, None, None] * (moved - bound)).sum(axis=2)
        worth = special.logsumexp(np.cumsum(each, axis=1), axis=0) - np.log(len(_STEPS))
    return np.concatenate([np.full(before, -np.inf), worth])


def _divergence(seen: float, mean: float) -> float:
    """Kullback and Leibler's of two coins, in nats."""
    return float(special.rel_entr(seen, mean) + special.rel_entr(1 - seen, 1 - mean))
