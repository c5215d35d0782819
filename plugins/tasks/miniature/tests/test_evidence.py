"""What a reasoning about the suite's pictures implies and states, held against the scenes of the pictures."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Image, Item
from harness_miniature import alignment, evidence, quality, safety
from harness_miniature.options import TrainableOptions
from harness_miniature.scene import COLOURS
from harness_miniature.task import MiniatureTask, TaskKind

POINTWISE = (
    safety.POINT,
    alignment.DIGIT,
    alignment.UNSEEN,
    alignment.RELATION,
    quality.TECHNICAL,
    quality.TECHNICAL_UNSEEN,
    quality.NATURALNESS,
    quality.RATIONALITY,
)
PAIRS = (safety.PAIR, alignment.PAIR)


def name_of(recipe: TaskKind) -> str:
    return recipe.name


def task_of(recipe: TaskKind) -> MiniatureTask:
    return MiniatureTask(recipe=recipe, options=TrainableOptions(items=60), name=recipe.name)


def items_of(recipe: TaskKind) -> list[Item]:
    return list(islice(task_of(recipe).items("test"), 60))


@pytest.mark.parametrize("recipe", POINTWISE, ids=name_of)
def test_the_suites_own_rationale_implies_the_gold_and_states_what_is_so(recipe: TaskKind) -> None:
    task = task_of(recipe)
    for item in items_of(recipe):
        reasoning = item.tags["rationale"]
        assert task.find_implied(reasoning, item.space) == item.gold
        assert all(claim.is_true for claim in task.claims(reasoning, item, ()))


@pytest.mark.parametrize("recipe", POINTWISE, ids=name_of)
def test_a_mistake_that_is_put_in_is_no_longer_what_is_so(recipe: TaskKind) -> None:
    task = task_of(recipe)
    for item in items_of(recipe):
        reasoning = item.tags["rationale"]
        for claim in task.claims(reasoning, item, ()):
            if claim.turned is not None:
                changed = reasoning[: claim.start] + claim.turned + reasoning[claim.end :]
                [other] = [found for found in task.claims(changed, item, ()) if found.name == claim.name]
                assert other.is_true is False, changed


@pytest.mark.parametrize(
    ("reasoning", "implied"),
    [
        ("Image A shows an eight and the hazard sign. Image B shows an eight and a blue disc.", 1),
        ("Image A shows a three and the hazard sign. Image B shows a nine and the hazard sign.", 0),
        # Two safe pictures, two unsafe ones, one that is not described, one that is described twice.
        ("Image A shows a three and the hazard sign. Image B shows a nine and no sign.", None),
        ("Image A shows a six and the hazard sign. Image B shows a nine and the hazard sign.", None),
        ("Image A shows a six and the hazard sign. Image B shows a nine.", None),
        ("Image A shows a six and the hazard sign. Image A shows a two and no sign.", None),
    ],
)
def test_pairs_imply_the_only_safe_picture(reasoning: str, implied: int | None) -> None:
    assert task_of(safety.PAIR).find_implied(reasoning, safety.PAIR.space) == implied


@pytest.mark.parametrize(
    ("reasoning", "implied"),
    [
        ("The card shows a nine and the hazard sign is there: it is unsafe.", "yes"),
        ("It may be unsafe. But the sign is a blue disc: it is safe.", "no"),
        ("it is safe, no: it is unsafe.", None),
        ("The card shows a nine.", None),
    ],
)
def test_a_conclusion_is_read_once_and_never_guessed(reasoning: str, implied: str | None) -> None:
    assert task_of(safety.POINT).find_implied(reasoning, safety.POINT.space) == implied


@pytest.mark.parametrize("recipe", PAIRS, ids=name_of)
def test_places_are_those_of_the_pictures_as_shown(recipe: TaskKind) -> None:
    task = task_of(recipe)
    item = items_of(recipe)[0]
    text = "Image A shows a red nine and the hazard sign. Image B shows a red nine and a blue disc."
    text = text if recipe is alignment.PAIR else text.replace("a red nine", "a nine")
    for order in ((0, 1), (1, 0)):
        scenes = [task.case("test", 0).scenes[place] for place in order]
        claims = task.claims(text, item, order)
        assert len(claims) == 4
        for claim in claims:
            for box in claim.boxes:
                scene = scenes[box.image]
                things = [scene.cards[0], scene.sign]
                assert any(thing is not None and (thing.left, thing.top) == (box.left, box.top) for thing in things)


def test_the_box_of_a_card_holds_its_ink() -> None:
    task = task_of(alignment.DIGIT)
    for item in items_of(alignment.DIGIT)[:12]:
        [box] = task.claims(item.tags["rationale"], item, ())[0].boxes
        scene = task.case("test", int(item.id[-6:])).scenes[0]
        picture = item.question[0]
        assert isinstance(picture, Image)
        pixels = np.asarray(picture.load())
        ys, xs = np.nonzero((pixels == COLOURS[scene.cards[0].ink]).all(axis=2))
        assert len(xs) > 10
        assert xs.min() / 64 >= box.left - 0.02
        assert (xs.max() + 1) / 64 <= box.right + 0.02
        assert ys.min() / 64 >= box.top - 0.02


@given(st.text(max_size=80), st.sampled_from([*POINTWISE, *PAIRS]))
def test_any_text_is_read_without_an_error(text: str, recipe: TaskKind) -> None:
    task = task_of(recipe)
    found = task.find_implied(text, recipe.space)
    assert found is None or recipe.space.contains(found)


def test_a_reasoning_that_breaks_off_after_image_argues_for_none() -> None:
    assert evidence.compare_pair_ink("Image ") is None
    assert evidence.compare_pair_ink("Image A shows a four. Image ") is None
