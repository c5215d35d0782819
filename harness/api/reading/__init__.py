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
    paragraph_start,
    read_body,
    stands_alone,
    without_mark,
)
from harness.api.reading._plain import Plain, is_label, leads_to_verdict, read_plain, widened
from harness.api.reading._quotes import Shown, is_quoted
from harness.api.reading._reasoning import KNOWN_MARKS, Split, Thinking, opens_reasoning, split_reasoning

__all__ = [
    "KNOWN_MARKS",
    "MOST_MARKS",
    "Agreed",
    "Mark",
    "Plain",
    "Shown",
    "Split",
    "Thinking",
    "agreed",
    "is_label",
    "is_quoted",
    "leads_to_verdict",
    "opens_reasoning",
    "paragraph_start",
    "read_body",
    "read_plain",
    "split_reasoning",
    "stands_alone",
    "widened",
    "without_mark",
]
