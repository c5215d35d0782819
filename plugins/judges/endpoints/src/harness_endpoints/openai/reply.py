"""Reading a chat completion. Pure and total: a complete one is an answer, and nothing else is.

What providers spell in several ways (roles, finish reasons, content in parts, labels of the body) is read in all of
them.
"""

from __future__ import annotations

from typing import Any

from harness_endpoints.complaint import complaint_of
from harness_endpoints.openai.events import is_stream, join_events
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
    well_formed,
)

_MOST_USD = 1e6
_WATCHED = (b'"choices"', b'"message"', b'"content"', b'"usage"')

_SWALLOWED = (
    "the content is null beside reasoning: the server's reasoning parser took the whole answer; start the server "
    "without it (vLLM, SGLang: no --reasoning-parser), or turn thinking off, such as by `extra_body: "
    "{chat_template_kwargs: {enable_thinking: false}}`"
)
_NULL = "the content is null, and the server does not say why"
_TOOLS = (
    "a tool call and no text, though no tools were offered: turn tool calling off at the server (vLLM: no "
    "--enable-auto-tool-choice), or ask a model that answers in text"
)


def read_reply(content_type: str, body: bytes, *, most: int, scrub: Scrub = lambda text: text) -> ParsedReply:
    """The chat completion in a response of status 200. A `harness_endpoints.reply.ReadReply`.

    Args:
        content_type: The header, or empty. Only believed where the body is not JSON or events by itself.
        body: The whole body.
        most: Completions that were asked for. Fewer are an answer only where it is one.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete chat completion.
        ServerSaysError: It is an error.
    """

    def answer(whole: dict[str, Any], spent: Spent) -> ParsedReply:
        completions = _completions(whole, most, scrub)
        name = name_of(whole.get("model"), scrub)
        return ParsedReply(completions=completions, spent=spent, model=_model(whole, name, scrub), name=name)

    return read_whole(
        content_type, body, scrub=scrub, watched=_WATCHED, usage=_read_usage, answer=answer, stream=_join_stream
    )


def _join_stream(content_type: str, body: bytes) -> dict[str, Any] | None:
    return join_events(body) if is_stream(content_type, body) else None


def _completions(whole: dict[str, Any], most: int, scrub: Scrub) -> tuple[Completion, ...]:
    choices = whole.get("choices")
    if not isinstance(choices, list) or not choices:
        complaint = complaint_of(whole, scrub)
        if complaint.codes or complaint.text:  # a prompt that was blocked, or a status of its own
            raise ServerSaysError(complaint, plain=False)
        raise UnusableReplyError("no choices")
    # One is fine: servers that do not know `n` ignore it.
    if len(choices) not in (1, most):
        raise UnusableReplyError(f"{len(choices)} choices where {most} were asked for")
    found: list[Completion | None] = [None] * len(choices)
    for place, choice in enumerate(choices):
        if not isinstance(choice, dict):
            raise UnusableReplyError("a choice that is no object")
        index = choice.get("index", place)
        if type(index) is not int or not 0 <= index < len(found) or found[index] is not None:
            raise UnusableReplyError("choices with wrong indices")
        found[index] = _completion(choice, scrub)
    return tuple(completion for completion in found if completion is not None)


def _completion(choice: dict[str, Any], scrub: Scrub) -> Completion:
    finish = finish_of(choice.get("finish_reason"))
    if finish == "stop" and choice.get("native_finish_reason") is not None:
        finish = finish_of(choice["native_finish_reason"])  # OpenRouter's word for what the provider itself said
    if choice.get("error"):
        raise ServerSaysError(complaint_of({"error": choice["error"]}, scrub))
    if finish == "error":
        raise UnusableReplyError("the server gave up in the middle: an error as finish_reason", died=True)
    message = choice.get("message")
    if message is None and finish == "content_filter":
        message = {}
    if not isinstance(message, dict):
        raise UnusableReplyError("a choice without a message")
    role = message.get("role")
    if role and (not isinstance(role, str) or role.lower() not in ("assistant", "model")):
        raise UnusableReplyError(f"a message of the role {_short(role, scrub)}, not of the assistant")
    content, thoughts, declined = _parts(message.get("content"), scrub)
    reasoning = clean(message.get("reasoning_content"), scrub) or clean(message.get("reasoning"), scrub) or thoughts
    refusal = clean(message.get("refusal"), scrub) or declined
    called = message.get("tool_calls") or message.get("function_call")
    if finish == "stop" and not refusal and (content is None or (called and not content)):
        raise UnusableReplyError(_TOOLS if called else _SWALLOWED if reasoning else _NULL)
    return Completion(
        content=content, finish=finish, refusal=refusal, reasoning=reasoning, logprobs=choice.get("logprobs")
    )


def _parts(content: Any, scrub: Scrub) -> tuple[str | None, str, str]:
    """Text, reasoning and refusal of a content: a text, or a list of parts. The text is `None` where there is none."""
    if content is None:
        return None, "", ""
    if isinstance(content, str):
        return well_formed(scrub(content)), "", ""
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict):
            raise UnusableReplyError("the content is no text")
        elif kind in ("thinking", "reasoning"):
            thoughts += _strings(part.get("thinking") or part.get("reasoning") or part.get("text"))
        elif kind == "refusal":
            refusals += _strings(part.get("refusal"))
        elif isinstance(part.get("text"), str):
            texts.append(part["text"])
    if not (texts or thoughts or refusals) and content:
        raise UnusableReplyError("the content is no text")
    joined = ["".join(pieces) for pieces in (texts, thoughts, refusals)]
    text, thought, refusal = (well_formed(scrub(piece)) for piece in joined)
    return text if texts or not (thoughts or refusals) else None, thought, refusal


def _strings(value: Any) -> list[str]:
    """The texts in a text, or in a list of texts and parts."""
    if isinstance(value, list):
        return [text for part in value for text in _strings(part.get("text") if isinstance(part, dict) else part)]
    return [value] if isinstance(value, str) else []


def _read_usage(whole: dict[str, Any]) -> Spent:
    usage = whole.get("usage")
    if not isinstance(usage, dict):
        return Spent()
    cost, details = usage.get("cost"), usage.get("prompt_tokens_details")
    # NaN fails the comparison.
    fine = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < _MOST_USD
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    prompt, completion, total = (count_of(usage.get(name)) for name in names)
    # Some servers leave the tokens of the reasoning out of `completion_tokens`. They are in the total, and on the bill.
    if prompt is not None and total is not None and total > prompt + (completion or 0):
        completion = total - prompt
    return Spent(
        prompt=prompt,
        completion=completion,
        usd=float(cost) if cost is not None and fine else None,
        cached=count_of(details.get("cached_tokens")) if isinstance(details, dict) else None,
    )


def _model(whole: dict[str, Any], name: str, scrub: Scrub) -> str:
    fingerprint = name_of(whole.get("system_fingerprint"), scrub)
    return f"{name} ({fingerprint})" if fingerprint else name


def _short(value: Any, scrub: Scrub) -> str:
    return repr(well_formed(scrub(value))[:40] if isinstance(value, str) else value if value is None else type(value))
