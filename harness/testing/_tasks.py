"""The contract of tasks as checks, on the first items of each split."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, get_args

from harness.api import (
    AnswerSpace,
    Card,
    DataError,
    Dataset,
    Item,
    KnownResult,
    OfficialPart,
    Parity,
    Protocol,
    Request,
    Task,
    TaskCard,
    Verdict,
    space_from_json,
)
from harness.formats.brackets import BracketsFormat
from harness.testing._explained import task_checks_of_reasoning
from harness.testing._fresh import call_fresh
from harness.testing._members import check_members
from harness.testing._schema import schema_checks
from harness.testing._subject import Check, Subject, find_subject

_FEW = 24  # items of a split that are rendered; ids are looked at further
_MANY = 2_000
_FORM = BracketsFormat()


def task_checks(what: Card | str, **fields: object) -> Iterator[Check]:
    """The checks of a task: a card, or its id; `options`, `data` and `context` go to its factory."""
    yield from checks(find_subject(what, **fields))


def checks(subject: Subject) -> Iterator[Check]:
    """The contract, each clause as a check."""
    yield "task_data_stated", lambda: _check_data(subject)
    yield "task_published_stated", lambda: _check_published(subject)
    yield "task_protocol", lambda: _check_protocol(subject)
    yield "task_splits", lambda: _check_splits(subject)
    yield "task_ids_unique", lambda: _check_ids_unique(subject)
    yield "task_order_deterministic", lambda: _check_deterministic(subject)
    yield "task_gold_in_space", lambda: _check_gold(subject)
    yield "task_images_readable", lambda: _check_images(subject)
    yield "task_gold_not_leaked", lambda: _check_leak(subject)
    yield "task_counts_its_items", lambda: _check_count(subject)
    yield "task_renders_the_item", lambda: _check_rendered(subject)
    yield "task_render_is_pure", lambda: _check_pure(subject)
    yield "task_swap_symmetry", lambda: _check_swap(subject)
    yield "task_instruction_ends_the_prompt", lambda: _check_instruction(subject)
    yield "task_fingerprint_is_stable", lambda: _check_fingerprint(subject)
    yield "task_json_round_trip", lambda: _check_json(subject)
    if isinstance(subject.offer.card.factory, str) and subject.context is None:
        yield "task_keys_equal_in_another_process", lambda: _check_process(subject)
    yield from schema_checks(subject)
    yield from task_checks_of_reasoning(subject)
    yield "task_members", lambda: check_members("task", subject.instance)


def _task(subject: Subject) -> Task:
    instance = subject.instance
    assert isinstance(instance, Task), f"task {subject.id}: the factory returned {instance!r}, which is no Task"
    return instance


def _splits(subject: Subject) -> tuple[str, ...]:
    card = subject.offer.card
    assert isinstance(card, TaskCard), f"{subject.id} is no task"
    return card.splits


def _items(subject: Subject, count: int = _FEW) -> Iterator[tuple[str, Item]]:
    for split in _splits(subject):
        for item in islice(_task(subject).items(split), count):
            yield f"task {subject.id}, split {split}, item {item.id!r}", item


def _straight(item: Item) -> tuple[int, ...]:
    return tuple(range(len(item.candidates)))


def _render(task: Task, item: Item, order: tuple[int, ...] | None = None) -> Request:
    return task.render(item, order=_straight(item) if order is None else order, format=_FORM)


def _check_count(subject: Subject) -> None:
    """What it says of its size is so, as far as is looked."""
    counter = getattr(_task(subject), "count_items", None)
    if counter is None:
        return
    for split in _splits(subject):
        said, where = counter(split), f"task {subject.id}, split {split}: `count_items`"
        assert type(said) is int, f"{where} says {said!r}; it must say how many items there are"
        seen = len(_ids(subject)[split])
        assert said == seen if seen < _MANY else said >= seen, f"{where} says {said:,}, and `items` yields {seen:,}"


def _check_rendered(subject: Subject) -> None:
    """A request is about its item, and asks for an answer of the item's space."""
    for where, item in _items(subject):
        request = _render(_task(subject), item)
        assert isinstance(request, Request), f"{where}: `render` made {request!r}, which is no Request"
        assert request.space == item.space, (
            f"{where}: the request has the answer space {request.space}, and the item {item.space}; a judge would be "
            "asked one question and scored on another"
        )


def _check_data(subject: Subject) -> None:
    """What the card says of the data can be used by `harness data`."""
    data = getattr(subject.offer.card, "data", None)
    if data is None:
        return
    where = f"task {subject.id}: `data` of its card"
    assert isinstance(data, Dataset), f"{where} is {data!r}; write Dataset(hub=..., ...)"
    assert data.place, f"{where} names no place; fill in hub, git or page"
    named = re.fullmatch(r"[\w.-]+/[\w.-]+", data.hub, re.ASCII)
    assert not data.hub or named, f"{where}: hub is {data.hub!r}; write ORG/NAME"
    for name in ("git", "page"):
        address = getattr(data, name)
        assert not address or address.startswith("https://"), f"{where}: {name} is {address!r}; write https://..."
    assert data.hub or not (data.files or data.revision), f"{where}: files and revision are those of a hub; name it"
    assert isinstance(data.files, tuple), f"{where}: files is {data.files!r}; write a tuple of patterns"
    for name in ("rows", "bytes"):
        count = getattr(data, name)
        known = type(count) is int and count > 0  # `type`, since True is a whole number in Python
        assert count is None or known, f"{where}: {name} is {count!r}; write a whole number above 0, or None"


def _check_published(subject: Subject) -> None:
    """What the card says of its authors and of published scores fits the catalogue."""
    card, where = subject.offer.card, f"task {subject.id}: its card"
    assert isinstance(card, TaskCard), f"{subject.id} is no task"
    known = get_args(OfficialPart)
    assert isinstance(card.official, frozenset), f"{where}: official is {card.official!r}; write a frozenset of names"
    wrong = sorted(map(str, card.official - {*known}))
    assert not wrong, f"{where}: official names {', '.join(wrong)}; there are {', '.join(known)}"
    parity = card.parity
    assert parity is None or isinstance(parity, Parity), f"{where}: parity is {parity!r}; write Parity(...), or None"
    if parity is not None:
        counts = (parity.items, parity.judges, parity.values)
        assert all(type(count) is int and count > 0 for count in counts), f"{where}: parity rests on nothing: {parity}"
        assert 0 <= parity.difference <= 100, f"{where}: parity differs by {parity.difference!r}; write points"
    for result in card.results:
        assert isinstance(result, KnownResult), f"{where}: results hold {result!r}; write KnownResult(...)"
        assert math.isfinite(result.value), f"{where}: the result of {result.judge} is {result.value!r}; write a number"
        said = result.judge.strip() and result.metric.strip()
        assert said, f"{where}: {result} lacks a judge or a metric; fill it in"
        found = result.source.startswith("https://")
        assert found, (
            f"{where}: the source of {result.judge}'s result is {result.source!r}; write its address, https://..."
        )


def _check_protocol(subject: Subject) -> None:
    task = _task(subject)
    assert isinstance(task.protocol, Protocol), f"task {subject.id}: `protocol` is {task.protocol!r}, no Protocol"
    assert "/" in task.format, f"task {subject.id}: `format` is {task.format!r}; write the full id, as harness/tagged"


def _check_splits(subject: Subject) -> None:
    for split in _splits(subject):
        # A run of an empty split would end without a row, and without a word.
        first = next(iter(_task(subject).items(split)), None)
        assert first is not None, f"task {subject.id}: split {split!r} is empty"
    try:
        list(islice(_task(subject).items("no such split"), 1))
    except DataError:
        return
    raise AssertionError(f"task {subject.id}: a split that does not exist must raise DataError")


def _ids(subject: Subject) -> dict[str, list[str]]:
    """Ids of the first items of each split, read once."""
    if not hasattr(subject, "_ids"):
        # Further than other checks: ids are repeated where files were joined, far from the start.
        found = {split: [item.id for item in islice(_task(subject).items(split), _MANY)] for split in _splits(subject)}
        subject._ids = found  # type: ignore[attr-defined]
    kept: dict[str, list[str]] = subject._ids  # type: ignore[attr-defined]
    return kept


def _check_ids_unique(subject: Subject) -> None:
    for split, ids in _ids(subject).items():
        twice = next((name for name, count in Counter(ids).items() if count > 1), None)
        assert twice is None, f"task {subject.id}, split {split}: the id {twice!r} occurs twice"


def _check_deterministic(subject: Subject) -> None:
    for split in _splits(subject):
        passes = [
            [(item.id, item.group, item.gold, dict(item.annotations)) for item in islice(task.items(split), 10 * _FEW)]
            # Twice the same object, since a generator can be used up, and a new one, since state may be kept.
            for task in (_task(subject), _task(subject), subject.make())
        ]
        assert passes[0] == passes[1], f"task {subject.id}, split {split}: a second pass gives other items or golds"
        assert passes[0] == passes[2], f"task {subject.id}, split {split}: made again, it gives other items or golds"


def _check_gold(subject: Subject) -> None:
    kind = subject.offer.card.answers if isinstance(subject.offer.card, TaskCard) else ""
    for where, item in _items(subject):
        assert isinstance(item, Item), f"{where}: {item!r} is no Item"
        assert item.space.contains(item.gold), f"{where}: gold {item.gold!r} is not an answer of {item.space}"
        for name, verdict in item.annotations.items():
            assert item.space.contains(verdict), f"{where}: annotator {name!r}: {verdict!r} is none of {item.space}"
        assert not kind or item.space.kind == kind, f"{where}: a {item.space.kind}, and the card says {kind}"
        places = item.space.candidate_count or len(item.candidates)
        assert places == len(item.candidates), f"{where}: {len(item.candidates)} candidates for {item.space}"


def _check_images(subject: Subject) -> None:
    again = subject.make()
    for split in _splits(subject):
        for item, twin in zip(islice(_task(subject).items(split), 6), again.items(split), strict=False):
            where = f"task {subject.id}, split {split}, item {item.id!r}"
            for image, other in zip(_render(_task(subject), item).images, _render(again, twin).images, strict=True):
                image.load()
                assert image.digest == other.digest, f"{where}: {image} is not the same picture when made again"


def _other_golds(space: AnswerSpace, gold: Verdict) -> list[Verdict]:
    try:
        return [verdict for verdict in space.verdicts() if verdict != gold][:3]
    except DataError:
        return [space.worst(gold)]


def _check_leak(subject: Subject) -> None:
    for where, item in _items(subject):
        told = _render(_task(subject), item).content
        # A prompt that does not change with the gold cannot tell it.
        for gold in _other_golds(item.space, item.gold):
            other = _render(_task(subject), replace(item, gold=gold)).content
            assert other == told, f"{where}: the prompt changes when the gold does; it must not be rendered"
        for said in ({}, {"check": item.gold}):
            other = _render(_task(subject), replace(item, annotations=said)).content
            assert other == told, f"{where}: the prompt changes with what annotators said; it must not be rendered"


def _check_pure(subject: Subject) -> None:
    for where, item in _items(subject):
        keys = {_render(_task(subject), item).key for _ in range(3)}
        assert len(keys) == 1, f"{where}: rendered three times alike, it has {len(keys)} different keys"


def _check_swap(subject: Subject) -> None:
    for where, item in _items(subject):
        if not item.space.candidate_count:
            continue
        order = _straight(item)
        straight, swapped = _render(_task(subject), item), _render(_task(subject), item, order[::-1])
        assert swapped.order == order[::-1], f"{where}: asked for {order[::-1]}, the request says {swapped.order}"
        assert swapped.space == straight.space, f"{where}: the answer space depends on the order"
        # The same candidates written in reverse and shown in reverse must read alike.
        mirrored = replace(item, candidates=item.candidates[::-1])
        same = replace(_render(_task(subject), mirrored), order=order[::-1])
        assert same.content == swapped.content, (
            f"{where}: shown in reverse, the prompt is not that of the reversed candidates; something but the "
            "candidates depends on the order, or does not"
        )
        if len(set(map(str, _contents(item)))) > 1:
            assert replace(swapped, order=order).content != straight.content, f"{where}: the order changes nothing"


def _contents(item: Item) -> list[list[str]]:
    return [[part if isinstance(part, str) else part.digest for part in parts] for parts in item.candidates]


@dataclass(frozen=True, slots=True)
class _OtherFormat:
    """A format with an instruction of its own, to see that the task asks the format that it is given."""

    name: str = "check/other"

    def instruction(self, space: AnswerSpace) -> str:
        return "Say it with flowers."

    parse = _FORM.parse
    write = _FORM.write


def _check_instruction(subject: Subject) -> None:
    for where, item in _items(subject, 6):
        request = _task(subject).render(item, order=_straight(item), format=_OtherFormat())
        assert request.text.rstrip().endswith("Say it with flowers."), (
            f"{where}: the prompt does not end with the instruction of the format it is given"
        )
        assert request.format.name == "check/other", f"{where}: the request does not carry the format it is given"


def _check_fingerprint(subject: Subject) -> None:
    first, second = _task(subject).fingerprint(), subject.make().fingerprint()
    assert first, f"task {subject.id}: the fingerprint is empty"
    assert first == second, f"task {subject.id}: made twice alike, the fingerprints are {first!r} and {second!r}"


def _check_json(subject: Subject) -> None:
    for where, item in _items(subject):
        again = space_from_json(json.loads(json.dumps(item.space.to_json())))
        assert again == item.space, f"{where}: {item.space} comes back from JSON as {again}"
        assert _task(subject).protocol == Protocol(
            **{**_task(subject).protocol.to_json(), "metrics": tuple(_task(subject).protocol.metrics)}
        ), f"task {subject.id}: its protocol does not come back from JSON"
        json.dumps(dict(item.tags))
        json.dumps(dict(item.annotations))


def _keys_of(subject: Subject) -> list[str]:
    """Keys of the first items of each split, and the fingerprint: what must be equal in every process."""
    return [_task(subject).fingerprint(), *(_render(_task(subject), item).key for _, item in _items(subject, 4))]


def make_keys(asked: dict[str, Any]) -> list[str]:
    """The keys of a task that is named by its card's fields; called in another process."""
    card = TaskCard(
        name=asked["name"], summary="", factory=asked["factory"], options=asked["model"], splits=tuple(asked["splits"])
    )
    return _keys_of(find_subject(card, options=asked["options"], data=asked["data"]))


def _check_process(subject: Subject) -> None:
    card = subject.offer.card
    if card.options is not None and not isinstance(card.options, str):
        raise AssertionError(f"task {subject.id}: name `options` as 'module:attribute', so that it stays lazy")
    # The example was written in this process; the other one reads the same files.
    options, data = subject.inputs
    asked = {
        "name": card.name,
        "factory": card.factory,
        "model": card.options,
        "splits": _splits(subject),
        "options": options,
        "data": data,
    }
    # Hashes of texts and the order of sets differ from process to process, and so would keys made from them.
    try:
        keys = call_fresh(make_keys, asked)
    except AssertionError as error:
        raise AssertionError(f"task {subject.id}: {error}") from None
    assert keys == _keys_of(subject), (
        f"task {subject.id}: another process gives other keys or another fingerprint; do not use hash(), set order, "
        "time or unseeded random numbers"
    )
