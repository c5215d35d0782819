"""Visual quality: technical (degradations), naturalness (light, colours, background), rationality (the impossible).

Each scene occurs once sound and once with a flaw. The tasks never trained ask about the same degradations as a
score or a ranking, or about other degradations.
"""

from __future__ import annotations

from dataclasses import replace

from harness.api import Protocol, Ranking, Score
from harness_miniature import evidence
from harness_miniature.alignment import POINTWISE, YES_NO
from harness_miniature.degrade import LEVELS, TRAINED, UNSEEN, WORDS, Degradation
from harness_miniature.sampling import Draw, digit
from harness_miniature.scene import CASTS, Scene
from harness_miniature.task import Case, TaskKind

_TECHNICAL = (
    "Is the technical quality of the picture good: sharp, clean, with full contrast and without noise or "
    "compression damage? Ignore what the picture shows."
)
_NATURAL = (
    "The picture shows paper cards before a photograph. Do the light and the colours of the picture look natural, and "
    "does the photograph behind the cards look untouched? The cards themselves are meant to be there."
)
_RATIONAL = (
    "The picture shows two paper cards with handwritten numerals. Could it be real: do both cards throw their shadow "
    "to the same side, and is each numeral whole and written the right way round?"
)
_SCORE = (
    "Score the technical quality of the picture (sharpness, contrast, noise, compression): 5 is flawless, 4 slightly "
    "degraded, 3 clearly degraded, 2 strongly degraded, 1 severely degraded. Ignore what the picture shows."
)
_RANK = (
    "The four images show the same scene in different technical quality (sharpness, contrast, noise, compression). "
    "Rank them from the best technical quality to the worst."
)
_LEVEL_WORDS = (
    "not degraded at all",
    "slightly degraded",
    "clearly degraded",
    "strongly degraded",
    "severely degraded",
)
_ONLY_TEST = ("test",)


def _plain(draw: Draw) -> Scene:
    first, second = draw.permute(draw.couple())
    return draw.scene(cards=draw.two_cards(first, second, stacked=draw.below(2) == 1))


def _technical_case(draw: Draw, kinds: tuple[str, ...]) -> Case:
    scene = _plain(draw)
    # Strength 1 is left out: whether a slight flaw is still good quality is a matter of taste, and the gold is not.
    flaw = Degradation(draw.turn(kinds), 2 + draw.below(LEVELS - 2), draw.seed())
    good = draw.version == 0
    level = 0 if good else flaw.level
    return Case(
        question=_TECHNICAL,
        scenes=(scene if good else replace(scene, degradation=flaw),),
        sources=draw.couple(),
        gold="yes" if good else "no",
        category=flaw.kind,
        rationale="The edges are crisp and the tones are clean: the technical quality is good."
        if good
        else f"The picture is {WORDS[flaw.kind]}: the technical quality is not good.",
        tags={"degradation": "none" if good else flaw.kind, "level": str(level)},
    )


def _technical(draw: Draw) -> Case:
    return _technical_case(draw, TRAINED)


def _technical_unseen(draw: Draw) -> Case:
    return _technical_case(draw, UNSEEN)


def _naturalness(draw: Draw) -> Case:
    scene = _plain(draw)
    kind = draw.turn(("cast", "negative", "tiles"))
    # A cast colours the cards as well. Otherwise it could pass for a photograph of coloured light.
    if kind == "cast":
        cast = draw.pick(tuple(CASTS))
        spoilt, says = replace(scene, cast=cast), f"All of the picture has a strong {cast} cast, even the white cards"
    elif kind == "negative":
        spoilt, says = replace(scene, backdrop="negative"), "The photograph behind the cards is a colour negative"
    else:
        tiles = tuple(draw.permute(range(16)))
        spoilt, says = (
            replace(scene, backdrop="tiles", tiles=tiles),
            "The photograph is cut up and its pieces are mixed",
        )
    good = draw.version == 0
    return Case(
        question=_NATURAL,
        scenes=(scene if good else spoilt,),
        sources=draw.couple(),
        gold="yes" if good else "no",
        category=kind,
        rationale="The white of the cards is neutral and the photograph is whole, in its own colours: it looks natural."
        if good
        else f"{says}: it does not look natural.",
        tags={"flaw": "none" if good else kind},
    )


# In a mirror these look like no other numeral in any handwriting. A mirrored 8 is still an 8.
_SHOWS_MIRRORING = (3, 4, 6, 7, 9)


def _rationality(draw: Draw) -> Case:
    scene = _plain(draw)
    mirrorable = [k for k, card in enumerate(scene.cards) if digit(card.scan) in _SHOWS_MIRRORING]
    kind = draw.turn(("shadow", "halves", "mirrored"))
    # Where no numeral shows it, the scene gets another flaw: a mirrored 8 would make the gold wrong.
    if kind == "mirrored" and not mirrorable:
        kind = "halves"
    place = draw.pick(mirrorable) if kind == "mirrored" else draw.below(2)
    card = scene.cards[place]
    if kind == "shadow":
        # Only one of the cards is changed. Two shadows that both turn are merely light from the other side.
        flawed = replace(card, shadow=(-card.shadow[0], -card.shadow[1]))
        says = "The shadows of the two cards fall to opposite sides"
    elif kind == "halves":
        flawed = replace(card, swapped=True)
        says = f"The left and right halves of the {digit(card.scan)} have changed places"
    else:
        flawed = replace(card, mirrored=True)
        says = f"The {digit(card.scan)} is written as in a mirror"
    spoilt = replace(scene, cards=tuple(flawed if k == place else other for k, other in enumerate(scene.cards)))
    good = draw.version == 0
    return Case(
        question=_RATIONAL,
        scenes=(scene if good else spoilt,),
        sources=draw.couple(),
        gold="yes" if good else "no",
        category=kind,
        rationale="Both shadows fall to the same side and both numerals are whole and the right way round: it could be "
        "real."
        if good
        else f"{says}: it cannot be real.",
        tags={"flaw": "none" if good else kind},
    )


def _score(draw: Draw) -> Case:
    scene = _plain(draw)
    flaw = Degradation(draw.turn(TRAINED), draw.version, draw.seed())
    return Case(
        question=_SCORE,
        scenes=(replace(scene, degradation=flaw),),
        sources=draw.couple(),
        gold=float(LEVELS - draw.version),
        category=flaw.kind,
        rationale=f"The picture is {_LEVEL_WORDS[flaw.level]}"
        + (f": it is {WORDS[flaw.kind]}." if flaw.level else "."),
        tags={"degradation": flaw.kind if flaw.level else "none", "level": str(flaw.level)},
    )


def _ranking(draw: Draw) -> Case:
    scene = _plain(draw)
    kind, seed = draw.turn(TRAINED), draw.seed()
    # The version of the item is the permutation: over a block each of the 24 is right once.
    gold = RANK_SPACE.verdicts()[draw.version]
    assert isinstance(gold, tuple)
    # Four of five strengths, so that the best picture is not always flawless and the worst not always severe.
    levels = sorted(draw.permute(range(LEVELS))[:4])
    level_of = dict(zip(gold, levels, strict=True))
    scenes = tuple(replace(scene, degradation=Degradation(kind, level_of[place], seed)) for place in range(4))
    steps = ", then ".join(_LEVEL_WORDS[level] for level in levels)
    return Case(
        question=_RANK,
        scenes=scenes,
        sources=draw.couple(),
        gold=gold,
        category=kind,
        rationale=f"The images are {WORDS[kind]} to different degrees; from best to worst they are {steps}.",
        tags={"degradation": kind, "levels": ",".join(str(level_of[place]) for place in range(4))},
    )


RANK_SPACE = Ranking(4)

TECHNICAL = TaskKind(
    name="technical",
    space=YES_NO,
    make=_technical,
    protocol=POINTWISE,
    implied=evidence.conclude("the technical quality is good", "the technical quality is not good"),
    find=evidence.find_flaws("degradation"),
)
NATURALNESS = TaskKind(
    name="naturalness",
    space=YES_NO,
    make=_naturalness,
    protocol=POINTWISE,
    implied=evidence.conclude("it looks natural", "it does not look natural"),
    find=evidence.find_flaws("manipulation"),
)
RATIONALITY = TaskKind(
    name="rationality",
    space=YES_NO,
    make=_rationality,
    protocol=POINTWISE,
    implied=evidence.conclude("it could be real", "it cannot be real"),
    find=evidence.find_flaws("flaw"),
)
TECHNICAL_UNSEEN = replace(TECHNICAL, name="technical-unseen", make=_technical_unseen, splits=_ONLY_TEST)
SCORE = TaskKind(
    name="quality-score",
    space=Score(1, 5, 1),
    make=_score,
    protocol=Protocol(metrics=("spearman", "pearson", "kendall", "mae", "accuracy")),
    splits=_ONLY_TEST,
    versions=LEVELS,
)
RANKING = TaskKind(
    name="quality-ranking",
    space=RANK_SPACE,
    make=_ranking,
    protocol=Protocol(metrics=("rank_accuracy", "levenshtein", "accuracy")),
    splits=_ONLY_TEST,
    # One for each permutation of four.
    versions=24,
    shared=False,
    compares=True,
)
