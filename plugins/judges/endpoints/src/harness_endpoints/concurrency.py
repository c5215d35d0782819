"""The concurrency limit: slow start, then additive increase and multiplicative decrease (TCP, RFC 5681).

From a small start the number doubles with each round of successes while the server gets faster by it; then it grows by
one a round. An overload (429, 503, a timeout, ...) halves it, once for all requests that were sent before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_START = 32
_FASTER = 1.1  # doubling that brings less than this is no gain
_MOST_MISSES = 2  # rounds without a gain before the doubling ends: one may be an accident


class ConcurrencyLimit:
    """The limit on requests in flight.

    Args:
        most: It never exceeds this.
        clock: Seconds.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._limit = float(min(_START, most))
        self._misses = 0
        self._began = clock()
        self._cut_at = self._began
        self._done = 0
        self._rate = 0.0

    @property
    def limit(self) -> int:
        """Requests that may be in flight."""
        return int(self._limit)

    def success(self) -> None:
        """A request was answered."""
        self._done += 1
        if self._done >= self.limit:
            self._end_round()

    def overload(self, sent: float) -> None:
        """The server says, by word or by silence, that it is too much.

        Args:
            sent: When the request was sent, by the clock. What was sent before the last cut counts no more.
        """
        # One overload fails many requests in flight: halve once for all of them (as TCP, once a round trip).
        if sent < self._cut_at:
            return
        self._misses = _MOST_MISSES  # slow start is over for good
        self._limit = max(1.0, self._limit / 2)
        self._cut_at = self._clock()
        self._began, self._done, self._rate = self._cut_at, 0, 0.0

    def _end_round(self) -> None:
        now = self._clock()
        rate = self._done / max(now - self._began, 1e-6)
        if self._misses >= _MOST_MISSES:
            self._limit += 1
        elif rate > self._rate * _FASTER:
            self._limit *= 2
        else:
            self._misses += 1
        self._limit = min(self._limit, float(self._most))
        self._began, self._done, self._rate = now, 0, max(rate, self._rate)
