"""HTTP by httpx2: TLS, proxies, and whatever else the world has. The only module that imports it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from harness.api import UserError
from harness_openai.keys import Secrets
from harness_openai.options import EndpointOptions
from harness_openai.wire import USER_AGENT, Response, WireError

_LOGGERS = ("httpx2", *(f"httpcore2.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")))


class ClientWire:
    """Posts to one URL by `httpx2.AsyncClient`. Follows no redirect: a key must not go to another host.

    Raises:
        UserError: `ca_file` cannot be used.
    """

    def __init__(self, options: EndpointOptions, secrets: Secrets) -> None:
        self._url = options.url
        self._secrets = secrets
        self._longest = options.max_response_bytes
        self._total = options.total_timeout_s
        most = options.max_concurrency
        self._client = httpx2.AsyncClient(
            verify=_trusted(options.ca_file),
            timeout=httpx2.Timeout(options.read_timeout_s, connect=options.connect_timeout_s, pool=None),
            limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=15.0),
            follow_redirects=False,
        )
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            **secrets.headers(),
        }
        self._scrubber = _Scrubber(secrets)

    async def post(self, body: bytes) -> Response:
        """Send a JSON body and read the whole response.

        Raises:
            WireError: There is none.
        """
        self._scrubber.attach()
        with _explained(self._secrets, self._total):
            async with asyncio.timeout(self._total):
                request = self._client.build_request("POST", self._url, content=body, headers=self._headers)
                response = await self._client.send(request, stream=True)
                try:
                    whole = await self._read(response)
                finally:
                    await response.aclose()
                headers = response.headers
                return Response(
                    response.status_code,
                    headers.get("content-type", ""),
                    headers.get("retry-after", ""),
                    whole,
                    headers.get("retry-after-ms", ""),
                )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
        self._scrubber.detach()

    async def _read(self, response: httpx2.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").lower()
        if encoding not in ("", "identity"):
            raise WireError("the response is compressed, which was not asked for", broken=True)  # no bomb is inflated
        chunks: list[bytes] = []
        length = 0
        async for chunk in response.aiter_raw():
            length += len(chunk)
            if length > self._longest:
                raise WireError(f"the response is longer than max_response_bytes, {self._longest:,}", broken=True)
            chunks.append(chunk)
        return b"".join(chunks)


class _Scrubber(logging.Filter):
    """Takes secrets out of what the HTTP library logs: at its most verbose, that is whole headers."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets
        self._attached = False

    def attach(self) -> None:
        """Begin, unless it has."""
        if not self._attached:
            self._attached = True
            for name in _LOGGERS:
                logging.getLogger(name).addFilter(self)

    def detach(self) -> None:
        """End."""
        self._attached = False
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._secrets.scrub(record.getMessage()), None
        record.exc_info = record.exc_text = None
        return True


@contextmanager
def _explained(secrets: Secrets, total: float) -> Iterator[None]:
    """The library's errors, which carry the request with its headers, as ours, which do not."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise WireError(f"timeout ({type(error).__name__})", timeout=True) from None
    except TimeoutError:
        raise WireError(f"no whole response within {total:g} s", timeout=True) from None
    except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
        why = secrets.scrub(f"{type(error).__name__}: {error}")[:300]
        raise WireError(why, distrusted=_is_distrust(error)) from None


def _is_distrust(error: BaseException) -> bool:
    """Whether a certificate was not trusted; the HTTP library wraps the error that says so."""
    causes: list[BaseException | None] = [error]
    while causes[-1] is not None and len(causes) < 10:
        if isinstance(causes[-1], ssl.SSLCertVerificationError):
            return True
        causes.append(causes[-1].__cause__ or causes[-1].__context__)
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _trusted(ca_file: str | None) -> ssl.SSLContext:
    """Certificates are always verified; the only choice is whose."""
    if ca_file is None:
        return httpx2.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            f"ca_file: {ca_file}: no certificates in PEM format can be read from it ({error}); mend the path or file"
        ) from None
