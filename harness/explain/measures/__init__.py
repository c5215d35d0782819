"""The measures. Each is an object of its own, found by its name in `MEASURES`: one more is one more line there.

questions(study)            what the judge is asked beyond the recorded answers; nothing for some
measure(study, answers)     figures with their controls, from recorded and new answers
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from harness.api import Judgement, Request, UserError
from harness.explain.records import Finding
from harness.explain.study import StudiedAnswer, Study

MEASURES: Mapping[str, str] = {
    "contradiction": "harness.explain.measures.contradiction:Contradiction",
    "facts": "harness.explain.measures.facts:Facts",
    "sister": "harness.explain.measures.sister:SistersReasoning",
    "mistake": "harness.explain.measures.mistake:Mistake",
    "grey": "harness.explain.measures.grey:GreyPicture",
    "places": "harness.explain.measures.places:Places",
    "cutting": "harness.explain.measures.cutting:Cutting",
    "deletion": "harness.explain.measures.deletion:Deletion",
}
"""Name of each measure to the place of its class, in the order of the report."""

ON_REQUEST: Mapping[str, str] = {
    "deletion": "These are second numbers. An edge map, made without any judge, wins the pointing game, and is often "
    "level with a judge in deletion. They rank no judge, and stand on no board.",
}
"""Measures that are made only where they are named, and what the report says of them."""

Way = Literal["ask", "weigh", "weigh blind", "weigh and delete"]
"""How a question is put: as any request; as a text to weigh; likewise, to the judge with broken eyes; or to weigh the
text once more with parts of the picture covered in the order of the map that came out."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something to ask a judge about one of its answers."""

    label: str
    """What it is for, unique among the questions about one answer."""
    said: StudiedAnswer
    """The answer that it is about."""
    request: Request
    """What is asked."""
    way: Way = "ask"
    """How it is put."""
    probes: bool = False
    """Whether its answer shows if the judge goes on from a given beginning at all: after its own words about what it
    sees, and ahead of the verdict. After words that no model writes it may do odd things and go on all the same."""


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """What a measure is told besides the study."""

    folder: Path
    """The run folder, for pictures."""
    window: int = 16
    """Side of the part of a picture that is covered at once, in pixels. About the size of the evidence."""
    step: int = 8
    """Pixels between two windows."""
    pictures: int = 3
    """Maps that are drawn for each judge and task."""


Answers = Mapping[tuple[str, tuple[int, ...], str], Judgement]
"""What came back, by item, order and label."""


class Measure(Protocol):
    """One way to look at a judge's answers."""

    def __init__(self, settings: MeasureSettings) -> None: ...

    def lacks(self, study: Study) -> str:
        """Why it cannot be measured here, in words for people. Empty where it can."""

    def questions(self, study: Study) -> Iterable[Question]:
        """What the judge is to be asked."""

    def measure(self, study: Study, answers: Answers) -> Finding:
        """The figures, each with its control."""


def make_measures(names: Sequence[str], settings: MeasureSettings) -> dict[str, Measure]:
    """The measures of some names; where there are none, all but those that are made on request.

    Raises:
        UserError: There is no such measure.
    """
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise UserError(f"there is no measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    found: dict[str, Measure] = {}
    for name, place in MEASURES.items():
        if name in names or (not names and name not in ON_REQUEST):
            found[name] = pkgutil.resolve_name(place)(settings)
    return found
