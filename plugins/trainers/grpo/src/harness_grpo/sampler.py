"""The order of items and tasks: stratified batches, mixing on purpose, every draw a function of the seed.

There is no state of a random generator to keep: an epoch's order of a task is a function of (seed, task, epoch), and
what is kept are cursors. Not for what is done with the items.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Mixing = Literal["proportional", "uniform", "temperature", "adaptive"]

_MEMORY = 0.9
"""How much of its running reward a task keeps from step to step, in adaptive mixing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A task to draw from."""

    name: str
    """Name in the recipe."""
    size: int
    """Number of items. At least one."""
    weight: float = 1.0
    """From the recipe."""


@dataclass(slots=True)
class _Cursor:
    """The position in a task, and its running reward."""

    drawn: int = 0
    """Items drawn since the beginning, over all epochs."""
    owed: float = 0.0
    """Fraction of a place that rounding has kept from it so far. Below 0 where it got too much."""
    reward: float | None = None
    """Running mean of its reward."""
    gain: float = 0.0
    """Running mean of how much that changes in a step."""


@dataclass(slots=True)
class Sampler:
    """Fills batches from several tasks.

    The share of a task in a batch, before rounding, is its recipe weight times

    - `proportional`: its size (the plain union of the data, as in MT-RL-Judge),
    - `uniform`: 1,
    - `temperature`: size ** (1 / temperature), between the two,
    - `adaptive`: exp(-(reward + gain) / sharpness), normalised, with at least `least` of an even share: tasks with a
      low reward that does not improve get more, as in MT-GRPO (arXiv 2602.05547), which weights tasks by reward and
      improvement. Rewards are running means of what `learn` was told. Until then the mix is uniform.

    Fractions of places are carried from batch to batch, so that over a training each task gets its share to within
    one place. Within a task every item comes once an epoch, each epoch in another order.

    Args:
        pools: The tasks.
        seed: Of the orders.
        mixing: See above.
        temperature: For `temperature`; at least 1.
        sharpness: For `adaptive`, in units of reward: the smaller, the more the worst task gets.
        least: For `adaptive`: share of an even mix that no task falls below.
    """

    pools: Sequence[Pool]
    seed: int
    mixing: Mixing = "proportional"
    temperature: float = 2.0
    sharpness: float = 0.2
    least: float = 0.25
    _cursors: dict[str, _Cursor] = field(init=False)

    def __post_init__(self) -> None:
        """Put all cursors at the beginning."""
        self._cursors = {pool.name: _Cursor() for pool in self.pools}

    def shares(self) -> dict[str, float]:
        """The share of each task in the next batch. They add up to 1."""
        if self.mixing == "adaptive":
            return self._adaptive()
        power = {"proportional": 1.0, "uniform": 0.0, "temperature": 1 / self.temperature}[self.mixing]
        return _normalise({pool.name: pool.weight * float(pool.size) ** power for pool in self.pools})

    def _adaptive(self) -> dict[str, float]:
        known = [cursor.reward for cursor in self._cursors.values() if cursor.reward is not None]
        even = _normalise({pool.name: pool.weight for pool in self.pools})
        if not known:
            return even
        middle = sum(known) / len(known)
        standing = {
            name: (middle if cursor.reward is None else cursor.reward + cursor.gain)
            for name, cursor in self._cursors.items()
        }
        # Shifted by the worst, as in a stable softmax: exp cannot overflow.
        worst = min(standing.values())
        wanted = _normalise(
            {pool.name: pool.weight * math.exp(-(standing[pool.name] - worst) / self.sharpness) for pool in self.pools}
        )
        return {name: self.least * even[name] + (1 - self.least) * share for name, share in wanted.items()}

    def counts(self, places: int) -> dict[str, int]:
        """The number of places of each task in the next batch. They add up to `places`.

        What rounding keeps from a task is owed to it in the batches to come.
        """
        shares = self.shares()
        due = {name: share * places + self._cursors[name].owed for name, share in shares.items()}
        given = {name: max(0, math.floor(value)) for name, value in due.items()}
        # Largest remainders first (Hamilton's method); names decide between equal ones.
        order = sorted(due, key=lambda name: (due[name] - given[name], name), reverse=True)
        for number in range(places - sum(given.values())):
            given[order[number % len(order)]] += 1
        for name in sorted(due, key=lambda name: due[name] - given[name]):
            while sum(given.values()) > places and given[name]:
                given[name] -= 1
        for name, value in due.items():
            self._cursors[name].owed = value - given[name]
        return given

    def take(self, task: str) -> int:
        """The next item of a task, by its place in the task's list."""
        pool = next(pool for pool in self.pools if pool.name == task)
        cursor = self._cursors[task]
        epoch, place = divmod(cursor.drawn, pool.size)
        cursor.drawn += 1
        return _order(self.seed, task, epoch, pool.size)[place]

    def epochs(self, task: str) -> float:
        """The number of epochs that a task has been drawn."""
        pool = next(pool for pool in self.pools if pool.name == task)
        return self._cursors[task].drawn / pool.size

    def learn(self, rewards: Mapping[str, float]) -> None:
        """Tell how tasks did in a step. Matters to `adaptive` mixing only.

        Args:
            rewards: Mean reward of each task that was in the batch.
        """
        for name, reward in rewards.items():
            cursor = self._cursors[name]
            before = cursor.reward
            if before is None:
                cursor.reward = reward
                continue
            cursor.reward = _MEMORY * before + (1 - _MEMORY) * reward
            cursor.gain = _MEMORY * cursor.gain + (1 - _MEMORY) * (cursor.reward - before)

    def state(self) -> dict[str, Any]:
        """All that must be kept to go on, as plain data."""
        return {name: [cursor.drawn, cursor.owed, cursor.reward, cursor.gain] for name, cursor in self._cursors.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a kept state."""
        self._cursors = {pool.name: _Cursor(*state[pool.name]) for pool in self.pools}


def _normalise(values: Mapping[str, float]) -> dict[str, float]:
    # fsum: the shares do not depend on the order of the tasks.
    whole = math.fsum(values.values())
    return {name: value / whole for name, value in values.items()}


@lru_cache(maxsize=64)
def _order(seed: int, task: str, epoch: int, size: int) -> tuple[int, ...]:
    """The order of a task's items in an epoch."""
    # crc32, because `hash` of a text differs from process to process.
    entropy = np.random.SeedSequence([seed, zlib.crc32(task.encode()), epoch])
    return tuple(np.random.Generator(np.random.PCG64(entropy)).permutation(size).tolist())
