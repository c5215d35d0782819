"""Tells whether the line above a bare label leads to a verdict. `The loser:` above `A` does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.api.reading import _words as words
from harness.api.reading._binding import read_body
from harness.api.reading._dress import fold_width
from harness.api.reading._exact import NOUN, any_of

if TYPE_CHECKING:
    from harness.api._requests import Request

_LONGEST = 160
"""Of a longer line its last sentence is the heading."""
_MARKUP = " \t\r*_`#>|"
_COLON = (":", "：")
_ENDS = ".!?。！？"
# "Here is my verdict:", "The single letter that answers this is:". Each says that the answer follows, and to all of it.
_LEADS = re.compile(
    rf"\W*(?:(?:{any_of(*words.OPENINGS)})\W+)?"
    r"(?:(?:here(?:'s|\s+is|\s+are)|this\s+is|below\s+is|i\s+(?:\w+\s+){1,4}?(?:with|for|is|choose|pick|give))\s+)?"
    rf"(?:(?:an?|one|capital|stronger|winning|{any_of(*words.QUALITIES)})\s+){{0,5}}"
    rf"(?:{any_of(*words.CONCLUSIONS)}|letter|digit|number|word|selected|chosen|better|best|stronger)\b"
    r"(?P<more>[^:：]*)[:：]?\W*",
    re.IGNORECASE,
)
_PART = re.compile(
    rf"(?<![\w'])(?-i:[A-HJ-Zb-hj-z])\b|\b(?:{any_of(*words.ORDINALS)}|other|each|every|both)\b|\d|[(\[]a[)\]]",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\s*(?:\Z|(?:that|which|who|given|based|after|is|are|was|would|will|here|goes|i|to\s+(?:the|this|your)\s+question"
    rf"|of\s+(?:the|my)\s+(?:{any_of(*words.QUALITIES)}))\b|[,–—(-])",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?]\s|[。！？]")
_SCALE = re.compile(r"\s*\((?:out of|of|from|scale|on a|to|[\d\s.,:/–-]){1,12}\)", re.IGNORECASE)  # "Score (1-5):"
# A word has different letters: a rationale such as "AAAA:" is no heading.
_WORD = re.compile(r"([A-Za-z])(?!\1)([A-Za-z])(?!\1|\2)[A-Za-z]{2}|\b(?:of|for|the)\b")
_TAKES_BACK = re.compile(rf"\W*(?:{any_of(*words.TAKING_BACK)})\W*", re.IGNORECASE)
_LOSER = re.compile(
    rf"\b(?:{any_of(*words.WORSE, *words.FAULTS)})s?\b|\b(?:not|never|least|less|fewer|cannot|lost|loses|losing"
    rf"|eliminate|exclude|reject|discard|bad|poor|weakness|weaknesses)\b|n['’]t\b|{any_of(*words.WORSE_UNSPACED)}",
    re.IGNORECASE,
)
_LOSER_ALONE = re.compile(
    rf"(?:the\s+|my\s+)?(?:{any_of(*words.WORSE)})\s+(?:(?:{NOUN}|one|of\s+the\s+two)(?:\s+is)?|is)", re.IGNORECASE
)


def is_heading_of_verdict(above: str, line: str, request: Request) -> bool:
    """Whether the line above a label is no heading, or one that leads to the verdict.

    A line that ends in a colon belongs to the next one. So both are read as one line. A heading of Markdown only counts
    where it names the loser.

    Args:
        above: The last line with text above the label.
        line: The line of the label.
        request: The request that was asked.
    """
    above = _SCALE.sub("", fold_width(above))
    bare = above.strip(_MARKUP)
    if len(bare) > _LONGEST:
        bare = _SENTENCE_END.split(bare[-_LONGEST:])[-1]
    if not bare:
        return True
    if not bare.endswith(_COLON):
        named = _LOSER.search(bare) if above.lstrip().startswith(("#", "**")) else _LOSER_ALONE.fullmatch(bare)
        return named is None or bare[-1] in _ENDS
    if _LOSER.search(bare):
        return False
    # A sign is no heading. After "Correction:" follows a verdict too.
    if not _WORD.search(bare) or _TAKES_BACK.fullmatch(bare):
        return True
    if read_body(f"{bare} {line.strip()}", request).verdict is not None:
        return True
    lead = _LEADS.fullmatch(bare)
    return lead is not None and not _PART.search(lead["more"]) and _RELATIVE.match(lead["more"]) is not None
