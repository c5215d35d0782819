"""Text that Markdown, LaTeX and spreadsheets show as it is, with all that they would obey taken out of force.

Markdown and LaTeX obey markup, and spreadsheets run cells that look like formulas. Each function calls
`harness.libraries.text.clean` first, so that none lets a secret or an escape sequence through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.libraries.text import clean

# Spreadsheets of East Asian languages take the full-width signs as well.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
# An underscore inside a word is no markup, so that names such as rewardbench_2 stay readable.
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


def order_name(order: Sequence[int]) -> str:
    """The candidates in the order shown, by letter.

    >>> order_name((1, 0))
    'BA'
    """
    return "".join(chr(ord("A") + place) for place in order)


def for_csv(text: str) -> str:
    """Text that no spreadsheet reads as a formula. An apostrophe is put before it (OWASP, CSV injection).

    >>> for_csv("=1+2"), for_csv("judge")
    ("'=1+2", 'judge')
    """
    visible = clean(text)
    return f"'{visible}" if visible.startswith(_FORMULA) else visible


def for_markdown(text: str) -> str:
    """Text that GitHub's Markdown shows unchanged, in a table cell as well."""
    # Entities first: the later steps write some of their own.
    visible = _ENTITY.sub("&amp;", clean(text))
    visible = _QUOTE.sub("&gt;", _TAG.sub("&lt;", visible))
    return _MARKDOWN.sub(lambda match: "\\" + match[0], visible)


def for_latex(text: str) -> str:
    r"""Text that LaTeX prints unchanged.

    >>> for_latex("50% of a_b")
    '50\\% of a\\_b'
    """
    return "".join(_LATEX.get(char, char) for char in clean(text))


def explain_unread(reason: str, problem: str) -> str:
    """Why an answer has no verdict: the problem, after the reason where it does not begin with it."""
    if not problem or problem.startswith(reason):
        return problem or reason
    return f"{reason}: {problem}"
