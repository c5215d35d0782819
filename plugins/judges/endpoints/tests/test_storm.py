"""Ten thousand requests under random faults: none lost, none doubled, and no fault turned into an answer."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.api import Judge, Judgement, Request, Status


@pytest.mark.slow
def test_every_verdict_is_the_one_that_the_server_gave(
    serve: Any, judge: Callable[..., Judge], put: Callable[..., Request]
) -> None:
    storm(serve("--seed", "20260311", "--share", "0.35"), judge, put, count=10_000)


def test_a_small_storm(serve: Any, judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    storm(serve("--seed", "7", "--share", "0.35"), judge, put, count=400)


def storm(server: Any, judge: Callable[..., Judge], put: Callable[..., Request], *, count: int) -> None:
    made = judge(base_url=server.url, retries=2, total_timeout_s=20.0, logprobs=False)

    def stream() -> Iterator[Request]:
        for number in range(count):
            yield put(None, item=number)

    began = time.monotonic()
    found: dict[str, Judgement] = {}
    for request, judgement in made.judge(stream()):
        assert request.item not in found, "none doubled"
        found[request.item] = judgement
    assert time.monotonic() - began < 60
    assert len(found) == count, "none lost"
    given: dict[str, list[str]] = defaultdict(list)
    attempts: Counter[str] = Counter()
    for entry in server.log():
        attempts[entry["item"]] += 1
        if entry["verdict"] is not None:
            given[entry["item"]].append(entry["verdict"])
    failed = 0
    for item, judgement in found.items():
        if judgement.status is Status.OK:
            assert given[item] == [judgement.verdict], item
        else:
            failed += 1
            assert judgement.status is Status.ERROR, item
            assert judgement.raw == ""
            assert given[item] == [], item
            assert attempts[item] in (2, 3), item
    assert 0.01 * count < failed < 0.1 * count, "0.35 ** 3 of them and a few more: the storm must really fail some"
    assert attempts.total() > 1.3 * count
