"""Reading a message of Anthropic's. Pure and total: a complete one is an answer, and nothing else is."""

from __future__ import annotations

from typing import Any

from harness_endpoints.reply import (
    Completion,
    ParsedReply,
    Scrub,
    Spent,
    UnusableReplyError,
    clean,
    count_of,
    finish_of,
    name_of,
    read_whole,
)

_WATCHED = (b'"content"', b'"usage"', b'"stop_reason"')


def read_reply(content_type: str, body: bytes, *, most: int, scrub: Scrub = lambda text: text) -> ParsedReply:
    """The message in a response of status 200. A `harness_endpoints.reply.ReadReply`.

    Args:
        content_type: The header, or empty.
        body: The whole body.
        most: Completions that were asked for, which is 1 here.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete message.
        ServerSaysError: It is an error.
    """

    def answer(whole: dict[str, Any], spent: Spent) -> ParsedReply:
        name = name_of(whole.get("model"), scrub)
        return ParsedReply(completions=(_completion(whole, scrub),), spent=spent, model=name, name=name)

    return read_whole(content_type, body, scrub=scrub, watched=_WATCHED, usage=_read_usage, answer=answer)


def _completion(whole: dict[str, Any], scrub: Scrub) -> Completion:
    blocks = whole.get("content")
    if not isinstance(blocks, list):
        raise UnusableReplyError("no content")
    if whole.get("role", "assistant") != "assistant":
        raise UnusableReplyError("a message of another role, not of the assistant")
    reason = whole.get("stop_reason")
    if reason == "pause_turn":  # comes with the provider's own tools only, and none were offered
        raise UnusableReplyError("the server paused in the middle of its turn", died=True)
    texts, thoughts = [], []
    for block in blocks:
        if not isinstance(block, dict):
            raise UnusableReplyError("a block of content that is no object")
        if block.get("type") == "text":
            texts.append(clean(block.get("text"), scrub))
        elif block.get("type") == "thinking":  # `redacted_thinking` holds nothing that can be read
            thoughts.append(clean(block.get("thinking"), scrub))
    if not texts and reason == "tool_use":
        raise UnusableReplyError("a tool call and no text, though no tools were offered")
    details = whole.get("stop_details")
    said = _explain(details, scrub) if reason == "refusal" and isinstance(details, dict) else ""
    return Completion(
        content="".join(texts), finish=finish_of(reason), refusal=said, reasoning="\n\n".join(filter(None, thoughts))
    )


def _explain(details: dict[str, Any], scrub: Scrub) -> str:
    """Why it was refused, in the provider's words."""
    parts = (clean(details.get("category"), scrub), clean(details.get("explanation"), scrub))
    return ": ".join(part for part in parts if part)


def _read_usage(whole: dict[str, Any]) -> Spent:
    usage = whole.get("usage")
    if not isinstance(usage, dict):
        return Spent()
    # "Total input tokens in a request is the summation of" these three, by the reference of the Messages API.
    fresh, cached, kept = (
        count_of(usage.get(name)) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Spent(
        prompt=None if fresh is None else fresh + (cached or 0) + (kept or 0),
        completion=count_of(usage.get("output_tokens")),
        cached=cached,
        cache_write=kept,
    )
