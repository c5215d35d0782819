r"""Removes what surrounds the letters of a text: width, markup, brackets, quotation marks, full stops.

Full-width, mathematical and circled letters count as the plain ones. Look-alikes of other scripts do not: a Cyrillic А
is no A.
"""

from __future__ import annotations

import html
import re
import unicodedata

from harness.api.reading import _words as words

# Full-width forms, mathematical letters and digits, circled digits and letters, squared letters. Each stands for one
# plain character, so that a text keeps its length and places in it stay valid.
_WIDTH = {
    code: plain
    for first, last in ((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x2460, 0x2468), (0x24B6, 0x24E9), (0x1F130, 0x1F149))
    for code in range(first, last + 1)
    if (plain := unicodedata.normalize("NFKC", chr(code))).isascii() and len(plain) == 1
}
_WIDTH |= {0x3000: " ", 0xA0: " ", 0x202F: " ", 0x2009: " ", 0x1F170: "A", 0x1F171: "B", 0x2212: "-"}
_WIDTH |= {0x3010: "[", 0x3011: "]", 0x2019: "'", 0x2018: "'"}
# Control characters, spaces of no width, joiners, the byte order mark, and marks that turn a letter into an emoji.
_INVISIBLE = dict.fromkeys(
    [*range(9), 0xB, 0xC, *range(0xE, 0x20), 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xFE0F, 0x20E3]
)
# Between digits such a character keeps two numbers apart. The marks of an emoji digit do not.
_BETWEEN_DIGITS = re.compile(r"(?<=[\d.,+-])[\x00-\x08\x0b\x0c\x0e-\x1f\u200b-\u200d\u2060\ufeff]+(?=[\d.,])")
_FRACTIONS = {0xBC: ".25", 0xBD: ".5", 0xBE: ".75"}

# Characters that may stand around a verdict, and those that may end it.
WRAPPING = " \t\r\n\"'“”„‚«»‹›「」『』()[]{}《》|#_~"
"""Characters that may stand around a verdict: white space, quotation marks, brackets, markup."""
STOPS = ".,;!。！、，；…"
"""Characters that may end a verdict."""
_AT_ENDS = STOPS + WRAPPING
_LATEX = re.compile(r"\\(?:boxed|fbox|text|textbf|textit|mathbf|mathrm|bm)\s*\{([^{}]{0,300})\}")
_MARKUP = re.compile(r"\\[()\[\]]|[*`$\"“”]|</?[A-Za-z][A-Za-z_-]{0,30}>|<!\[CDATA\[|\]\]>")
_BULLET = re.compile(r"^(?:[-•–—=>]+\s+)(?=\D)")
_NEGATIVE = re.compile(r"^[–—]\s?(?=[\d.])")
_ENDING = re.compile(rf"(?:{'|'.join(words.ENDINGS)})\Z")


def fold_width(text: str) -> str:
    """Replace full-width letters, digits and brackets by plain ones. The length stays the same.

    >>> fold_width("［［Ｂ］］")
    '[[B]]'
    """
    return text if text.isascii() else text.translate(_WIDTH)


def visible(text: str) -> str:
    """A short text in plain width, without invisible characters and without HTML's escapes."""
    text = _BETWEEN_DIGITS.sub(" ", text).translate(_INVISIBLE)
    if not text.isascii():
        text = fold_width(text.translate(_FRACTIONS))
    return html.unescape(text) if "&" in text else text


def strip_markup(text: str) -> str:
    r"""Remove markup, and brackets, quotation marks and stops at both ends.

    >>> strip_markup("**[B].**"), strip_markup(r"\boxed{4}")
    ('B', '4')
    """
    # A hostile answer has hundreds of thousands of short lines. So each step is taken only where it can do something.
    if text.isalnum():
        return text if text.isascii() else _strip_endings(text)
    if "\\" in text:
        text = _without_latex(text)
    text = _BULLET.sub("", _MARKUP.sub("", text).strip())
    while True:
        bare = text.strip(WRAPPING).rstrip(_AT_ENDS)
        if not bare.isascii():
            bare = _strip_symbols(_ENDING.sub("", bare))
        if bare == text:
            return text if text.isascii() else _NEGATIVE.sub("-", text)
        text = bare


def _strip_endings(text: str) -> str:
    """Letters and digits without the words that end a sentence in other languages. There is no markup to look for."""
    while (bare := _ENDING.sub("", text)) != text:
        text = bare
    return text


def _without_latex(text: str) -> str:
    for _ in range(3):  # commands may be nested. Bounded, since hostile text nests thousands
        inner = _LATEX.sub(r"\1", text)
        if inner == text:
            break
        text = inner
    return text.replace("\\succ", ">").replace("\\_", "_")


def _strip_symbols(text: str) -> str:
    """Without emoji and marks at both ends."""
    start, end = 0, len(text)
    while start < end and _is_symbol(text[start]):
        start += 1
    while start < end and _is_symbol(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_symbol(char: str) -> bool:
    return not char.isascii() and char not in "★☆⭐" and unicodedata.category(char) in ("So", "Cf", "Mn")
