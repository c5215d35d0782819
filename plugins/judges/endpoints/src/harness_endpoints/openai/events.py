"""A stream of server-sent events as the one chat completion that it spells: for servers that stream unasked. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness_endpoints.reply import SpokenError

_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


class StreamError(SpokenError):
    """A stream of events that is no answer."""


def is_stream(content_type: str, body: bytes) -> bool:
    """Whether a body is a stream of events, by its beginning or by its type."""
    head = body[:200].lstrip(b"\xef\xbb\xbf \r\n")
    return head.startswith(_STARTS) or (
        content_type.lower().startswith("text/event-stream") and not head.startswith((b"{", b"["))
    )


def join_events(body: bytes) -> dict[str, Any]:
    """The whole completion, as it would have come without streaming.

    Args:
        body: The events, `data: {"choices": [{"delta": {"content": "..."}}]}` and so on.

    Raises:
        StreamError: The stream ended before the answer did, or an event is no object.
        ValueError: An event is no JSON.
    """
    whole: dict[str, Any] = {}
    choices: dict[Any, _Choice] = {}
    done = False
    for data in _events(body):
        if data == "[DONE]":
            done = True
            continue
        event = json.loads(data)
        if not isinstance(event, dict):
            raise StreamError("a stream with an event that is no object")
        whole.update((name, value) for name, value in event.items() if name != "choices" and value is not None)
        listed = event.get("choices")
        for choice in listed if isinstance(listed, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index", 0)
                # Choices of n > 1 come interleaved, told apart by their index.
                choices.setdefault(index if isinstance(index, int) else str(index), _Choice()).add(choice)
    # Some servers never send [DONE]; then every choice must have its finish_reason. Else the stream was cut.
    if choices and not whole.get("error") and not (done or all(choice.finish for choice in choices.values())):
        raise StreamError("a stream of events that ends before the answer does")
    whole["choices"] = [choices[index].whole(index) for index in choices]
    return whole


class _Choice:
    """One choice, put together."""

    def __init__(self) -> None:
        self.finish: Any = None
        self._rest: dict[str, Any] = {}
        self._texts: dict[str, list[Any]] = {}
        self._message: dict[str, Any] = {}
        self._tokens: list[Any] = []

    def add(self, choice: dict[str, Any]) -> None:
        self.finish = choice.get("finish_reason") or self.finish
        if choice.get("error"):
            self._rest["error"] = choice["error"]
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self._tokens += logprobs["content"]
        delta = choice.get("delta") or choice.get("message")
        for name, value in delta.items() if isinstance(delta, dict) else ():
            if name == "role" or not isinstance(value, str | list):
                self._message[name] = value if value is not None else self._message.get(name)
            else:
                self._texts.setdefault(name, []).append(value)

    def whole(self, index: Any) -> dict[str, Any]:
        message = {**self._message, **{name: _join_pieces(pieces) for name, pieces in self._texts.items()}}
        logprobs = {"content": self._tokens} if self._tokens else None
        return {**self._rest, "index": index, "message": message, "finish_reason": self.finish, "logprobs": logprobs}


def _join_pieces(pieces: list[Any]) -> Any:
    """Pieces of text as one text; with lists of parts among them, as one list."""
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    return [part for piece in pieces for part in (piece if isinstance(piece, list) else [piece])]


def _events(body: bytes) -> Iterator[str]:
    """The data of each event. One line is one event: JSON is sent so, and some servers leave the blank lines out."""
    for line in body.decode("utf-8-sig", "replace").splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data:
            yield data
