"""How one provider speaks: everything about it that the rest of this package has to know, as one object.

    options     where questions go, with which key and headers, and what can be set   (a subclass of `EndpointOptions`)
    batches     how questions are handed over together and fetched later              (a `BatchApi`)
    payloads    how the body of a request is written                                  (a subclass of `Payloads`)
    read        how a response is read                                                (a `ReadReply`)
    image_tokens  how many tokens an image is, by the provider's published rules

Connections, limits, retries, budgets, faults, images and probabilities are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness_endpoints.batch.api import BatchApi
from harness_endpoints.payload import Payloads
from harness_endpoints.reply import ReadReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to ask and to be answered."""

    name: str
    """Name of the judge, as on its card."""
    generation: int
    """Part of the fingerprint. Raise it whenever the same answer could become another judgement, or a request
    changes."""
    batches: Callable[[Any], BatchApi] | None = None
    """Makes the way to batches from the judge's options, where the provider has them."""
    payloads: Callable[[Any], Payloads]
    """Makes the writer of bodies from the judge's options."""
    read: ReadReply
    """Reads a response of status 200."""
    image_tokens: Callable[[str, int, int], int | None] = lambda model, width, height: None
    """Tokens of an image for a model, from its width and height in pixels. `None` where no rule is known."""
