from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import (
    Choice,
    DataError,
    Image,
    Item,
    Judgement,
    Message,
    Preference,
    Ranking,
    Request,
    Rubric,
    Score,
    Status,
    join_parts,
)
from harness.formats.brackets import BracketsFormat
from harness.formats.label import LabelFormat


def request(**changes: Any) -> Request:
    base: dict[str, Any] = {
        "task": "t",
        "item": "i",
        "messages": (Message("user", ("Which?", Image.from_bytes(b"one", name="a"))),),
        "space": Preference(2),
        "format": BracketsFormat(),
        "order": (0, 1),
    }
    return Request(**{**base, **changes})


def test_the_key_ignores_the_names_of_task_item_and_image() -> None:
    renamed = (Message("user", ("Which?", Image.from_bytes(b"one", name="b"))),)
    assert request(task="u", item="j", messages=renamed).key == request().key
    assert len(request().key) == 32


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": (Message("user", ("What?", Image.from_bytes(b"one", name="a"))),)},
        {"messages": (Message("user", ("Which?", Image.from_bytes(b"two", name="a"))),)},
        {"messages": (Message("user", (Image.from_bytes(b"one", name="a"), "Which?")),)},
        {"messages": (Message("system", ("Which?", Image.from_bytes(b"one", name="a"))),)},
        {"messages": (Message("user", ("Which?",)), Message("user", (Image.from_bytes(b"one", name="a"),)))},
        {"space": Preference(3)},
        {"space": Preference(2, ("tie",))},
        {"format": LabelFormat()},
        {"order": (1, 0)},
        {"sample": 1},
    ],
)
def test_the_key_changes_with_each_part_of_the_content(changes: dict[str, Any]) -> None:
    assert request(**changes).key != request().key


def test_text_that_imitates_an_image_has_another_key() -> None:
    digest = Image.from_bytes(b"one", name="a").digest
    fake = (Message("user", ("Which?", json.dumps({"image": digest}))),)
    assert request(messages=fake).key != request().key


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_text_has_a_key(text: str) -> None:
    asked = request(messages=(Message("user", (text,)),))
    assert asked.key == request(messages=(Message("user", (text,)),)).key
    assert 0 <= asked.seed < 2**63


def test_an_unreadable_image_names_task_and_item() -> None:
    broken = (Message("user", (Image.from_file("missing.png"),)),)
    with pytest.raises(DataError, match=r"task t, item 'i': image missing.png: no such file"):
        _ = request(messages=broken).key


def test_a_request_reads_an_answer_with_its_own_format() -> None:
    good = request().read("Sharper.\n\n[[B]]", completion_tokens=5)
    assert (good.status, good.verdict, good.rationale, good.completion_tokens) == (Status.OK, 1, "Sharper.", 5)
    bad = request().read("B")
    assert (bad.status, bad.verdict, bad.raw) == (Status.UNPARSED, None, "B")
    assert bad.error
    other = request().read("Sharper.\n\n[[yes]]")
    assert (other.status, other.verdict, other.raw) == (Status.OUTSIDE, None, "Sharper.\n\n[[yes]]")


def test_text_and_images_are_found_in_reading_order() -> None:
    assert request().text == "Which?"
    assert [image.name for image in request().images] == ["a"]


@pytest.mark.parametrize("gold", ["maybe", "", None, float("nan"), 0])
def test_an_item_with_an_impossible_gold_is_refused_by_name(gold: Any) -> None:
    with pytest.raises(DataError, match=r"item 'i7': gold"):
        Item(id="i7", group="g", space=Choice(("yes", "no")), gold=gold)


@pytest.mark.parametrize("space", [("yes", "no"), None, Choice])
def test_an_item_whose_space_is_none_is_refused_by_name(space: Any) -> None:
    with pytest.raises(DataError, match=r"item 'i7': space is .*; write Choice\(...\)"):
        Item(id="i7", group="g", space=space, gold="yes")


def test_a_nan_gold_is_refused() -> None:
    with pytest.raises(DataError, match="nan"):
        Item(id="i", group="g", space=Score(1, 5, 0), gold=float("nan"))


@pytest.mark.parametrize("empty", ["id", "group"])
def test_an_item_needs_id_and_group(empty: str) -> None:
    fields: dict[str, Any] = {"id": "i", "group": "g", "space": Choice(("yes", "no")), "gold": "yes", empty: ""}
    with pytest.raises(DataError, match="must be text, and not empty"):
        Item(**fields)


@pytest.mark.parametrize(
    "judgement",
    [
        Judgement.of("yes"),
        Judgement.of(0, raw="[[A]]", probabilities={"A": 0.75, "B": 0.25}),
        Judgement.of((1, 0, 2)),
        Judgement.of(3.5, latency_s=0.0, cost_usd=0.0, prompt_tokens=0, completion_tokens=2, model="m"),
        *(Judgement.failure(status, "why", raw="…\x00\n") for status in Status if status is not Status.OK),
    ],
)
def test_a_judgement_survives_json(judgement: Judgement) -> None:
    assert Judgement.from_json(json.loads(json.dumps(judgement.to_json()))) == judgement


@pytest.mark.parametrize("name", ["raw", "rationale", "error", "cut", "thinking", "model"])
@pytest.mark.parametrize("value", [b"x", 1, None, ["x"]])
def test_the_texts_of_a_judgement_are_text(name: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"judgement: `{name}` must be text, got "):
        Judgement(status=Status.OK, verdict="yes", **{name: value})


def test_status_and_verdict_go_together() -> None:
    with pytest.raises(DataError):
        Judgement(status=Status.OK)
    for status in Status:
        if status is not Status.OK:
            with pytest.raises(DataError):
                Judgement(status=status, verdict="yes")


@pytest.mark.parametrize(
    "wrong",
    [
        Judgement.of("banana"),
        Judgement.of(2),
        Judgement.of(10**400),
        Judgement.of(float("nan")),
        Judgement.of(True),
        Judgement.of(0, probabilities={}),
        Judgement.of(0, probabilities={"A": 0.5, "B": 0.4}),
        Judgement.of(0, probabilities={"A": 1.5, "B": -0.5}),
        Judgement.of(0, probabilities={"yes": 0.5, "no": 0.5}),
        Judgement.of(0, probabilities={"A": float("nan"), "B": 1.0}),
        Judgement.of(0, probabilities={"A": "1"}),
    ],
    ids=str,
)
def test_what_does_not_fit_the_space_becomes_an_error_and_not_a_wrong_answer(wrong: Judgement) -> None:
    for space in (Preference(2), Ranking(3)):
        checked = wrong.check(space)
        assert (checked.status, checked.verdict, checked.probabilities) == (Status.ERROR, None, None)
        assert checked.error


def test_what_fits_is_left_as_it_is() -> None:
    for judgement in (Judgement.of(1, probabilities={"A": 0.1, "B": 0.9}), Judgement.failure(Status.REFUSED, "no")):
        assert judgement.check(Preference(2)) is judgement


def test_records_are_immutable() -> None:
    with pytest.raises(AttributeError):
        request().task = "u"  # type: ignore[misc]
    assert replace(request(), sample=2).key != request().key


def test_neighbouring_texts_are_joined_around_images() -> None:
    image = Image.from_bytes(b"x", name="x")
    assert join_parts(["a", "b", image, image, "c"]) == ("a\n\nb", image, image, "c")
    assert join_parts([]) == ()


def test_golds_annotations_and_judgements_are_on_the_steps_of_their_scale() -> None:
    space, single = Score(0, 5, 0.1), 3.299999952316284  # 3.3 in 32 bits
    said = {"a": single, "b": 3 * 0.1, "c": 4}
    item = Item(id="1", group="g", space=space, gold=single, annotations=said)
    assert (item.gold, dict(item.annotations)) == (3.3, {"a": 3.3, "b": 0.3, "c": 4})
    assert said["a"] == single
    judgement = Judgement.of(single, raw="said", latency_s=1.0)
    assert judgement.check(space) == Judgement.of(3.3, raw="said", latency_s=1.0)
    assert judgement.check(Score(0, 5, 0)) is judgement
    rubric = Rubric((("sharp", space), ("bright", space)))
    assert Item(id="1", group="g", space=rubric, gold=(single, 3 * 0.1)).gold == (3.3, 0.3)
    assert Judgement.of((single, 1.0)).check(rubric).verdict == (3.3, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": "Which?"}, r"question must be a tuple of parts, got text; write \(text,\)"),
        ({"candidates": ("GOOD", "bad")}, r"candidate 0 must be a tuple of parts, got text; write \(text,\)"),
        ({"candidates": (("GOOD",), "bad")}, r"candidate 1 must be a tuple of parts, got text; write \(text,\)"),
        ({"candidates": "AB"}, "candidates must be a tuple of tuples of parts, got 'AB'"),
        ({"question": Image.from_bytes(b"x", name="a")}, r"question must be a tuple of parts, got Image\('a'\)"),
        ({"candidates": (part for part in "ab")}, "candidates must be a tuple of tuples of parts, got <generator"),
        (
            {"question": (1, "Which?")},
            r"question must be a tuple of parts, got \(1, 'Which\?'\); write \(text, image\)",
        ),
        ({"question": (("Which?",),)}, "question must be a tuple of parts, got"),
        ({"candidates": ((None,), ("b",))}, "candidate 0 must be a tuple of parts, got"),
    ],
)
def test_a_text_is_no_tuple_of_parts(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"item '7': {message}"):
        Item(**{"id": "7", "group": "g", "space": Preference(2), "gold": 0, **changes})
    with pytest.raises(DataError, match=f"task t, item 'i': {message}"):
        request(**changes)


def test_the_content_of_a_message_is_a_tuple_of_parts() -> None:
    with pytest.raises(DataError, match=r"message of the user: content must be a tuple of parts, got text; write"):
        Message("user", "Which?")  # type: ignore[arg-type]
    assert Message("user", ["Which?"]).parts == ["Which?"]  # type: ignore[comparison-overlap, arg-type]


def test_a_text_is_joined_as_one_part() -> None:
    assert join_parts("Which?") == ("Which?",)
