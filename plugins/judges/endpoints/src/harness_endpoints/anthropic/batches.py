"""Anthropic's message batches: one request with all questions, results as JSON lines in any order.

https://platform.claude.com/docs/en/api/creating-message-batches. A batch has no field for a marker of ours. So one that
may have been submitted is told by its number of questions and its time, and then for sure by the first `custom_id` of
its results, which there are once it has ended.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from harness_endpoints.batch.api import BatchResult, BatchState, Search, ask_json, id_of, read_counts, read_line
from harness_endpoints.options import EndpointOptions
from harness_endpoints.wire import BatchWire, StatusError

_MOST_PAGES = 50
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The HTTP status of an error type, by the reference. All others are errors of the server."""


class MessageBatches:
    """The batches of one workspace.

    Args:
        options: Where the API is.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options

    def line(self, id: str, body: bytes) -> bytes:
        """One question as it stands in the request."""
        return b'{"custom_id":"%b","params":%b}' % (id.encode(), body)

    async def submit(self, wire: BatchWire, lines: Sequence[bytes], marker: str) -> str:
        """Send all questions."""
        body = b'{"requests":[%b]}' % b",".join(lines)
        return id_of(await ask_json(wire, "POST", self._address(), body=body))

    async def find(self, wire: BatchWire, marker: str, *, since: float, count: int, known: Collection[str]) -> Search:
        """Look through the workspace's batches, the newest first, for one of that many questions that is ours."""
        after: dict[str, str] = {}
        undecided = False
        for _ in range(_MOST_PAGES):
            page = await ask_json(wire, "GET", self._address(limit="100", **after))
            listed = [batch for batch in page.get("data") or () if isinstance(batch, dict)]
            for batch in listed:
                name = id_of(batch)
                if name in known or _count(batch) != count or _time_of(batch) < since:
                    continue
                if batch.get("processing_status") != "ended":
                    undecided = True
                elif await self._is_ours(wire, name, marker):
                    return Search(name)
            if not page.get("has_more") or not listed or _time_of(listed[-1]) < since:
                break
            after = {"after_id": id_of(listed[-1])}
        return Search(undecided=undecided)

    async def look(self, wire: BatchWire, batch: str) -> BatchState:
        """How far the batch is."""
        plain = await ask_json(wire, "GET", self._address(batch))
        answered = read_counts(plain, "succeeded", "errored")
        ended, cancelled = plain.get("processing_status") == "ended", plain.get("cancel_initiated_at") is not None
        return BatchState(ended, answered=answered, lines=answered, cancelled=cancelled)

    async def results(self, wire: BatchWire, batch: str, state: BatchState) -> AsyncIterator[BatchResult]:
        """The lines of the results."""
        # Not `results_url` as it is sent: the key goes to addresses of our own making only.
        async for line in wire.lines(self._address(f"{batch}/results")):
            if line.strip():
                yield _result(read_line(line) or {})

    async def _is_ours(self, wire: BatchWire, batch: str, marker: str) -> bool:
        try:
            async with aclosing(self.results(wire, batch, BatchState(ended=True))) as results:  # type: ignore[type-var]
                async for result in results:
                    if result.id:
                        return result.id.startswith(f"{marker}-")
        except StatusError as error:
            if error.response.status not in (400, 404):
                raise
        return False  # archived, or without a result: it is not one that was submitted just now

    def _address(self, path: str = "", **query: str) -> str:
        both = {**query, **self._options.extra_query}
        address = f"{self._options.address}/batches" + (f"/{path}" if path else "")
        return address + (f"?{urlencode(both)}" if both else "")


def _count(batch: dict[str, Any]) -> int:
    """How many questions a batch has: "The sum of all values always matches the total number of requests"."""
    counts = batch.get("request_counts")
    return sum(number for number in counts.values() if type(number) is int) if isinstance(counts, dict) else -1


def _time_of(batch: dict[str, Any]) -> float:
    """When it was made, in seconds since the epoch. Infinite where that cannot be read: it may be ours."""
    try:
        return datetime.fromisoformat(str(batch.get("created_at"))).timestamp()
    except ValueError:
        return float("inf")


def _result(plain: dict[str, Any]) -> BatchResult:
    result = plain.get("result")
    found = result if isinstance(result, dict) else {}
    if found.get("type") == "succeeded":
        return BatchResult(plain["custom_id"], 200, json.dumps(found.get("message")).encode())
    if found.get("type") == "errored":
        error = found.get("error")
        inner = error.get("error") if isinstance(error, dict) else None
        kind = str(inner.get("type")) if isinstance(inner, dict) else ""
        return BatchResult(plain["custom_id"], _STATUSES.get(kind, 500), json.dumps(error).encode())
    if found.get("type") in ("expired", "canceled"):
        return BatchResult(plain["custom_id"], 0)
    return BatchResult("", 0)
