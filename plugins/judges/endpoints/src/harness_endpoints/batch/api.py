"""What a provider's batches look like to the rest: the methods that a dialect implements, and their records.

line -> submit -> look -> results          after a kill between submitting and writing that down: find
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, NamedTuple, Protocol

from harness_endpoints.wire import BatchWire, Response, StatusError

ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""An id of a batch or a file, as it may stand in a URL."""


class BatchState(NamedTuple):
    """How far a batch is."""

    ended: bool
    """Whether there is nothing more to wait for."""
    files: tuple[str, ...] = ()
    """Ids of the files with its results, where the provider has files."""
    problem: bytes = b""
    """JSON of an error, where the provider did not take the batch as a whole."""
    answered: int = 0
    """Questions that the provider says it answered: so many lines with a response there must be at least."""
    lines: int = 0
    """Questions that it says it is done with: so many lines there must be at least."""
    cancelled: bool = False
    """Whether a person cancelled it at the provider."""


class BatchResult(NamedTuple):
    """What became of one question."""

    id: str
    """The `custom_id`; empty for a line that cannot be read."""
    status: int
    """HTTP status; 0 where it was never asked: the batch expired, or somebody cancelled it."""
    body: bytes = b""
    """The response, as it would have come by itself."""


class Search(NamedTuple):
    """What a search for a batch came to."""

    batch: str = ""
    """Its id, where it was found."""
    undecided: bool = False
    """Whether a batch that may be it has not ended, and cannot be looked into before."""


class BatchApi(Protocol):
    """The batches of one provider."""

    def line(self, id: str, body: bytes) -> bytes:
        """One question as it stands in a batch.

        Args:
            id: Its `custom_id`: letters, digits and dashes, at most 64.
            body: The body, as it would be sent by itself.
        """

    async def submit(self, wire: BatchWire, lines: Sequence[bytes], marker: str) -> str:
        """Submit a batch. Returns the provider's id of it.

        Args:
            wire: The client.
            lines: From `line`.
            marker: Ours, by which it can be found again. Each `custom_id` begins with it.

        Raises:
            WireError: There was no response. It may have been submitted.
            StatusError: It was refused.
        """

    async def find(self, wire: BatchWire, marker: str, *, since: float, count: int, known: Collection[str]) -> Search:
        """Look for a batch that may have been submitted.

        Args:
            wire: The client.
            marker: Ours.
            since: When it was submitted at the earliest, in seconds since the epoch.
            count: How many questions it has.
            known: Ids of batches that are others.

        Raises:
            WireError: There was no response.
            StatusError: It was refused.
        """

    async def look(self, wire: BatchWire, batch: str) -> BatchState:
        """How far a batch is.

        Raises:
            WireError: There was no response.
            StatusError: It was refused.
        """

    def results(self, wire: BatchWire, batch: str, state: BatchState) -> AsyncIterator[BatchResult]:
        """The results of a batch that has ended, in any order.

        Raises:
            WireError: There was no response, or it breaks off.
            StatusError: It was refused.
        """


async def ask_json(wire: BatchWire, method: str, address: str, *, body: bytes = b"", media: str = "") -> dict[str, Any]:
    """The JSON object that an address answers with.

    Raises:
        WireError: There is no response.
        StatusError: The status is no success, or the body is no object.
    """
    response = await wire.send(method, address, body=body, media=media)
    plain = parse_object(response.body) if 200 <= response.status < 300 else None
    if plain is None:
        raise StatusError(response)
    return plain


def parse_object(raw: bytes) -> dict[str, Any] | None:
    """A JSON object; `None` for anything else."""
    try:
        plain = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def read_line(line: bytes) -> dict[str, Any] | None:
    """The object of a line of results; `None` where it cannot be told whose result it is."""
    plain = parse_object(line)
    return plain if plain is not None and isinstance(plain.get("custom_id"), str) else None


def read_counts(plain: dict[str, Any], *names: str) -> int:
    """The sum of these among a batch's `request_counts`. What is no number counts as 0."""
    counts = plain.get("request_counts")
    found = [counts.get(name) for name in names] if isinstance(counts, dict) else []
    return sum(number for number in found if type(number) is int)


def id_of(plain: dict[str, Any], name: str = "id") -> str:
    """An id that a server gives, as it may stand in a URL.

    Raises:
        StatusError: There is none.
    """
    found = plain.get(name)
    if not isinstance(found, str) or not ID.fullmatch(found):
        raise StatusError(Response(502, "", "", json.dumps(plain)[:2000].encode()))
    return found
