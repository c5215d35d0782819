"""Hostile text made harmless: names of judges, tasks, categories and verdicts come from files and from models.

Each output has its own dangers: terminals obey escape sequences, Markdown and LaTeX their markup, spreadsheets run
cells that look like formulas. `clean` is for every output; the others come on top of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_MARKDOWN = re.compile(r"[\\`*\[\]|~$]|#|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+](?= )")
_ENTITY, _TAG, _QUOTE = re.compile(r"&(?=[A-Za-z#])"), re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"^>")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after a line break it would begin an optional argument
    "]": "{]}",
    "*": "{*}",
    "�": "?",
}


def clean(text: str) -> str:
    """One line of visible characters: controls, direction marks and surrogates become `�`, white space one space."""
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """The same lines without anything that a terminal obeys: of what is not visible only line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n")
    return "".join("�" if char not in "\n\t" and unicodedata.category(char) in _INVISIBLE else char for char in lines)


def order_name(order: Sequence[int]) -> str:
    """The candidates in the order shown, by letter: `BA`."""
    return "".join(chr(ord("A") + place) for place in order)


def for_csv(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before one (OWASP, CSV injection)."""
    visible = clean(text)
    return f"'{visible}" if visible.startswith(_FORMULA) else visible


def for_markdown(text: str) -> str:
    """Text that GitHub's Markdown shows to the letter, in a table cell as well."""
    visible = _ENTITY.sub("&amp;", clean(text))
    visible = _QUOTE.sub("&gt;", _TAG.sub("&lt;", visible))
    return _MARKDOWN.sub(lambda match: "\\" + match[0], visible)


def for_latex(text: str) -> str:
    """Text that LaTeX sets to the letter."""
    return "".join(_LATEX.get(char, char) for char in clean(text))


def explain_unread(reason: str, problem: str) -> str:
    """Why an answer has no verdict: the problem, after the reason where it does not begin with it."""
    if not problem or problem.startswith(reason):
        return problem or reason
    return f"{reason}: {problem}"
