"""Throughput of the endpoint judge, as a share of what the server alone sustains under a load generator.

    python tests/perf/endpoint.py --n 2000 --rounds 5

Run by hand; the last line is one JSON object. Three processes: a server that answers each request after 5 ms with a
realistic chat completion; load generators that send one fixed body over and over, connections warm, best of several
levels of concurrency; and the judge through its real code path, from a stream of different requests to judgements,
connections cold. Rounds alternate between them, so that a busy machine slows down all alike.

`share` is the median over the rounds of the judge's rate divided by that of the generator, which is aiohttp's client:
it parses what it gets. `share_of_saturated` is the same against a generator that does next to nothing, as `wrk` does,
and keeps the server's process busy all the time, while the judge has Python of its own to run for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DELAY_S = 0.005
LEVELS = (32, 64, 128, 256)
TEXT = "Which of the two answers is better? " + "The scene shows a street with a row of houses and a cyclist. " * 12


def answer(number: int) -> dict[str, Any]:
    """A chat completion as vLLM sends it."""
    return {
        "id": f"chatcmpl-{number:032x}",
        "object": "chat.completion",
        "created": 1764000000 + number,
        "model": "judge-7b",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "<think>The first answer names the cyclist and the row of houses; the second invents a "
                    "dog that cannot be seen.</think><answer>A</answer>",
                    "refusal": None,
                    "annotations": None,
                    "audio": None,
                    "function_call": None,
                    "tool_calls": [],
                    "reasoning_content": None,
                },
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "service_tier": None,
        "system_fingerprint": "fp_44709d6fcb",
        "usage": {"prompt_tokens": 212, "completion_tokens": 41, "total_tokens": 253, "prompt_tokens_details": None},
    }


def serve() -> None:
    """Answer each request after `DELAY_S`; the first line printed is the port."""
    from aiohttp import web

    count = 0

    async def complete(request: web.Request) -> web.Response:
        nonlocal count
        await request.json()
        await asyncio.sleep(DELAY_S)
        count += 1
        return web.json_response(answer(count))

    async def spent(request: web.Request) -> web.Response:
        return web.json_response({"cpu_s": time.process_time(), "answered": count})

    async def main() -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", complete)
        app.router.add_get("/spent", spent)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    asyncio.run(main())


def load(url: str, n: int) -> dict[str, float]:
    """Requests per second of both generators, each at its best level, and the CPU seconds of the first."""
    body = json.dumps(
        {"messages": [{"role": "user", "content": TEXT}], "model": "judge-7b", "temperature": 0, "max_tokens": 1024}
    ).encode()
    rate, cpu = max(asyncio.run(_by_aiohttp(url, body, n, width)) for width in LEVELS)
    saturated, _ = max(asyncio.run(_by_hand(url, body, n, width)) for width in LEVELS)
    return {"rps": rate, "cpu_s": cpu, "saturated_rps": saturated}


async def _by_aiohttp(url: str, body: bytes, n: int, width: int) -> tuple[float, float]:
    """A real client, which parses what it gets."""
    import aiohttp

    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}

    async def send(session: aiohttp.ClientSession, todo: Iterator[int]) -> None:
        for _ in todo:
            async with session.post(f"{url}/chat/completions", data=body, headers=headers) as response:
                assert response.status == 200
                json.loads(await response.read())

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=width)) as session:
        await asyncio.gather(*(send(session, iter(range(4))) for _ in range(width)))  # connections warm
        todo = iter(range(n))
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(send(session, todo) for _ in range(width)))
        return n / (time.perf_counter() - wall), time.process_time() - cpu


async def _by_hand(url: str, body: bytes, n: int, width: int) -> tuple[float, float]:
    """The same bytes again and again, with a look at each response's length and nothing else, as `wrk` does."""
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    head = f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    gun = _Gun(head.encode() + body)
    connections = [
        (await loop.create_connection(lambda: _Shots(gun), address.hostname or "", address.port or 80))[0]
        for _ in range(width)
    ]
    for count in (4 * width, n):  # connections warm
        gun.left, gun.done, gun.wanted = count, 0, count
        gun.finished.clear()
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        for connection in connections:
            gun.shoot(connection)
        await gun.finished.wait()
        figures = count / (time.perf_counter() - wall), time.process_time() - cpu
    for connection in connections:
        connection.close()
    return figures


class _Gun:
    """How many requests are still to be sent, for all connections together."""

    def __init__(self, shot: bytes) -> None:
        self.shot = shot
        self.left = self.done = self.wanted = 0
        self.finished = asyncio.Event()

    def shoot(self, transport: asyncio.WriteTransport) -> None:
        """Send one more, if there is one."""
        if self.left:
            self.left -= 1
            transport.write(self.shot)

    def hit(self) -> None:
        """One was answered."""
        self.done += 1
        if self.done == self.wanted:
            self.finished.set()


class _Shots(asyncio.Protocol):
    """One connection."""

    def __init__(self, gun: _Gun) -> None:
        self.gun = gun
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        if len(rest) >= length:
            self.buffer = b""
            self.gun.hit()
            assert isinstance(self.transport, asyncio.WriteTransport)
            self.gun.shoot(self.transport)


def judge(url: str, n: int) -> dict[str, float]:
    """Judgements per second, from the stream of requests to the last judgement, and CPU seconds of all threads."""
    from harness.api import JudgeCard, Message, Preference, Request, Status
    from harness.discovery import Plugins
    from harness.formats.tagged import TaggedFormat
    from harness.testing import FakeContext

    offer = Plugins.load().find("judge", "openai/openai")
    assert isinstance(offer.card, JudgeCard)
    model = offer.options_model()
    assert model is not None
    options = model.model_validate({"base_url": url, "model": "judge-7b", "api_key_env": None})
    made = offer.create(options, FakeContext(workspace=Path(tempfile.gettempdir())))
    form, space = TaggedFormat(), Preference(2)

    def requests(count: int, start: int) -> Iterator[Request]:
        for number in range(start, start + count):
            parts = (f"Case {number}. {TEXT}", form.instruction(space))
            yield Request(
                task="perf",
                item=str(number),
                messages=(Message("system", ("You are a careful judge.",)), Message("user", parts)),
                space=space,
                format=form,
                order=(0, 1),
            )

    list(made.judge(requests(4, n)))  # imports
    stream = list(requests(n, 0))
    assert all(request.key for request in stream)  # the engine has worked it out before it hands a request out
    gc.collect()  # what the imports left is no cost of a request
    wall, cpu = time.perf_counter(), time.process_time()
    answered = sum(judgement.status is Status.OK for _, judgement in made.judge(iter(stream)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert answered == n, f"{answered} of {n} answered"
    return {"rps": n / wall, "cpu_s": cpu}


def apart(*arguments: str) -> dict[str, float]:
    """What this file says in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Measure in rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--part", choices=["serve", "load", "judge"], help="for the processes apart")
    parser.add_argument("--url", default="")
    arguments = parser.parse_args()
    if arguments.part == "serve":
        return serve()
    if arguments.part is not None:
        part = load if arguments.part == "load" else judge
        return print(json.dumps(part(arguments.url, arguments.n)))
    command = [sys.executable, __file__, "--part", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        common = ["--n", str(arguments.n), "--url", f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"]
        rounds = []
        try:
            for _ in range(arguments.rounds):
                alone = apart("--part", "load", *common)
                ours = apart("--part", "judge", *common)
                rounds.append((alone, ours))
                print({"server": alone, "judge": ours, "share": ours["rps"] / alone["rps"]}, flush=True)
        finally:
            server.terminate()
    median = statistics.median
    print(
        json.dumps(
            {
                "n": arguments.n,
                "rounds": arguments.rounds,
                "server_rps": median(alone["rps"] for alone, _ in rounds),
                "judge_rps": median(ours["rps"] for _, ours in rounds),
                "share": median(ours["rps"] / alone["rps"] for alone, ours in rounds),
                "saturated_rps": median(alone["saturated_rps"] for alone, _ in rounds),
                "share_of_saturated": median(ours["rps"] / alone["saturated_rps"] for alone, ours in rounds),
                "worst_share": min(ours["rps"] / alone["rps"] for alone, ours in rounds),
                "load_cpu_ms": median(alone["cpu_s"] for alone, _ in rounds) / arguments.n * 1000,
                "judge_cpu_ms": median(ours["cpu_s"] for _, ours in rounds) / arguments.n * 1000,
            }
        )
    )
    return None


if __name__ == "__main__":
    main()
