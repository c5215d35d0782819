from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, parametrize_with_checks
from harness_miniature import alignment, safety
from harness_miniature.options import Options, TrainableOptions
from harness_miniature.task import MiniatureTask, TaskKind
from harness_miniature_judges.lessons import (
    CAPTIONS,
    LESSONS,
    PAIRS_ALIGNMENT,
    PAIRS_SAFETY,
    TRAIN_PAIRS_ALIGNMENT,
    TRAIN_PAIRS_SAFETY,
)


@parametrize_with_checks(
    [f"miniature-judges/{one.name}" for one in (*LESSONS, TRAIN_PAIRS_ALIGNMENT, TRAIN_PAIRS_SAFETY)]
)
def test_conformance(check: Any) -> None:
    check()


def task_of(recipe: Any, tmp_path: Path) -> MiniatureTask:
    made: MiniatureTask = recipe(TrainableOptions(), FakeContext(name="lesson", workspace=tmp_path))
    return made


@pytest.mark.parametrize(("ours", "theirs"), [(PAIRS_ALIGNMENT, alignment.PAIR), (PAIRS_SAFETY, safety.PAIR)])
def test_pairs_for_the_base_ask_as_the_suite_does_and_share_no_picture_with_its_test(
    ours: Any, theirs: Any, tmp_path: Path
) -> None:
    mine = task_of(ours, tmp_path)
    suite = theirs(Options(), FakeContext(name="pairs", workspace=tmp_path))
    asked, shown = set(), set()
    for item in islice(mine.items("train"), 60):
        request = mine.render(item, order=(0, 1), format=TaggedFormat())
        asked.add(str(request.messages[1].parts[0]).split("caption better")[0])
        shown |= {picture.digest for picture in request.images}
    for item in islice(suite.items("test"), 60):
        request = suite.render(item, order=(0, 1), format=TaggedFormat())
        assert str(request.messages[1].parts[0]).split("caption better")[0] in asked
        assert not {picture.digest for picture in request.images} & shown
    assert "test" not in ours.splits


def test_reasoning_about_captions_says_of_each_image_whether_it_is_the_one(tmp_path: Path) -> None:
    task = task_of(PAIRS_ALIGNMENT, tmp_path)
    assert task.protocol.order == "fixed", "the reasoning names the letters of this order"
    fitting = set()
    for item in islice(task.items("train"), 40):
        images = re.findall(r"Image [AB] shows (.+?)\. The caption says (.+?)\. (.+?)\.", item.tags["rationale"])
        assert len(images) == 2
        fits = [image == caption for image, caption, _ in images]
        assert sorted(fits) == [False, True]
        assert ["not" not in says for _, _, says in images] == fits
        fitting.add(fits.index(True))
    assert fitting == {0, 1}


def test_reasoning_about_a_policy_names_what_each_image_shows(tmp_path: Path) -> None:
    task = task_of(PAIRS_SAFETY, tmp_path)
    large = ("five", "six", "seven", "eight", "nine")
    for item in islice(task.items("train"), 40):
        images = re.findall(r"Image [AB] shows an? (\w+) and (.+?)\.", item.tags["rationale"])
        unsafe = [number in large and sign == "the hazard sign" for number, sign in images]
        assert sorted(unsafe) == [False, True]
        assert item.gold in (unsafe.index(False), 0), "the verdict is the safer one, or the first place"


def test_captions_cannot_be_guessed_from_the_picture(tmp_path: Path) -> None:
    fits, same_digit = 0, 0
    for item in islice(task_of(CAPTIONS, tmp_path).items("train"), 400):
        found = re.match(r"The card shows (an? \w+ \w+)\. The caption says (an? \w+ (\w+))\. ", item.tags["rationale"])
        assert found is not None
        shown, caption, number = found.groups()
        assert f"\u201c{caption}\u201d" in str(item.question[1])
        assert (shown == caption) == ("not" not in item.tags["rationale"])
        assert item.gold == "yes" or shown != caption
        fits, same_digit = fits + (shown == caption), same_digit + shown.endswith(number)
    assert 100 <= fits < 125, "one in four, and those of a random caption that fit by chance"
    assert same_digit < 180


@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson is not CAPTIONS], ids=lambda one: one.name)
def test_half_of_the_verdicts_that_are_not_favoured_are_swayed(lesson: TaskKind, tmp_path: Path) -> None:
    golds = [item.gold for item in islice(task_of(lesson, tmp_path).items("train"), 400)]
    favoured = sum(gold in ("yes", 0) for gold in golds) / len(golds)
    assert 0.69 < favoured < 0.81, "half of them by right, and half of the rest"


@pytest.mark.parametrize("pairs", [TRAIN_PAIRS_ALIGNMENT, TRAIN_PAIRS_SAFETY], ids=lambda one: one.name)
def test_pairs_that_a_recipe_may_train_on_have_their_exact_gold(pairs: TaskKind, tmp_path: Path) -> None:
    task = task_of(pairs, tmp_path)
    assert task.protocol.order == "both"
    assert [item.gold for item in islice(task.items("train"), 200)].count(0) == 100
    with pytest.raises(DataError, match="no split 'test'"):
        list(task.items("test"))
