"""Tools for reading answers, for authors of verdict formats. Every built-in format is made of these.

Every answer goes through `Request.read`. It splits off the reasoning. The format then looks for its marks in the
statement that is left, and `resolve_marks` says which verdict they stand for. What the judge was shown is in
`Request.prompt_text`.

What a name needs is imported when it is used first: its many patterns take nearly half of the time in which
`harness.api` is imported, and most commands read no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.libraries.lazy import find_lazily

if TYPE_CHECKING:
    from harness.api.reading._binding import (
        MOST_MARKS,
        Agreement,
        Mark,
        begins_line,
        paragraph_start,
        read_body,
        resolve_marks,
        stands_last,
        without_mark,
    )
    from harness.api.reading._dress import STOPS, WRAPPING, fold_width, strip_markup
    from harness.api.reading._headings import is_heading_of_verdict
    from harness.api.reading._plain import PlainVerdict, Reason, is_label, lead_in_length, leads_to_verdict, read_plain
    from harness.api.reading._quotes import PromptText, is_quoted
    from harness.api.reading._reasoning import (
        KNOWN_MARKS,
        NO_MARKS,
        Marks,
        SplitAnswer,
        Thinking,
        opens_reasoning,
        split_reasoning,
        thinking_from_json,
    )
    from harness.api.reading._restart import ends_at_verdict, find_restart

__all__ = [
    "KNOWN_MARKS",
    "MOST_MARKS",
    "NO_MARKS",
    "STOPS",
    "WRAPPING",
    "Agreement",
    "Mark",
    "Marks",
    "PlainVerdict",
    "PromptText",
    "Reason",
    "SplitAnswer",
    "Thinking",
    "begins_line",
    "ends_at_verdict",
    "find_restart",
    "fold_width",
    "is_heading_of_verdict",
    "is_label",
    "is_quoted",
    "lead_in_length",
    "leads_to_verdict",
    "opens_reasoning",
    "paragraph_start",
    "read_body",
    "read_plain",
    "resolve_marks",
    "split_reasoning",
    "stands_last",
    "strip_markup",
    "thinking_from_json",
    "without_mark",
]

_PLACES = {
    "KNOWN_MARKS": "._reasoning",
    "MOST_MARKS": "._binding",
    "NO_MARKS": "._reasoning",
    "STOPS": "._dress",
    "WRAPPING": "._dress",
    "Agreement": "._binding",
    "Mark": "._binding",
    "Marks": "._reasoning",
    "PlainVerdict": "._plain",
    "PromptText": "._quotes",
    "Reason": "._plain",
    "SplitAnswer": "._reasoning",
    "Thinking": "._reasoning",
    "begins_line": "._binding",
    "ends_at_verdict": "._restart",
    "find_restart": "._restart",
    "fold_width": "._dress",
    "is_heading_of_verdict": "._headings",
    "is_label": "._plain",
    "is_quoted": "._quotes",
    "lead_in_length": "._plain",
    "leads_to_verdict": "._plain",
    "opens_reasoning": "._reasoning",
    "paragraph_start": "._binding",
    "read_body": "._binding",
    "read_plain": "._plain",
    "resolve_marks": "._binding",
    "split_reasoning": "._reasoning",
    "stands_last": "._binding",
    "strip_markup": "._dress",
    "thinking_from_json": "._reasoning",
    "without_mark": "._binding",
}

if not TYPE_CHECKING:  # else a name that is not there would be one of unknown type
    __getattr__ = find_lazily(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
