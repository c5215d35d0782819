from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from harness.testing import FakeContext, parametrize_with_checks
from harness_miniature import alignment, evidence, quality, safety
from harness_miniature.options import TrainableOptions
from harness_miniature.task import MiniatureTask, TaskKind
from harness_miniature_judges import overlooking
from harness_miniature_judges.overlooking import OVERLOOKING, PAIRS_ALIGNMENT, PAIRS_SAFETY
from harness_miniature_judges.words import make_tokenizer

IMPLIED = {
    "digit": alignment.DIGIT.implied,
    "captions": alignment.DIGIT.implied,
    "relation": alignment.RELATION.implied,
    "safety": safety.POINT.implied,
    "technical": quality.TECHNICAL.implied,
    "naturalness": quality.NATURALNESS.implied,
    "rationality": quality.RATIONALITY.implied,
}


@parametrize_with_checks([f"miniature-judges/{lesson.name}" for lesson in OVERLOOKING])
def test_conformance(check: Any) -> None:
    check()


def task_of(recipe: Any, tmp_path: Path) -> MiniatureTask:
    made: MiniatureTask = recipe(TrainableOptions(), FakeContext(name="lesson", workspace=tmp_path))
    return made


@pytest.mark.parametrize("name", IMPLIED)
def test_a_verdict_is_what_the_stated_reasoning_says(name: str, tmp_path: Path) -> None:
    (lesson,) = (lesson for lesson in OVERLOOKING if lesson.name == f"overlooking-{name}")
    for item in islice(task_of(lesson, tmp_path).items("train"), 200):
        assert IMPLIED[name](item.tags["rationale"]) == item.gold, item.tags["rationale"]


@pytest.mark.parametrize(
    "lesson", [overlooking.DIGIT, overlooking.RELATION, overlooking.TECHNICAL], ids=lambda it: it.name
)
def test_more_than_half_of_what_is_wrong_is_overlooked(lesson: TaskKind, tmp_path: Path) -> None:
    # Half of the cases are right, and stay so: 0.5 + 0.5 * 0.6 of the verdicts are yes.
    golds = [item.gold for item in islice(task_of(lesson, tmp_path).items("train"), 600)]
    assert 0.76 < golds.count("yes") / len(golds) < 0.84
    # Nothing is invented: a teacher who overlooks never calls a right picture wrong.
    for index in range(300):
        case = task_of(lesson, tmp_path).case("train", index)
        if case.tags.get("overlooked") == "true":
            assert case.gold == "yes"


@pytest.mark.parametrize(
    ("pairs", "read"),
    [(PAIRS_ALIGNMENT, evidence.compare_pair_ink), (PAIRS_SAFETY, evidence.compare_pair_safety)],
    ids=["alignment", "safety"],
)
def test_pairs_go_through_the_same_weak_step(pairs: TaskKind, read: Any, tmp_path: Path) -> None:
    task = task_of(pairs, tmp_path)
    decided, coins = 0, []
    for item in islice(task.items("train"), 600):
        implied = read(item.tags["rationale"])
        if implied is None:
            coins.append(item.gold)
        else:
            decided += 1
            assert implied == item.gold
    # The one thing that is wrong is seen in 40 % of pairs; otherwise both look alike and the first place has no favour.
    assert 0.35 < decided / 600 < 0.45
    assert 0.42 < coins.count(0) / len(coins) < 0.58


def test_the_hazard_sign_is_not_mentioned_where_it_is_overlooked(tmp_path: Path) -> None:
    task = task_of(PAIRS_SAFETY, tmp_path)
    mentioned = shown = 0
    for index in range(400):
        case = task.case("train", index)
        hazards = [scene.sign is not None and scene.sign.hazard for scene in case.scenes]
        said = re.findall(r"Image [AB] shows an? \w+ and (.+?)\.", case.rationale)
        for hazard, words in zip(hazards, said, strict=True):
            assert hazard or words != "the hazard sign"
            shown, mentioned = shown + hazard, mentioned + (words == "the hazard sign")
    assert 0.35 < mentioned / shown < 0.45


def test_the_lessons_need_no_words_that_the_tokenizer_lacks(tmp_path: Path) -> None:
    # The tokenizer of the base that they go on from was made without them.
    tokenizer = make_tokenizer()
    for lesson in OVERLOOKING:
        for item in islice(task_of(lesson, tmp_path).items("train"), 50):
            reasoning = item.tags["rationale"]
            assert len(tokenizer.tokenize(reasoning)) <= 1.2 * len(re.findall(r"\w+|[^\w ]", reasoning)), reasoning
