"""HTTP by aiohttp: connections, TLS and proxies. Only this module and `exchange.py` import it.

What a server may do to us is bounded here: headers by aiohttp's own limits, the body by `max_response_bytes`, time by
three timeouts. Nothing is inflated, no redirect is followed, no cookie is kept, and no certificate goes unverified.
"""

from __future__ import annotations

import asyncio
import io
import os
import platform
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

import aiohttp
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from yarl import URL

from harness.api import UserError
from harness.api.files import check_regular
from harness_endpoints.exchange import MOST, Exchange
from harness_endpoints.keys import Secrets
from harness_endpoints.options import EndpointOptions
from harness_endpoints.proxy import Proxy
from harness_endpoints.wire import Response, StatusError, WireError

_USER_AGENT = "judge-harness-endpoints/0.1.0"
_LONGEST_IDLE_S = 4.0  # uvicorn and llama.cpp close after 5 s: a request that meets such a close fails
_AT_ONCE = 2**20  # bytes; aiohttp wants longer bodies as a file, so that they do not hold up the loop


class ClientWire:
    """Posts to one URL. Make it inside the event loop that will use it.

    Args:
        options: Where, how long, how much.
        secrets: Headers with keys.
        proxy: What stands before the endpoint.

    Raises:
        UserError: `ca_file` cannot be used.
    """

    def __init__(self, options: EndpointOptions, secrets: Secrets, proxy: Proxy | None = None) -> None:
        self._options = options
        self._secrets = secrets
        self._url = URL(options.url, encoded=True)
        # Not among the session's own headers: aiohttp sends those to a proxy too, and they hold the key.
        self._headers = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            **options.headers,
            **secrets.headers(),
        }
        self._proxy = URL(proxy.url) if proxy else None
        self._proxy_headers = proxy.headers if proxy else None
        if proxy and self._url.scheme == "http":  # there is no CONNECT: the proxy reads the request itself
            self._headers.update(proxy.headers)
        encrypted = "https" in (self._url.scheme, self._proxy.scheme if self._proxy else "")
        # `ConcurrencyLimit` bounds requests in flight. aiohttp would count waiting for a limit of its own as time to
        # connect.
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=_LONGEST_IDLE_S,
            ssl=_make_ssl_context(options.ca_file) if encrypted else True,  # the certificates take time to load
        )
        timeout = aiohttp.ClientTimeout(
            connect=options.connect_timeout_s, sock_read=options.read_timeout_s, total=options.total_timeout_s
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            request_class=_Request,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small compressed body can inflate to gigabytes
            trust_env=False,
        )
        address = _Request("POST", self._url, headers=self._headers, loop=asyncio.get_running_loop())
        self._exchange = None if proxy else Exchange(connector, address, timeout)

    async def post(self, body: bytes) -> Response:
        """Send a JSON body and read the whole response.

        Raises:
            WireError: There is none.
        """
        try:
            if self._exchange is not None and len(body) <= MOST:
                return await self._exchange.post(body, self._read)
            async with self._session.post(
                self._url,
                data=body if len(body) <= _AT_ONCE else io.BytesIO(body),
                headers=self._headers,
                proxy=self._proxy,
                proxy_headers=self._proxy_headers,
                allow_redirects=False,  # a key must not go to another host
            ) as response:
                return await self._read(response.status, response.headers, response.content)
        except (aiohttp.ClientError, OSError) as error:  # some hold the request with its headers, and so the key
            raise self._explain(error) from None

    async def send(self, method: str, address: str, *, body: bytes = b"", media: str = "") -> Response:
        """Send a request to another address of the same API and read the whole response.

        Raises:
            WireError: There is none.
        """
        try:
            async with self._request(method, address, body, media) as response:
                return await self._read(response.status, response.headers, response.content)
        except (aiohttp.ClientError, OSError) as error:
            raise self._explain(error) from None

    async def lines(self, address: str) -> AsyncIterator[bytes]:
        """The lines of a file, as they come. None is longer than `max_response_bytes`.

        Raises:
            WireError: There is no response, or it breaks off.
            StatusError: The status is no success.
        """
        try:
            async with self._request("GET", address, b"", "") as response:
                if response.status != 200:
                    raise StatusError(await self._read(response.status, response.headers, response.content))
                rest = b""
                async for chunk in response.content.iter_any():
                    *whole, rest = (rest + chunk).split(b"\n")
                    if len(rest) > self._options.max_response_bytes:
                        raise WireError("a line is longer than max_response_bytes", broken=True)
                    for line in whole:
                        yield line
                if rest:
                    yield rest
        except (aiohttp.ClientError, OSError) as error:
            raise self._explain(error) from None

    def _request(
        self, method: str, address: str, body: bytes, media: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._session.request(
            method,
            URL(address, encoded=True),
            data=None if method == "GET" else io.BytesIO(body),
            headers={**self._headers, "Content-Type": media} if media else self._headers,
            proxy=self._proxy,
            proxy_headers=self._proxy_headers,
            allow_redirects=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _read(self, status: int, headers: Mapping[str, str], content: StreamReader) -> Response:
        """The whole response. Leaving early closes the connection, since the rest is still to come."""
        if status < 200:
            raise WireError("the server switches protocols, which was not asked for", broken=True)
        if _header(headers, "Content-Encoding").lower() not in ("", "identity"):
            raise WireError("the response is compressed, which was not asked for", broken=True)
        # Two checks: the announced length may be missing or false, and a long one need not be read at all.
        longest = self._options.max_response_bytes
        size = int(headers.get("Content-Length", 0))  # the parser has seen to it that it is a number
        chunks: list[bytes] = []
        if size <= longest:
            size = 0
            while size <= longest and not content.at_eof():
                chunks.append(await content.readany())
                size += len(chunks[-1])
        if size > longest:
            raise WireError(f"the response is longer than max_response_bytes, {longest:,}", broken=True)
        return Response(
            status,
            _header(headers, "Content-Type"),
            _header(headers, "Retry-After"),
            b"".join(chunks),
            _header(headers, "Retry-After-Ms"),
        )

    def _explain(self, error: Exception) -> WireError:
        """An error of the library as ours: in our words as far as it goes, since the library quotes the server."""
        options = self._options
        match error:
            case aiohttp.ConnectionTimeoutError():
                return WireError(
                    f"no connection within {options.connect_timeout_s:g} s (connect_timeout_s)", timeout=True
                )
            case aiohttp.SocketTimeoutError():
                return WireError(
                    f"no byte of a response for {options.read_timeout_s:g} s (read_timeout_s)", timeout=True
                )
            case TimeoutError():
                return WireError(
                    f"no whole response within {options.total_timeout_s:g} s (total_timeout_s)", timeout=True
                )
            case aiohttp.ClientConnectorCertificateError():
                return WireError(self._reason(error.certificate_error), distrusted=True)
            case aiohttp.ClientProxyConnectionError():
                return WireError(f"no connection to the proxy: {self._reason(error.os_error)}")
            case aiohttp.ClientConnectorError():
                return WireError(f"no connection: {self._reason(error.os_error)}")
            case aiohttp.ClientHttpProxyError():
                return WireError(f"no connection: the proxy answers status {error.status}")
            case aiohttp.ClientResponseError():
                return WireError("the response is no valid HTTP/1.1", broken=True)
            case aiohttp.ClientPayloadError():
                return WireError("the response ends too early, or its length is told in a wrong way")
            case aiohttp.ServerDisconnectedError():
                return WireError("the connection was closed without a response")
        return WireError(f"the connection broke: {self._reason(error)}")

    def _reason(self, error: BaseException) -> str:
        text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
        return self._secrets.scrub(str(text))[:300]


class _Request(aiohttp.ClientRequest):
    """Uses no connection on which a server has said something unasked: the next request would take it as its answer."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is None or conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        return await super().send(conn)


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header, or empty. Bytes that are no UTF-8 are replaced: aiohttp's surrogates fit into no file."""
    value = headers.get(name, "")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _make_ssl_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates are always verified. The only choice is whose."""
    if ca_file is not None:
        try:
            check_regular(ca_file)
            return ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                f"ca_file: {ca_file}: no certificates in PEM format can be read from it ({error}); change the path or "
                "the file"
            ) from None
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    if platform.system() in ("Darwin", "Windows") and not named:
        import truststore  # there, OpenSSL alone does not see what the system trusts

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()
