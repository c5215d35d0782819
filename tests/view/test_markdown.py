from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.view.markdown import to_html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,x)",
        "[x](/etc/passwd)",
        "![x](https://elsewhere.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
    ],
)
def test_nothing_of_it_runs_or_is_fetched(text: str) -> None:
    html = str(to_html(text))
    assert not any(mark in html for mark in ("<script", "<img", 'href="javascript', 'href="data', 'href="/'))


@given(st.text())
def test_any_text_is_text(text: str) -> None:
    html = str(to_html(text))
    assert "<script" not in html
    assert "<img" not in html


def test_columns_are_aligned_without_a_style_that_the_policy_of_the_pages_forbids() -> None:
    html = str(to_html("| a | b |\n| - | -: |\n| 1 | 2 |"))
    assert '<td class="r">2</td>' in html
    assert "style" not in html


def test_tables_and_links_are_shown() -> None:
    html = str(to_html("| a |\n| - |\n| 1 |\n\n[web](https://example.org)"))
    assert "<td>1</td>" in html
    assert '<a href="https://example.org">web</a>' in html
