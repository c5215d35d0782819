"""When to ask again, and how long to wait: the policy in one place, because it is part of the measurement."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

AGAIN = frozenset({408, 409, 425, 429, 498, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""Statuses that another attempt may fix."""

CONGESTED = frozenset({408, 429, 498, 503, 504, 529})
"""Statuses that say: fewer at once."""

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits between attempts: full jitter (Brooker 2015, Exponential Backoff and Jitter)."""

    first: float
    """The first wait is up to this many seconds."""
    most: float
    """No wait is longer."""

    def delay(self, attempt: int, *, retry_after: float | None, dice: random.Random) -> float:
        """Seconds to wait after attempt number `attempt`, from 0.

        Args:
            attempt: How many have failed before.
            retry_after: What the server asked for. It is the least wait, with up to a tenth on top so that not all come
                back at once.
            dice: Where the jitter comes from.
        """
        # The exponent is bounded: 2.0 ** 1024 overflows.
        jitter = dice.random() * min(self.most, self.first * 2.0 ** min(attempt, 60))
        if retry_after is None:
            return jitter
        return min(self.most, max(retry_after * (1 + dice.random() / 10), jitter))


def retry_after(header: str, *, milliseconds: str = "", now: float | None = None) -> float | None:
    """Seconds that a response asks to wait; `None` if it does not.

    Args:
        header: `Retry-After` (RFC 9110, 10.2.3), a number or a date.
        milliseconds: `retry-after-ms`, which OpenAI and Azure send. It is exact, so it counts first.
        now: Seconds since the epoch. The clock's by default.
    """
    if _SECONDS.fullmatch(milliseconds.strip()):
        return float(milliseconds) / 1000
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    # A date has 29 characters; the parser need not see a hostile header.
    if not text or len(text) > 64:
        return None
    try:
        then = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
    return max(0.0, then - (time.time() if now is None else now))
