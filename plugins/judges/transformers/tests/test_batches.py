from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from harness.api import Image, Message, Request, Status
from harness_transformers.batches import WINDOW, Group, Room, group_requests, pack_batches, windows
from harness_transformers.prompts import Prompt

Ask = Callable[..., Request]


def prompt_of(length: int) -> Callable[[Request], Prompt]:
    return lambda request: Prompt(ids=tuple(range(length + len(request.text) % 7)))


def test_windows_keep_the_order_and_lose_nothing(ask: Ask) -> None:
    requests = [ask(number, images=0) for number in range(10)]
    pieces = list(windows(iter(requests), 4))
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert [one for piece in pieces for one in piece] == requests
    assert len(next(windows(iter([requests[0]] * 3 * WINDOW), 10**9))) == WINDOW


def test_samples_of_a_request_share_a_prompt_and_orders_do_not(ask: Ask, pair: Callable[[int], list[Request]]) -> None:
    made = []

    def prompt(request: Request) -> Prompt:
        made.append(request)
        return Prompt(ids=(1, 2))

    samples = [replace(ask(1), sample=number) for number in range(3)]
    groups, failed = group_requests([*samples, *pair(1)], prompt, by_answers=False)
    assert [len(group.requests) for group in groups] == [3, 1, 1]
    assert len(made) == 3
    assert not failed


def test_where_answers_are_weighed_different_spaces_are_different_groups(ask: Ask) -> None:
    from harness.api import Choice

    one = ask(1)
    other = replace(one, space=Choice(("no", "yes")))
    assert len(group_requests([one, other], prompt_of(3), by_answers=False)[0]) == 1
    assert len(group_requests([one, other], prompt_of(3), by_answers=True)[0]) == 2


def test_groups_go_from_short_to_long(ask: Ask) -> None:
    groups, _ = group_requests([ask(number, images=0) for number in range(9)], prompt_of(3), by_answers=False)
    lengths = [len(group.prompt.ids) for group in groups]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 1


def test_an_image_that_cannot_be_read_fails_its_own_request_only(ask: Ask) -> None:
    broken = replace(ask(1), messages=(Message("user", (Image.from_file("/nowhere.png"), "?")),))
    groups, failed = group_requests([ask(2), broken, ask(3)], prompt_of(3), by_answers=False)
    assert {request.item for group in groups for request in group.requests} == {"2", "3"}
    ((request, judgement),) = failed
    assert request is broken
    assert judgement.status is Status.ERROR
    assert "/nowhere.png" in judgement.error


def test_batches_hold_so_many_rows_and_one_kind_of_pixels() -> None:
    def group(size: int, side: int = 4) -> Group:
        return Group(Prompt(ids=(1,), images=("x",), prepared=({"pixel_values": torch.zeros(1, side)},)), [None] * size)  # type: ignore[list-item]

    groups = [group(2), group(2), group(2, side=5), group(9, side=5), group(1, side=5)]
    batches = [[len(one.requests) for one in batch] for batch in pack_batches(groups, 4, lambda one: len(one.requests))]
    assert batches == [[2, 2], [2], [9], [1]]


def test_out_of_memory_halves_the_rows_until_it_fits(caplog: pytest.LogCaptureFixture) -> None:
    freed: list[int] = []
    room = Room(16, lambda: freed.append(1))
    tried = []

    def compute(rows: int) -> int:
        tried.append(rows)
        if rows > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")
        return rows

    with caplog.at_level(logging.WARNING):
        assert room.attempt(compute) == 2
    assert tried == [16, 8, 4, 2]
    assert room.rows == 2
    assert len(freed) == 3
    assert "going on with 2 row(s)" in caplog.text


def test_out_of_memory_with_a_single_row_is_raised_and_so_is_anything_else() -> None:
    room = Room(2, lambda: None)

    def never(rows: int) -> int:
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"
        )

    with pytest.raises(RuntimeError, match="can't allocate"):
        room.attempt(never)
    assert room.rows == 1

    def otherwise(rows: int) -> int:
        raise ValueError(rows)

    with pytest.raises(ValueError, match="8"):
        Room(8, lambda: None).attempt(otherwise)
