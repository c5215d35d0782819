from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_openai.http1 import ResponseReader
from harness_openai.wire import Response, WireError

LONGEST = 10_000


def read(data: bytes, *, cuts: list[int] | None = None, closed: bool = False) -> tuple[Response | None, bool]:
    """The response in `data`, handed over in pieces, and whether the connection can be used again."""
    reader = ResponseReader(LONGEST)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for start, end in pairwise(places):
        if reader.feed(data[start:end]):
            break
    if reader.response is None and closed:
        reader.end()
    return reader.response, reader.reusable


def reply(*headers: bytes, body: bytes = b"{}", status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((status, *headers, b"", body))


def test_a_response_with_a_length() -> None:
    response, reusable = read(reply(b"Content-Length: 2", b"content-TYPE:application/json \t", b"Retry-After: 3"))
    assert response == Response(200, "application/json", "3", b"{}")
    assert reusable
    response, _ = read(reply(b"Content-Length: 2", b"Retry-After-Ms: 250", status=b"HTTP/1.1 429 Slow"))
    assert response == Response(429, "", "", b"{}", "250")


def test_a_response_in_chunks_with_trailers() -> None:
    body = b"1;x=y\r\n{\r\n00001\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n"
    response, reusable = read(reply(b"Transfer-Encoding: Chunked", body=body))
    assert response is not None
    assert response.body == b"{}"
    assert reusable


def test_a_response_that_ends_with_the_connection() -> None:
    assert read(reply(body=b"{}"))[0] is None
    response, reusable = read(reply(body=b"{}", status=b"HTTP/1.0 200 OK"), closed=True)
    assert response is not None
    assert response.body == b"{}"
    assert not reusable


def test_interim_responses_are_passed_over() -> None:
    response, _ = read(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + reply(b"Content-Length: 2")
    )
    assert response is not None
    assert response.status == 200


@pytest.mark.parametrize(
    ("headers", "status", "reusable"),
    [
        ([], b"HTTP/1.1 200 OK", True),
        ([b"Connection: close"], b"HTTP/1.1 200 OK", False),
        ([b"Connection: x, Close"], b"HTTP/1.1 200 OK", False),
        ([b"Connection: x", b"Connection: close"], b"HTTP/1.1 200 OK", False),
        ([], b"HTTP/1.0 200 OK", False),
        ([b"Connection: keep-alive"], b"HTTP/1.0 200 OK", True),
        ([], b"HTTP/1.1 503", True),
    ],
)
def test_when_a_connection_is_kept(headers: list[bytes], status: bytes, reusable: bool) -> None:
    response, kept = read(reply(b"Content-Length: 2", *headers, status=status))
    assert response is not None
    assert kept is reusable


def test_a_connection_with_more_than_was_asked_for_is_not_kept() -> None:
    response, reusable = read(reply(b"Content-Length: 2", body=b"{}HTTP/1.1 200 OK\r\n"))
    assert response is not None
    assert response.body == b"{}"
    assert not reusable


@pytest.mark.parametrize(
    "data",
    [
        b"<html>\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}" + b"x" * 70_000,
        reply(b"Content-Length: 2", b" folded: x"),
        reply(b"Content-Length: 2", b"no colon"),
        reply(b"Content-Length: 2", b"bad name: x"),
        reply(b"Content-Length : 2"),
        reply(b"Content-Length: 2", b"X: a\0b"),
        reply(b"Content-Length: two"),
        reply(b"Content-Length: -2"),
        reply(b"Content-Length: 2, 2"),
        reply(b"Content-Length: 2", b"Content-Length: 3"),
        reply(b"Content-Length: " + b"9" * 30),
        reply(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
        reply(b"Transfer-Encoding: gzip, chunked"),
        reply(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        reply(b"Transfer-Encoding: chunked", status=b"HTTP/1.0 200 OK"),
        reply(b"Transfer-Encoding: chunked", body=b"x\r\n{}\r\n"),
        reply(b"Transfer-Encoding: chunked", body=b"1\r\n{}\r\n0\r\n\r\n"),
        reply(b"Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
        reply(b"Transfer-Encoding: chunked", body=b"1" * 2000),
        reply(b"Transfer-Encoding: chunked", body=b"ffffffff\r\n"),
        reply(b"Transfer-Encoding: chunked", body=b"0\r\n" + b"X: " + b"y" * 9000),
        reply(b"Content-Length: 2", b"Content-Encoding: gzip"),
        reply(b"Content-Length: 10001"),
        reply(body=b"x" * 10_001),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    ],
)
def test_what_is_odd_is_no_response(data: bytes) -> None:
    with pytest.raises(WireError):
        read(data)


@pytest.mark.parametrize(
    "data",
    [b"", reply(b"Content-Length: 3"), reply(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n"), b"HTTP/1.1 20"],
)
def test_what_was_cut_off_is_no_response(data: bytes) -> None:
    with pytest.raises(WireError, match="closed"):
        read(data, closed=True)


def by_h11(data: bytes) -> tuple[int, bytes] | None:
    """What h11 reads from the same bytes and a closed connection."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return None
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        return None


LINES = st.sampled_from(
    [
        b"Content-Length: 2",
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-Long: " + b"a" * 50,
        b"Date: Mon, 24 Nov 2025 16:00:00 GMT",
        b" folded",
        b"broken",
    ]
)
BODIES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n2\r\n[]\r\n0\r\nX: y\r\n\r\n", b"5\r\n{}", b"{}{}x"]),
)
STATUSES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 503", b"HTTP/1.1 99 x", b"HTP"]
)


@given(st.lists(LINES, max_size=4), BODIES, STATUSES, st.lists(st.integers(0, 500), max_size=6))
def test_whatever_is_read_h11_reads_alike(headers: list[bytes], body: bytes, status: bytes, cuts: list[int]) -> None:
    data = reply(*headers, body=body, status=status)
    try:
        response, _ = read(data, cuts=cuts, closed=True)
    except WireError:
        return  # stricter than h11 is allowed; that it is not stricter than need be, the tests above say
    assert response is not None
    assert by_h11(data) == (response.status, response.body)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes, cuts: list[int]) -> None:
    for stream in (data, reply(body=data), reply(b"Transfer-Encoding: chunked", body=data)):
        with suppress(WireError):
            read(stream, cuts=cuts, closed=True)


@given(st.lists(st.integers(0, 500), max_size=20))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    data = reply(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n3\r\nabc\r\n0\r\n\r\n")
    assert read(data, cuts=cuts) == read(data)
