"""The HTTP client alone, against bytes over a real socket: what is no response, and what a response must not do."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_endpoints.client import ClientWire
from harness_endpoints.keys import load_secrets
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.wire import Response, WireError

LONGEST = 10_000
both_ways = pytest.mark.parametrize("most", [2**16, -1], ids=["exchange", "session"])
"""By `Exchange`, as short bodies go, and by aiohttp's session, as all others do."""

KEY = "sk-not-for-the-log-0123456789"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def reply(*headers: bytes, body: bytes = b"{}", status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *headers, b"", body))


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
    return head + await reader.readexactly(length)


def speaks(*parts: bytes, closes: bool = True, pause: float = 0.0) -> Serve:
    """Answers each request with the same bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            if closes:
                return

    return serve


def post(
    serve: Serve, *bodies: bytes, idle: float = 0.0, most: int = 2**16, **options: Any
) -> list[Response | WireError]:
    """What comes of each body, one after another with a pause in between, over one client."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()

    async def main() -> list[Response | WireError]:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        known = {"base_url": url, "model": "m", "max_response_bytes": LONGEST, "total_timeout_s": 10.0, **options}
        made = ChatOptions(**known)
        wire = ClientWire(made, load_secrets(made, {"OPENAI_API_KEY": KEY}))
        found: list[Response | WireError] = []
        try:
            for body in bodies or (b"{}",):
                try:
                    with patch("harness_endpoints.client.MOST", most):
                        found.append(await wire.post(body))
                except WireError as error:
                    found.append(error)
                await asyncio.sleep(idle)
        finally:
            await wire.close()
            server.close()
        return found

    return asyncio.run(main())


COMPLETE = {
    "a length": reply(b"Content-Length: 2", b"content-TYPE:application/json \t", b"Retry-After: 3"),
    "chunks": reply(b"Transfer-Encoding: Chunked", body=b"1;x=y\r\n{\r\n00001\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "the end of the connection": reply(body=b"{}"),
    "HTTP/1.0": reply(body=b"{}", status=b"HTTP/1.0 200 OK"),
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    + reply(b"Content-Length: 2"),
    "identity": reply(b"Content-Length: 2", b"Content-Encoding: Identity"),
}


@both_ways
@pytest.mark.parametrize("data", COMPLETE.values(), ids=COMPLETE)
def test_a_whole_response_is_read_however_its_end_is_told(data: bytes, most: int) -> None:
    [response] = post(speaks(data), most=most)
    assert isinstance(response, Response), response
    assert (response.status, response.body) == (200, b"{}")


def test_the_headers_that_count_are_read() -> None:
    [response] = post(speaks(COMPLETE["a length"]))
    assert response == Response(200, "application/json", "3", b"{}")
    [response] = post(speaks(reply(b"Content-Length: 2", b"Retry-After-Ms: 250", status=b"HTTP/1.1 429 Slow")))
    assert response == Response(429, "", "", b"{}", "250")


def test_a_header_that_is_no_utf_8_can_be_written_to_a_file() -> None:
    [response] = post(speaks(reply(b"Content-Length: 2", b"Content-Type: text/\xff")))
    assert isinstance(response, Response), response
    assert response.content_type.encode().startswith(b"text/")


@both_ways
@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"<html>\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/2 200 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}" + b"x" * 70_000, "HTTP/1.1"),
        (reply(b"Content-Length: 2", b" folded: x"), "HTTP/1.1"),
        (reply(b"Content-Length: 2", b"no colon"), "HTTP/1.1"),
        (reply(b"Content-Length: 2", b"bad name: x"), "HTTP/1.1"),
        (reply(b"Content-Length: 2", b"X: a\0b"), "HTTP/1.1"),
        (reply(b"Content-Length: two"), "HTTP/1.1"),
        (reply(b"Content-Length: -2"), "HTTP/1.1"),
        (reply(b"Content-Length: 2, 2"), "HTTP/1.1"),
        (reply(b"Content-Length: 2", b"Content-Length: 3"), "HTTP/1.1"),
        (reply(b"Content-Length: " + b"9" * 30), "HTTP/1.1"),
        (reply(b"Content-Length: 2", b"Transfer-Encoding: chunked"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: gzip, chunked"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", status=b"HTTP/1.0 200 OK"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", body=b"x\r\n{}\r\n"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", body=b"1\r\n{}\r\n0\r\n\r\n"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", body=b"-1\r\n\r\n"), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", body=b"1" * 2000), "HTTP/1.1"),
        (reply(b"Transfer-Encoding: chunked", body=b"ffffffff\r\n"), "too early"),
        (reply(b"Transfer-Encoding: chunked", body=b"0\r\n" + b"X: " + b"y" * 9000), "HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "switches protocols"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switches protocols"),
    ],
)
def test_what_is_odd_is_no_response(data: bytes, word: str, most: int) -> None:
    [error] = post(speaks(data), most=most)
    assert isinstance(error, WireError), error
    assert word in str(error)


@both_ways
@pytest.mark.parametrize(
    "data",
    [b"", reply(b"Content-Length: 3"), reply(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n"), b"HTTP/1.1 20"],
)
def test_what_was_cut_off_is_no_response_and_worth_another_attempt(data: bytes, most: int) -> None:
    [error] = post(speaks(data), most=most)
    assert isinstance(error, WireError), error
    assert not error.broken


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 " + b"y" * 100_000,
        reply(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 100_000),
    ],
    ids=["headers", "one header", "status line", "trailers"],
)
def test_endless_headers_are_given_up_long_before_the_timeout(data: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()
        await reader.read()  # never closes by itself

    [error] = post(serve, total_timeout_s=60.0)
    assert isinstance(error, WireError), error
    assert error.broken
    assert not error.timeout


@pytest.mark.parametrize("part", [b"HTTP/1.1 100 Continue\r\n\r\n", b""], ids=["interim", "extension"])
def test_what_has_no_end_in_itself_ends_with_the_timeout(part: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"" if part else reply(b"Transfer-Encoding: chunked", body=b"2;"))
        while True:
            writer.write((part or b"x") * 100)
            await writer.drain()
            await asyncio.sleep(0.001)

    [error] = post(serve, total_timeout_s=0.5)
    assert isinstance(error, WireError), error
    assert error.timeout


@both_ways
@pytest.mark.parametrize(
    "head",
    [
        reply(b"Content-Length: 10001", body=b""),
        reply(b"Content-Length: 999999999999", body=b""),
        reply(body=b"x" * (LONGEST + 1)),
        reply(b"Transfer-Encoding: chunked", body=b"fffffff\r\n" + b"x" * (LONGEST + 1)),
    ],
    ids=["length", "huge length", "to the end", "chunk"],
)
def test_a_body_that_is_too_long_is_given_up_as_soon_as_that_is_known(head: bytes, most: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await writer.drain()
        await reader.read()  # never closes by itself

    [error] = post(serve, total_timeout_s=60.0, most=most)
    assert isinstance(error, WireError), error
    assert error.broken
    assert "max_response_bytes, 10,000" in str(error)


def test_the_longest_body_that_is_allowed_is_read() -> None:
    [response] = post(speaks(reply(b"Content-Length: 10000", body=b"x" * LONGEST)))
    assert isinstance(response, Response), response
    assert len(response.body) == LONGEST


@both_ways
@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd", b"identity, gzip"])
def test_what_is_compressed_is_not_inflated(coding: bytes, most: int) -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    length = f"Content-Length: {len(bomb)}".encode()
    [error] = post(speaks(reply(length, b"Content-Encoding: " + coding, body=bomb)), most=most)
    assert isinstance(error, WireError), error
    assert "compressed" in str(error)


@both_ways
def test_a_connection_is_used_again(most: int) -> None:
    connections = 0
    answers = speaks(reply(b"Content-Length: 2"), closes=False)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answers(reader, writer)

    found = post(serve, *[b"{}"] * 5, most=most)
    assert found == [Response(200, "", "", b"{}")] * 5
    assert connections == 1


@pytest.mark.parametrize("pause", [0.0, 0.1], ids=["at once", "while idle"])
def test_a_response_that_nobody_asked_for_answers_no_later_request(pause: float) -> None:
    """A server that answers twice must not shift all further answers by one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            writer.write(reply(b"Content-Length: 2", body=b"=" + request[-1:]))
            await asyncio.sleep(pause)
            writer.write(reply(b"Content-Length: 2", body=b"no"))

    found = post(serve, b"0", b"1", b"2", b"3", idle=2 * pause)
    answered = {number: answer.body for number, answer in enumerate(found) if isinstance(answer, Response)}
    assert answered[0] == b"=0"
    assert all(body == b"=%d" % number for number, body in answered.items())


def test_a_refusal_before_the_body_was_read_is_heard() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(b"Content-Length: 2", status=b"HTTP/1.1 413 Too Large"))
        await writer.drain()
        await asyncio.sleep(0.3)

    found = post(serve, b"x" * 5_000_000, b"y" * 5_000_000)
    assert [answer.status for answer in found if isinstance(answer, Response)] == [413, 413]


@pytest.mark.parametrize("size", [10, 2**20, 2**20 + 1, 5_000_000])
def test_bodies_of_every_size_arrive_whole(size: int) -> None:
    """Images make long bodies, and a warning about one would be an error here."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            body = b"%d" % request.partition(b"\r\n\r\n")[2].count(b"x")
            writer.write(reply(f"Content-Length: {len(body)}".encode(), body=body))

    assert post(serve, b"x" * size, b"x" * size) == [Response(200, "", "", str(size).encode())] * 2


def test_a_server_that_reads_nothing_is_given_up() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    [error] = post(serve, b"x" * 20_000_000, total_timeout_s=0.5)
    assert isinstance(error, WireError), error
    assert "0.5 s (total_timeout_s)" in str(error)


@both_ways
@pytest.mark.parametrize(
    "data",
    [
        reply(f"Authorization: Bearer {KEY}".encode(), b"broken"),
        f"{KEY} is not HTTP\r\n\r\n".encode(),
        f"HTTP/1.1 200 {KEY}".encode(),
        reply(b"Transfer-Encoding: chunked", body=KEY.encode()),
        reply(b"Content-Length: 1000", body=KEY.encode()),
    ],
)
def test_no_error_repeats_the_key_that_a_server_repeats(data: bytes, most: int) -> None:
    [error] = post(speaks(data), most=most)
    assert isinstance(error, WireError), error
    assert KEY not in f"{error} {error!r}"
    assert error.__suppress_context__, "the library's error holds the request with its headers"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes, cut: int) -> None:
    streams = [data, reply(body=data), reply(b"Transfer-Encoding: chunked", body=data)]
    found = post(lambda *ends: speaks(*parts_of(streams.pop(), [cut]))(*ends), b"1", b"2", b"3")
    assert not streams, "all were sent"
    assert all(isinstance(answer, (Response, WireError)) for answer in found)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 90), max_size=6))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    data = reply(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n3\r\nabc\r\n0\r\n\r\n")
    assert post(speaks(*parts_of(data, cuts), pause=0.002)) == [Response(200, "", "", b"{}abc")]


def parts_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]
