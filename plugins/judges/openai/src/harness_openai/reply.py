"""Reading what a server sent. Pure, total, and strict: only a complete chat completion is an answer.

Whatever a server says is data. An error text, a web page or half an object is never an answer, whatever it looks like;
`read_reply` then raises `UnusableReplyError`, which says what was wrong with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

_LONGEST_EXCERPT = 300
_LONGEST_NAME = 120
_MOST_TOKENS = 10**9
_MOST_USD = 1e6
_NO_ANSWER = frozenset({"length", "content_filter"})
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_WATCHED = (b'"choices"', b'"message"', b'"content"', b'"usage"')


class UnusableReplyError(Exception):
    """A response that is no answer.

    Args:
        why: In words, without secrets, bounded.
        spent: What the server says it cost nevertheless.
    """

    def __init__(self, why: str, spent: Spent | None = None) -> None:
        super().__init__(why)
        self.spent = spent or Spent()


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
    finish: str = ""
    """`finish_reason`."""
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


def read_reply(
    status: int, content_type: str, body: bytes, *, most: int, scrub: Callable[[str], str] = lambda text: text
) -> Answer:
    """The answer in a response.

    Args:
        status: HTTP status.
        content_type: The header, or empty.
        body: The whole body.
        most: Completions that were asked for; fewer are an answer only where it is one.
        scrub: Removes secrets that the server repeats.

    Raises:
        UnusableReplyError: It is not a complete chat completion.
    """
    if status != 200:
        raise UnusableReplyError(f"status {status}: {excerpt(body, scrub)}")
    media = content_type.partition(";")[0].strip().lower()
    if media and not (media in ("application/json", "text/json") or media.endswith("+json")):
        raise UnusableReplyError(f"content type {scrub(content_type)[:80]!r}, not JSON: {excerpt(body, scrub)}")
    whole = _parsed(body)
    if not isinstance(whole, dict):
        raise UnusableReplyError(f"JSON that is no object: {excerpt(body, scrub)}")
    spent = _spent(whole.get("usage"))
    try:
        kind = whole.get("object")
        if kind is not None and kind != "chat.completion":
            raise UnusableReplyError(f"the object is {_short(kind, scrub)}, not a chat.completion")
        if whole.get("error"):
            raise UnusableReplyError(f"an error with status 200: {excerpt(body, scrub)}")
        completions = _completions(whole.get("choices"), most, scrub)
    except UnusableReplyError as error:
        raise UnusableReplyError(str(error), spent) from None
    return Answer(completions=completions, spent=spent, model=_model(whole, scrub))


def excerpt(body: bytes, scrub: Callable[[str], str] = lambda text: text) -> str:
    """What a server says went wrong, on one line, bounded and without secrets."""
    message: object = None
    try:
        whole = json.loads(body) if len(body) < 1_000_000 else None
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        error = whole.get("error")
        message = error.get("message") if isinstance(error, dict) else error
        message = message or whole.get("message") or whole.get("detail")
    text = message if isinstance(message, str) else body[:4000].decode("utf-8", "replace")
    # Secrets first: cutting or folding could leave half of one.
    line = " ".join(_text(scrub(text)).split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= _LONGEST_EXCERPT else line[:_LONGEST_EXCERPT] + "..."


def _parsed(body: bytes) -> Any:
    try:
        if any(body.count(name) > 1 for name in _WATCHED):
            return json.loads(body, object_pairs_hook=_without_repeats)  # slower: only where a key may be there twice
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) is _RepeatedKeyError else "broken or cut off" if body else "empty"
        raise UnusableReplyError(f"no JSON: {why}") from None


class _RepeatedKeyError(ValueError):
    """A key that occurs twice in one object: which one counts?"""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedKeyError("a key occurs twice in one object")
    return members


def _completions(choices: Any, most: int, scrub: Callable[[str], str]) -> tuple[Completion, ...]:
    if not isinstance(choices, list) or not choices:
        raise UnusableReplyError("no choices")
    if len(choices) not in (1, most):
        raise UnusableReplyError(f"{len(choices)} choices where {most} were asked for")
    found: list[Completion | None] = [None] * len(choices)
    for place, choice in enumerate(choices):
        if not isinstance(choice, dict):
            raise UnusableReplyError("a choice that is no object")
        index = choice.get("index", place)
        if type(index) is not int or not 0 <= index < len(found) or found[index] is not None:
            raise UnusableReplyError(f"choices with wrong indices: {_short(index, scrub)}")
        found[index] = _completion(choice, scrub)
    return tuple(one for one in found if one is not None)


def _completion(choice: dict[str, Any], scrub: Callable[[str], str]) -> Completion:
    message = choice.get("message")
    if not isinstance(message, dict):
        raise UnusableReplyError("a choice without a message")
    if message.get("role", "assistant") != "assistant":
        raise UnusableReplyError(f"a message of the role {_short(message.get('role'), scrub)}, not of the assistant")
    finish = choice.get("finish_reason")
    finish = finish if isinstance(finish, str) else ""
    refusal = _clean(message.get("refusal"), scrub)
    content = message.get("content")
    if content is None:
        if finish not in _NO_ANSWER and not refusal:
            raise UnusableReplyError(f"the content is null, finish_reason {_short(finish, scrub)}")
    elif not isinstance(content, str):
        raise UnusableReplyError("the content is no text")
    return Completion(
        content=None if content is None else _text(scrub(content)),
        finish=finish,
        refusal=refusal,
        reasoning=_clean(message.get("reasoning_content"), scrub) or _clean(message.get("reasoning"), scrub),
        logprobs=choice.get("logprobs"),
    )


def _spent(usage: Any) -> Spent:
    if not isinstance(usage, dict):
        return Spent()
    cost = usage.get("cost")
    fine = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < _MOST_USD  # nor is NaN
    return Spent(
        prompt=_count(usage.get("prompt_tokens")),
        completion=_count(usage.get("completion_tokens")),
        usd=float(cost) if cost is not None and fine else None,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _model(whole: dict[str, Any], scrub: Callable[[str], str]) -> str:
    name = _clean(whole.get("model"), scrub)[:_LONGEST_NAME]
    fingerprint = _clean(whole.get("system_fingerprint"), scrub)[:_LONGEST_NAME]
    return f"{name} ({fingerprint})" if fingerprint else name


def _clean(value: Any, scrub: Callable[[str], str]) -> str:
    return _text(scrub(value)) if isinstance(value, str) and value else ""


def _short(value: Any, scrub: Callable[[str], str]) -> str:
    return repr(_text(scrub(value))[:40] if isinstance(value, str) else value if value is None else type(value))


def _text(text: str) -> str:
    """Half a surrogate pair is no text."""
    return text if text.isascii() else _HALF_PAIRS.sub("\ufffd", text)


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other
