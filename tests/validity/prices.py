"""Simulates judges that are paid by the answer: how often the interval of the price of a right verdict holds it.

    python tests/validity/prices.py [--repeats 1000] [--seed 0]

Prices of answers have a lognormal distribution with the mean 1, and an answer is right with the same chance whatever
it cost. So a right verdict costs one over that chance. The interval is that of the leaderboard. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from harness.report.spending import _Bill, _interval
from harness.score.arrays import Ints


@dataclass(frozen=True, kw_only=True)
class PricedDesign:
    """What is simulated."""

    items: int
    right: float
    """Chance that an answer is right."""
    spread: float
    """Standard deviation of the logarithm of a price."""
    clusters: str = "one"
    """`one` item each, `five` items each, or of `unequal` sizes: a third of the items, a ninth, and so on, then one."""
    together: float = 0.0
    """Share of the items that are right or wrong as their whole cluster is."""

    def sizes(self) -> Ints:
        """Items of each cluster."""
        if self.clusters == "one":
            return np.ones(self.items, dtype=np.int64)
        if self.clusters == "five":
            return np.full(self.items // 5, 5)
        large = [self.items // 3**step for step in range(1, 5) if self.items // 3**step > 1]
        return np.array(large + [1] * (self.items - sum(large)))


def list_designs() -> Iterator[PricedDesign]:
    """All that are simulated."""
    for items in (5, 10, 20, 50, 100, 300):
        for right in (0.1, 0.3, 0.5, 0.8, 0.95, 0.99):
            for spread in (0.02, 0.3, 1.0):
                yield PricedDesign(items=items, right=right, spread=spread)
    for items in (50, 150):
        for clusters in ("five", "unequal"):
            for right in (0.3, 0.8, 0.95):
                for together in (0.0, 0.8):
                    yield PricedDesign(items=items, right=right, spread=0.3, clusters=clusters, together=together)


def find_coverage(rng: np.random.Generator, design: PricedDesign, *, repeats: int, confidence: float = 0.95) -> float:
    """Share of the runs with a right verdict in which the interval holds its true price. None counts as not held."""
    sizes = design.sizes()
    of = np.repeat(np.arange(len(sizes)), sizes)
    held, runs = 0, 0
    for _ in range(repeats):
        costs = rng.lognormal(-(design.spread**2) / 2, design.spread, design.items)
        shared = (rng.random(len(sizes)) < design.right)[of]
        own = rng.random(design.items) < design.right
        right = np.where(rng.random(design.items) < design.together, shared, own).astype(float)
        if not right.any():  # there is no price then
            continue
        columns = (column.astype(float) for column in (np.bincount(of, costs), np.bincount(of, right), sizes, sizes))
        found = _interval(_Bill(np.arange(len(sizes)), *columns), confidence=confidence)
        runs += 1
        held += found is not None and found[0] <= 1 / design.right <= found[1]
    return held / runs if runs else float("nan")


def main() -> None:
    """Print a line for each design, and the mean and the lowest of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    shares = []
    for design in list_designs():
        shares.append(find_coverage(rng, design, repeats=asked.repeats))
        told = ", ".join(f"{name} {value}" for name, value in asdict(design).items())
        sys.stdout.write(f"{shares[-1]:6.1%}  {told}\n")
    sys.stdout.write(json.dumps({"designs": len(shares), "mean": np.mean(shares), "lowest": min(shares)}) + "\n")


if __name__ == "__main__":
    main()
