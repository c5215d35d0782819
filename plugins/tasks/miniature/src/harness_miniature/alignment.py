"""Text-image alignment: does the picture show what the words say?

Each scene occurs with a caption that fits and with one that does not. So the picture alone and the caption alone
tell nothing about the gold.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from harness.api import Choice, Preference, Protocol
from harness_miniature import evidence
from harness_miniature.sampling import NUMERALS, Draw, digit
from harness_miniature.scene import COLOURS, UNSEEN_COLOURS
from harness_miniature.task import Case, TaskKind

YES_NO = Choice(("yes", "no"))
POINTWISE = Protocol(metrics=("macro_f1", "accuracy", "balanced_accuracy", "roc_auc"))
PAIRWISE = Protocol(order="both", pooling="each", metrics=("macro_f1", "accuracy"))

_DIGIT = (
    "The picture shows a handwritten numeral on a paper card. Does it fit this caption: \u201c{caption}\u201d? "
    "Both the numeral and the colour of its ink must be as the caption says."
)
_RELATION = (
    "The picture shows two paper cards, each with a handwritten numeral. Does it fit this caption: "
    "\u201c{caption}\u201d? Look only at the numerals and where they are, not at their colours."
)
_PAIR = (
    "Each of the two images shows a handwritten numeral on a paper card. Which image fits this caption better: "
    "\u201c{caption}\u201d? Both the numeral and the colour of its ink must be as the caption says."
)


def caption_of(number: int, ink: str) -> str:
    """A numeral and its ink in words."""
    return f"{'an' if ink[0] in 'aeiou' else 'a'} {ink} {NUMERALS[number]}"


def compare_aspects(differs: Collection[str]) -> str:
    """What is said of a picture and its caption, aspect by aspect.

    Args:
        differs: Of `colour` and `digit`, those that the caption has wrong.
    """
    colour, number = (f"{'does not agree' if aspect in differs else 'agrees'}" for aspect in ("colour", "digit"))
    return f"The colour {colour} and the digit {number}."


def _other(draw: Draw, colours: tuple[str, ...], ink: str) -> str:
    return draw.pick([colour for colour in colours if colour != ink])


def _digit_case(draw: Draw, colours: tuple[str, ...]) -> Case:
    scan = draw.scan()
    ink = draw.pick(colours)
    scene = draw.scene(cards=(draw.one_card(scan, ink),))
    shown = caption_of(digit(scan), ink)
    aspect = draw.turn(("digit", "colour"))
    if aspect == "digit":
        wrong = caption_of(draw.pick([number for number in range(10) if number != digit(scan)]), ink)
    else:
        wrong = caption_of(digit(scan), _other(draw, colours, ink))
    caption = shown if draw.version == 0 else wrong
    differs = () if draw.version == 0 else (aspect,)
    return Case(
        question=_DIGIT.format(caption=caption),
        scenes=(scene,),
        sources=(scan,),
        gold="yes" if draw.version == 0 else "no",
        category=aspect,
        rationale=f"The card shows {shown}. The caption says {caption}. {compare_aspects(differs)}",
        tags={"digit": str(digit(scan)), "colour": ink, "caption": caption},
    )


def _make_digit(draw: Draw) -> Case:
    return _digit_case(draw, tuple(COLOURS))


def _make_unseen(draw: Draw) -> Case:
    return _digit_case(draw, tuple(UNSEEN_COLOURS))


def _relation_case(draw: Draw) -> Case:
    couple = draw.couple()
    # A couple is always a low and a high digit. Unshuffled, the smaller one would always stand first.
    first, second = draw.permute(couple)
    stacked = draw.turn((False, True))
    scene = draw.scene(cards=draw.two_cards(first, second, stacked=stacked))
    forwards, backwards = ("above", "below") if stacked else ("to the left of", "to the right of")
    near, far = f"the {NUMERALS[digit(first)]}", f"the {NUMERALS[digit(second)]}"
    # The fitting caption may start from either numeral; the other one turns its relation round.
    subject, relation, opposite, target = draw.pick(
        ((near, forwards, backwards, far), (far, backwards, forwards, near))
    )
    fits = draw.version == 0
    caption = f"{subject} is {relation if fits else opposite} {target}"
    return Case(
        question=_RELATION.format(caption=caption),
        scenes=(scene,),
        sources=couple,
        gold="yes" if fits else "no",
        category="above-below" if stacked else "left-right",
        rationale=f"The caption says {caption}. {subject.capitalize()} is {relation.removesuffix(' of')}. "
        f"{'It agrees.' if fits else 'It does not agree.'}",
        tags={"digits": f"{digit(first)},{digit(second)}", "caption": caption},
    )


def _pair_case(draw: Draw) -> Case:
    couple = draw.couple()
    # The right picture must not be the low digit of the couple each time, or the digit alone would give the answer.
    scan, stranger = draw.permute(couple)
    colours = tuple(COLOURS)
    ink = draw.pick(colours)
    aspect = draw.turn(("digit", "colour"))
    right = draw.scene(cards=(draw.one_card(scan, ink),))
    if aspect == "digit":
        wrong_scan, wrong_ink = stranger, ink
    else:
        wrong_scan, wrong_ink = scan, _other(draw, colours, ink)
    wrong = draw.scene(cards=(draw.one_card(wrong_scan, wrong_ink),))
    caption = caption_of(digit(scan), ink)
    return Case(
        question=_PAIR.format(caption=caption),
        scenes=(right, wrong) if draw.version == 0 else (wrong, right),
        sources=couple,
        gold=draw.version,
        category=aspect,
        rationale=f"One image shows {caption}, as the caption says; the other shows "
        f"{caption_of(digit(wrong_scan), wrong_ink)}, so its {aspect} is wrong.",
        tags={"caption": caption, "wrong": caption_of(digit(wrong_scan), wrong_ink)},
    )


DIGIT = TaskKind(
    name="alignment-digit",
    space=YES_NO,
    make=_make_digit,
    protocol=POINTWISE,
    implied=evidence.compare_ink,
    find=evidence.find_ink,
)
RELATION = TaskKind(
    name="alignment-relation",
    space=YES_NO,
    make=_relation_case,
    protocol=POINTWISE,
    implied=evidence.conclude("It agrees", "It does not agree"),
)
UNSEEN = replace(DIGIT, name="alignment-unseen", make=_make_unseen, splits=("test",))
PAIR = TaskKind(
    name="pairwise-alignment",
    space=Preference(2),
    make=_pair_case,
    protocol=PAIRWISE,
    splits=("test",),
    # The two versions of a pair differ in the places alone: a shared scene would ask the same pair twice.
    shared=False,
    compares=True,
    implied=evidence.compare_pair_ink,
    find=evidence.find_ink,
)
