"""Makes hostile text harmless. Names of judges, tasks, categories and verdicts come from files and from models.

Terminals obey escape sequences. `clean` and `visible` take these out, and every secret. Not for the markup that reports
are written in: that is `harness.report.escaping`.
"""

from __future__ import annotations

import unicodedata

from harness.libraries.secrets import scrub

# Unicode categories: control, format (direction marks too), surrogate, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    r"""One line of visible characters. Controls, direction marks and surrogates become `�`, and white space one space.

    >>> clean("good\n judge\x1b[31m")
    'good judge�[31m'
    """
    return visible(" ".join(text.split()))


def fold_name(name: str) -> str:
    r"""What is the same for all names that look alike: those that `clean` shows alike, and other forms of one letter.

    >>> fold_name("a  b") == "a b", fold_name("e\u0301") == fold_name("\xe9"), fold_name("a") == fold_name("A")
    (True, True, False)
    """
    return unicodedata.normalize("NFKC", clean(name))


def visible(text: str) -> str:
    """The same lines without characters that a terminal obeys. Of invisible ones only line breaks and tabs stay."""
    lines = scrub(text).replace("\r\n", "\n")
    # To ask for the category of each character takes twenty times as long, and few texts have one to take out.
    if lines.replace("\n", "").replace("\t", "").isprintable():
        return lines
    return "".join("�" if char not in "\n\t" and unicodedata.category(char) in _INVISIBLE else char for char in lines)
