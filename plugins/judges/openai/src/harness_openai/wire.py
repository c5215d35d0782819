"""The seam to HTTP: one method, so that nothing else of this package knows which client is behind it.

    asking -> Wire.post(body) -> Response

`direct.py` and `client.py` implement it.
"""

from __future__ import annotations

import urllib.request
from typing import NamedTuple, Protocol

from harness_openai.keys import Secrets
from harness_openai.options import EndpointOptions

USER_AGENT = "judge-harness-openai/0.1.0"


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
    """A whole response, not yet believed."""

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


def open_wire(options: EndpointOptions, secrets: Secrets) -> Wire:
    """The client that fits the endpoint; see the option `client`. Opens no connection yet.

    Raises:
        UserError: `ca_file` cannot be used.
    """
    if options.client == "direct" or (options.client == "auto" and _is_direct(options)):
        from harness_openai.direct import DirectWire

        return DirectWire(options, secrets)
    from harness_openai.client import ClientWire

    return ClientWire(options, secrets)


def _is_direct(options: EndpointOptions) -> bool:
    """Plain HTTP, and no proxy of the environment in between."""
    if not options.base_url.startswith("http:"):
        return False
    if options.is_local:
        return True
    return "http" not in urllib.request.getproxies() or bool(urllib.request.proxy_bypass(options.host))
