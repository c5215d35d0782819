from __future__ import annotations

from typing import Any

import pytest

from harness.api import Choice, DataError, Image, Message, Preference, Request, Score, Status
from harness_baselines.options import PixelsOptions
from harness_baselines.pixels import Pixels


def requests(task: Any, brackets: Any, split: str = "test") -> list[Any]:
    return [(task.render(item, order=(), format=brackets), item.gold) for item in task.items(split)]


def right(judge: Pixels, asked: list[Any]) -> float:
    golds = {request.item: gold for request, gold in asked}
    answers = list(judge.judge(request for request, _ in asked))
    assert {request.item for request, _ in answers} == set(golds)
    assert all(judgement.check(request.space) is judgement for request, judgement in answers)
    hits = [bool(judgement.verdict == golds[request.item]) for request, judgement in answers]
    return sum(hits) / len(hits)


def test_it_learns_what_pictures_show(plan: Any, shades: Any, brackets: Any) -> None:
    task = shades()
    judge = Pixels(PixelsOptions(), plan(tasks={"shades": task}))
    assert right(judge, requests(task, brackets)) > 0.95


def test_it_joins_picture_and_words(plan: Any, shades: Any, brackets: Any) -> None:
    task = shades(captions=True, splits={"train": 500, "test": 40})
    judge = Pixels(PixelsOptions(), plan(tasks={"shades": task}))
    assert right(judge, requests(task, brackets)) > 0.75


def test_one_classifier_can_serve_several_tasks(plan: Any, shades: Any, brackets: Any) -> None:
    plain, caption = shades(name="plain"), shades(name="caption", captions=True, splits={"train": 500, "test": 40})
    context = plan(tasks={"plain": plain, "caption": caption})
    judge = Pixels(PixelsOptions(train=["plain", "caption"]), context)
    unseen = shades(name="never", splits={"test": 40})
    for task in (plain, caption, unseen):
        assert right(judge, requests(task, brackets)) > 0.7
    assert context.lessons == ["plain", "caption"]


def test_answers_do_not_depend_on_the_batch_or_the_run(plan: Any, shades: Any, brackets: Any, one: Any) -> None:
    task = shades()
    asked = [request for request, _ in requests(task, brackets)][:8]
    first, second = (Pixels(PixelsOptions(), plan(tasks={"shades": task})) for _ in range(2))
    together = {request.item: judgement for request, judgement in first.judge(asked)}
    for request in reversed(asked):
        assert one(second, request) == together[request.item]


def test_it_streams(plan: Any, shades: Any, brackets: Any) -> None:
    asked = [request for request, _ in requests(shades(splits={"test": 200}), brackets)]
    pulled = 0

    def source() -> Any:
        nonlocal pulled
        for request in asked:
            pulled += 1
            yield request

    answers = Pixels(PixelsOptions(), plan(tasks={"shades": shades()})).judge(source())
    next(answers)
    assert pulled <= 64


def test_it_stops_learning_at_the_limit(plan: Any, shades: Any, brackets: Any) -> None:
    seen: list[str] = []

    class Watched(type(shades())):  # type: ignore[misc]
        def items(self, split: str) -> Any:
            for item in super().items(split):
                seen.append(item.id)
                yield item

    judge = Pixels(PixelsOptions(limit=20), plan(tasks={"shades": Watched()}))
    next(judge.judge(request for request, _ in requests(shades(), brackets)))
    assert len(seen) == 20


@pytest.mark.parametrize(
    ("space", "images", "words"),
    [
        (Preference(2), 2, "a preference among 2 about 2 images"),
        (Score(1, 5, 1), 1, "a score from 1 to 5 about one image"),
        (Choice(("yes", "no")), 2, "a yes/no question about 2 images"),
    ],
)
def test_a_form_never_trained_is_refused_or_guessed(
    plan: Any, shades: Any, brackets: Any, one: Any, space: Any, images: int, words: str
) -> None:
    task = shades()
    picture = next(task.items("test")).question[0]
    parts = (*[picture] * images, "Which?")
    request = Request(task="shades", item="1", messages=(Message("user", parts),), space=space, format=brackets)
    context = plan(tasks={"shades": task})
    refusal = one(Pixels(PixelsOptions(), context), request)
    assert refusal.status is Status.REFUSED
    assert refusal.error == f"trained on a yes/no question about one image; this asks for {words}"
    guesser = Pixels(PixelsOptions(unseen="guess"), context)
    assert one(guesser, request).status is Status.OK
    assert one(guesser, request) == one(Pixels(PixelsOptions(unseen="guess"), context), request)


def test_a_task_without_a_train_split_is_refused_or_guessed(plan: Any, shades: Any, brackets: Any, one: Any) -> None:
    task = shades(splits={"test": 1})
    request = requests(task, brackets)[0][0]
    refusal = one(Pixels(PixelsOptions(), plan(tasks={"shades": task})), request)
    assert refusal.status is Status.REFUSED
    assert "no train split" in refusal.error
    assert one(Pixels(PixelsOptions(unseen="guess"), plan()), request).status is Status.OK


@pytest.mark.parametrize("count", [1, 2])
def test_a_train_split_that_teaches_nothing_gives_its_shares(
    plan: Any, shades: Any, brackets: Any, one: Any, count: int
) -> None:
    class OneSided(type(shades())):  # type: ignore[misc]
        def items(self, split: str) -> Any:
            return (item for item in super().items(split) if split != "train" or item.gold == "no")

    task = OneSided(splits={"train": 10 * count, "test": 1})
    judgement = one(Pixels(PixelsOptions(), plan(tasks={"shades": task})), requests(task, brackets)[0][0])
    assert judgement.verdict == "no"
    assert judgement.probabilities == {"no": 1.0}


def test_an_unreadable_image_is_the_images_fault(plan: Any, shades: Any, brackets: Any) -> None:
    parts = (Image.from_bytes(b"", name="empty.png"), "Is it dark?")
    request = Request(
        task="shades", item="1", messages=(Message("user", parts),), space=Choice(("yes", "no")), format=brackets
    )
    with pytest.raises(DataError, match=r"empty\.png"):
        list(Pixels(PixelsOptions(), plan(tasks={"shades": shades()})).judge([request]))


def test_what_changes_answers_changes_the_fingerprint(plan: Any, shades: Any) -> None:
    context = plan(tasks={"a": shades(name="a")})
    variants = [{}, {"limit": 7}, {"unseen": "guess"}, {"train": ["a"]}, {"seed": 3}]
    prints = {Pixels(PixelsOptions(**options), context).fingerprint() for options in variants}  # type: ignore[arg-type]
    assert len(prints) == len(variants)
    assert Pixels(PixelsOptions(), plan(seed=1)).fingerprint() not in prints
    relearnt = plan(tasks={"a": shades(name="a", captions=True)})
    assert Pixels(PixelsOptions(train=["a"]), relearnt).fingerprint() not in prints
