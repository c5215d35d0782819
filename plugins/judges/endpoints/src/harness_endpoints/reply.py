"""Reading what a server sent. Pure and total: a complete chat completion is an answer, and nothing else is.

All that a server says is data. An error text, a web page or half an object is never an answer, however it looks;
`read_reply` then raises `UnusableReplyError`, which says what was wrong with it, or `ServerSaysError`. What providers
spell in several ways (roles, finish reasons, content in parts, labels of the body) is read in all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from harness_endpoints.complaint import Complaint, complaint_of, line_of, read_complaint
from harness_endpoints.openai.events import StreamError, is_stream, join_events

_LONGEST_NAME = 120
_MOST_TOKENS = 10**9
_MOST_USD = 1e6
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_WATCHED = (b'"choices"', b'"message"', b'"content"', b'"usage"')

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

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(
            _sum(self.prompt, other.prompt), _sum(self.completion, other.completion), _sum(self.usd, other.usd)
        )


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


class Answer(NamedTuple):
    """A whole response."""

    completions: tuple[Completion, ...]
    """In order of index."""
    spent: Spent
    """Tokens and money."""
    model: str = ""
    """The snapshot that answered, and the fingerprint of its configuration."""
    name: str = ""
    """The name alone."""


def read_reply(content_type: str, body: bytes, *, most: int, scrub: Callable[[str], str] = lambda text: text) -> Answer:
    """The answer in a response of status 200.

    Args:
        content_type: The header, or empty. Only believed where the body is not JSON or events by itself.
        body: The whole body.
        most: Completions that were asked for. Fewer are an answer only where it is one.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete chat completion.
        ServerSaysError: It is an error.
    """
    whole = _parse_body(content_type, body, scrub)
    if not isinstance(whole, dict):
        if isinstance(whole, list) and whole and isinstance(whole[0], dict) and whole[0].get("error"):
            raise ServerSaysError(complaint_of(whole, scrub))  # as Gemini writes it
        raise UnusableReplyError("JSON that is no object")
    # Read before anything can fail: a useless answer has been paid for as well.
    spent = _read_usage(whole.get("usage"))
    try:
        if whole.get("error") or whole.get("object") == "error":
            raise ServerSaysError(complaint_of(whole, scrub))
        completions = _completions(whole, most, scrub)
    except UnusableReplyError as error:
        raise UnusableReplyError(str(error), spent, died=error.died) from None
    except ServerSaysError as error:
        raise ServerSaysError(error.complaint, spent, plain=error.plain) from None
    return Answer(completions=completions, spent=spent, model=_model(whole, scrub), name=_name(whole, scrub))


def _parse_body(content_type: str, body: bytes, scrub: Callable[[str], str]) -> Any:
    try:
        if body[:1] != b"{" and is_stream(content_type, body):
            return join_events(body)
        # A repeated key could show one verdict to us and another to a reader of the log.
        if any(body.count(name) > 1 for name in _WATCHED):
            return json.loads(body, object_pairs_hook=_without_repeats)  # slower: only where a key may be there twice
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) in (_RepeatedKeyError, StreamError) else "broken or cut off"
        if not body.strip():
            why = "empty"
        elif content_type:
            why += f", content type {line_of(scrub(content_type), 80)!r}"
        raise UnusableReplyError(f"no JSON: {why}: {read_complaint(body, scrub).excerpt}") from None


class _RepeatedKeyError(ValueError):
    """A key that occurs twice in one object: which one counts?"""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedKeyError("a key occurs twice in one object")
    return members


def _completions(whole: dict[str, Any], most: int, scrub: Callable[[str], str]) -> tuple[Completion, ...]:
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


def _completion(choice: dict[str, Any], scrub: Callable[[str], str]) -> Completion:
    finish = _finish(choice.get("finish_reason"))
    if finish == "stop" and choice.get("native_finish_reason") is not None:
        finish = _finish(choice["native_finish_reason"])  # OpenRouter's word for what the provider itself said
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
    reasoning = _clean(message.get("reasoning_content"), scrub) or _clean(message.get("reasoning"), scrub) or thoughts
    refusal = _clean(message.get("refusal"), scrub) or declined
    called = message.get("tool_calls") or message.get("function_call")
    if finish == "stop" and not refusal and (content is None or (called and not content)):
        raise UnusableReplyError(_TOOLS if called else _SWALLOWED if reasoning else _NULL)
    return Completion(
        content=content, finish=finish, refusal=refusal, reasoning=reasoning, logprobs=choice.get("logprobs")
    )


def _finish(reason: Any) -> str:
    """The meaning of a finish reason. Some say more after a colon."""
    if reason in (None, "stop"):
        return "stop"
    return _FINISHES.get(str(reason).lower().partition(":")[0].strip(), "stop")


def _parts(content: Any, scrub: Callable[[str], str]) -> tuple[str | None, str, str]:
    """Text, reasoning and refusal of a content: a text, or a list of parts. The text is `None` where there is none."""
    if content is None:
        return None, "", ""
    if isinstance(content, str):
        return _text(scrub(content)), "", ""
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
    text, thought, refusal = (_text(scrub(piece)) for piece in joined)
    return text if texts or not (thoughts or refusals) else None, thought, refusal


def _strings(value: Any) -> list[str]:
    """The texts in a text, or in a list of texts and parts."""
    if isinstance(value, list):
        return [text for part in value for text in _strings(part.get("text") if isinstance(part, dict) else part)]
    return [value] if isinstance(value, str) else []


def _read_usage(usage: Any) -> Spent:
    if not isinstance(usage, dict):
        return Spent()
    cost = usage.get("cost")
    # NaN fails the comparison.
    fine = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < _MOST_USD
    return Spent(
        prompt=_count(usage.get("prompt_tokens")),
        completion=_count(usage.get("completion_tokens")),
        usd=float(cost) if cost is not None and fine else None,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _model(whole: dict[str, Any], scrub: Callable[[str], str]) -> str:
    name, fingerprint = _name(whole, scrub), _clean(whole.get("system_fingerprint"), scrub)[:_LONGEST_NAME]
    return f"{name} ({fingerprint})" if fingerprint else name


def _name(whole: dict[str, Any], scrub: Callable[[str], str]) -> str:
    return _clean(whole.get("model"), scrub)[:_LONGEST_NAME]


def _clean(value: Any, scrub: Callable[[str], str]) -> str:
    return _text(scrub(value)) if isinstance(value, str) and value else ""


def _short(value: Any, scrub: Callable[[str], str]) -> str:
    return repr(_text(scrub(value))[:40] if isinstance(value, str) else value if value is None else type(value))


def _text(text: str) -> str:
    """The text with lone surrogates replaced, which cannot be encoded as UTF-8."""
    return text if text.isascii() else _HALF_PAIRS.sub("\ufffd", text)


def _sum(first: Any, second: Any) -> Any:
    return second if first is None else first if second is None else first + second
