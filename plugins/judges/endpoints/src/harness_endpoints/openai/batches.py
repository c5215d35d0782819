"""OpenAI's batches: a file of questions, a batch of that file, files with the results.

https://developers.openai.com/api/docs/guides/batch. A batch carries our marker in its `metadata`, by which it is found.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any
from urllib.parse import urlencode

from harness_endpoints.batch.api import BatchResult, BatchState, Search, ask_json, id_of, read_counts, read_line
from harness_endpoints.options import EndpointOptions
from harness_endpoints.wire import BatchWire

_ENDED = frozenset({"completed", "expired", "cancelled", "failed"})
_LABEL = "judge_harness"
_MOST_PAGES = 50


class OpenAiBatches:
    """The batches of one account.

    Args:
        options: Where the API is.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options
        # "/v1/chat/completions", by the reference, wherever the API itself is.
        self._endpoint = f"/v1{options.path}"

    def line(self, id: str, body: bytes) -> bytes:
        """One question as it stands in the file."""
        return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}' % (id.encode(), self._endpoint.encode(), body)

    async def submit(self, wire: BatchWire, lines: Sequence[bytes], marker: str) -> str:
        """Upload the file and make a batch of it. The file alone costs nothing, so only the batch counts."""
        boundary = f"judge-harness-{marker}"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{boundary}\r\n'
        part += f'Content-Disposition: form-data; name="file"; filename="{marker}.jsonl"\r\n'
        part += "Content-Type: application/jsonl\r\n\r\n"
        body = b"".join((part.encode(), b"\n".join(lines), b"\n", f"\r\n--{boundary}--\r\n".encode()))
        media = f"multipart/form-data; boundary={boundary}"
        file = id_of(await ask_json(wire, "POST", self._address("/files"), body=body, media=media))
        wanted = {
            "input_file_id": file,
            "endpoint": self._endpoint,
            "completion_window": "24h",
            "metadata": {_LABEL: marker},
        }
        return id_of(await ask_json(wire, "POST", self._address("/batches"), body=json.dumps(wanted).encode()))

    async def find(self, wire: BatchWire, marker: str, *, since: float, count: int, known: Collection[str]) -> Search:
        """Look through the account's batches, the newest first, for the one with our marker."""
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = await ask_json(wire, "GET", self._address("/batches", limit="100", **after))
            listed = [batch for batch in page.get("data") or () if isinstance(batch, dict)]
            for batch in listed:
                metadata = batch.get("metadata")
                if isinstance(metadata, dict) and metadata.get(_LABEL) == marker:
                    return Search(id_of(batch))
            oldest = listed[-1].get("created_at") if listed else None
            if not page.get("has_more") or not isinstance(oldest, int | float) or oldest < since:
                break
            after = {"after": id_of(listed[-1])}
        return Search()

    async def look(self, wire: BatchWire, batch: str) -> BatchState:
        """How far the batch is."""
        plain = await ask_json(wire, "GET", self._address(f"/batches/{batch}"))
        files = [id_of(plain, name) for name in ("output_file_id", "error_file_id") if plain.get(name)]
        failed = plain.get("status") == "failed" and not files
        problem = json.dumps({"error": _first_error(plain)}).encode() if failed else b""
        status, answered = plain.get("status"), read_counts(plain, "completed")
        # Where a batch expired or was cancelled, it is not said whether `failed` counts what was never asked.
        lines = answered + (read_counts(plain, "failed") if status == "completed" else 0)
        return BatchState(status in _ENDED, tuple(files), problem, answered, lines, cancelled=status == "cancelled")

    async def results(self, wire: BatchWire, batch: str, state: BatchState) -> AsyncIterator[BatchResult]:
        """The lines of both files: answers, and errors."""
        for file in state.files:
            async for line in wire.lines(self._address(f"/files/{file}/content")):
                if line.strip():
                    yield _result(read_line(line) or {})

    def _address(self, path: str, **query: str) -> str:
        both = {**query, **self._options.extra_query}
        return f"{self._options.base_url}{path}" + (f"?{urlencode(both)}" if both else "")


def _result(plain: dict[str, Any]) -> BatchResult:
    response, error = plain.get("response"), plain.get("error")
    if isinstance(response, dict) and type(response.get("status_code")) is int:
        return BatchResult(plain["custom_id"], response["status_code"], json.dumps(response.get("body")).encode())
    if not isinstance(error, dict):
        return BatchResult("", 0)
    if error.get("code") in ("batch_expired", "batch_cancelled"):
        return BatchResult(plain["custom_id"], 0)
    return BatchResult(plain["custom_id"], 500, json.dumps({"error": error}).encode())


def _first_error(plain: dict[str, Any]) -> Any:
    errors = plain.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else None
    return listed[0] if isinstance(listed, list) and listed else {"message": "the batch failed, with no reason given"}
