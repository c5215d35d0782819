"""The body of a request: what all dialects share. Each has a subclass, which knows how its provider spells it.

Texts go in as they are: nothing is formatted into them, and nothing in them is expanded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from harness.api import Image, Message, Request, UserError
from harness_endpoints.images import ImageLimits
from harness_endpoints.options import EndpointOptions

Field: TypeAlias = str
"""A field of a request that some servers refuse, by the name that it has at OpenAI: `response_format`, `logprobs`,
`top_logprobs`, `n`, `seed`, `temperature`, `top_p`, `top_k`, `max_tokens`, `max_completion_tokens`. Dialects translate
it."""

LIMITS: frozenset[Field] = frozenset({"max_tokens", "max_completion_tokens"})
"""Two names of one thing: refused under one, it is sent under the other."""

encode = json.JSONEncoder(separators=(",", ":")).encode
_STRIDE = 0x9E3779B1  # odd, so that the samples of one request have different seeds


class Payloads:
    """Makes the bodies of the requests to one endpoint. Called from several threads."""

    answers_at_once = False
    """Whether the dialect has the field `n`: several answers to one request."""

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options
        self._limits = ImageLimits(side=options.max_image_side, bytes=options.max_image_bytes)
        self._always = self._decoding()
        self._wanted: dict[tuple[str, object], frozenset[Field]] = {}
        self._tails: dict[tuple[frozenset[Field], int, str, object], str] = {}

    def messages(self, request: Request) -> str:
        """The messages as JSON, images included: what is heavy about a body, made once for all its attempts.

        Raises:
            DataError: An image cannot be read or does not fit.
        """
        raise NotImplementedError

    def size(self, image: Image) -> tuple[int, int]:
        """Width and height in pixels of an image as it is sent.

        Raises:
            DataError: It cannot be read.
        """
        width, height = image.load().size
        image.forget()
        # The limit in bytes may shrink it further, which no estimate needs to know.
        shrink = 1.0 if self._limits.side is None else min(1.0, self._limits.side / max(width, height))
        return max(1, round(width * shrink)), max(1, round(height * shrink))

    def fields(self, request: Request) -> frozenset[Field]:
        """The fields that this request would have, were the server to take them all.

        Raises:
            UserError: `structured: always`, and the request's format has no schema.
        """
        known = (request.format.name, request.space)
        if known not in self._wanted:
            wanted = set(self._always)
            if self._options.structured != "never" and self.schema(request) is not None:
                wanted.add("response_format")
            # With several samples the votes give the probabilities.
            if self._options.asks_logprobs and self._options.samples == 1:
                wanted |= {"logprobs", "top_logprobs"}
            if self._options.samples > 1 and self.answers_at_once:
                wanted.add("n")
            self._wanted[known] = frozenset(wanted)
        return self._wanted[known]

    def body(self, messages: str, request: Request, *, fields: frozenset[Field], sample: int, count: int) -> bytes:
        """The whole body.

        Args:
            messages: From `messages`.
            request: What is asked.
            fields: Those to send.
            sample: Number of the first completion asked for, from 0. It moves the seed.
            count: Completions asked for, with the field `n`.
        """
        known = (fields, count, request.format.name, request.space)
        tail = self._tails.get(known)
        if tail is None:  # the same for all requests of a task
            tail = self._tails[known] = encode(self._tail(request, fields, count))[1:]
        # Joined as text: the messages hold megabytes of base64, which one more encoding would copy.
        return f"{{{messages},{self._seed(request, fields, sample)}{tail}".encode()

    def schema(self, request: Request) -> dict[str, Any] | None:
        """The JSON Schema of the request's answer, where its format has one.

        Raises:
            UserError: `structured: always`, and there is none.
        """
        make = getattr(request.format, "schema", None)
        if make is None:
            if self._options.structured == "always":
                raise UserError(
                    f"structured: always: the format {request.format.name} of task {request.task} has no JSON Schema; "
                    "set the task's `format: harness/json`, or `structured: auto`"
                )
            return None
        schema: Mapping[str, Any] = make(request.space)
        return dict(schema)

    def _decoding(self) -> frozenset[Field]:
        """The fields that every request has."""
        options = self._options
        known = {"temperature": options.temperature, "top_p": options.top_p, "max_tokens": options.max_tokens}
        return frozenset(name for name, value in known.items() if value is not None)

    def _seed(self, request: Request, fields: frozenset[Field], sample: int) -> str:
        """The seed as JSON with a comma, for dialects that have it at the top."""
        return f'"seed":{seed_of(request, sample)},' if "seed" in fields else ""

    def _tail(self, request: Request, fields: frozenset[Field], count: int) -> dict[str, Any]:
        """All but the messages and the seed."""
        raise NotImplementedError


def seed_of(request: Request, sample: int) -> int:
    """The seed of one completion, 31 bits: servers in C++ know no more."""
    return (request.seed + sample * _STRIDE) & 0x7FFFFFFF


def arrange(messages: Sequence[Message], *, prepend: bool = False) -> list[Message]:
    """Texts that follow one another on lines of their own, the system prompt where the model takes it."""
    joined = [
        message if len(message.parts) == 1 else Message(message.role, join_texts(message.parts)) for message in messages
    ]
    if not prepend:
        return joined
    texts = [part for message in joined if message.role == "system" for part in message.parts]
    rest = [message for message in joined if message.role != "system"]
    if not texts or not rest:
        return joined
    first = Message(rest[0].role, join_texts((*texts, *rest[0].parts)))
    return [first, *rest[1:]]


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system prompt apart from the other messages, for APIs that want it in a field of its own.

    One with images goes ahead of the first user message, and one without any other message becomes that message.
    """
    systems = [message for message in messages if message.role == "system"]
    rest = arrange([message for message in messages if message.role != "system"])
    parts = [part for message in systems for part in message.parts]
    texts = [part for part in parts if isinstance(part, str)]
    if not rest:
        return "", [Message("user", join_texts(parts))]
    if len(texts) < len(parts):
        return "", arrange(messages, prepend=True)
    return "\n".join(texts), rest


def join_texts(parts: Sequence[str | Image]) -> tuple[str | Image, ...]:
    """Parts with texts that follow one another on lines of their own."""
    if len(parts) == 1:
        return tuple(parts)
    arranged: list[str | Image] = []
    for part in parts:
        last = arranged[-1] if arranged else None
        if isinstance(part, str) and isinstance(last, str):
            arranged[-1] = f"{last}\n{part}"
        else:
            arranged.append(part)
    return tuple(arranged)
