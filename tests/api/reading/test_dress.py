"""Markup is taken off a text step by step, and a step that is left out would have changed nothing."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from harness.api.reading import _dress, strip_markup

PIECES = [
    *'AB12 .,*`$"“”[](){}<>/\\_-–—•=>#~|\n\t',
    *(
        "\\boxed{",
        "\\text{",
        "}",
        "\\succ",
        "\\_",
        "<b>",
        "</b>",
        "<![CDATA[",
        "]]>",
        "です",
        "⭐",
        "★",
        "😀",
        "é",
        "答",
    ),
]


def every_step(text: str) -> str:
    """The rule without a shortcut."""
    for _ in range(3):
        text = _dress._LATEX.sub(r"\1", text)
    text = text.replace("\\succ", ">").replace("\\_", "_")
    text = _dress._BULLET.sub("", _dress._MARKUP.sub("", text).strip())
    before = None
    while text != before:
        before = text
        text = text.strip(_dress.WRAPPING).rstrip(_dress.STOPS + _dress.WRAPPING)
        text = _dress._ENDING.sub("", text)
        kept = [place for place, char in enumerate(text) if not _dress._is_symbol(char)]
        text = text[kept[0] : kept[-1] + 1] if kept else ""
    return re.sub(r"^[–—]\s?(?=[\d.])", "-", text)


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=10))
@example(pieces=["\\boxed{", "\\text{", "B", "}", "}", "です", "。"])
@example(pieces=["–", " ", "1"])
def test_shortcuts_change_nothing(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert strip_markup(text) == every_step(text)
