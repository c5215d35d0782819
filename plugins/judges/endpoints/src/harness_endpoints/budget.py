"""The spending of a judge in this run, and its limit."""

from __future__ import annotations

from harness.api import BudgetError, JudgeStoppedError, Usage
from harness_endpoints.options import EndpointOptions
from harness_endpoints.reply import Spent

_FIRST = 16
"""Requests of a first batch under a budget."""


class Budget:
    """Counts tokens and money, from what the journal of the run holds.

    Not safe for several threads: one event loop counts.

    Args:
        options: Budgets and prices.
        name: The judge's name, for messages.
        spent: What earlier commands of the same run have spent.
    """

    def __init__(self, options: EndpointOptions, *, name: str, spent: Usage) -> None:
        self._options = options
        self._name = name
        self._tokens = spent.tokens
        self._usd = spent.cost_usd
        # The average is over answers of this command that took anything. A refusal is free, and says nothing of the
        # next question. What an earlier command spent counts against the budget, and may have been about other ones.
        self._charged = 0
        self._average_tokens = self._average_usd = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether there is a budget at all."""
        return self._options.budget_tokens is not None or self._options.budget_usd is not None

    def cost(self, spent: Spent) -> float | None:
        """US dollars by the prices, else as the server charged; `None` where neither is known."""
        # The user's prices win: they may include a discount that the server does not know.
        prices = self._options.prices
        if prices is None:
            return spent.usd
        if spent.prompt is None and spent.completion is None:
            return None
        cost = prices.cost(
            prompt=spent.prompt or 0,
            completion=spent.completion or 0,
            cached=spent.cached or 0,
            cache_write=spent.cache_write or 0,
        )
        return cost * prices.batch if self._options.batching else cost

    def add(self, spent: Spent) -> None:
        """Count one request that was answered, or that failed for good."""
        tokens, usd = (spent.prompt or 0) + (spent.completion or 0), self.cost(spent) or 0.0
        self._tokens += tokens
        self._usd += usd
        if tokens or usd:
            self._charged += 1
            self._average_tokens += (tokens - self._average_tokens) / self._charged
            self._average_usd += (usd - self._average_usd) / self._charged

    def check_known(self, spent: Spent) -> None:
        """See that an answer's cost is known where it must be.

        Raises:
            JudgeStoppedError: A budget is set and the server does not say what it limits.
        """
        is_counted = spent.prompt is not None and spent.completion is not None
        if self._options.budget_tokens is not None and not is_counted:
            raise JudgeStoppedError(
                f"judge {self._name}: budget_tokens is set, and {self._options.base_url} does not say how many tokens "
                "an answer took; leave the budget out, or make the server report `usage`"
            )
        if self._options.budget_usd is not None and (spent.usd is None or self._options.prices) and not is_counted:
            raise JudgeStoppedError(
                f"judge {self._name}: budget_usd is set, and {self._options.base_url} does not say how many tokens an "
                "answer took; leave the budget out, or make the server report `usage`"
            )
        if self._options.budget_usd is not None and self.cost(spent) is None:
            raise JudgeStoppedError(
                f"judge {self._name}: budget_usd is set, and what an answer costs is not known; say `prices: {{prompt: "
                "..., completion: ...}` in US dollars for a million tokens"
            )

    def allows_one_more(self, in_flight: int) -> bool:
        """Whether another request fits, those in flight counted at the average so far.

        Until one has taken anything they go one by one, so that there is an average.
        """
        if not self.is_limited or in_flight == 0:
            return self.has_remaining
        if self._charged == 0:
            return False
        # Requests in flight have not reported yet; without them a high concurrency would overshoot the budget.
        tokens, usd = self._options.budget_tokens, self._options.budget_usd
        fits = tokens is None or self._tokens + in_flight * self._average_tokens < tokens
        return fits and (usd is None or self._usd + in_flight * self._average_usd < usd)

    def room(self, waiting: int) -> int | None:
        """How many more requests may be submitted at once, beside those that wait for an answer; `None`: any number.

        Before there is an average it is a few, so that there is one.
        """
        if not self.is_limited:
            return None
        if not self.has_remaining:
            return 0
        if self._charged == 0:
            return max(0, _FIRST - waiting)
        tokens, usd = self._options.budget_tokens, self._options.budget_usd
        left = []
        if tokens is not None and self._average_tokens:
            left.append((tokens - self._tokens) / self._average_tokens)
        if usd is not None and self._average_usd:
            left.append((usd - self._usd) / self._average_usd)
        # One more than fits in full, as where each request goes by itself: else the last part is never spent.
        return max(0, int(min(left)) + 1 - waiting) if left else None

    @property
    def has_remaining(self) -> bool:
        """Whether anything is left."""
        tokens, usd = self._options.budget_tokens, self._options.budget_usd
        return (tokens is None or self._tokens < tokens) and (usd is None or self._usd < usd)

    def budget_error(self) -> BudgetError:
        """The error to raise when nothing is left."""
        tokens, usd = self._options.budget_tokens, self._options.budget_usd
        if tokens is not None and self._tokens >= tokens:
            what = f"{self._tokens:,} tokens spent of budget_tokens {tokens:,}; raise budget_tokens"
        else:
            what = f"${self._usd:,.4f} spent of budget_usd ${usd or 0:,.4f}; raise budget_usd"
        return BudgetError(f"judge {self._name}: {what} and give the same command again")
