"""What a verdict format found in an answer."""

from __future__ import annotations

from dataclasses import dataclass

from harness.api._spaces import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a parser found in an answer."""

    verdict: Verdict | None = None
    """The one verdict, in shown places, or `None`."""
    rationale: str = ""
    """The reasoning, without the verdict."""
    outside: bool = False
    """Whether a verdict was given in the form that was asked for, and is none of the space."""
    problem: str = ""
    """Why there is no verdict. It begins with a `harness.api.UnreadReason`, so that reasons can be counted. Details
    follow after a colon: `ambiguous: 'A or B' names A and B`."""
    well_formed: bool = False
    """Whether the whole answer keeps to the format, to the letter (what a format reward pays for): no prefix of it, and
    no instruction repeated beside it."""
    closed: bool = False
    """Whether the verdict begins a line, and its form ends it (a tag, a bracket), so that it is complete."""
    last: bool = False
    """Whether the verdict is the very end. Where an answer was cut off, only a verdict counts that is closed, and last
    or after closed reasoning."""
