"""What holds for the labels: they say what the scene record says, and the train split stays with its own scans."""

from __future__ import annotations

import torch

from harness_miniature.sampling import digit
from harness_miniature.sources import load, partition
from harness_miniature_judges.views import CARD, NONE, PICTURE, _scenes, draw_views

CARDS = [one.name for one in CARD]
PICTURES = [one.name for one in PICTURE]


def test_every_value_of_every_attribute_occurs_and_none_lies_outside() -> None:
    views = draw_views("train", 1200, seed=0, size=32)
    for labels, attributes in ((views.picture, PICTURE), (views.cards.flatten(0, 1), CARD)):
        for column, attribute in zip(labels.unbind(-1), attributes, strict=True):
            shown = set(column.tolist()) - {NONE}
            expected = set(range(attribute.values)) - ({1} if attribute.name == "level" else set())  # never trained
            assert shown == expected, attribute.name


def test_labels_follow_the_scene() -> None:
    scenes = list(_scenes("validation", 600, 3))
    views = draw_views("validation", 600, seed=3, size=32)
    for row, (task, scene) in enumerate(scenes):
        assert views.tasks[row] == task
        for place, card in enumerate(scene.cards):
            named = dict(zip(CARDS, views.cards[row, place].tolist(), strict=True))
            assert named["digit"] == load().digits[card.scan]
            assert named["writing"] == (1 if card.mirrored else 2 if card.swapped else 0)
            assert views.boxes[row, place].tolist() == torch.tensor([card.left, card.top, card.side]).tolist()
        if len(scene.cards) == 1:
            assert (views.cards[row, 1] == NONE).all()
            assert views.picture[row, PICTURES.index("one light")] == NONE
            assert not views.boxes[row, 1].any()


def test_the_place_of_a_card_agrees_with_the_relation_in_the_rationale() -> None:
    from harness_miniature import alignment
    from harness_miniature.options import TrainableOptions
    from harness_miniature.task import MiniatureTask

    task = MiniatureTask(recipe=alignment.RELATION, options=TrainableOptions(seed=3), name="t")
    place = CARD[CARDS.index("place")].read
    words = {1: "to the left of", 2: "to the right of", 3: "above", 4: "below"}
    agree = 0
    for index in range(200):
        case = task.case("validation", index)
        first = place(case.scenes[0], case.scenes[0].cards[0])
        second = place(case.scenes[0], case.scenes[0].cards[1])
        assert second == first + 1
        agree += any(f" {words[one]} " in case.rationale for one in (first, second))
    assert agree >= 198  # two cards on a diagonal are both beside and above each other


def test_only_scans_of_the_split_are_shown_and_pairs_are_dealt_anew() -> None:
    pairs = {}
    for split in ("train", "validation"):
        scenes = [scene for _, scene in _scenes(split, 3000, 0)]
        assert {card.scan for scene in scenes for card in scene.cards} <= set(partition(split))
        pairs[split] = {frozenset(card.scan for card in scene.cards) for scene in scenes if len(scene.cards) == 2}
    assert len(pairs["train"]) > 1000  # the suite itself has 539 couples there
    assert len(pairs["validation"]) < 200


def test_mirrored_numerals_are_such_that_show_it() -> None:
    mirrored = [card for _, scene in _scenes("train", 3000, 1) for card in scene.cards if card.mirrored]
    assert mirrored
    assert {digit(card.scan) for card in mirrored} <= {3, 4, 6, 7, 9}


def test_pictures_are_a_function_of_the_seed() -> None:
    first, again, other = (draw_views("train", 40, seed=seed, size=32) for seed in (1, 1, 2))
    assert torch.equal(first.pixels, again.pixels)
    assert not torch.equal(first.pixels, other.pixels)
