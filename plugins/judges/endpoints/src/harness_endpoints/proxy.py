"""The proxy in front of the endpoint, by the environment: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`.

The HTTP client could look itself, but it would do so again for every request, and would read keys for the endpoint's
host from `~/.netrc` as well.
"""

from __future__ import annotations

import base64
import urllib.request
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from harness.api import UserError
from harness_endpoints.options import EndpointOptions


class Proxy(NamedTuple):
    """A proxy, and what it wants to be told."""

    url: str
    """Without credentials."""
    headers: dict[str, str]
    """`Proxy-Authorization`, if its URL has credentials. For the proxy's eyes only."""


def proxy_of(options: EndpointOptions) -> Proxy | None:
    """The proxy for an endpoint, or `None` to connect straight to it. This machine is never asked through a proxy.

    Raises:
        UserError: The environment names a proxy that cannot be used.
    """
    # A proxy on another machine cannot reach this machine's loopback address.
    if options.is_local:
        return None
    endpoint = urlsplit(options.base_url)
    known = urllib.request.getproxies()
    variable = endpoint.scheme if known.get(endpoint.scheme) else "all"
    address = known.get(variable)
    if not address or any(urllib.request.proxy_bypass(name) for name in (options.host, endpoint.netloc)):
        return None
    parts = _split(address)
    if parts is None:
        raise UserError(  # without the address: it may hold a password
            f"{variable}_proxy: the proxy in this environment variable is no http:// or https:// URL with a host, and "
            f"no other proxies can be used; change it, or name {options.host} in no_proxy"
        )
    headers = {}
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
    return Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", headers)


def _split(address: str) -> SplitResult | None:
    """The parts of a proxy's URL, `http://` if it says no scheme; `None` if it is no such URL."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
