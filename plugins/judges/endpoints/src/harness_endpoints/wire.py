"""The interface to HTTP: one method, so that nothing else of this package depends on the client library.

    asking -> Wire.post(body) -> Response

`client.py` implements it. This module imports nothing of the package, so that both sides can import it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol


class WireError(Exception):
    """No response: no connection, cut off, too long, too slow, or not HTTP. Says why, without secrets.

    Args:
        why: In words.
        timeout: Whether it took too long.
        broken: Whether a response came that cannot be taken, and the next one will mostly be the same.
        distrusted: Whether the server's certificate is not trusted.
    """

    def __init__(self, why: str, *, timeout: bool = False, broken: bool = False, distrusted: bool = False) -> None:
        super().__init__(why)
        self.timeout = timeout
        self.broken = broken
        self.distrusted = distrusted


class Response(NamedTuple):
    """A whole response, not yet checked."""

    status: int
    """HTTP status."""
    content_type: str
    """The header, or empty."""
    retry_after: str
    """The header, or empty."""
    body: bytes
    """The whole body."""
    retry_after_ms: str = ""
    """The header, or empty."""


class StatusError(Exception):
    """A response that is no success, where one was needed.

    Args:
        response: The whole of it.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


class Wire(Protocol):
    """Posts to one URL. Belongs to one event loop."""

    async def post(self, body: bytes) -> Response:
        """Send a JSON body and read the whole response.

        Raises:
            WireError: There is none.
        """

    async def close(self) -> None:
        """Close every connection."""


class BatchWire(Wire, Protocol):
    """A wire that also reaches the other addresses of its API."""

    async def send(self, method: str, address: str, *, body: bytes = b"", media: str = "") -> Response:
        """Send a request and read the whole response.

        Args:
            method: `GET` or `POST`.
            address: The whole URL. It must be of the same API: the key goes there.
            body: What is sent.
            media: Its type, if not JSON.

        Raises:
            WireError: There is none.
        """

    def lines(self, address: str) -> AsyncIterator[bytes]:
        """The lines of a file, as they come. Each may be as long as a whole response.

        Raises:
            WireError: There is no response, or it breaks off.
            StatusError: The status is no success.
        """
