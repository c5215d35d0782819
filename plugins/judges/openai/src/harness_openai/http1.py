"""Reads one HTTP/1.1 response (RFC 9112). Pure: bytes in, a response out, no sockets.

Stricter than the RFC asks, because nothing that is odd needs to be read: no folded headers, no bare line feeds, no
length that is given twice, no compression. Not for requests, upgrades or anything but the answer to a POST.
"""

from __future__ import annotations

import re

from harness_openai.wire import Response, WireError

_LONGEST_HEAD = 65_536
_TOKEN = rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
# All of a head in one go: the status line, then headers, none folded, and the blank line.
_HEAD = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?\r\n(?:" + _TOKEN + rb":[^\r\n\0]*\r\n)*\r\n")
_TRAILER = re.compile(_TOKEN + rb":[^\r\n\0]*")
_HEADERS = re.compile(
    rb"\n(content-(?:length|type|encoding)|transfer-encoding|connection|retry-after(?:-ms)?):[ \t]*([^\r]*?)[ \t]*\r",
    re.IGNORECASE,
)
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n\0]*)?")


class ResponseReader:
    """Reads one response as its bytes come in.

    Args:
        longest: A longer body is refused, as soon as that is known.

    Attributes:
        response: The response, once `feed` or `end` has said that it is complete.
        reusable: Whether the connection can carry another request afterwards.
        started: Whether anything has come in.
    """

    __slots__ = (
        "_buffer",
        "_finished",
        "_headers",
        "_length",
        "_longest",
        "_read",
        "_rest",
        "_status",
        "response",
        "reusable",
        "started",
    )

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._buffer = bytearray()
        self._read = self._read_head
        self._finished = False
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._length = 0
        self._rest = bytearray()
        self.response: Response | None = None
        self.reusable = False
        self.started = False

    def feed(self, data: bytes | memoryview) -> bool:
        """Take what came in; whether the response is complete now.

        Raises:
            WireError: It is not HTTP, or too long.
        """
        self.started = True
        self._buffer += data
        while not self._finished:
            if not self._read():
                return False
        if self._buffer:
            self.reusable = False  # more than was asked for: whose answer would it be?
        return True

    def end(self) -> None:
        """The connection was closed.

        Raises:
            WireError: Before the response was complete.
        """
        if self._read == self._read_to_end:
            self._finish(bytes(self._buffer))
        elif self.started:
            raise WireError("the connection was closed in the middle of the response")
        else:
            raise WireError("the connection was closed without a response")

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _LONGEST_HEAD:
            if len(self._buffer) > _LONGEST_HEAD:
                raise WireError("the response's headers are too long")
            return False
        head = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        match = _HEAD.fullmatch(head)
        if match is None:
            raise WireError("the response is not HTTP/1.1, or a header of it is broken", broken=True)
        status = int(match[2])
        if status == 101:
            raise WireError("the server switches protocols, which was not asked for")
        if status < 200:
            return True  # an interim response: the real one follows
        headers = _headers(head)
        if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
            raise WireError("the response is compressed, which was not asked for", broken=True)
        self._status, self._headers = status, headers
        self._frame(status, headers, old=match[1] == b"0")
        return True

    def _frame(self, status: int, headers: dict[bytes, bytes], *, old: bool) -> None:
        """Choose how the body's end is told (RFC 9112, 6.3)."""
        connection = {token.strip() for token in headers.get(b"connection", b"").lower().split(b",")}
        self.reusable = b"keep-alive" in connection if old else b"close" not in connection
        length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
        if status in (204, 304):
            self._finish(b"")
        elif coding is not None:
            if old or length is not None or coding.lower() != b"chunked":
                raise WireError("the response's length is told in an ambiguous way")
            self._read = self._read_chunk
        elif length is not None:
            if not _LENGTH.fullmatch(length):
                raise WireError("the response's Content-Length is no number")
            self._length = int(length)
            self._limit(self._length)
            self._read = self._read_length
        else:
            self.reusable = False
            self._read = self._read_to_end

    def _read_length(self) -> bool:
        if len(self._buffer) < self._length:
            return False
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._finish(body)
        return True

    def _read_to_end(self) -> bool:
        self._limit(len(self._buffer))
        return False

    def _read_chunk(self) -> bool:
        """The line with a chunk's size, then the chunk."""
        end = self._buffer.find(b"\r\n", 0, 1024)
        if end < 0:
            if len(self._buffer) >= 1024:
                raise WireError("a chunk of the response has no size")
            return False
        match = _CHUNK.fullmatch(self._buffer[:end])
        if match is None:
            raise WireError("a chunk of the response has no size")
        size = int(match[1], 16)
        self._limit(len(self._rest) + size)
        if size == 0:
            del self._buffer[: end + 2]
            self._read = self._read_trailers
            return True
        if len(self._buffer) < end + 2 + size + 2:
            return False
        chunk = self._buffer[end + 2 : end + 2 + size + 2]
        if chunk[-2:] != b"\r\n":
            raise WireError("a chunk of the response is longer than it says")
        self._rest += chunk[:-2]
        del self._buffer[: end + 2 + size + 2]
        return True

    def _read_trailers(self) -> bool:
        end = self._buffer.find(b"\r\n", 0, 8192)
        if end < 0:
            if len(self._buffer) >= 8192:
                raise WireError("the response's trailers are too long")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if line:
            if not _TRAILER.fullmatch(line):
                raise WireError("a trailer of the response is broken")
            self._length += len(line) + 2
            if self._length > _LONGEST_HEAD:
                raise WireError("the response's trailers are too long")
        else:
            self._finish(bytes(self._rest))
        return True

    def _finish(self, body: bytes) -> None:
        content_type = self._headers.get(b"content-type", b"").decode("latin-1")
        retry_after = self._headers.get(b"retry-after", b"").decode("latin-1")
        milliseconds = self._headers.get(b"retry-after-ms", b"").decode("latin-1")
        self.response = Response(self._status, content_type, retry_after, body, milliseconds)
        self._finished = True

    def _limit(self, length: int) -> None:
        if length > self._longest:
            raise WireError(f"the response is longer than max_response_bytes, {self._longest:,}", broken=True)


def _headers(head: bytes) -> dict[bytes, bytes]:
    """The headers that matter, by name in lower case."""
    found: dict[bytes, bytes] = {}
    for name, value in _HEADERS.findall(head):
        name = name.lower()
        if name not in found:
            found[name] = value
        elif name == b"connection":
            found[name] += b"," + value
        elif found[name] != value or name == b"transfer-encoding":
            raise WireError(f"the response has two headers {name.decode()}")
    return found
