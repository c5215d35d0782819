"""The error message of a server, taken out of the many shapes that providers use. Pure, total, bounded.

    body -> Complaint: words, codes, the field it names

It knows the shapes and nothing of their meaning, which is `faults.py`'s: `{"error": {...}}` of OpenAI and those that
copy it, `[{"error": ...}]` of Gemini, `{"detail": [{"loc": ...}]}` of FastAPI and Mistral, an upstream's body as a
string in `metadata.raw` (OpenRouter), `innererror` (Azure), `base_resp` (MiniMax), an event stream, a web page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

_LONGEST_EXCERPT = 300
_LONGEST_TEXT = 2000
_LONGEST_JSON = 1_000_000
_MOST_NODES = 40
_INSIDE = (
    *("error", "errors", "detail", "details", "innererror", "inner_error", "message", "metadata", "raw"),
    *("base_resp", "promptFeedback", "prompt_feedback", "violations"),
)
_TEXTS = ("message", "msg", "error", "detail", "errors", "raw", "status_msg", "title", "reasons")
_CODES = (
    *("code", "type", "status", "reason", "error_type", "errorCode", "error_code", "provider_code"),
    *("blockReason", "block_reason", "quotaId"),
)
_NO_NAME = frozenset({"", "none", "null"})
_TITLE = re.compile(r"<title[^>]*>([^<]{1,300})", re.IGNORECASE)
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_COME_BACK = re.compile(
    r"(?:try|retry(?:ing)?)\b[^.0-9]{0,40}?\b(?:in|after) "
    r"(?P<number>[0-9]{1,6}(?:\.[0-9]{1,9})?) ?(?P<unit>ms|milli|s|m|h)?"
    r"(?:(?<=m)(?P<seconds>[0-9]{1,2}(?:\.[0-9]{1,9})?)s)?",
    re.IGNORECASE,
)
_DELAY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,9})?)s")
_UNITS = {"ms": 1e-3, "milli": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Complaint(NamedTuple):
    """An error as a server reports it."""

    text: str
    """In its words, for patterns: one line, without secrets, bounded. Empty for a web page without a title."""
    excerpt: str
    """The same for people, shorter. The beginning of the body where there are no words."""
    codes: frozenset[str]
    """Its codes and types, letters and digits only, in lower case: `contentfilter`."""
    fields: tuple[str, ...]
    """The request's fields that it names apart from its words (`param`, `loc`)."""
    status: int | None
    """An HTTP status that it gives in the body."""
    wait: float | None
    """Seconds after which it says to come back."""


def read_complaint(body: bytes, scrub: Callable[[str], str] = lambda text: text) -> Complaint:
    """Read the error in a body.

    Args:
        body: The whole body, of any kind.
        scrub: Removes secrets that the server repeats.
    """
    parsed = _parse_json(body)
    if parsed is None:
        whole = scrub(body.decode("utf-8", "replace"))  # before anything is cut: half a secret is one too
        title = _TITLE.search(whole[:20_000])
        is_page = whole.lstrip()[:1] == "<"
        text = line_of(title[1] if title else "" if is_page else whole, _LONGEST_TEXT)
        return Complaint(text, line_of(title[1] if title else whole), frozenset(), (), None, _wait(text, []))
    return complaint_of(parsed, scrub)


def complaint_of(whole: Any, scrub: Callable[[str], str] = lambda text: text) -> Complaint:
    """Read the error in parsed JSON."""
    nodes = _nodes(whole)
    texts = list(dict.fromkeys(text for node in nodes for text in _texts(node)))
    words = scrub(": ".join(texts))
    text = line_of(words, _LONGEST_TEXT)
    return Complaint(
        text=text,
        excerpt=line_of(words or scrub(json.dumps(whole, ensure_ascii=False))),
        codes=frozenset(_plain(node[name]) for node in nodes for name in _CODES if node.get(name) not in (None, "")),
        fields=tuple(dict.fromkeys(field for node in nodes for field in _fields(node))),
        status=next((found for node in nodes if (found := _status(node)) is not None), None),
        wait=_wait(text, nodes),
    )


def line_of(text: str, longest: int = _LONGEST_EXCERPT) -> str:
    """Text of a server on one line, bounded. It holds no secrets any more."""
    line = " ".join(_HALF_PAIRS.sub("\ufffd", text[: 40 * longest]).split())
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= longest else line[:longest] + "..."


def _parse_json(body: bytes) -> Any:
    """JSON, also as the first of a stream of events; `None` for anything else."""
    # No error message is that long, and a hostile server must not choose how long parsing takes.
    if len(body) > _LONGEST_JSON:
        return None
    body = body.strip()
    if body.startswith(b"data:"):
        body = body[5:].partition(b"\n")[0]
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict | list) else None


def _nodes(whole: Any) -> list[dict[str, Any]]:
    """The objects in which servers say what is wrong, outer ones first. JSON within a string among them."""
    found: list[dict[str, Any]] = []
    queue: list[Any] = [whole]
    # Breadth first, and the list grows while it is read: outer words come before inner ones.
    for node in queue:
        if len(found) >= _MOST_NODES or len(queue) > 4 * _MOST_NODES:
            break
        if isinstance(node, str):
            node = _parse_json(node.encode("utf-8", "replace")) if node.lstrip()[:1] in ("{", "[") else None
        if isinstance(node, list):
            queue += node[:_MOST_NODES]
        elif isinstance(node, dict):
            found.append(node)
            queue += [node[name] for name in _INSIDE if name in node]
    return found


def _texts(node: dict[str, Any]) -> list[str]:
    texts = []
    for name in _TEXTS:
        value = node.get(name)
        for text in value[:5] if isinstance(value, list) else [value]:
            if isinstance(text, str) and text.strip() and text.lstrip()[:1] not in ("{", "["):
                texts.append(text)
    where = node.get("loc")
    if isinstance(where, list) and texts:
        texts[0] = f"{'.'.join(str(part) for part in where[:6])}: {texts[0]}"
    param = node.get("param")
    if isinstance(param, str) and " " in param:  # some say there what should be the message
        texts.append(param)
    return texts


def _fields(node: dict[str, Any]) -> list[str]:
    where = node.get("loc")
    param = node.get("param")
    named = [param] if isinstance(param, str) and " " not in param else []
    named += [part for part in where[:6] if isinstance(part, str)] if isinstance(where, list) else []
    return [name[:80] for name in named if name.lower() not in _NO_NAME]


def _status(node: dict[str, Any]) -> int | None:
    for name in ("code", "status", "status_code"):
        value = node.get(name)
        if isinstance(value, str) and re.fullmatch("[1-5][0-9]{2}", value):
            return int(value)
        # `type(...) is int` leaves out True, which is an int.
        if type(value) is int and 100 <= value < 600:
            return value
    return None


def _plain(value: Any) -> str:
    return re.sub("[^a-z0-9]", "", str(value)[:200].lower())


def _wait(text: str, nodes: list[dict[str, Any]]) -> float | None:
    for node in nodes:  # google.rpc.RetryInfo
        delay = _DELAY.fullmatch(str(node.get("retryDelay", "")))
        if delay:
            return float(delay[1])
    found = _COME_BACK.search(text)
    if not found:
        return None
    return float(found["number"]) * _UNITS[(found["unit"] or "s").lower()] + float(found["seconds"] or 0)
