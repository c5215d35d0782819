"""What a question will take, as far as a judge can say before it is asked. The harness makes a price of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.api._requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEstimate:
    """What one request would take of a judge. Nothing is sent to find out.

    >>> TokenEstimate(image_tokens=765, completion_most=1024).text_tokens is None
    True
    """

    text_tokens: int | None = None
    """Tokens of all that is read beside the images, the chat template included, where the judge has the tokenizer.
    `None`: not known. The harness then counts the characters of the messages."""
    image_tokens: int | None = None
    """Tokens of all images together, by the provider's published rule or by the model's own processor; 0 without
    images. `None`: not known."""
    completion_most: int | None = None
    """Most tokens that may be written, those of all samples together. `None`: there is no limit."""
    times: int = 1
    """How often the prompt is sent, as for samples that are asked one by one. `text_tokens` and `image_tokens` are of
    one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """What a judge's tokens cost, and what it may spend in one run.

    >>> Pricing(prompt_usd=2.5, completion_usd=10).cost(prompt=1_000_000, completion=100_000)
    3.5
    """

    prompt_usd: float | None = None
    """US dollars for a million tokens read. `None`: no price was given."""
    completion_usd: float | None = None
    """US dollars for a million tokens written. `None`: no price was given."""
    budget_usd: float | None = None
    """Most US dollars for all answers of a run."""
    budget_tokens: int | None = None
    """Most tokens of a run, read and written."""

    def cost(self, *, prompt: float, completion: float) -> float | None:
        """US dollars for so many tokens; `None` without prices."""
        if self.prompt_usd is None or self.completion_usd is None:
            return None
        return (prompt * self.prompt_usd + completion * self.completion_usd) / 1e6


@runtime_checkable
class EstimatesTokens(Protocol):
    """A judge that knows something of what a question will take, before it is asked."""

    def estimate_tokens(self, request: Request) -> TokenEstimate:
        """What the request would take. It opens no connection and no weights; `--dry-run` calls it on a sample.

        Raises:
            DataError: An image cannot be read.
        """


@runtime_checkable
class HasPricing(Protocol):
    """A judge whose answers cost money, or that has a budget."""

    @property
    def pricing(self) -> Pricing:
        """Its prices and budgets, as its options say. It must be cheap."""
