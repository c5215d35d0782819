"""Hostile text: nothing gets through that a terminal, a spreadsheet, Markdown or LaTeX would obey."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.libraries.text import clean, visible
from harness.report.escaping import for_csv, for_latex, for_markdown

ANY_TEXT = st.text(max_size=60)
PLAIN = st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), max_size=20)


@given(ANY_TEXT)
def test_clean_text_is_one_line_of_visible_characters(text: str) -> None:
    cleaned = clean(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in cleaned)
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("\r\n\t \x1b\x85\xad\u2028\u202e\u3000\ue000中a")), max_size=4)
)
def test_of_invisible_characters_only_line_breaks_and_tabs_stay(text: str) -> None:
    gone = ("Cc", "Cf", "Cs", "Zl", "Zp")
    lines = text.replace("\r\n", "\n")
    kept = [char if char in "\n\t" or unicodedata.category(char) not in gone else "�" for char in lines]
    assert visible(text) == "".join(kept)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "�[31mred�[0m"),
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\u202eevil", "�evil"),
        ("\ud800", "�"),
        ("gpt-4o · 中文", "gpt-4o · 中文"),
    ],
)
def test_what_clean_text_looks_like(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(ANY_TEXT)
def test_no_csv_cell_begins_like_a_formula(text: str) -> None:
    assert not for_csv(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "  =1+1", "\t=1", "\x00=1"])
def test_formulas_become_text(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([for_csv(text)])
    assert stream.getvalue().lstrip('"')[0] in "'�"


@given(ANY_TEXT)
def test_no_markdown_survives_unescaped(text: str) -> None:
    shown = for_markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*\[\]~#$]", shown)
    assert not re.search(r"<[A-Za-z/!?]|^>|^[-+] ", shown)
    assert re.sub(r"\\([\\`*\[\]|~#$_+-])", r"\1", shown).replace("&lt;", "<").replace("&gt;", ">").replace(
        "&amp;", "&"
    ) == clean(text)


@given(ANY_TEXT)
def test_no_latex_survives_unescaped(text: str) -> None:
    shown = for_latex(text)
    commands = re.sub(r"\\(?:text[a-z]+\{\}|[{}&%$#_])", "", shown)
    commands = re.sub(r"\{[\[\]*]\}", "", commands)
    assert not set(commands) & set("\\{}&%$#_^~[]*|<>")


@given(PLAIN)
def test_plain_words_are_left_alone(text: str) -> None:
    assert clean(text) == for_csv(text) == for_markdown(text) == for_latex(text) == text
