"""HTTP/1.1 straight on asyncio, for servers near by: no TLS, no proxies, no redirects, connections kept alive.

A general HTTP client costs more time for a request than a small local server does, and would be what limits it; see
the README for figures. Everything that is not plain `http://` goes through `client.py`.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import urlsplit

from harness_openai.http1 import ResponseReader
from harness_openai.keys import Secrets
from harness_openai.options import EndpointOptions
from harness_openai.wire import USER_AGENT, Response, WireError

_LONGEST_IDLE_S = 15.0
_SOON_S = 0.5  # a connection that was idle for less is not one that the server has just given up as idle
_AT_ONCE = 65_536  # bytes taken from a socket in one go


class DirectWire:
    """Posts to one URL over connections of its own."""

    def __init__(self, options: EndpointOptions, secrets: Secrets) -> None:
        parts = urlsplit(options.url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._options = options
        headers = {
            "Host": parts.netloc,
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            **secrets.headers(),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._head = f"POST {target} HTTP/1.1\r\n{lines}Content-Length: ".encode("ascii")
        self._buffer = bytearray(_AT_ONCE)
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()

    async def post(self, body: bytes) -> Response:
        """Send a JSON body and read the whole response.

        Raises:
            WireError: There is none.
        """
        data = b"%b%d\r\n\r\n%b" % (self._head, len(body), body)
        connection = self._take()
        if connection is not None:
            try:
                return await self._exchange(connection, data)
            except _StaleError:
                pass  # the server closed it while it was idle: the request was never looked at
        return await self._exchange(await self._connect(), data)

    async def close(self) -> None:
        """Close every connection."""
        for connection in [*self._idle, *self._busy]:
            connection.abort()
        self._idle.clear()
        self._busy.clear()
        await asyncio.sleep(0)  # the loop closes the sockets at its next turn

    async def _exchange(self, connection: _Connection, data: bytes) -> Response:
        self._busy.add(connection)
        try:
            return await connection.exchange(data)
        finally:
            self._busy.discard(connection)
            if connection.is_open:
                connection.idle_since = connection.loop.time()
                self._idle.append(connection)
            else:
                connection.abort()

    def _take(self) -> _Connection | None:
        """The connection used last, so that those not needed any more grow old and go."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.loop.time() - connection.idle_since < _LONGEST_IDLE_S:
                return connection
            connection.abort()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        options = self._options
        try:
            async with asyncio.timeout(options.connect_timeout_s):
                _, protocol = await loop.create_connection(
                    lambda: _Connection(
                        loop,
                        self._buffer,
                        longest=options.max_response_bytes,
                        silence=options.read_timeout_s,
                        total=options.total_timeout_s,
                    ),
                    self._host,
                    self._port,
                )
        except TimeoutError:
            raise WireError(f"no connection within {options.connect_timeout_s:g} s", timeout=True) from None
        except OSError as error:
            raise WireError(f"no connection: {error.strerror or error}") from None
        return protocol


class _StaleError(Exception):
    """A connection that had been used before was closed before a byte of the response came."""


class _Connection(asyncio.BufferedProtocol):
    """One connection, one request at a time."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, buffer: bytearray, *, longest: int, silence: float, total: float
    ) -> None:
        self.loop = loop
        self._buffer = memoryview(buffer)  # one for all connections: it is read before the loop goes on
        self.idle_since = 0.0
        self._longest = longest
        self._silence = silence
        self._total = total
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._heard = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it can carry another request."""
        return self._transport is not None and self._waiter is None and not self._transport.is_closing()

    async def exchange(self, data: bytes) -> Response:
        """Send a request and wait for the whole response; cancelling closes the connection.

        Raises:
            WireError: There is none.
            _StaleError: The connection was closed while it was idle.
        """
        if self._transport is None or self._transport.is_closing():
            raise _StaleError if self.idle_since else WireError("the connection was closed without a response")
        self._reader = ResponseReader(self._longest)
        self._waiter = self.loop.create_future()
        self._began = self._heard = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(min(self._silence, self._total), self._look_at_the_clock)
        self._transport.write(data)
        finished = False
        try:
            response = await self._waiter
            finished = True
            return response
        finally:
            reader, self._reader, self._waiter = self._reader, None, None
            half_sent = self._transport is not None and self._transport.get_write_buffer_size() > 0
            if not finished or not reader.reusable or half_sent:
                self.abort()

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        waiter, reader = self._waiter, self._reader
        if waiter is None or reader is None or waiter.done():
            self.abort()  # nobody asked
            return
        self._heard = self.loop.time()
        try:
            if reader.feed(self._buffer[:nbytes]):
                assert reader.response is not None
                waiter.set_result(reader.response)
        except WireError as error:
            waiter.set_exception(error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiter, reader = self._waiter, self._reader
        if waiter is None or reader is None or waiter.done():
            return
        if self.idle_since and self._began - self.idle_since > _SOON_S and not reader.started:
            waiter.set_exception(_StaleError())
        elif exc is not None:
            waiter.set_exception(WireError(f"the connection broke: {getattr(exc, 'strerror', None) or exc}"))
        else:
            self._ended(waiter, reader)

    @staticmethod
    def _ended(waiter: asyncio.Future[Response], reader: ResponseReader) -> None:
        try:
            reader.end()
            assert reader.response is not None
            waiter.set_result(reader.response)
        except WireError as error:
            waiter.set_exception(error)

    def _look_at_the_clock(self) -> None:
        """One timer serves many exchanges: it looks whether the present one is late, and when to look again."""
        self._timer = None
        now, waiter = self.loop.time(), self._waiter
        if waiter is None or waiter.done():
            return
        if now - self._began >= self._total - 1e-3:
            waiter.set_exception(WireError(f"no whole response within {self._total:g} s", timeout=True))
        elif now - self._heard >= self._silence - 1e-3:
            waiter.set_exception(WireError(f"no byte of a response for {self._silence:g} s", timeout=True))
        else:
            due = min(self._heard + self._silence, self._began + self._total)
            self._timer = self.loop.call_at(due, self._look_at_the_clock)
