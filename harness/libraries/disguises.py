r"""Finds a secret in a text, however it is spelled there: the search under `harness.libraries.secrets`.

Servers, proxies and libraries repeat what they were sent: in JSON within JSON, in a URL, on a page, broken into
lines, in base64. No pattern lists all of it and stays quick. So a text is searched in *views* of it:

    raw      as it is
    decoded  escapes (`\u0041`, `%41`, `&#65;`) read, up to three times
    joined   tags and the frames of an event stream taken out of that

In each view only letters and digits count, in lower case, or, for a secret that has few of them, all that is not white
space. So punctuation, breaks and invisible characters between the letters of a secret hide nothing. Base64, hexadecimal
digits, lists of bytes and the reverse are further *forms* of the secret, and are sought in every view.

Each step is linear in the text. Where it ends: nothing is decrypted, decompressed, put into other alphabets or
read off a picture. Who wants to hide a key that well needs no help from an error message: the key was sent to them.
"""

from __future__ import annotations

import base64
import html
import html.entities
import re
import string
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

Span = tuple[int, int]
"""Where something begins and ends in a text."""

_LOWER = bytes(range(256)).lower()
_SIGNS = bytes(code for code in range(256) if chr(code) not in string.ascii_letters + string.digits)
_BLANKS = bytes([*range(33), ord("\\"), 127])
_ALNUM = frozenset(string.ascii_letters + string.digits)
_EDGES = re.compile("[^A-Za-z0-9]*")
_VISIBLE = frozenset(chr(code) for code in range(128) if code not in _BLANKS)

_ROUNDS = 3
_CHUNK = 1 << 16
_PIECE = 8
_MOST = 10_000  # of one form in a text; more is no answer but an attack, and all of it goes
_HALF = 16  # characters of a key that are worth hiding where a server cut it off

# Possessive and bounded: a hostile text must not make any of it go back.
_HEX = "[0-9A-Fa-f]"
_ESCAPE = re.compile(
    # The look back keeps a run of backslashes from being read again from its second on.
    rf"\\(?<!\\\\)\\*+(?:u\{{?0{{0,4}}({_HEX}{{2,5}})\}}?|x({_HEX}{{2}})|([0-3][0-7]{{2}})|[nrtbfv0])"
    rf"|%(?:25)*+(?:u00)?({_HEX}{{2}})"
    rf"|&(?:amp;)*+(?:\#([0-9]{{1,7}});?|\#[xX]({_HEX}{{1,6}});?|([A-Za-z]{{2,24}}[0-9]{{0,2}});)"
)
_TEXT = "(?:content|text|reasoning|reasoning_content|thinking|delta|partial_json|refusal)"
_QUOTE = r'\\{0,8}"'
_TAIL = rf"""(?>"\s?(?=[}}\],])(?:[\]}},:\s]|{_QUOTE}(?!{_TEXT}{_QUOTE})[a-z_]{{1,40}}{_QUOTE}|null|\d){{0,80}})"""
_TAG = re.compile("<[^<>]*>")
_FRAME = re.compile(
    r"<[^<>]*>"
    # From the end of a text in one event to its beginning in the next.
    rf"|{_TAIL}(?<=\n)(?:event:[^\n]{{0,80}}\n)?data:[^\n]{{0,600}}?" + '"' + rf"{_TEXT}{_QUOTE}\s?:\s?{_QUOTE}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to spell a secret, as it stands in a view."""

    letters: bytes
    """In lower case, without what the view leaves out."""
    plain: bool
    """Whether only letters and digits count. Else all but white space."""
    cut: bool = False
    """Whether a long part of it counts as well."""


class Secret:
    """One value, ready to be found.

    Args:
        value: What is secret.
        instead: What to write in its place.
        key: Whether it is a key for certain. Then a long part of it is one too, and less of it needs to be seen.
    """

    __slots__ = ("forms", "instead", "key", "plain", "value", "visible")

    def __init__(self, value: str, instead: str, *, key: bool) -> None:
        self.value = value
        self.instead = instead
        self.key = key
        self.forms = tuple(dict.fromkeys(_list_forms(value, key=key)))
        # What every form has some of, for a look that costs next to nothing: most texts hold no secret.
        signs = [(sign, form.plain) for form in self.forms for sign in (_split(form) if form.cut else [form.letters])]
        self.plain = tuple(dict.fromkeys(sign for sign, plain in signs if plain))
        self.visible = tuple(dict.fromkeys(sign for sign, plain in signs if not plain))

    def widen(self, text: str, begin: int, end: int) -> Span:
        """A span with the signs that the value begins and ends with, which views leave out."""
        head, tail = (_EDGES.match(side) for side in (self.value, self.value[::-1]))
        if head is not None and head[0] and text.endswith(head[0], 0, begin):
            begin -= len(head[0])
        if tail is not None and tail[0] and text.startswith(tail[0][::-1], end):
            end += len(tail[0])
        return begin, end


def find(text: str, secrets: Sequence[Secret]) -> list[tuple[int, int, str]]:
    """Where the secrets stand in a text: begin, end, and what to write instead. Sorted, and none overlaps another."""
    found: list[tuple[int, int, str]] = []
    for view in _make_views(text):
        for secret in secrets:
            if view.may_hold(secret):
                spans = [span for form in secret.forms for span in view.find(form)]
                found += [(*secret.widen(text, begin, end), secret.instead) for begin, end in spans]
    for secret in secrets:
        # Letters of other scripts, which the views leave out.
        if not secret.value.isascii():
            found += [(*match.span(), secret.instead) for match in re.finditer(re.escape(secret.value), text)]
    return _merge(found)


def _merge(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    # Of those that begin together the longest first: one secret may be part of another.
    for begin, end, instead in sorted(found, key=lambda span: (span[0], -span[1])):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((begin, end, instead))
    return merged


def _list_forms(value: str, *, key: bool) -> Iterator[_Form]:
    letters, visible = _reduce(value, _SIGNS), _reduce(value, _BLANKS)
    mixed = any(48 <= code < 58 for code in letters) and any(code >= 97 for code in letters)
    plain = (len(letters) >= 10 and mixed) or (key and len(letters) >= 16)
    main = letters if plain else visible
    least = 6 if key else 8
    if len(main) >= least:
        yield _Form(main, plain, cut=key and plain and len(main) >= _HALF + _PIECE)
        yield _Form(main[::-1], plain)
    raw = value.encode("utf-8", "surrogatepass")
    encoded = [raw.hex(), "".join(map(str, raw)), "".join(f"0x{code:02x}" for code in raw)]
    if "=" in value:  # quoted-printable writes out this sign alone
        encoded.append(value.replace("=", "=3D"))
    # As JSON and URLs spell letters of other scripts, which the views do not read back.
    if not value.isascii():
        encoded += ["".join(letter if letter.isascii() else f"u{ord(letter):04x}" for letter in value)]
        encoded += ["".join(letter if letter.isascii() else letter.encode().hex() for letter in value)]
    # Base64 has three alignments, by how many bytes stand before the secret. Of each, the part that its neighbours do
    # not touch. Without its signs, so that the alphabet for URLs is the same.
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode()
        encoded.append(text[-(-8 * shift // 6) : (8 * (shift + len(raw))) // 6])
    for text in encoded:
        form = _reduce(text, _SIGNS)
        if len(form) >= (7 if key else 10):
            yield _Form(form, plain=True)


def _reduce(text: str, without: bytes) -> bytes:
    # In C, and so at hundreds of megabytes a second.
    return text.encode("ascii", "ignore").translate(_LOWER, without)


class _View:
    """A text in which to look, and the way back to the text that it was made from."""

    def __init__(self, text: str, source: _View | None = None, pattern: re.Pattern[str] = _ESCAPE) -> None:
        self.text = text
        self.length: int = len(text) if source is None else source.length  # of the first text
        self._source = source
        self._pattern = pattern

    @cached_property
    def _plain(self) -> bytes:
        return _reduce(self.text, _SIGNS)

    @cached_property
    def _visible(self) -> bytes:
        return _reduce(self.text, _BLANKS)

    def may_hold(self, secret: Secret) -> bool:
        """Whether it is worth a closer look."""
        return any(sign in self._plain for sign in secret.plain) or any(
            sign in self._visible for sign in secret.visible
        )

    def find(self, form: _Form) -> list[Span]:
        """Where a form stands, as spans of the first text."""
        where = self._plain if form.plain else self._visible
        found = _find_parts(form.letters, where) if form.cut else _find_all(form.letters, where)
        spans = list(islice(found, _MOST + 1))
        if len(spans) > _MOST:
            return [(0, self.length)]
        return self._back(self._locate(spans, _ALNUM if form.plain else _VISIBLE)) if spans else []

    def _locate(self, spans: Sequence[Span], kept: frozenset[str]) -> list[Span]:
        """Spans of what is left of the text, as spans of the text."""
        ends = sorted({place for begin, end in spans for place in (begin, end - 1)})
        found: dict[int, int] = {}
        passed, without, number = 0, _SIGNS if kept is _ALNUM else _BLANKS, 0
        for start in range(0, len(self.text), _CHUNK):
            if number == len(ends):
                break
            chunk = self.text[start : start + _CHUNK]
            count = len(_reduce(chunk, without))
            if ends[number] < passed + count:
                places = [place for place, letter in enumerate(chunk) if letter in kept]
                while number < len(ends) and ends[number] < passed + count:
                    found[ends[number]] = start + places[ends[number] - passed]
                    number += 1
            passed += count
        return [(found[begin], found[end - 1] + 1) for begin, end in spans]

    def _back(self, spans: list[Span]) -> list[Span]:
        if self._source is None:
            return spans
        begins, ends, places = self._tokens
        return self._source._back(
            [
                (_origin(begin, begins, ends, places)[0], _origin(end - 1, begins, ends, places)[1])
                for begin, end in spans
            ]
        )

    @cached_property
    def _tokens(self) -> tuple[array[int], array[int], array[int]]:
        """Of each thing that was read: begin and end in the source, and where what it became ends here."""
        assert self._source is not None
        begins, ends, places, shift = array("Q"), array("Q"), array("Q"), 0
        for match in self._pattern.finditer(self._source.text):
            width = len(_read(match))
            begins.append(match.start())
            ends.append(match.end())
            places.append(match.start() - shift + width)
            shift += match.end() - match.start() - width
        return begins, ends, places


def _origin(place: int, begins: array[int], ends: array[int], places: array[int]) -> Span:
    """Which characters of the source became the one at `place`."""
    # The last token that was read out before the place. What it became, the place may be part of the next one.
    number = bisect_right(places, place)
    if number < len(begins):
        before = places[number - 1] if number else 0
        behind = ends[number - 1] if number else 0
        start = behind + place - before
        return (start, start + 1) if start < begins[number] else (begins[number], ends[number])
    start = (ends[number - 1] + place - places[number - 1]) if number else place
    return start, start + 1


def _find_all(letters: bytes, where: bytes) -> Iterator[Span]:
    at = where.find(letters)
    while at >= 0:
        yield at, at + len(letters)
        at = where.find(letters, at + len(letters))


def _split(form: _Form) -> list[bytes]:
    """Its pieces. A part of at least `_HALF` letters holds a whole one."""
    starts = range(0, len(form.letters) - _PIECE + 1, _PIECE)
    return [form.letters[start : start + _PIECE] for start in starts]


def _find_parts(letters: bytes, where: bytes) -> Iterator[Span]:
    """Where a secret stands, or a long part of it: a server may have cut it off."""
    for start in range(0, len(letters) - _PIECE + 1, _PIECE):
        piece, done = letters[start : start + _PIECE], 0
        at = where.find(piece)
        while at >= 0:
            begin, end = at, at + _PIECE
            while begin > done and start - (at - begin) > 0 and where[begin - 1] == letters[start - (at - begin) - 1]:
                begin -= 1
            stop = start + _PIECE
            while end < len(where) and stop < len(letters) and where[end] == letters[stop]:
                end, stop = end + 1, stop + 1
            if end - begin >= _HALF:
                yield begin, end
            done = end
            at = where.find(piece, end)


def _make_views(text: str) -> Iterator[_View]:
    view = _View(text)
    yield view
    for _ in range(_ROUNDS):
        decoded = _decode(view)
        if decoded is None:
            break
        view = decoded
        yield view
    pattern = _FRAME if "data:" in view.text else _TAG if "<" in view.text else None
    joined = "" if pattern is None else pattern.sub("", view.text)
    if pattern is not None and joined != view.text:
        yield _View(joined, view, pattern)


def _decode(view: _View) -> _View | None:
    """A text with its escapes read; `None` where there are none."""
    text = view.text
    if not ("\\" in text or "%" in text or "&" in text):
        return None
    decoded = _ESCAPE.sub(_read, text)
    return _View(decoded, view) if decoded != text else None


def _read(match: re.Match[str]) -> str:
    """What an escape stands for. Empty for what only parts letters."""
    if match.re is not _ESCAPE or match.lastindex is None:
        return ""
    kind, written = match.lastindex, match[match.lastindex]
    if kind == 7:
        return html.unescape(f"&{written};") if f"{written};" in html.entities.html5 else match[0]
    code = int(written, {3: 8, 5: 10}.get(kind, 16))
    return chr(code) if code < 0xD800 else ""
