"""Align a server's list of tokens with the text that it sent.

The list may have more than the text: reasoning that the server keeps apart before it, stop tokens after it, blanks at
either end. And its tokens may be spelt in the tokenizer's own way: with `\u2581` for a blank and `<0x0A>` for a byte
(sentencepiece), or with a printable character for each byte (byte-level BPE: `\u0120` for a blank).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

Piece: TypeAlias = Callable[[Any], bytes | None]
"""The bytes of an entry of the list; `None` for what is no entry."""

_BLANKS = " \t\r\n\f\v"
_BEFORE = 64  # characters before the verdict that must be the tokens' as well
_MOST_STOPS = 8
_STOP = re.compile(r"\s*(<[^<>\s]{1,60}>|\[[A-Z_/]{2,12}\]|`{3,})?\s*")  # <|im_end|>, </s>, [EOS], a fence taken off
_RAW_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Alignment(NamedTuple):
    """Tokens, and where among them a verdict begins."""

    tokens: list[bytes]
    """Of the whole list."""
    place: int
    """The token that has the verdict's first byte."""
    head: bytes
    """What that token has before it."""
    piece: Piece
    """How the tokens are spelt: alternatives are spelt alike."""


def align(entries: Sequence[Any], raw: str, start: int) -> Alignment | None:
    """Lay tokens over a text.

    Args:
        entries: The tokens as a server lists them.
        raw: The text.
        start: Where in the text the verdict begins.

    Returns:
        `None` where the tokens do not spell the text from a little before the verdict to the end.
    """
    first = max(0, start - _BEFORE)
    wanted = raw[first:].rstrip(_BLANKS).encode("utf-8", "surrogatepass")
    before = len(raw[first:start].encode("utf-8", "surrogatepass"))
    # Cheapest and most usual spelling first; the first one that spells the text is taken.
    for piece in _SPELLINGS:
        pieces = [piece(entry) for entry in entries]
        tokens = [known for known in pieces if known is not None]
        if len(tokens) < len(pieces):
            return None
        ends = list(accumulate(map(len, tokens)))
        written = b"".join(tokens)
        # The list may end with stop tokens that are not in the text: drop them one by one.
        for stops in range(min(_MOST_STOPS, len(tokens) - 1) + 1):
            end = ends[len(ends) - 1 - stops]
            whole = written[:end].rstrip(_BLANKS.encode())
            if whole.endswith(wanted):
                return _at(tokens, ends, len(whole) - len(wanted) + before, piece)
            if not _STOP.fullmatch(tokens[len(tokens) - 1 - stops].decode("utf-8", "replace")):
                break
    return None


def _at(tokens: list[bytes], ends: Sequence[int], at: int, piece: Piece) -> Alignment | None:
    place = next(number for number, end in enumerate(ends) if end > at)
    head = tokens[place][: at - (ends[place] - len(tokens[place]))]
    return None if head[-1:].isalnum() else Alignment(tokens, place, head, piece)  # `yes` is no part of `eyes`


def _as_sent(entry: Any) -> bytes | None:
    """The bytes as listed, or those of the text."""
    listed = entry.get("bytes") if isinstance(entry, dict) else None
    if not isinstance(listed, list):
        return _of_text(entry)
    try:
        return bytes(listed)
    except (TypeError, ValueError):
        return None


def _of_text(entry: Any) -> bytes | None:
    text = entry.get("token") if isinstance(entry, dict) else None
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else None


def _of_sentencepiece(entry: Any) -> bytes | None:
    text = entry.get("token") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return None
    if byte := _RAW_BYTE.fullmatch(text):
        return bytes([int(byte[1], 16)])
    return text.replace("\u2581", " ").encode("utf-8", "surrogatepass")


def _of_byte_level(entry: Any) -> bytes | None:
    text = entry.get("token") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return None
    if all(character in _BYTES for character in text):
        return bytes(_BYTES[character] for character in text)
    return text.encode("utf-8", "surrogatepass")


def _printable_bytes() -> dict[str, int]:
    """GPT-2's table: printable bytes stand for themselves, the others for the characters from 256 on, in order."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in plain)
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTES = _printable_bytes()
_SPELLINGS: tuple[Piece, ...] = (_as_sent, _of_text, _of_sentencepiece, _of_byte_level)
