from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

_spec = importlib.util.spec_from_file_location("simulated_drift", Path(__file__).parent / "drift.py")
assert _spec is not None
assert _spec.loader is not None
drift = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(drift)


def test_a_judge_that_stays_rings_at_most_as_often_as_was_set() -> None:
    rng = np.random.default_rng(0)
    # Twenty dates and a level at which a test of each date alone would ring in every second history.
    shares = [
        drift.false_alarms(rng, repeats=25, judges=2, noise=noise, dates=20, alpha=0.2) for noise in (0.005, 0.05)
    ]
    assert max(shares) <= 0.2


def test_a_change_of_a_twentieth_and_of_a_tenth_is_seen_soon() -> None:
    rng = np.random.default_rng(1)
    small = drift.delays(rng, repeats=20, noise=0.005, drift=0.05, start=1, again=2, alpha=0.05)
    large = drift.delays(rng, repeats=20, noise=0.005, drift=0.1, start=1, again=2, alpha=0.05)
    assert drift.share_within(small, 10) >= 0.8
    assert drift.share_within(large, 2) >= 0.8
    late = drift.delays(rng, repeats=10, noise=0.02, drift=0.05, start=12, again=2, alpha=0.05)
    assert drift.share_within(late, 10) >= 0.8
