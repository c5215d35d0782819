"""What an answer is, in all dialects, and what they share in reading one. Pure.

All that a server says is data. An error text, a web page or half an object is never an answer, however it looks: the
`read_reply` of a dialect then raises `UnusableReplyError`, which says what was wrong with it, or `ServerSaysError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from harness_endpoints.complaint import Complaint, complaint_of, line_of, read_complaint

Scrub = Callable[[str], str]
"""Removes secrets that a server repeats."""

LONGEST_NAME = 120
"""Characters of a model's name."""

_MOST_TOKENS = 10**9
_HALF_PAIRS = re.compile("[\ud800-\udfff]")

_FINISHES = {
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "error_limit"),
        "length",
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "safety", "recitation", "prohibited_content", "blocklist", "spii"),
            *("image_safety", "image_prohibited_content", "image_recitation", "sensitive", "refusal", "moderation"),
            *("guardrail_intervened", "error_toxic"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "canceled"),
            *("timeout", "server_error", "engine_error", "upstream_error", "malformed_response"),
        ),
        "error",
    ),
}
"""Finish reasons by what they mean here. All others are `stop`. Those of OpenAI, Azure, Mistral, Gemini, Anthropic,
DeepSeek, Zhipu, Cohere, Bedrock, OpenRouter, vLLM and SGLang."""


class UnusableReplyError(Exception):
    """A response that is no answer.

    Args:
        why: In words, without secrets, bounded.
        spent: What the server says it cost nevertheless.
        died: Whether it was cut short on the server's side, so that another attempt may well succeed.
    """

    def __init__(self, why: str, spent: Spent | None = None, *, died: bool = False) -> None:
        super().__init__(why)
        self.spent = spent or Spent()
        self.died = died


class ServerSaysError(Exception):
    """An error in a response of status 200.

    Args:
        complaint: What it says.
        spent: What the server says it cost nevertheless.
        plain: Whether it is called an error there; else there is something in place of an answer.
    """

    def __init__(self, complaint: Complaint, spent: Spent | None = None, *, plain: bool = True) -> None:
        super().__init__(complaint.excerpt)
        self.complaint = complaint
        self.spent = spent or Spent()
        self.plain = plain


class Spent(NamedTuple):
    """Tokens and money of one or more responses; `None` where no server said."""

    prompt: int | None = None
    """Tokens read."""
    completion: int | None = None
    """Tokens written."""
    usd: float | None = None
    """As the server charged it."""
    cached: int | None = None
    """Those of `prompt` that came from the provider's cache."""
    cache_write: int | None = None
    """Those of `prompt` that went into it."""

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        if self == _NOTHING:  # mostly: the first attempt is answered
            return other
        return Spent(*(_sum(mine, theirs) for mine, theirs in zip(self, other, strict=True)))


_NOTHING = Spent()


class Completion(NamedTuple):
    """One of the texts that a model wrote."""

    content: str | None
    """The answer; `None` only where it was cut off, filtered or refused."""
    finish: str = "stop"
    """Why it ended: `stop`, `length`, or `content_filter`."""
    refusal: str = ""
    """Why the model declines, where the server keeps that apart."""
    reasoning: str = ""
    """Reasoning that the server keeps apart. Never read for a verdict."""
    logprobs: Any = None
    """As sent, unchecked."""


class ParsedReply(NamedTuple):
    """A whole response."""

    completions: tuple[Completion, ...]
    """In order of index."""
    spent: Spent
    """Tokens and money."""
    model: str = ""
    """The snapshot that answered, and the fingerprint of its configuration."""
    name: str = ""
    """The name alone."""


class ReadReply(Protocol):
    """Reads the responses of one dialect."""

    def __call__(self, content_type: str, body: bytes, *, most: int, scrub: Scrub) -> ParsedReply:
        """The answer in a response of status 200.

        Args:
            content_type: The header, or empty.
            body: The whole body.
            most: Completions that were asked for. Fewer are an answer only where it is one.
            scrub: Removes secrets that the server repeats.

        Raises:
            UnusableReplyError: It is not a complete answer.
            ServerSaysError: It is an error.
        """


def read_whole(
    content_type: str,
    body: bytes,
    *,
    scrub: Scrub,
    watched: Sequence[bytes],
    usage: Callable[[dict[str, Any]], Spent],
    answer: Callable[[dict[str, Any], Spent], ParsedReply],
    stream: Callable[[str, bytes], Any] | None = None,
) -> ParsedReply:
    """Read a response of status 200 in the order that all dialects need: JSON, what it cost, errors, the answer.

    Args:
        content_type: The header, or empty. Only believed where the body is not JSON or events by itself.
        body: The whole body.
        scrub: Removes secrets that the server repeats.
        watched: Keys, with their quotes, that may not be there twice in one object.
        usage: What the response cost.
        answer: The answer in it.
        stream: The whole of a stream of events, where the body is one; else `None`.

    Raises:
        UnusableReplyError: It is not a complete answer.
        ServerSaysError: It is an error.
    """
    whole = _parse_body(content_type, body, scrub, watched, stream)
    if not isinstance(whole, dict):
        if isinstance(whole, list) and whole and isinstance(whole[0], dict) and whole[0].get("error"):
            raise ServerSaysError(complaint_of(whole, scrub))  # as Gemini writes it
        raise UnusableReplyError("JSON that is no object")
    # Read before anything can fail: a useless answer has been paid for as well.
    spent = usage(whole)
    try:
        if whole.get("error") or "error" in (whole.get("object"), whole.get("type")):
            raise ServerSaysError(complaint_of(whole, scrub))
        return answer(whole, spent)
    except UnusableReplyError as error:
        raise UnusableReplyError(str(error), spent, died=error.died) from None
    except ServerSaysError as error:
        raise ServerSaysError(error.complaint, spent, plain=error.plain) from None


def _parse_body(
    content_type: str,
    body: bytes,
    scrub: Scrub,
    watched: Sequence[bytes],
    stream: Callable[[str, bytes], Any] | None,
) -> Any:
    try:
        if body[:1] != b"{" and stream is not None and (joined := stream(content_type, body)) is not None:
            return joined
        # A repeated key could show one verdict to us and another to a reader of the log.
        for name in watched:
            if body.count(name) > 1:  # slower: only where a key may be there twice
                return json.loads(body, object_pairs_hook=_without_repeats)
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, SpokenError) else "broken or cut off"
        if not body.strip():
            why = "empty"
        elif content_type:
            why += f", content type {line_of(scrub(content_type), 80)!r}"
        raise UnusableReplyError(f"no JSON: {why}: {read_complaint(body, scrub).excerpt}") from None


class SpokenError(ValueError):
    """What is wrong with a body, in words for people."""


class _RepeatedKeyError(SpokenError):
    """A key that occurs twice in one object: which one counts?"""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedKeyError("a key occurs twice in one object")
    return members


def finish_of(reason: Any) -> str:
    """The meaning of a finish reason: `stop`, `length`, `content_filter` or `error`. Some say more after a colon."""
    if reason in (None, "stop"):
        return "stop"
    return _FINISHES.get(str(reason).lower().partition(":")[0].strip(), "stop")


def count_of(value: Any) -> int | None:
    """A number of tokens; `None` for what is none."""
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def name_of(value: Any, scrub: Scrub) -> str:
    """A model's name as the server gives it."""
    return clean(value, scrub)[:LONGEST_NAME]


def clean(value: Any, scrub: Scrub) -> str:
    """A text as it may be kept; empty for what is none."""
    return well_formed(scrub(value)) if isinstance(value, str) and value else ""


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced, which cannot be encoded as UTF-8."""
    return text if text.isascii() else _HALF_PAIRS.sub("\ufffd", text)


def _sum(first: Any, second: Any) -> Any:
    return second if first is None else first if second is None else first + second
