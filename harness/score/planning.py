"""Items that show a difference, and the difference that a number of items shows. Numbers in, numbers out.

Not for testing: the tests are in `harness.score.significance`. What is here says, before or after a run, what they can
find. The formulas are those of Miller (2024, arXiv 2411.00640) and, for two judges on the same items, Connor (1987),
who keeps apart how the test spreads without a difference and with one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from harness.api import UserError
from harness.score.arrays import Floats, Ints

# A difference of almost nothing needs infinitely many items, which is no whole number.
_MOST_ITEMS = 10**12


def deviation_at(times: float, deviation: float, *, noise: float, asked: int) -> float:
    """Deviation of two judges' difference from item to item, if each item were asked so many times.

    Args:
        times: How often, from 1 to `math.inf`.
        deviation: As it is: the square root of items times the variance of the difference. Clusters are in it.
        noise: The part of the variance of one item's difference that comes from asking it `asked` times and no more.
        asked: Verdicts on an item of each judge, each counting on its own: orders times samples.

    Raises:
        ValueError: Fewer than one.
    """
    if times < 1:
        raise ValueError(f"an item is asked once or more, not {times} times")
    # Variance of a single verdict: it falls in proportion to how often an item is asked (Miller 2024, section 3).
    single = noise * asked
    return math.sqrt(max(0.0, deviation**2 - noise + single / times))


def family_quantile(judges: int, *, confidence: float = 0.95) -> float:
    """The quantile that every two of so many judges are tested by (Bonferroni): 1.96 for two at 95 %.

    Args:
        judges: In the family, two or more.
        confidence: One less the chance of even one false difference.

    Example:
        Ten judges are 45 comparisons, so each of them has to show more:

        >>> [round(family_quantile(judges), 2) for judges in (2, 10)]
        [1.96, 3.26]
    """
    # Before a run there are no answers to flip. Bonferroni's bound takes the place of the family's own quantile.
    pairs = max(1, judges * (judges - 1) // 2)
    return float(-special.ndtri((1 - confidence) / (2 * pairs)))


def power_of(difference: float, se: float, *, quantile: float) -> float:
    """The chance that a true difference is significant, and in the right direction."""
    return float(special.ndtr(abs(difference) / se - quantile)) if se > 0 else 1.0


def items_needed(deviation: float, difference: float, *, quantile: float, power: float = 0.8, step: float = 0.0) -> int:
    """The fewest items that show a difference with the given power.

    n = ((q sqrt(w^2 + D^2) + z_power w) / D)^2, w being the deviation: a test that asks "is it nothing?" measures the
    spread about nothing, which is larger by D (Connor 1987). For a D that is small beside w it is Miller's
    (q + z_power)^2 w^2 / D^2. In clusters w is that of a cluster, and clusters are counted.

    Args:
        deviation: The deviation, that of one item's difference where items are independent.
        difference: D, in units of the metric.
        quantile: Of the test: 1.96, or that of a family.
        power: Chance that a difference of this size is significant.
        step: What the test adds for one more item, `Gap.step` times the square of their number.

    Raises:
        ValueError: The difference is not above 0.

    Example:
        Judges of 80 % and 75 % that differ on a fifth of the items:

        >>> deviation = deviation_of(0.2, 0.05)
        >>> items_needed(deviation, 0.05, quantile=1.96)
        626
    """
    if not difference > 0:
        raise ValueError(f"the difference must be above 0, not {difference}")

    def count(items: float) -> float:
        """Items needed if the step weighs what it does among so many."""
        tested = math.hypot(deviation, difference, math.sqrt(step / items))
        root = quantile * tested + float(special.ndtri(power)) * deviation
        return min(_MOST_ITEMS, (root / difference) ** 2)

    # The more items, the less the step weighs: between what is needed without it, and what would be with that few.
    low = count(math.inf)
    high = count(max(1.0, low)) if step else low
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if count(middle) > middle else (low, middle)
    # Less a little before rounding up: 100 items must not become 101 by a rounding error.
    return max(1, math.ceil(high * (1 - 1e-9) - 1e-9 if step else high - 1e-9))


def detectable(deviation: float, items: float, *, quantile: float, power: float = 0.8, step: float = 0.0) -> float:
    """The smallest difference that so many items show with the given power: the inverse of `needed`.

    Args:
        deviation: As for `items_needed`.
        items: How many there are.
        quantile: Of the test.
        power: One half or more.
        step: As for `items_needed`.

    Returns:
        `math.inf` where there are too few items for any.

    Example:
        The other way round, with the items of the example of `items_needed`:

        >>> round(detectable(deviation_of(0.2, 0.05), 626, quantile=1.96), 3)
        0.05
    """
    # With q^2 items or fewer no test can be significant: see `Gap.testable`.
    left = items - quantile**2
    if left <= 0:
        return math.inf
    w, tested, z = deviation, math.hypot(deviation, math.sqrt(step / items)), float(special.ndtri(power))
    # sqrt(items) D - z w = q sqrt(w^2 + D^2 + step / items), squared. Of the two roots the one with both sides above 0.
    root = math.sqrt(items * (z * w) ** 2 - left * ((z * w) ** 2 - (quantile * tested) ** 2))
    return (math.sqrt(items) * z * w + root) / left


def smallest(needs: Callable[[float], float], items: float, *, most: float = 1.0) -> float:
    """The smallest difference for which no more than so many items are needed, by bisection.

    Args:
        needs: Items needed for a difference. Fewer for a larger one.
        items: How many there are.
        most: The largest difference that is possible.

    Returns:
        `math.inf` where even the largest needs more.
    """
    if needs(most) > items:
        return math.inf
    low, high = 0.0, most
    # Each step halves the range: after 60 it is below the precision of a float.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if needs(middle) <= items else (middle, high)
    return high


def discordance(accuracy_a: float, accuracy_b: float, correlation: float) -> float:
    """The share of items on which just one of two judges is right.

    Args:
        accuracy_a: Of one judge.
        accuracy_b: Of the other.
        correlation: Of their being right, over items: 0 for judges that err independently, 1 for the same errors.

    Raises:
        UserError: Two judges of these accuracies cannot be so correlated.

    Example:
        >>> round(discordance(0.8, 0.75, 0.5), 3)
        0.177
    """
    a, b = accuracy_a, accuracy_b
    spread = math.sqrt(a * (1 - a) * b * (1 - b))
    both = a * b + correlation * spread
    # The share of items on which both are right lies between these bounds (Fréchet's bounds).
    least, most = max(0.0, a + b - 1), min(a, b)
    if not least - 1e-9 <= both <= most + 1e-9:
        span = [(end - a * b) / spread if spread else 0.0 for end in (least, most)]
        raise UserError(
            f"two judges that are right on {a:.4g} and on {b:.4g} of the items have a correlation of "
            f"{span[0]:.2f} to {span[1]:.2f}, not {correlation:g}"
        )
    # Just one is right: right for a plus right for b, less twice both. Clipped against rounding.
    return a + b - 2 * min(most, max(least, both))


def deviation_of(discordant: float, difference: float) -> float:
    """The deviation of one item's difference of two accuracies: sqrt(discordance - D^2) (McNemar 1947).

    Raises:
        UserError: A difference this large needs more discordant items.
    """
    if abs(difference) > discordant + 1e-12:
        raise UserError(
            f"a difference of {abs(difference):.4g} needs a discordance of as much: it is the share of items on which "
            f"just one judge is right, and {discordant:.4g} was given"
        )
    return math.sqrt(max(0.0, discordant - difference**2))


def noise_within(gaps: Floats, item: Ints) -> tuple[float, int]:
    """Variance of one item's mean difference by what was answered, beside which item it is.

    Args:
        gaps: Shape (U,): credit of one judge minus that of the other, for each order and sample.
        item: Shape (U,): code of the item.

    Returns:
        The mean over items of the variance within an item divided by its units, and the usual number of units. 0 and 1
        if items have one unit each.
    """
    _, codes = np.unique(item, return_inverse=True)
    sizes = np.bincount(codes).astype(np.float64)
    several = sizes > 1
    if not several.any():
        return 0.0, 1
    means = np.bincount(codes, weights=gaps) / sizes
    squares = np.bincount(codes, weights=(gaps - means[codes]) ** 2)[several]
    within = float((squares / (sizes[several] - 1)).mean())
    # The variance of an item's mean is `within` over its units, and the mean of 1/m is not 1 over the mean of m.
    return within * float((1 / sizes).mean()), round(len(gaps) / len(sizes))


def item_variance(gaps: Floats, item: Ints) -> float:
    """The variance over items of the mean difference of each: what clusters and several verdicts are measured by."""
    _, codes = np.unique(item, return_inverse=True)
    sizes = np.bincount(codes).astype(np.float64)
    means = np.bincount(codes, weights=gaps) / sizes
    # Items weigh as many units as they have, as they do in the metric.
    weights = sizes / sizes.mean()
    return float((weights**2 * (means - gaps.mean()) ** 2).sum() / max(1, len(sizes) - 1))
