from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.api import Request
from harness_endpoints.asking import Asker, Outcome
from harness_endpoints.lessons import Lessons
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.openai.payload import ChatPayloads
from harness_endpoints.openai.reply import read_reply
from harness_endpoints.wire import Response, WireError

GOOD = Response(200, "", "", json.dumps({"choices": [{"message": {"content": "<answer>yes</answer>"}}]}).encode())


class Scripted:
    """A wire that gives one response after another."""

    def __init__(self, *script: Response | Exception) -> None:
        self.script = list(script)

    async def post(self, body: bytes) -> Response:
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self) -> None:
        pass


class Slots:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def success(self) -> None:
        self.told.append("success")

    def overload(self, sent: float) -> None:
        self.told.append("overload")

    async def pause(self, seconds: float) -> None:
        self.told.append("pause")


def failed(status: int) -> Response:
    return Response(status, "application/json", "", b"{}")


@pytest.mark.parametrize(
    ("fault", "overloaded"),
    [
        *((failed(status), True) for status in (408, 429, 503, 504, 529)),
        *((failed(status), False) for status in (409, 500, 502)),
        (WireError("no answer", timeout=True), True),
        (WireError("cut off"), False),
        (Response(402, "", "1", b"{}"), False),
    ],
)
def test_what_says_that_it_is_too_much(put: Callable[..., Request], fault: Any, overloaded: bool) -> None:
    slots = Slots()
    asked = ask(put(), slots, Scripted(fault, GOOD))
    assert asked.error == ""
    assert slots.told == [*(["overload"] if overloaded else []), "pause", "success"]


def test_what_cannot_be_read_is_asked_for_again_at_once(put: Callable[..., Request]) -> None:
    slots = Slots()
    assert ask(put(), slots, Scripted(Response(200, "text/html", "", b"<html>"), GOOD)).error == ""
    assert slots.told == ["success"]
    assert "(2 attempts)" in ask(put(), Slots(), Scripted(*[Response(200, "", "", b"<html>")] * 2, GOOD)).error
    broken = WireError("compressed", broken=True)
    assert ask(put(), Slots(), Scripted(broken, failed(500), broken, GOOD)).kind == "compressed"


def test_the_last_failure_is_the_one_that_is_told(put: Callable[..., Request]) -> None:
    slots = Slots()
    asked = ask(put(), slots, Scripted(failed(500), WireError("cut off"), failed(502)), retries=2)
    assert asked.error == "status 502: {} (3 attempts)"
    assert slots.told == ["pause", "pause"], "after the last attempt there is nothing to wait for"


def ask(request: Request, slots: Slots, wire: Scripted, **fields: Any) -> Outcome:
    options = ChatOptions(model="m", base_url="http://localhost/v1", **fields)
    payloads = ChatPayloads(options)
    asker = Asker(
        options,
        name="me",
        scrub=lambda text: text,
        wire=wire,
        payloads=payloads,
        read=read_reply,
        lessons=Lessons(options, "me"),
        slots=slots,
    )
    return asyncio.run(asker.ask(request, payloads.messages(request)))
