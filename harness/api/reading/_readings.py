"""The result of reading an answer with a verdict format."""

from __future__ import annotations

from dataclasses import dataclass

from harness.api.spaces._kinds import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The result of a parser: a verdict, or the reason why there is none."""

    verdict: Verdict | None = None
    """The one verdict, in shown places, or `None`."""
    rationale: str = ""
    """The reasoning, without the verdict."""
    outside: bool = False
    """Whether there is a verdict in the right form that is not an answer of the space."""
    problem: str = ""
    """Why there is no verdict. It begins with a `harness.api.UnreadReason`, so that reasons can be counted. Details
    follow after a colon: `ambiguous: 'A or B' names A and B`."""
    well_formed: bool = False
    """Whether the whole answer keeps to the format exactly, as a format reward needs. A prefix of an answer does not,
    and an answer beside a repeated instruction does not."""
    closed: bool = False
    """Whether the verdict begins a line, and its form ends it (a tag, a bracket), so that it is complete."""
    last: bool = False
    """Whether the verdict is the very end; of a whole answer (`Request.reading`), also whether it comes after closed
    reasoning. In an answer that was cut off, a verdict only counts where it is closed and last."""
