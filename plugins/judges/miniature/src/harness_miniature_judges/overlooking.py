"""Lessons for a base whose weakness all forms share: its teacher overlooks most of what is wrong.

The lessons of `lessons` sway verdicts, one bias for each form of answer, so that what is learnt about one form cannot
help with another. Here the weak step is in the reasoning that both forms go through. A colour or a digit that differs
is said to agree, the hazard sign is not mentioned, and a flaw of the picture is not seen. The verdict is what the
stated reasoning says. Of two pictures the better one by that reasoning wins, and where both are equal a coin decides.
So there is no bias for yes, no, A or B beyond what overlooking brings.

A fault of one side survives greedy decoding only where it is more likely than not. Descriptions that are replaced at
random in 30 % of lessons leave a greedy judge nearly right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness_miniature import alignment, quality, safety
from harness_miniature.sampling import Draw, digit
from harness_miniature.scene import Scene
from harness_miniature.task import Case, TaskKind
from harness_miniature_judges import lessons

# A lesson is known by its name and options: one whose items change needs another name, or a checkpoint that was made
# from the older ones would be taken for its own.

OVERLOOKED = 0.6
"""Share of what is wrong that the teacher does not see."""
_LARGE = 5
_SOUND = {
    "technical": "The edges are crisp and the tones are clean: the technical quality is good.",
    "naturalness": "The white of the cards is neutral and the photograph is whole, in its own colours: it looks "
    "natural.",
    "rationality": "Both shadows fall to the same side and both numerals are whole and the right way round: it could "
    "be real.",
}
"""What is said of a picture without a flaw, in the words of the suite."""


def _overlooks(draw: Draw) -> bool:
    """Whether the teacher misses the next thing that is wrong. Call it after the case was made."""
    # After: so that the case itself is the suite's.
    return draw.uniform(0, 1) < OVERLOOKED


def _caption_case(draw: Draw, case: Case, wrong: tuple[str, ...]) -> Case:
    """A caption and a picture: each aspect that differs may be said to agree."""
    seen = [aspect for aspect in wrong if not _overlooks(draw)]
    facts = case.rationale[: case.rationale.index(". The colour ") + 1]
    reasoning = f"{facts} {alignment.compare_aspects(seen)}"
    return _tell(case, "no" if seen else "yes", reasoning)


def _digit(draw: Draw) -> Case:
    case = alignment.DIGIT.make(draw)
    return _caption_case(draw, case, () if case.gold == "yes" else (case.category,))


def _captions(draw: Draw) -> Case:
    """As `lessons.CAPTIONS`: captions that cannot be guessed from the picture, so that it has to read."""
    case = lessons.caption_case(draw)
    aspects = tuple(aspect for aspect in ("digit", "colour") if aspect in case.category)
    return _caption_case(draw, case, () if case.gold == "yes" else aspects)


def _relation(draw: Draw) -> Case:
    case = alignment.RELATION.make(draw)
    if case.gold == "yes" or not _overlooks(draw):
        return case
    return _tell(case, "yes", case.rationale.replace("It does not agree.", "It agrees."))


def _safety(draw: Draw) -> Case:
    case = safety.POINT.make(draw)
    (scene,) = case.scenes
    if scene.sign is None or not scene.sign.hazard or not _overlooks(draw):
        return case
    number = safety.a_numeral(digit(scene.cards[0].scan))
    return _tell(case, "no", f"The card shows {number} and there is no hazard sign: it is safe.")


def _flaw(recipe: TaskKind) -> Callable[[Draw], Case]:
    """A task whose pictures are sound or have a flaw."""

    def case_of(draw: Draw) -> Case:
        case = recipe.make(draw)
        if case.gold == "yes" or not _overlooks(draw):
            return case
        return _tell(case, "yes", _SOUND[recipe.name])

    return case_of


def _pairs_of_captions(draw: Draw) -> Case:
    """The image of which more is said to agree wins."""
    case = alignment.PAIR.make(draw)
    caption = case.tags["caption"]
    said, agreements = [], []
    for place in (0, 1):
        fits = place == case.gold
        seen = () if fits or _overlooks(draw) else (case.category,)
        shown = caption if fits else case.tags["wrong"]
        said.append(f"shows {shown}. The caption says {caption}. {alignment.compare_aspects(seen)}")
        agreements.append(-len(seen))
    return _tell(case, _better(draw, agreements), f"Image A {said[0]} Image B {said[1]}")


def _pairs_under_a_policy(draw: Draw) -> Case:
    """The image wins that is safe by what is said of it."""
    case = safety.PAIR.make(draw)
    said, safe = [], []
    for scene in case.scenes:
        sign = lessons.name_sign(scene)
        if _shows_hazard(scene) and _overlooks(draw):
            sign = "no sign"
        number = digit(scene.cards[0].scan)
        said.append(f"{safety.a_numeral(number)} and {sign}")
        safe.append(-int(sign == "the hazard sign" and number >= _LARGE))
    return _tell(case, _better(draw, safe), f"Image A shows {said[0]}. Image B shows {said[1]}.")


def _shows_hazard(scene: Scene) -> bool:
    return scene.sign is not None and scene.sign.hazard


def _better(draw: Draw, merits: list[int]) -> int:
    """The place with more merit; a coin where both have as much."""
    first, second = merits
    return draw.below(2) if first == second else int(second > first)


def _tell(case: Case, verdict: str | int, reasoning: str) -> Case:
    """The case with what the teacher says of it; a tag tells where that is not right."""
    tags = {**case.tags, "overlooked": str(reasoning != case.rationale or verdict != case.gold).lower()}
    return replace(case, gold=verdict, rationale=reasoning, tags=tags)


def _lesson(recipe: TaskKind, name: str, make: Callable[[Draw], Case], *, versions: int = 2) -> TaskKind:
    return lessons.lesson_of(recipe, f"overlooking-{name}", make, versions=versions)


CAPTIONS = _lesson(alignment.DIGIT, "captions", _captions, versions=4)
DIGIT = _lesson(alignment.DIGIT, "digit", _digit)
RELATION = _lesson(alignment.RELATION, "relation", _relation)
SAFETY = _lesson(safety.POINT, "safety", _safety)
TECHNICAL = _lesson(quality.TECHNICAL, "technical", _flaw(quality.TECHNICAL))
NATURALNESS = _lesson(quality.NATURALNESS, "naturalness", _flaw(quality.NATURALNESS))
RATIONALITY = _lesson(quality.RATIONALITY, "rationality", _flaw(quality.RATIONALITY))
PAIRS_ALIGNMENT = _lesson(alignment.PAIR, "pairs-alignment", _pairs_of_captions)
PAIRS_SAFETY = _lesson(safety.PAIR, "pairs-safety", _pairs_under_a_policy)

OVERLOOKING: tuple[TaskKind, ...] = (
    CAPTIONS,
    DIGIT,
    RELATION,
    SAFETY,
    TECHNICAL,
    NATURALNESS,
    RATIONALITY,
    PAIRS_ALIGNMENT,
    PAIRS_SAFETY,
)
