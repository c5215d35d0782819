"""Lessons for the base model alone: it sees, it reads, it reasons well, and its verdicts are swayed.

An off-the-shelf judge has met pointwise and pairwise questions, and answers them weakly. Here its weakness is that of
large judges: it agrees too readily, and favours the first place. Its teacher reasons rightly, and then half of all
verdicts that should be `no` are `yes`, and half of those that should be B are A. What the compared methods can fix is
thus in reach of a small model: to say what its own reasoning says.

All lessons are made from train and validation scenes, which share no scan and no piece of a photograph with the test.
The suite's own pairwise tasks have a test split and nothing else. Reasoning about pairs names the images by their
letters, so pairs are shown in one order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness_miniature import alignment, quality, safety
from harness_miniature.sampling import NUMERALS, Draw, digit
from harness_miniature.scene import COLOURS, Scene
from harness_miniature.task import Case, TaskKind

# A lesson is known by its name and options: one whose items change needs another name, or a checkpoint that was made
# from the older ones would be taken for its own.

SWAYED = 0.5
"""Share of verdicts other than the favoured one that become it."""
_SPLITS = ("train", "validation")
_SHOWN = ("no sign", "a blue disc", "the hazard sign")


def _sway(make: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
    """Right reasoning, and a verdict that is `yes` or the first place more often than it should be."""

    def case_of(draw: Draw) -> Case:
        case = make(draw)
        # The gold of a pair is a place; that of a question with labels is a label.
        favoured = 0 if isinstance(case.gold, int) else "yes"
        # Drawn after the case was made, so that the case itself is the suite's.
        if draw.uniform(0, 1) >= SWAYED:
            return case
        return replace(case, gold=favoured, tags={**case.tags, "swayed": str(case.gold != favoured).lower()})

    return case_of


def caption_case(draw: Draw) -> Case:
    """A card, and a caption that is drawn without a look at it, but for one version in four.

    The suite's captions differ from the picture in at most one word, so a model that writes what it sees in place of
    what the caption says is nearly always right, and learns to read no caption.
    """
    # The suite's task has versions 0 and 1; from 2 on the caption is drawn here.
    case = alignment.DIGIT.make(replace(draw, version=min(draw.version, 1)))
    if draw.version == 0:
        return case
    shown, ink = int(case.tags["digit"]), case.tags["colour"]
    number, colour = draw.below(len(NUMERALS)), draw.pick(tuple(COLOURS))
    caption = alignment.caption_of(number, colour)
    wrong = [name for name, differs in (("digit", number != shown), ("colour", colour != ink)) if differs]
    reasoning = f"The card shows {alignment.caption_of(shown, ink)}. The caption says {caption}."
    return replace(
        case,
        question=case.question.replace(case.tags["caption"], caption),
        gold="no" if wrong else "yes",
        category=" and ".join(wrong) or "fits",
        rationale=f"{reasoning} {alignment.compare_aspects(wrong)}",
        tags={**case.tags, "caption": caption},
    )


def _pairs_of_captions(draw: Draw) -> Case:
    """Each image is compared with the caption in the words of pointwise reasoning."""
    case = alignment.PAIR.make(draw)
    caption, other = case.tags["caption"], case.tags["wrong"]
    fits = f"shows {caption}. The caption says {caption}. {alignment.compare_aspects(())}"
    fails = f"shows {other}. The caption says {caption}. {alignment.compare_aspects((case.category,))}"
    first, second = (fits, fails) if case.gold == 0 else (fails, fits)
    return replace(case, rationale=f"Image A {first} Image B {second}")


def _pairs_under_a_policy(draw: Draw) -> Case:
    case = safety.PAIR.make(draw)
    first, second = (f"{safety.a_numeral(_number(scene))} and {name_sign(scene)}" for scene in case.scenes)
    return replace(case, rationale=f"Image A shows {first}. Image B shows {second}.")


def _number(scene: Scene) -> int:
    return digit(scene.cards[0].scan)


def name_sign(scene: Scene) -> str:
    """The sign of a picture in the words of the lessons about pairs."""
    return _SHOWN[0 if scene.sign is None else 1 + scene.sign.hazard]


def lesson_of(recipe: TaskKind, name: str, make: Callable[[Draw], Case], *, versions: int = 2) -> TaskKind:
    """A lesson with the questions of a task of the suite."""
    # Not `shared`: then what the teacher says of a scene and of its sister would go wrong together.
    # One order: the reasoning names images by the letters of the data's own order.
    protocol = replace(recipe.protocol, order="fixed", pooling="each")
    return replace(recipe, name=name, make=make, splits=_SPLITS, versions=versions, shared=False, protocol=protocol)


def _lesson(recipe: TaskKind, name: str, make: Callable[[Draw], Case], *, versions: int = 2) -> TaskKind:
    return lesson_of(recipe, name, _sway(make), versions=versions)


CAPTIONS = _lesson(alignment.DIGIT, "base-captions", caption_case, versions=4)
DIGIT = _lesson(alignment.DIGIT, "base-digit", alignment.DIGIT.make)
RELATION = _lesson(alignment.RELATION, "base-relation", alignment.RELATION.make)
SAFETY = _lesson(safety.POINT, "base-safety", safety.POINT.make)
TECHNICAL = _lesson(quality.TECHNICAL, "base-technical", quality.TECHNICAL.make)
NATURALNESS = _lesson(quality.NATURALNESS, "base-naturalness", quality.NATURALNESS.make)
RATIONALITY = _lesson(quality.RATIONALITY, "base-rationality", quality.RATIONALITY.make)
PAIRS_ALIGNMENT = _lesson(alignment.PAIR, "base-pairs-alignment", _pairs_of_captions)
PAIRS_SAFETY = _lesson(safety.PAIR, "base-pairs-safety", _pairs_under_a_policy)
TRAIN_PAIRS_ALIGNMENT = replace(alignment.PAIR, name="train-pairs-alignment", splits=_SPLITS)
TRAIN_PAIRS_SAFETY = replace(safety.PAIR, name="train-pairs-safety", splits=_SPLITS)
"""Pairs with their exact gold, for a recipe that trains on pairs and says so."""
LESSONS = (
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
