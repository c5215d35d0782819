from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from harness.api import Image, Item, Preference, Ranking
from harness_probes.options import Options
from harness_probes.perturb import WINDOW, DoesNotApplyError, filler, images_of, perturbation

Models = dict[str, type[Options]]


def applied(models: Models, probe: str, *items: Item, **options: Any) -> list[Item]:
    return list(perturbation(models[probe].model_validate({"task": "a/b", **options})).apply(items))


@pytest.mark.parametrize("probe", ["jpeg", "noise", "text-in-image", "blind"])
def test_pictures_are_not_looked_at_before_somebody_wants_them(models: Models, items: Any, probe: str) -> None:
    def never() -> Any:
        raise AssertionError("looked at")

    lazy = replace(items.point(0), question=(Image.from_drawing(never, name="lazy"), "Is it good?"))
    options = {"how": "grey"} if probe == "blind" else {}
    [after] = applied(models, probe, lazy, **options)
    with pytest.raises(AssertionError, match="looked at"):
        images_of(after)[0].load()


@pytest.mark.parametrize("probe", ["jpeg", "noise", "text-in-image", "blind"])
def test_every_picture_changes_its_content_the_same_way_every_time(models: Models, items: Any, probe: str) -> None:
    options = {"how": "grey"} if probe == "blind" else {}
    for item in (items.point(3, images=2), items.pair()):
        [after], [again] = (applied(models, probe, item, **options) for _ in range(2))
        assert [one.digest for one in images_of(after)] == [one.digest for one in images_of(again)]
        before = {one.digest for one in images_of(item)}
        assert len(images_of(after)) == 2
        assert not before & {one.digest for one in images_of(after)}
        assert (after.id, after.group, after.gold, after.space) == (item.id, item.group, item.gold, item.space)


def test_noise_differs_from_picture_to_picture_and_with_the_seed(models: Models, items: Any) -> None:
    same = items.picture(5)
    item = replace(items.point(0), question=(same, same, "Is it good?"))
    [one] = applied(models, "noise", item)
    [other] = applied(models, "noise", item, seed=1)
    [elsewhere] = applied(models, "noise", replace(item, id="1"))
    shown = (*images_of(one), *images_of(other), *images_of(elsewhere))
    assert len({image.digest for image in shown}) == 6


@pytest.mark.parametrize("probe", ["text-in-image", "length"])
@pytest.mark.parametrize("candidate", [0, 1])
def test_one_candidate_alone_can_be_changed(models: Models, items: Any, probe: str, candidate: int) -> None:
    item = items.pair(texts=probe == "length")
    [after] = applied(models, probe, item, candidate=candidate)
    assert after.candidates[1 - candidate] == item.candidates[1 - candidate]
    assert after.candidates[candidate] != item.candidates[candidate]
    assert after.question == item.question


def test_removed_images_leave_the_words(models: Models, items: Any) -> None:
    [point, pair] = applied(models, "blind", items.point(0), items.pair())
    assert point.question == ("Is it good?",)
    assert pair.candidates == ((), ())


def test_shuffled_images_come_from_another_group_within_reach(models: Models, items: Any) -> None:
    stream = [items.point(number, group=f"{number // 2}") for number in range(2 * WINDOW + 1)]
    owner = {id(images_of(item)[0]): item for item in stream}
    after = applied(models, "blind", *stream, how="shuffle")
    assert [item.id for item in after] == [item.id for item in stream]
    donors = [owner[id(images_of(item)[0])] for item in after]
    assert all(donor.group != item.group for donor, item in zip(donors, after, strict=True))
    assert [donor.id for donor in donors] != [donor.id for donor in donors[::-1]]
    steps = {int(donor.id) - int(item.id) for donor, item in zip(donors, after, strict=True)}
    assert len(steps) > 10, "not merely the next item's"
    other = applied(models, "blind", *stream, how="shuffle", seed=1)
    assert [owner[id(images_of(item)[0])].id for item in other] != [donor.id for donor in donors]


def test_shuffling_does_not_depend_on_how_many_items_are_asked_for(models: Models, items: Any) -> None:
    stream = [items.point(number) for number in range(WINDOW + 9)]
    probe = perturbation(models["blind"].model_validate({"task": "a/b", "how": "shuffle"}))
    few = [item.question for item, _ in zip(probe.apply(stream), range(5), strict=False)]
    assert few == [item.question for item in probe.apply(stream)][:5]


def test_shuffling_is_refused_where_nobody_has_images_to_give(models: Models, items: Any) -> None:
    with pytest.raises(DoesNotApplyError, match="how: grey"):
        applied(models, "blind", items.point(0), how="shuffle")
    with pytest.raises(DoesNotApplyError, match="how: grey"):
        applied(models, "blind", items.point(0, images=1), items.point(1, images=2), how="shuffle")


def test_swap_reverses_candidates_and_gold(models: Models, items: Any) -> None:
    [after] = applied(models, "swap", items.pair())
    assert after.gold == 1
    assert [image.name for image in images_of(after)] == [image.name for image in images_of(items.pair())[::-1]]
    three = Item(id="r", group="r", space=Ranking(3), gold=(0, 1, 2), candidates=(("a",), ("b",), ("c",)))
    [ranked] = applied(models, "swap", three)
    assert ranked.candidates == (("c",), ("b",), ("a",))
    assert ranked.gold == (2, 1, 0)
    tied = replace(items.pair(texts=True), space=Preference(2, ("tie",)), gold="tie")
    assert applied(models, "swap", tied)[0].gold == "tie"


def test_negation_turns_the_gold_and_keeps_the_question(models: Models, items: Any) -> None:
    yes, no = applied(models, "negated", items.point(0, gold="yes"), items.point(1, gold="no"))
    assert (yes.gold, no.gold) == ("no", "yes")
    [text] = [part for part in yes.question if isinstance(part, str)]
    assert text.startswith("Is it good?\n\n")
    assert 'the right answer to it "no"' in text


def test_a_paraphrase_keeps_the_question_and_uses_every_template(models: Models, items: Any) -> None:
    templates = ["Well: {question}", "{question} Think.", "So, {question} Right?"]
    after = applied(models, "paraphrase", *(items.point(number) for number in range(40)), templates=templates)
    wordings = {" ".join(part for part in item.question if isinstance(part, str)) for item in after}
    assert wordings == {"Well: Is it good?", "Is it good? Think.", "So, Is it good? Right?"}
    again = applied(models, "paraphrase", *(items.point(number) for number in range(40)), templates=templates)
    assert [item.question[-1] for item in again] == [item.question[-1] for item in after]
    assert {item.gold for item in after} == {"yes"}


def test_filler_has_the_length_that_is_asked_for() -> None:
    for words in (1, 8, 80, 500):
        count = len(filler(words).split())
        assert words <= count < words + 12
    assert all(first != second for first, second in pairwise(filler(80).split(". ")))


def test_filler_follows_the_text_of_each_candidate(models: Models, items: Any) -> None:
    [after] = applied(models, "length", items.pair(texts=True), words=30)
    assert [str(parts[0]).split("\n\n")[0] for parts in after.candidates] == ["one", "two"]
    assert all(len(str(parts[0]).split()) > 30 for parts in after.candidates)


@pytest.mark.parametrize(
    ("probe", "kind", "options", "reason"),
    [
        ("swap", "point", {}, "has no candidates to swap"),
        ("length", "point", {}, "has no candidates to make longer"),
        ("length", "pair", {}, "a candidate without text"),
        ("blind", "words", {}, "has no image"),
        ("blind", "words", {"how": "grey"}, "has no image"),
        ("blind", "words", {"how": "shuffle"}, "has no image"),
        ("jpeg", "words", {}, "has no image"),
        ("negated", "pair", {}, "only a yes/no question"),
        ("text-in-image", "point", {"candidate": 0}, "has no candidates"),
        ("text-in-image", "pair", {"candidate": 2}, "has 2 candidates, counted from 0"),
        ("paraphrase", "mute", {}, "has no question in words"),
        ("text-in-image", "pair", {"text": "完美"}, "Pillow's font has no '完美'"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    models: Models, items: Any, probe: str, kind: str, options: dict[str, Any], reason: str
) -> None:
    point = items.point(0)
    made = {
        "point": point,
        "pair": items.pair(),
        "words": items.pair(texts=True),
        "mute": replace(point, question=point.question[:1]),
    }
    with pytest.raises(DoesNotApplyError, match=reason):
        applied(models, probe, made[kind], **options)


@pytest.mark.parametrize(("probe", "verdicts"), [("swap", (0, 1)), ("negated", ("yes", "no"))])
def test_what_annotators_said_is_turned_round_with_the_gold(
    models: Models, items: Any, probe: str, verdicts: tuple[Any, Any]
) -> None:
    first, second = verdicts
    item = items.pair() if probe == "swap" else items.point(0)
    [after] = applied(models, probe, replace(item, gold=first, annotations={"ann": first, "bob": second}))
    assert (after.gold, after.annotations) == (second, {"ann": second, "bob": first})
    [untouched] = applied(models, "jpeg", replace(item, annotations={"ann": first}))
    assert untouched.annotations == {"ann": first}
