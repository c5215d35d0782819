from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints.concurrency import ConcurrencyLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(concurrency: ConcurrencyLimit, clock: Clock, *, rounds: int, latency: float, capacity: float) -> list[int]:
    """Rounds of successes on a server that answers `capacity` a second, each after `latency` at the soonest."""
    limits = []
    for _ in range(rounds):
        width = concurrency.limit
        clock.now += max(latency, width / capacity)
        for _ in range(width):
            concurrency.success()
        limits.append(concurrency.limit)
    return limits


def test_it_doubles_while_the_server_gets_faster_by_it() -> None:
    clock = Clock()
    assert run(ConcurrencyLimit(1024, clock=clock), clock, rounds=3, latency=1.0, capacity=1e9) == [64, 128, 256]


def test_it_grows_slowly_once_the_server_is_full() -> None:
    clock = Clock()
    concurrency = ConcurrencyLimit(1024, clock=clock)
    limits = run(concurrency, clock, rounds=12, latency=1.0, capacity=100)
    assert 100 <= limits[-1] <= 300
    assert all(later - before <= 1 for before, later in pairwise(limits[5:]))


def test_an_overload_halves_it_once_for_all_that_was_sent_before() -> None:
    clock = Clock()
    concurrency = ConcurrencyLimit(64, clock=clock)
    run(concurrency, clock, rounds=4, latency=1.0, capacity=1e9)
    assert concurrency.limit == 64
    sent = clock.now
    clock.now += 1
    for _ in range(64):
        concurrency.overload(sent)
    assert concurrency.limit == 32
    clock.now += 1
    concurrency.overload(clock.now)
    assert concurrency.limit == 16
    assert run(concurrency, clock, rounds=3, latency=1.0, capacity=1e9) == [17, 18, 19], "no doubling after an overload"


@given(st.integers(1, 200), st.lists(st.booleans(), max_size=300))
def test_it_stays_within_its_bounds(most: int, events: list[bool]) -> None:
    clock = Clock()
    concurrency = ConcurrencyLimit(most, clock=clock)
    for good in events:
        clock.now += 0.1
        if good:
            concurrency.success()
        else:
            concurrency.overload(clock.now)
        assert 1 <= concurrency.limit <= most
