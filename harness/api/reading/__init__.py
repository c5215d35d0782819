"""Tools for reading answers, for authors of verdict formats. Every built-in format is made of these.

Every answer goes through `Request.read`. It splits off the reasoning. The format then looks for its marks in the
statement that is left, and `resolve_marks` says which verdict they stand for. What the judge was shown is in
`Request.prompt_text`.
"""

from __future__ import annotations

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
