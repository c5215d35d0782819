"""What the author of a verdict format reads answers with; every built-in format is made of these.

An answer takes one road, `Request.read`: reasoning is split off, the format looks for its marks in what is left, and
`agreed` says which verdict they stand for. A format gets the statement only, and asks the request what was shown.
"""

from __future__ import annotations

from harness.api.reading._binding import (
    MOST_MARKS,
    Agreed,
    Mark,
    agreed,
    begins_line,
    paragraph_start,
    read_body,
    stands_last,
    without_mark,
)
from harness.api.reading._dress import STOPS, WRAPPING, undressed, widened
from harness.api.reading._plain import Plain, Reason, is_label, lead_in, leads_to_verdict, read_plain
from harness.api.reading._quotes import Shown, is_quoted
from harness.api.reading._reasoning import (
    KNOWN_MARKS,
    NO_MARKS,
    Marks,
    Split,
    Thinking,
    opens_reasoning,
    split_reasoning,
    thinking_from_json,
)

__all__ = [
    "KNOWN_MARKS",
    "MOST_MARKS",
    "NO_MARKS",
    "STOPS",
    "WRAPPING",
    "Agreed",
    "Mark",
    "Marks",
    "Plain",
    "Reason",
    "Shown",
    "Split",
    "Thinking",
    "agreed",
    "begins_line",
    "is_label",
    "is_quoted",
    "lead_in",
    "leads_to_verdict",
    "opens_reasoning",
    "paragraph_start",
    "read_body",
    "read_plain",
    "split_reasoning",
    "stands_last",
    "thinking_from_json",
    "undressed",
    "widened",
    "without_mark",
]
