"""Reading a response of Gemini's. Pure and total: a complete candidate is an answer, and nothing else is."""

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

_WATCHED = (b'"candidates"', b'"parts"', b'"usageMetadata"', b'"finishReason"')
_FINISHES = {
    **dict.fromkeys(("LANGUAGE", "MODEL_ARMOR"), "content_filter"),
    **dict.fromkeys(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"), "error"),
}
"""Finish reasons that only Gemini has. The others are known to `finish_of`."""


def read_reply(content_type: str, body: bytes, *, most: int, scrub: Scrub = lambda text: text) -> ParsedReply:
    """The candidate in a response of status 200. A `harness_endpoints.reply.ReadReply`.

    Args:
        content_type: The header, or empty.
        body: The whole body.
        most: Completions that were asked for, which is 1 here.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete candidate.
        ServerSaysError: It is an error.
    """

    def answer(whole: dict[str, Any], spent: Spent) -> ParsedReply:
        name = name_of(whole.get("modelVersion"), scrub)
        return ParsedReply(completions=(_completion(whole, scrub),), spent=spent, model=name, name=name)

    return read_whole(content_type, body, scrub=scrub, watched=_WATCHED, usage=_read_usage, answer=answer)


def _completion(whole: dict[str, Any], scrub: Scrub) -> Completion:
    candidates, feedback = whole.get("candidates"), whole.get("promptFeedback")
    if not candidates and isinstance(feedback, dict) and feedback.get("blockReason"):
        return Completion(content=None, finish="content_filter")  # the prompt was blocked
    if not isinstance(candidates, list) or len(candidates) != 1 or not isinstance(candidates[0], dict):
        raise UnusableReplyError("no candidate, or more than was asked for")
    candidate = candidates[0]
    reason = candidate.get("finishReason")
    finish = _FINISHES.get(str(reason)) or finish_of(None if reason == "STOP" else reason)
    if finish == "error":
        raise UnusableReplyError(f"the server gave up in the middle: finishReason {str(reason)[:40]}", died=True)
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    texts: list[str] = []
    thoughts: list[str] = []
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            raise UnusableReplyError("a part that is no object")
        if isinstance(part.get("text"), str):
            (thoughts if part.get("thought") is True else texts).append(clean(part["text"], scrub))
    if not texts and finish == "stop":
        raise UnusableReplyError(f"a candidate without a text (finishReason {clean(reason, scrub)[:40] or 'none'})")
    return Completion(
        content="".join(texts) if texts else None,
        finish=finish,
        reasoning="".join(thoughts),
        logprobs=_logprobs(candidate.get("logprobsResult")),
    )


def _logprobs(result: Any) -> dict[str, Any] | None:
    """Log-probabilities as chat completions have them, which is what `harness_endpoints.tokens` reads."""
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(chosen, list) or not chosen:
        return None
    listed = result.get("topCandidates")
    tops = listed if isinstance(listed, list) and len(listed) == len(chosen) else [None] * len(chosen)
    return {
        "content": [
            {**_token(token), "top_logprobs": [_token(other) for other in _others(top)]}
            for token, top in zip(chosen, tops, strict=True)
        ]
    }


def _others(top: Any) -> list[Any]:
    listed = top.get("candidates") if isinstance(top, dict) else None
    return listed if isinstance(listed, list) else []


def _token(token: Any) -> dict[str, Any]:
    # A log-probability of 0 is the default of its type, and Google's JSON leaves defaults out.
    known = token if isinstance(token, dict) else {}
    return {"token": known.get("token", ""), "logprob": known.get("logProbability", 0.0 if known else None)}


def _read_usage(whole: dict[str, Any]) -> Spent:
    usage = whole.get("usageMetadata")
    if not isinstance(usage, dict):
        return Spent()
    written = [count_of(usage.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")]
    known = [number for number in written if number is not None]
    prompt = count_of(usage.get("promptTokenCount"))
    # A blocked prompt has no candidates, and so no count of them.
    return Spent(
        prompt=prompt,
        completion=sum(known) if known else None if prompt is None else 0,
        cached=count_of(usage.get("cachedContentTokenCount")),
    )
