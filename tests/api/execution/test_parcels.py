"""Requests and answers come home as they were sent: equal keys, equal pixels, equal rows in the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import (
    Choice,
    DataError,
    Image,
    Judgement,
    Message,
    Part,
    PluginError,
    Preference,
    Ranking,
    Request,
    Score,
    Status,
)
from harness.api.execution import Parcel, pack_answers, pack_requests, unpack_answers, unpack_requests
from harness.api.reading import Thinking
from harness.formats.tagged import TaggedFormat
from harness.runner.rows import judgement_row

FORMATS: Mapping[str, Any] = {"harness/tagged": TaggedFormat()}


def find_format(name: str) -> Any:
    return FORMATS[name]


def drawn(number: int) -> Image:
    return Image.from_drawing(lambda: PIL.Image.new("RGB", (4, 3), (number % 256, 1, 2)), name=f"drawn {number}")


def ask(*parts: Part, **fields: Any) -> Request:
    return Request(
        **{
            "task": "t",
            "item": "1",
            "messages": (Message("system", ("be fair",)), Message("user", parts)),
            "space": Choice(("yes", "no")),
            "format": TaggedFormat(),
            **fields,
        }
    )


def send(*requests: Request) -> list[Request]:
    parcel, count = pack_requests(requests)
    assert count == len(requests)
    return unpack_requests(parcel, find_format)


def test_a_request_arrives_with_its_key_its_pictures_and_its_parts() -> None:
    file = Image.from_bytes(drawn(3).encode()[0], name="a file")
    request = ask(
        "half \ud800 a pair",
        drawn(1),
        file,
        space=Preference(2),
        order=(1, 0),
        sample=2,
        question=("q", drawn(1)),
        candidates=(("first", file), ("second",)),
        thinking=Thinking(marks=(("<s>", "</s>"),), opened=True),
        by_item=True,
    )
    (there,) = send(request)
    assert (there.key, there.content, there.seed) == (request.key, request.content, request.seed)
    for name in ("task", "item", "space", "order", "sample", "thinking", "by_item", "text"):
        assert getattr(there, name) == getattr(request, name), name
    for here, sent in zip(request.images, there.images, strict=True):
        assert (sent.key, sent.digest, sent.name, sent.encode()) == (here.key, here.digest, here.name, here.encode())
        assert sent.load().tobytes() == here.load().tobytes()
    assert [len(parts) for parts in there.candidates] == [2, 1]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16"])
def test_a_file_that_is_shown_otherwise_than_stored_keeps_its_key(mode: str) -> None:
    import io

    buffer = io.BytesIO()
    PIL.Image.new(mode, (5, 4)).save(buffer, format="PNG")
    image = Image.from_bytes(buffer.getvalue(), name="odd")
    (there,) = send(ask(image))
    assert there.images[0].key == image.key
    assert there.images[0].load().tobytes() == image.load().tobytes()


def test_an_absent_picture_stays_absent() -> None:
    (there,) = send(ask(Image.absent("gone.png")))
    assert there.key == ask(Image.absent("gone.png")).key
    with pytest.raises(DataError, match="is not in these data"):
        there.images[0].load()


def test_a_picture_that_stands_in_many_places_travels_once() -> None:
    image = drawn(7)
    parcel, _ = pack_requests([ask(image, "a"), ask("b", image, question=(image,)), ask(drawn(8))])
    assert len(parcel.pictures) == 2


def test_a_full_parcel_takes_no_further_request_and_always_takes_the_first() -> None:
    requests = [ask(drawn(number)) for number in range(5)]
    size = len(requests[0].images[0].pack()[0])
    assert [pack_requests(requests, most_bytes=most)[1] for most in (1, size + 1, 100 * size)] == [1, 2, 5]


def test_nothing_at_all_is_a_parcel_too() -> None:
    parcel, count = pack_requests([])
    assert (count, parcel.pictures, unpack_requests(parcel, find_format)) == (0, (), [])


def test_a_request_that_has_another_key_here_is_refused() -> None:
    parcel, _ = pack_requests([ask("hello")])
    changed = Parcel(parcel.text.replace(b"hello", b"hallo"), ())
    with pytest.raises(PluginError, match="task t, item '1': the request has another key here"):
        unpack_requests(changed, find_format)


verdicts = st.one_of(st.sampled_from(["yes", "no"]), st.integers(0, 5), st.floats(allow_nan=False), st.just((1, 0)))
texts = st.text(st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=60, deadline=None)
@given(verdicts, texts, texts, st.one_of(st.none(), st.floats(0, 10)), st.booleans())
def test_a_judgement_makes_the_same_row_when_it_comes_home(
    verdict: Any, raw: str, rationale: str, latency: float | None, read: bool
) -> None:
    probabilities = {"b": 0.25, "a": 0.75}  # the order is kept too, since the row is a text
    judgement = Judgement.of(
        verdict, raw=raw, rationale=rationale, latency_s=latency, read=read, probabilities=probabilities
    )
    ((key, home),) = unpack_answers(pack_answers([(ask("x"), judgement)]))
    assert key == ask("x").key
    assert judgement_row(home) == judgement_row(judgement)


@pytest.mark.parametrize("space", [Choice(("a", "b")), Score(1, 5, 1), Ranking(3), Preference(4, ("tie",))])
def test_every_space_arrives(space: Any) -> None:
    assert send(ask("x", space=space))[0].space == space


def test_a_judgement_that_is_no_plain_data_costs_itself_alone() -> None:
    class Odd:
        pass

    odd = Judgement.of("yes", latency_s=Odd())
    homes = dict(unpack_answers(pack_answers([(ask("x"), odd), (ask("y"), Judgement.of("no"))])))
    assert homes[ask("x").key].status is Status.ERROR
    assert "cannot be sent" in homes[ask("x").key].error
    assert homes[ask("y").key].verdict == "no"


def test_a_parcel_is_json_with_files_and_pixels() -> None:
    parcel, _ = pack_requests([ask("x", drawn(1))])
    assert json.loads(parcel.text)[0]["request"]["item"] == "1"
    assert parcel.pictures[0] == bytes((1, 1, 2)) * 12  # a drawing travels as its pixels
