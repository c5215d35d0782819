"""Simulates many judges over many dates: how often a drift is rung falsely, and how soon a true one is.

    python tests/validity/drift.py [--repeats 200] [--seed 0]

A judge answers C questions. Each has a chance of its own to change by itself, from a Beta distribution with the noise
as its mean: most never change, and few often do. The alarm is that of `harness drift`: evidence from the answers that
were asked again at once and from all dates. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np

from harness.score.anytime import alarm_level, evidence
from harness.score.arrays import Floats

SPREAD = 0.1
"""First parameter of the Beta distribution: the smaller, the more the noise sits in few questions."""


def simulate_judge(
    rng: np.random.Generator,
    *,
    questions: int = 200,
    dates: int = 100,
    noise: float = 0.02,
    drift: float = 0.0,
    start: int = 1,
    again: int = 2,
) -> tuple[Floats, Floats]:
    """What changes: when asked again at once, shape (R, C), and at each date, shape (T, C).

    Args:
        rng: Draws.
        questions: C.
        dates: T.
        noise: Mean chance of an answer to change by itself.
        drift: Share of questions that the judge answers otherwise from a date on.
        start: That date, from 1.
        again: R.
    """
    chances = rng.beta(SPREAD, SPREAD * (1 - noise) / noise, size=questions) if noise else np.zeros(questions)
    changed = np.where(rng.permutation(questions) < drift * questions, 1.0, chances)
    later = np.stack([changed if date >= start else chances for date in range(1, dates + 1)])
    return (rng.random((again, questions)) < chances).astype(float), (rng.random(later.shape) < later).astype(float)


def find_alarm(again: Floats, dates: Floats, *, alpha: float) -> int | None:
    """The first date with an alarm, from 1."""
    rang = np.flatnonzero(evidence(again, dates, alpha=alpha) >= alarm_level(alpha))
    return int(rang[0]) + 1 if len(rang) else None


def false_alarms(
    rng: np.random.Generator, *, repeats: int, judges: int, noise: float, dates: int, alpha: float
) -> float:
    """Share of histories in which any of some judges ever rings, though none changes."""
    rung = 0
    for _ in range(repeats):
        found = (
            find_alarm(*simulate_judge(rng, noise=noise, dates=dates), alpha=alpha / judges) for _ in range(judges)
        )
        rung += any(date is not None for date in found)
    return rung / repeats


def delays(
    rng: np.random.Generator, *, repeats: int, noise: float, drift: float, start: int, again: int, alpha: float
) -> list[int | None]:
    """Dates from a change to its alarm, 1 for the date itself; `None` where there is none within ten."""
    found = []
    for _ in range(repeats):
        made = simulate_judge(rng, noise=noise, drift=drift, start=start, again=again, dates=start + 9)
        date = find_alarm(*made, alpha=alpha)
        found.append(None if date is None else date - start + 1)
    return found


def share_within(found: Sequence[int | None], dates: int) -> float:
    """Share of the changes that ring within so many dates."""
    return sum(delay is not None and delay <= dates for delay in found) / len(found)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    told: dict[str, dict[str, object]] = {"false_alarms": {}, "within_1_2_5_10": {}}
    for noise in (0.0, 0.005, 0.02, 0.1, 0.3):
        share = false_alarms(rng, repeats=asked.repeats, judges=4, noise=noise, dates=100, alpha=0.05)
        told["false_alarms"][f"noise {noise:g}"] = share
        sys.stdout.write(f"noise {noise:5.1%}: {share:.1%} of histories of 4 judges and 100 dates ring falsely\n")
    for noise in (0.0, 0.005, 0.02, 0.1):
        for drift in (0.05, 0.1):
            for start in (1, 30):
                found = delays(rng, repeats=asked.repeats, noise=noise, drift=drift, start=start, again=2, alpha=0.05)
                shares = [share_within(found, dates) for dates in (1, 2, 5, 10)]
                told["within_1_2_5_10"][f"noise {noise:g} drift {drift:g} date {start}"] = shares
                written = ", ".join(f"{share:.0%}" for share in shares)
                sys.stdout.write(
                    f"noise {noise:5.1%}, drift {drift:.0%} at date {start:2}: {written} within 1, 2, 5, 10\n"
                )
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
