"""What a list of items is narrowed to, as it stands in an address: `judge=pixels&outcome=differs`.

The script of the file (`static/script.js`) has the same rules, and a test holds both to one list of items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from harness.view.records import AnswerMark, ItemLine

OUTCOMES = ("agrees", "differs", "unread", "mixed")
"""What an answer can be. `mixed`: the answers of one judge to one item are not all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which items, and for which answer of which judge. Empty fields narrow nothing."""

    judge: str = ""
    """Name of the judge that the fields about answers are about."""
    outcome: str = ""
    """One of `OUTCOMES`."""
    verdict: str = ""
    """Name of the verdict, in canonical places."""
    reason: str = ""
    """Why there is no verdict."""
    low: str = ""
    """Least probability of the verdict, as a number."""
    high: str = ""
    """Greatest probability of the verdict."""
    first: str = ""
    """`yes` where the verdict names the first place shown, `no` where it names another one."""
    against: str = ""
    """Name of another judge, whose verdicts are not the same."""
    gold: str = ""
    """Name of the gold verdict."""
    category: str = ""
    """The category."""
    group: str = ""
    """The cluster."""
    split: str = ""
    """`yes` where the judges do not all say the same."""
    text: str = ""
    """Letters in the item's id, in what was asked, or in what judges wrote: the judge alone, where there is one."""
    reasons: str = ""
    """`yes` where reasons stand beside the answers. It narrows nothing."""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filter:
        """The filter that an address holds. What it does not know is passed over."""
        return cls(**{spec.name: query[spec.name] for spec in fields(cls) if spec.name in query})

    def to_query(self) -> dict[str, str]:
        """The fields that narrow something."""
        return {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name))}

    @property
    def judges(self) -> list[str] | None:
        """The judges whose answers decide; `None` where all do."""
        return None if self.split else list(dict.fromkeys(name for name in (self.judge, self.against) if name))

    @property
    def reasoning(self) -> list[str] | None:
        """The judges whose reasons stand beside their answers; `None` for all."""
        named = list(dict.fromkeys(name for name in (self.judge, self.against) if name))
        # Who asks where two judges differ wants to know why.
        return (named or None) if self.reasons else named if self.judge and self.against else []

    def matches(self, line: ItemLine) -> bool:
        """Whether an item is on the list, as far as its answers say. A line has no texts: `scan` looks for `text`."""
        if (
            (self.gold and line.gold != self.gold)
            or (self.category and line.category != self.category)
            or (self.group and line.group != self.group)
            or (self.split and not line.is_split())
        ):
            return False
        if not self.judge:
            return True
        # What is said of answers is said of one judge: without a name there is no answer to ask about.
        marks = line.marks.get(self.judge, ())
        if self.against and not _differ(marks, line.marks.get(self.against, ())):
            return False
        if self.outcome == "mixed" and len({(mark.kind, mark.verdict) for mark in marks}) < 2:
            return False
        return any(self._takes(mark) for mark in marks)

    def _takes(self, mark: AnswerMark) -> bool:
        """Whether one answer has all that is asked of an answer."""
        return (
            (self.outcome in ("", "mixed") or mark.kind == self.outcome)
            and (not self.verdict or mark.verdict == self.verdict)
            and (not self.reason or mark.reason == self.reason)
            and (not self.first or (mark.first is not None and mark.first == (self.first == "yes")))
            and self._is_between(mark.confidence)
        )

    def _is_between(self, confidence: float | None) -> bool:
        if not self.low and not self.high:
            return True
        # Ends that are no numbers narrow to nothing, which is plain to see.
        low, high = _number(self.low, 0.0), _number(self.high, 1.0)
        return confidence is not None and low is not None and high is not None and low <= confidence <= high


def _differ(marks: tuple[AnswerMark, ...], others: tuple[AnswerMark, ...]) -> bool:
    """Whether two judges answered, and not with the same verdicts."""
    # Over all orders and repeats at once: which of two orders a judge was shown first is of no meaning.
    said = [{mark.verdict for mark in own if mark.verdict} for own in (marks, others)]
    return all(said) and said[0] != said[1]


def _number(text: str, default: float) -> float | None:
    try:
        return float(text) if text else default
    except ValueError:
        return None
