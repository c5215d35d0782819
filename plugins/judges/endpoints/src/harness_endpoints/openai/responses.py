"""OpenAI's Responses API: options, the body of a request, the reading of a response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Option

from harness.api import Image, Operational, Request
from harness_endpoints.images import data_url
from harness_endpoints.options import BatchOptions, LogprobOptions
from harness_endpoints.payload import Field, Payloads, arrange, encode
from harness_endpoints.reply import (
    Completion,
    ParsedReply,
    Scrub,
    ServerSaysError,
    Spent,
    UnusableReplyError,
    clean,
    count_of,
    finish_of,
    name_of,
    read_whole,
)

_WATCHED = (b'"output"', b'"content"', b'"usage"', b'"status"')
_STATUSES = {"servererror": 502, "vectorstoretimeout": 504, "ratelimitexceeded": 429}
"""What an `error` within a response would be as an HTTP status, by its code. All others are about the request."""


class ResponsesOptions(LogprobOptions, BatchOptions):
    """Options of `openai/responses`."""

    path: ClassVar[str] = "/responses"
    taken: ClassVar[frozenset[str]] = frozenset(
        {
            "background",
            "include",
            "input",
            "instructions",
            "max_output_tokens",
            "model",
            "reasoning",
            "store",
            "stream",
            "temperature",
            "text",
            "top_logprobs",
            "top_p",
        }
    )

    base_url: str = Option(default="https://api.openai.com/v1", description="Where the API begins, without /responses.")
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = Option(
        default=None, description="How long a reasoning model thinks. null: not sent."
    )
    summary: Literal["auto", "concise", "detailed"] | None = Option(
        default=None, description="Have a summary of its reasoning sent back, as the rationale. null: not sent."
    )
    api_key_env: Annotated[str | None, Operational()] = Option(
        default="OPENAI_API_KEY", description="Environment variable that holds the key. null: send none."
    )


class ResponsesPayloads(Payloads):
    """Makes the bodies of the requests. The API knows no seed and no `n`."""

    _options: ResponsesOptions

    def messages(self, request: Request) -> str:
        """The field `input` as JSON, images included.

        Raises:
            DataError: An image cannot be read or does not fit.
        """
        plain = [
            {"role": message.role, "content": self._content(message.parts)} for message in arrange(request.messages)
        ]
        return f'"input":{encode(plain)}'

    def _tail(self, request: Request, fields: frozenset[Field], count: int) -> dict[str, Any]:
        options = self._options
        # Nothing is kept at the provider: each question stands by itself.
        tail: dict[str, Any] = {"model": options.model, "store": False, "stream": False}
        values: dict[Field, tuple[str, Any]] = {
            "temperature": ("temperature", options.temperature),
            "top_p": ("top_p", options.top_p),
            "max_tokens": ("max_output_tokens", options.max_tokens),
            "top_logprobs": ("top_logprobs", options.top_logprobs),
            "logprobs": ("include", ["message.output_text.logprobs"]),
        }
        tail.update((name, value) for field, (name, value) in values.items() if field in fields)
        if "response_format" in fields:
            schema = {"type": "json_schema", "name": "verdict", "strict": True, "schema": self.schema(request)}
            tail["text"] = {"format": schema}
        reasoning = {"effort": options.effort, "summary": options.summary}
        if any(reasoning.values()):
            tail["reasoning"] = {name: value for name, value in reasoning.items() if value is not None}
        return {**tail, **options.extra_body}

    def _content(self, parts: Sequence[str | Image]) -> str | list[dict[str, Any]]:
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return [
            {"type": "input_text", "text": part}
            if isinstance(part, str)
            else {"type": "input_image", "detail": "auto", "image_url": data_url(part, self._limits)}
            for part in parts
        ]


def read_response(content_type: str, body: bytes, *, most: int, scrub: Scrub = lambda text: text) -> ParsedReply:
    """The answer in a response of status 200. A `harness_endpoints.reply.ReadReply`.

    Args:
        content_type: The header, or empty.
        body: The whole body.
        most: Completions that were asked for, which is 1 here.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete response.
        ServerSaysError: It is an error.
    """

    def answer(whole: dict[str, Any], spent: Spent) -> ParsedReply:
        name = name_of(whole.get("model"), scrub)
        return ParsedReply(completions=(_completion(whole, scrub),), spent=spent, model=name, name=name)

    try:
        return read_whole(content_type, body, scrub=scrub, watched=_WATCHED, usage=_read_usage, answer=answer)
    except ServerSaysError as error:
        if error.complaint.status is not None:
            raise
        status = next((_STATUSES[code] for code in error.complaint.codes if code in _STATUSES), 400)
        raise ServerSaysError(error.complaint._replace(status=status), error.spent) from None


@dataclass(slots=True)
class _Pieces:
    """What the items of an output say."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    tokens: list[Any] = field(default_factory=list)
    called: bool = False
    """Whether a tool was called."""


def _completion(whole: dict[str, Any], scrub: Scrub) -> Completion:
    output, state = whole.get("output"), whole.get("status")
    if not isinstance(output, list):
        raise UnusableReplyError("no output")
    if state not in (None, "completed", "incomplete"):
        raise UnusableReplyError(f"a response whose status is {clean(state, scrub)[:40]!r}", died=True)
    pieces = _Pieces()
    for item in output:
        if not isinstance(item, dict):
            raise UnusableReplyError("an item of the output that is no object")
        _gather(item, pieces, scrub)
    details = whole.get("incomplete_details")
    finish = "stop"
    if state == "incomplete":
        finish = finish_of(details.get("reason") if isinstance(details, dict) else None)
        if finish == "stop":
            raise UnusableReplyError("an incomplete response, and the server does not say why", died=True)
    if finish == "stop" and not pieces.texts and not pieces.refusals:
        raise UnusableReplyError(
            "a tool call and no text, though no tools were offered" if pieces.called else "an output without a text"
        )
    return Completion(
        content="".join(pieces.texts) if pieces.texts else None,
        finish=finish,
        refusal="".join(pieces.refusals),
        reasoning="\n\n".join(pieces.thoughts),
        logprobs={"content": pieces.tokens} if pieces.tokens else None,
    )


def _gather(item: dict[str, Any], pieces: _Pieces, scrub: Scrub) -> None:
    """Add what an item says."""
    kind = item.get("type")
    if kind == "reasoning":
        for name in ("summary", "content"):
            pieces.thoughts += [text for part in _parts(item.get(name)) if (text := clean(part.get("text"), scrub))]
    elif kind == "message":
        for part in _parts(item.get("content")):
            if part.get("type") == "refusal":
                pieces.refusals.append(clean(part.get("refusal"), scrub))
            elif part.get("type") == "output_text":
                text = clean(part.get("text"), scrub)
                if item.get("phase") == "commentary":  # said on the way, and no part of the answer
                    pieces.thoughts.append(text)
                    continue
                pieces.texts.append(text)
                listed = part.get("logprobs")
                pieces.tokens += listed if isinstance(listed, list) else []
    else:
        pieces.called = True


def _parts(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _read_usage(whole: dict[str, Any]) -> Spent:
    usage = whole.get("usage")
    if not isinstance(usage, dict):
        return Spent()
    details = usage.get("input_tokens_details")
    known = details if isinstance(details, dict) else {}
    return Spent(
        prompt=count_of(usage.get("input_tokens")),
        completion=count_of(usage.get("output_tokens")),
        cached=count_of(known.get("cached_tokens")),
        cache_write=count_of(known.get("cache_write_tokens")),
    )
