"""Short bodies go past aiohttp's session. A server must see no difference."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from unittest.mock import patch

import aiohttp
import pytest
from yarl import URL

from harness_endpoints.client import ClientWire
from harness_endpoints.exchange import MOST, Exchange
from harness_endpoints.keys import load_secrets
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.wire import WireError


def make_options(url: str, **more: Any) -> ChatOptions:
    return ChatOptions.model_validate({"base_url": url, "model": "m", "extra_query": {"v": "1+2"}, **more})


def test_what_is_sent_is_what_the_session_sends() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(3)
        heads.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        options = make_options(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        wire = ClientWire(options, load_secrets(options, {"OPENAI_API_KEY": "sk-not-for-the-log-0123456789"}))
        await wire.post(b"abc")
        with patch("harness_endpoints.client.MOST", -1):
            await wire.post(b"abc")
        await wire.close()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
    ours, session = (sorted(head.split(b"\r\n")) for head in heads)
    assert ours == session
    assert b"Authorization: Bearer sk-not-for-the-log-0123456789" in ours
    assert b"POST /v1/chat/completions?v=1%2B2 HTTP/1.1" in ours


@pytest.mark.parametrize("size", [MOST, MOST + 1])
def test_longer_bodies_go_through_the_session(size: int) -> None:
    async def main() -> bool:
        options = make_options("http://127.0.0.1:1/v1", api_key_env=None)
        wire = ClientWire(options, load_secrets(options, {}))
        with patch.object(Exchange, "post", side_effect=OSError) as post, pytest.raises(WireError):
            await wire.post(b"x" * size)
        await wire.close()
        return post.called

    assert asyncio.run(main()) is (size <= MOST)


def test_a_connection_that_takes_too_long_is_called_one() -> None:
    async def hang(*ignored: object) -> None:
        await asyncio.sleep(30)

    async def main() -> None:
        options = make_options("http://127.0.0.1:1/v1", api_key_env=None, connect_timeout_s=0.05)
        wire = ClientWire(options, load_secrets(options, {}))
        with (
            patch.object(aiohttp.TCPConnector, "_create_connection", hang),
            pytest.raises(WireError, match=r"no connection within 0\.05 s"),
        ):
            await wire.post(b"{}")
        await wire.close()

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 5


def test_a_header_holds_no_other_header() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        request = aiohttp.ClientRequest("POST", URL("http://h/"), headers={"X": "a\r\nY: b"}, loop=loop)
        async with aiohttp.TCPConnector() as connector:
            Exchange(connector, request, aiohttp.ClientTimeout())

    with pytest.raises(ValueError, match="control character"):
        asyncio.run(main())
