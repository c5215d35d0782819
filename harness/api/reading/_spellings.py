"""The answers of a space as a format writes them, for judges that weigh every answer instead of writing one.

A language model's probability of an answer is the probability of its text. The texts of a format begin alike
(`<think>...</think><answer>`) and end alike (`</answer>`). Only the verdict in between differs.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.api._errors import DataError
from harness.api._requests import VerdictFormat
from harness.api.spaces._kinds import AnswerSpace, Verdict

MAX_ANSWERS = 256
"""The most answers that are weighed one by one. Rankings of 6 candidates are 720, and too many."""


@dataclass(frozen=True, slots=True)
class Spellings:
    """Every answer of a space, written out."""

    verdicts: tuple[Verdict, ...]
    """The answers, in the order of `AnswerSpace.verdicts`."""
    texts: tuple[str, ...]
    """The full text of each."""
    opening: str
    """The beginning that all texts share."""

    @property
    def endings(self) -> tuple[str, ...]:
        """Each text after the opening. It begins where the verdicts differ."""
        return tuple(text[len(self.opening) :] for text in self.texts)


def spell_answers(format: VerdictFormat, space: AnswerSpace, rationale: str = "") -> Spellings:
    """Write out every answer of a space.

    >>> from harness.api import Choice
    >>> from harness.formats.tagged import TaggedFormat
    >>> found = spell_answers(TaggedFormat(), Choice(("yes", "no")))
    >>> found.opening, found.endings
    ('<think></think><answer>', ('yes</answer>', 'no</answer>'))

    Args:
        format: Writes them. Its own parser reads each back as the verdict that it stands for.
        space: The allowed answers.
        rationale: The reasoning that all of them share.

    Raises:
        DataError: The space is continuous, or has more than `MAX_ANSWERS` answers.
    """
    verdicts = space.verdicts()
    if len(verdicts) > MAX_ANSWERS:
        raise DataError(f"{space}: {len(verdicts):,} answers are too many to weigh one by one; let the judge write one")
    texts = tuple(format.write(verdict, space, rationale) for verdict in verdicts)
    # In alphabetical order, the first and the last text share the least: their common start is that of all.
    return Spellings(verdicts, texts, _find_common_start(min(texts), max(texts)))


def _find_common_start(first: str, last: str) -> str:
    """The common beginning of two texts. For the least and the greatest of many texts it is that of all."""
    same = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:same] if same is not None else min(first, last, key=len)
