"""The interface to HTTP: one method, so that nothing else of this package depends on the client library.

    asking -> Wire.post(body) -> Response

`client.py` implements it. This module imports nothing of the package, so that both sides can import it.
"""

from __future__ import annotations

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


class Wire(Protocol):
    """Posts to one URL. Belongs to one event loop."""

    async def post(self, body: bytes) -> Response:
        """Send a JSON body and read the whole response.

        Raises:
            WireError: There is none.
        """

    async def close(self) -> None:
        """Close every connection."""
