"""One short request over a connection of aiohttp's pool, without aiohttp's session.

    client -> Exchange.post(body) -> connector.connect(...) -> request out, response in -> the connection goes back

A session works out headers, cookies, credentials, redirects and middleware for each request. All requests to an
endpoint are alike but for their bodies, so all this is worked out once here. It halves what a request costs. Names,
TLS, the pool and the parser are aiohttp's still. `Connection.protocol` is described in no documentation of aiohttp, so
`pyproject.toml` allows only the versions that `tests/test_hostile.py` was run with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from aiohttp.streams import StreamReader

from harness_endpoints.wire import Response

MOST = 2**16
"""Bytes of the longest body. The transport takes as many at once: longer ones must wait for the server to read."""

Read = Callable[[int, Mapping[str, str], StreamReader], Awaitable[Response]]
"""Reads a response, from its status, its headers and the stream of its body."""


class Exchange:
    """Posts short bodies to one address. No proxy may stand before it.

    Args:
        connector: The pool of connections.
        request: The address and the headers. It has no body.
        timeout: To connect, of silence, and of one request in total.

    Raises:
        ValueError: A header holds a control character, which could begin a header of its own.
    """

    def __init__(
        self, connector: aiohttp.BaseConnector, request: aiohttp.ClientRequest, timeout: aiohttp.ClientTimeout
    ) -> None:
        self._connector = connector
        self._request = request
        self._timeout = timeout
        lines = [f"POST {request.url.raw_path_qs} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "content-length"]
        if not all(line.isprintable() for line in lines):
            raise ValueError("a header holds a control character")
        self._head = "".join(f"{line}\r\n" for line in lines).encode()

    async def post(self, body: bytes, read: Read) -> Response:
        """Send a body of at most `MOST` bytes and read the whole response.

        Raises:
            aiohttp.ClientError: There is none.
            OSError: There is none.
        """
        async with asyncio.timeout(self._timeout.total):
            try:
                connection = await self._connector.connect(self._request, [], self._timeout)
            except TimeoutError:
                raise aiohttp.ConnectionTimeoutError from None
            try:
                response = await self._send(connection, body, read)
                connection.release()  # aiohttp closes it where it is of no further use
                return response
            finally:
                connection.close()  # does nothing after a release

    async def _send(self, connection: Connection, body: bytes, read: Read) -> Response:
        protocol = connection.protocol
        # What a server has said unasked would be taken for the answer to this request.
        if protocol is None or protocol.transport is None or protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,  # a small compressed body can inflate to gigabytes
            read_timeout=self._timeout.sock_read,
        )
        protocol.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))
        protocol.start_timeout()
        while True:
            try:
                message, content = await protocol.read()
            except HttpProcessingError as error:
                raise aiohttp.ClientResponseError(self._request.request_info, (), status=error.code) from error
            # Interim responses (RFC 9110, section 15.2) come before the one that counts.
            if not 100 <= message.code < 200 or message.code == 101:
                return await read(message.code, message.headers, content)
