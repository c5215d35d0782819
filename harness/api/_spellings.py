"""The answers of a space as a format writes them: for judges that weigh every answer instead of writing one.

A language model's probability of an answer is the probability of its text. The texts of one format begin alike
(`<think>...</think><answer>`) and end alike (`</answer>`); what differs in between is the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.api._errors import DataError
from harness.api._requests import VerdictFormat
from harness.api._spaces import AnswerSpace, Verdict

MAX_ANSWERS = 256
"""A space with more answers is not weighed one by one: 6 candidates have 720 rankings."""


@dataclass(frozen=True, slots=True)
class Spellings:
    """Every answer of a space, written out."""

    verdicts: tuple[Verdict, ...]
    """The answers, in the order of `AnswerSpace.verdicts`."""
    texts: tuple[str, ...]
    """How each is written, in full."""
    opening: str
    """What all texts begin with."""

    @property
    def endings(self) -> tuple[str, ...]:
        """Each text behind the opening; it begins where the verdicts differ."""
        return tuple(text[len(self.opening) :] for text in self.texts)


def spell_answers(format: VerdictFormat, space: AnswerSpace, rationale: str = "") -> Spellings:
    """Write out every answer of a space.

    Args:
        format: Writes them; its own parser reads each back as the verdict it stands for.
        space: What may be answered.
        rationale: The reasoning that all of them share.

    Raises:
        DataError: The space is continuous, or has more than `MAX_ANSWERS` answers.
    """
    verdicts = space.verdicts()
    if len(verdicts) > MAX_ANSWERS:
        raise DataError(f"{space}: {len(verdicts):,} answers are too many to weigh one by one; let the judge write one")
    texts = tuple(format.write(verdict, space, rationale) for verdict in verdicts)
    return Spellings(verdicts, texts, _common(min(texts), max(texts)))


def _common(first: str, last: str) -> str:
    """What two texts begin with alike; of the least and the greatest of many, what all begin with."""
    same = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:same] if same is not None else min(first, last, key=len)
