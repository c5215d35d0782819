"""Requests and answers on their way to another process and back: JSON, and pictures as their files. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from harness.api._errors import PluginError
from harness.api._records import Judgement, Part, Status
from harness.api._requests import Message, Request, VerdictFormat
from harness.api.execution._executor import Parcel
from harness.api.images._image import Image
from harness.api.reading._reasoning import thinking_from_json
from harness.api.spaces._rubric import space_from_json

MOST_BYTES = 32 * 2**20
"""Bytes of pictures in one parcel, the last request's own left out. More would fill the memory of the receiver."""


def pack_requests(requests: Iterable[Request], *, most_bytes: int = MOST_BYTES) -> tuple[Parcel, int]:
    """Put requests into a parcel, with their pictures.

    Args:
        requests: Pulled one by one until the parcel is full.
        most_bytes: No request is added to a parcel whose pictures have as many bytes.

    Returns:
        The parcel, and how many requests are in it.

    Raises:
        DataError: A picture cannot be read.
    """
    pictures: dict[str, tuple[int, tuple[int, int] | None]] = {}
    contents: list[bytes] = []
    packed: list[dict[str, Any]] = []
    size = 0

    def part_of(part: Part) -> Any:
        nonlocal size
        if isinstance(part, str):
            return part
        if part.key not in pictures:
            data, pixels = part.pack()
            size += len(data)
            pictures[part.key] = len(contents), pixels
            contents.append(data)
        # With the names, which need not be computed again.
        return [*pictures[part.key], part.name, part.digest, part.key]

    for request in requests:
        plain = {
            "task": request.task,
            "item": request.item,
            "messages": [[m.role, [part_of(part) for part in m.parts]] for m in request.messages],
            "space": request.space.to_json(),
            "format": request.format.name,
            "order": request.order,
            "sample": request.sample,
            "question": [part_of(part) for part in request.question],
            "candidates": [[part_of(part) for part in parts] for parts in request.candidates],
            "thinking": asdict(request.thinking),
            "by_item": request.by_item,
        }
        packed.append({"key": request.key, "request": plain})
        if size >= most_bytes:
            break
    # ASCII, so that half of a surrogate pair, which data files may hold, comes through.
    return Parcel(json.dumps(packed).encode("ascii"), tuple(contents)), len(packed)


def unpack_requests(parcel: Parcel, find_format: Callable[[str], VerdictFormat]) -> list[Request]:
    """The requests that `pack_requests` put in, with the same keys.

    Args:
        parcel: The parcel.
        find_format: Gives the format of a name.

    Raises:
        PluginError: A request has another key here: this process renders or hashes otherwise than the sender.
    """
    requests = []

    def part_of(plain: Any) -> Part:
        if isinstance(plain, str):
            return plain
        place, size, name, digest, key = plain
        data = parcel.pictures[place]
        return Image.unpack(data, name=name, digest=digest, key=key, size=None if size is None else tuple(size))

    for packed in json.loads(parcel.text):
        plain = packed["request"]
        request = Request(
            **{
                **plain,
                "messages": tuple(Message(role, tuple(map(part_of, parts))) for role, parts in plain["messages"]),
                "space": space_from_json(plain["space"]),
                "format": find_format(plain["format"]),
                "order": tuple(plain["order"]),
                "question": tuple(map(part_of, plain["question"])),
                "candidates": tuple(tuple(map(part_of, parts)) for parts in plain["candidates"]),
                "thinking": thinking_from_json(plain["thinking"]),
            }
        )
        if request.key != packed["key"]:
            raise PluginError(
                f"task {request.task}, item {request.item!r}: the request has another key here than where it was made; "
                "install the same versions of the harness and its plugins on every machine"
            )
        requests.append(request)
    return requests


def pack_answers(answers: Sequence[tuple[Request, Judgement]]) -> bytes:
    """Answers as JSON, by the keys of their requests."""
    return json.dumps([[request.key, _plain(judgement)] for request, judgement in answers]).encode("ascii")


def unpack_answers(packed: bytes) -> list[tuple[str, Judgement]]:
    """What `pack_answers` wrote: pairs of a request's key and its judgement."""
    return [(key, Judgement.from_json(plain)) for key, plain in json.loads(packed)]


def _plain(judgement: Judgement) -> dict[str, Any]:
    plain = judgement.to_json()
    try:
        json.dumps(plain)
    except (TypeError, ValueError) as error:
        # One judge that yields what is no plain data must not cost the answers that travel with it.
        return Judgement.failure(Status.ERROR, f"the judgement cannot be sent: {error}").to_json()
    return plain
