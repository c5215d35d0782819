"""What a flow of batches is given by its judge, and what it keeps of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from harness.api import Request
from harness_endpoints.budget import Budget
from harness_endpoints.lessons import Lessons
from harness_endpoints.options import EndpointOptions
from harness_endpoints.payload import Field, Payloads
from harness_endpoints.reply import ReadReply, Scrub, Spent
from harness_endpoints.wire import BatchWire


class BatchParts(Protocol):
    """The parts of a flow of batches: what the judge has."""

    @property
    def options(self) -> EndpointOptions:
        """The checked options."""

    @property
    def name(self) -> str:
        """The judge's name, for messages."""

    @property
    def identity(self) -> str:
        """A hash of all that makes an answer another judge's."""

    @property
    def payloads(self) -> Payloads:
        """Makes bodies."""

    @property
    def budget(self) -> Budget:
        """Counts tokens and money."""

    @property
    def lessons(self) -> Lessons:
        """Facts learnt about the server."""

    @property
    def read(self) -> ReadReply:
        """Reads a response of status 200."""

    @property
    def scrub(self) -> Scrub:
        """Removes secrets."""

    def wire(self) -> BatchWire:
        """A new client, for the loop that calls."""


@dataclass(slots=True)
class Held:
    """A request that waits for its answer."""

    request: Request
    fields: frozenset[Field] = frozenset()
    """Sent with it the last time."""
    tries: int = 0
    """Results so far that were no answer."""
    spent: Spent = field(default_factory=Spent)
    """What these cost."""
