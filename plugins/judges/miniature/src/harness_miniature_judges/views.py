"""Training data of the eyes: pictures of the suite with the names of all that is in them, read from the scene records.

Not for questions and answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from harness_miniature.degrade import TRAINED as DEGRADATIONS
from harness_miniature.options import TrainableOptions
from harness_miniature.sampling import digit
from harness_miniature.scene import CASTS, COLOURS, NumeralCard, Scene, paint
from harness_miniature.sources import partition
from harness_miniature.task import MiniatureTask
from harness_miniature_judges.words import TRAINED as TASKS

NONE = -1
"""The label where an attribute does not apply."""
_ENDLESS = 1_000_000  # more than any training draws; scenes are made when they are asked for
_TURNS = (
    "alignment-digit", "alignment-relation", "safety", "technical", "naturalness", "rationality",
    "alignment-digit", "technical", "alignment-digit", "safety", "rationality",
)  # fmt: skip
"""Whose scenes the train pictures are: more of those with one large numeral, and of those with a rare flaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """Something that can be named in a picture, as one of `values` classes."""

    name: str
    values: int
    tasks: tuple[str, ...]
    """Tasks that ask for it. Its accuracy is measured on their scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPicture(Attribute):
    """An attribute of the picture as a whole."""

    read: Callable[[Scene], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCard(Attribute):
    """An attribute of one card."""

    read: Callable[[Scene, NumeralCard], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Labelled pictures."""

    pixels: Tensor
    """uint8, pictures x rows x columns x 3."""
    picture: Tensor
    """int64, pictures x `PICTURE`; -1 where an attribute does not apply."""
    cards: Tensor
    """int64, pictures x 2 x `CARD`; -1 where there is no second card."""
    boxes: Tensor
    """float32, pictures x 2 x (left, top, side) of the cards, in fractions of the picture's width. 0 for no card."""
    tasks: Tensor
    """int64, pictures: which of `TASKS` each scene is from."""

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, rows: Tensor) -> Views:
        """Some of the pictures, by number."""
        return Views(**{entry.name: getattr(self, entry.name)[rows] for entry in fields(self)})


def _degradation(scene: Scene) -> int:
    flaw = scene.degradation
    return 0 if flaw is None or flaw.level == 0 else 1 + DEGRADATIONS.index(flaw.kind)


def _level(scene: Scene) -> int:
    return 0 if scene.degradation is None else scene.degradation.level


def _sign(scene: Scene) -> int:
    return 0 if scene.sign is None else 1 if scene.sign.hazard else 2


def _one_light(scene: Scene) -> int:
    return int(scene.cards[0].shadow == scene.cards[1].shadow) if len(scene.cards) == 2 else NONE


def _place(scene: Scene, card: NumeralCard) -> int:
    """Alone, left, right, above or below."""
    if len(scene.cards) == 1:
        return 0
    first, second = scene.cards
    stacked = second.top - first.top > abs(second.left - first.left)
    return 1 + 2 * int(stacked) + int(card is second)


PICTURE: tuple[OfPicture, ...] = (
    OfPicture(name="degradation", values=1 + len(DEGRADATIONS), tasks=("technical",), read=_degradation),
    OfPicture(name="level", values=5, tasks=("technical",), read=_level),
    OfPicture(name="cast", values=1 + len(CASTS), tasks=("naturalness",), read=lambda s: ("", *CASTS).index(s.cast)),
    OfPicture(
        name="backdrop",
        values=3,
        tasks=("naturalness",),
        read=lambda s: ("plain", "negative", "tiles").index(s.backdrop),
    ),
    OfPicture(name="sign", values=3, tasks=("safety",), read=_sign),
    OfPicture(name="one light", values=2, tasks=("rationality",), read=_one_light),
)
"""What the patches together must tell."""
CARD: tuple[OfCard, ...] = (
    OfCard(
        name="digit",
        values=10,
        tasks=("alignment-digit", "alignment-relation", "safety"),
        read=lambda s, card: digit(card.scan),
    ),
    OfCard(name="ink", values=len(COLOURS), tasks=("alignment-digit",), read=lambda s, c: [*COLOURS].index(c.ink)),
    OfCard(name="place", values=5, tasks=("alignment-relation",), read=_place),
    OfCard(
        name="writing", values=3, tasks=("rationality",), read=lambda s, card: 1 if card.mirrored else 2 * card.swapped
    ),
    OfCard(
        name="shadow",
        values=4,
        tasks=("rationality",),
        read=lambda s, card: 2 * (card.shadow[0] > 0) + (card.shadow[1] > 0),
    ),
)
"""What each patch on a card must tell."""


def draw_views(split: str, count: int, *, seed: int, size: int) -> Views:
    """Paint and label scenes of the suite.

    Args:
        split: `train` or `validation`.
        count: Pictures.
        seed: Of the scenes. The scans and photographs of a split never depend on it.
        size: Width and height in pixels.

    Returns:
        The pictures. In the train split the scans are dealt out again, so that one numeral does not tell its partner.
    """
    # uint8: 50,000 pictures take 0.6 GB, and four times as much in float32.
    pixels = torch.empty((count, size, size, 3), dtype=torch.uint8)
    picture = torch.empty((count, len(PICTURE)), dtype=torch.long)
    cards = torch.full((count, 2, len(CARD)), NONE)
    boxes = torch.zeros((count, 2, 3))
    tasks = torch.empty(count, dtype=torch.long)
    for row, (task, scene) in enumerate(_scenes(split, count, seed)):
        pixels[row] = torch.from_numpy(np.array(paint(scene, size)))
        picture[row] = torch.tensor([attribute.read(scene) for attribute in PICTURE])
        tasks[row] = task
        for place, card in enumerate(scene.cards):
            cards[row, place] = torch.tensor([attribute.read(scene, card) for attribute in CARD])
            boxes[row, place] = torch.tensor([card.left, card.top, card.side])
    return Views(pixels=pixels, picture=picture, cards=cards, boxes=boxes, tasks=tasks)


def _scenes(split: str, count: int, seed: int) -> Iterator[tuple[int, Scene]]:
    options = TrainableOptions(seed=seed, items=_ENDLESS, train_items=_ENDLESS)
    made = [MiniatureTask(recipe=recipe, options=options, name=recipe.name) for recipe in TASKS]
    names = [recipe.name for recipe in TASKS]
    turns = _TURNS if split == "train" else names
    dice = random.Random(seed)
    for index in range(count):
        round_, turn = divmod(index, len(turns))
        task = names.index(turns[turn])
        # The validation split goes through all tasks by turns, so that each has as many scenes.
        scene = made[task].case(split, index if split == "train" else round_).scenes[0]
        yield task, _deal_scans(scene, dice) if split == "train" else scene


def _deal_scans(scene: Scene, dice: random.Random) -> Scene:
    """The scene with other scans of the train split. A mirrored card keeps its digit: not every one shows it."""
    scans = partition("train")
    cards = []
    for card in scene.cards:
        scan = dice.choice(scans)
        # Some digits, such as 0 and 8, hardly change in a mirror.
        while card.mirrored and digit(scan) != digit(card.scan):
            scan = dice.choice(scans)
        cards.append(replace(card, scan=scan))
    return replace(scene, cards=tuple(cards))
