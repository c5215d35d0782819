"""Takes the answer to a rubric apart: which text stands for which criterion. Not for reading the verdict in it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from harness.api.reading._dress import strip_markup
from harness.api.reading._exact import any_of
from harness.api.spaces._rubric import Rubric, fold_criterion

# Keys that judges add of their own. What stands after them is about no criterion.
_OTHERS = (
    "analysis", "because", "comment", "comments", "explanation", "justification", "note", "notes", "overall",
    "overall score", "rationale", "reason", "reasoning", "reasons", "total", "total score",
)  # fmt: skip
_LONGEST_LEAD = 80
# A sentence before the criteria that may take them back.
_UNSURE = re.compile(r"\b(?:not|never|no|if|unless|or|maybe|perhaps|wrong)\b|n't|n’t|\?", re.IGNORECASE)
# All repeats are bounded, so that the time stays linear for a text of white space or of dashes.
_BEFORE = r"(?:\A|[\n;,{])[ \t\r\n>*_#•–—-]{0,12}(?:\d{1,2}[.)][ \t]{0,3})?[ \t\"'“”*_`\[(]{0,6}"
_AFTER = r"[ \t\"'“”*_`\])]{0,6}[:=：][ \t*_]{0,6}"


class Split(NamedTuple):
    """An answer in parts."""

    parts: list[tuple[int, str]]
    """Pairs of a criterion's place and a text that stands for it, in the order of the answer."""
    problem: str = ""
    """Why the parts do not count. It begins as `harness.api.Reading.problem` does."""


def split_criteria(text: str, space: Rubric) -> Split:
    """Take an answer apart: `name: verdict` on lines or between semicolons or commas, or `<name>verdict</name>`.

    Args:
        text: The answer in plain width.
        space: The criteria that were asked for.
    """
    keys, tags = _patterns(space)
    text = tags.sub(lambda tag: "\n" if tag[1] else f"\n{tag[2]}: ", text)
    places = {fold_criterion(name): place for place, name in enumerate(space.names)}
    matches = list(keys.finditer(text))
    if not matches:
        return Split([])
    lead = text[: matches[0].start()]
    problem = "" if _is_lead(lead) else f"ambiguous: {lead.strip()[:80]!r} stands before the criteria"
    ends = [match.start() for match in matches[1:]] + [len(text)]
    named = [(fold_criterion(match[1]), text[match.end() : end]) for match, end in zip(matches, ends, strict=True)]
    return Split([(places[key], value) for key, value in named if key in places], problem)


@lru_cache(maxsize=64)
def _patterns(space: Rubric) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The pattern of a key with the signs around it, and that of a tag."""
    names = "|".join(
        re.escape(fold_criterion(name)).replace(r"\ ", "[ _-]{1,2}") for name in sorted(space.names, key=len)[::-1]
    )
    known = {fold_criterion(name) for name in space.names}
    others = any_of(*(other for other in _OTHERS if other not in known))
    flags = re.IGNORECASE | re.ASCII
    return (
        re.compile(rf"{_BEFORE}({names}|{others}){_AFTER}", flags),
        re.compile(rf"<(/?)({names})[ \t]{{0,3}}>", flags),
    )


def _is_lead(text: str) -> bool:
    """Whether a text before the criteria says nothing, as `Here are my scores:` does."""
    bare = text.strip()
    if not strip_markup(bare):
        return True
    return len(bare) <= _LONGEST_LEAD and bare[-1] in ":：{" and not _UNSURE.search(bare)
