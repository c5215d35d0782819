"""Proxies of the environment: which one is taken, and over real sockets what each side gets to see."""

from __future__ import annotations

import base64
import http.server
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judge, Request, Status, UserError
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.proxy import Proxy, proxy_of

KEY = "sk-for-the-endpoint-only-0123456789"
PASSWORD = "p@ss-for-the-proxy"
BASIC = f"Basic {base64.b64encode(f'me:{PASSWORD}'.encode()).decode()}"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def proxy_for(url: str) -> Proxy | None:
    return proxy_of(ChatOptions(model="m", base_url=url))


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://gpu.example/v1", None),
        ({"http_proxy": "http://proxy:3128"}, "http://gpu.example/v1", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://gpu.example/v1", "http://proxy:3128"),
        ({"http_proxy": "http://proxy:3128"}, "https://gpu.example/v1", None),
        ({"https_proxy": "http://proxy:3128"}, "https://gpu.example/v1", "http://proxy:3128"),
        ({"https_proxy": "https://proxy"}, "https://gpu.example/v1", "https://proxy"),
        ({"all_proxy": "http://proxy:3128"}, "http://gpu.example/v1", "http://proxy:3128"),
        ({"all_proxy": "http://other", "https_proxy": "http://proxy"}, "https://gpu.example/v1", "http://proxy"),
        ({"https_proxy": "proxy:3128"}, "https://gpu.example/v1", "http://proxy:3128"),
        ({"http_proxy": "http://proxy:3128"}, "http://127.0.0.1:8000/v1", None),
        ({"https_proxy": "http://proxy:3128"}, "https://localhost:8000/v1", None),
    ],
)
def test_which_proxy_is_taken(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found and found.url) == proxy


@pytest.mark.parametrize(
    ("exempt", "reached"),
    [
        ("gpu.example", True),
        ("example", True),
        (".example", True),
        ("other.example, gpu.example:8000", True),
        ("2001:db8::1", False),
        ("*", True),
        ("gpu.example:9", False),
        ("u.example", False),
    ],
)
def test_a_host_that_is_exempt_is_asked_straight(monkeypatch: pytest.MonkeyPatch, exempt: str, reached: bool) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", exempt)
    assert (proxy_for("http://gpu.example:8000/v1") is None) is reached
    assert (proxy_for("http://[2001:db8::1]:8000/v1") is None) is (exempt in ("2001:db8::1", "*"))


@pytest.mark.parametrize("address", ["socks5://me:p%40ss@proxy:1080", "http://", "http://me:p%40ss@proxy:port", "x://"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("all_proxy", address)
    with pytest.raises(UserError, match=r"all_proxy.*no_proxy") as caught:
        proxy_for("https://gpu.example/v1")
    assert "p%40ss" not in str(caught.value)


def test_a_proxy_that_cannot_be_used_is_told_before_anybody_is_asked(
    judge: Callable[..., Judge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://proxy:1080")
    with pytest.raises(UserError, match="https_proxy"):
        judge(base_url="https://judge.example/v1")


def test_credentials_are_taken_out_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:p%40ss-for-the-proxy@proxy:3128")
    assert proxy_for("https://gpu.example/v1") == Proxy("http://proxy:3128", {"Proxy-Authorization": BASIC})


class _Relay(http.server.BaseHTTPRequestHandler):
    """A proxy that notes what it gets to see; all hosts are the server at `target`."""

    protocol_version = "HTTP/1.1"
    heads: list[tuple[str, dict[str, str]]]
    target: tuple[str, int] = ("", 0)
    refuses = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heads.append((self.requestline, dict(self.headers)))
        body = json.dumps({"choices": [{"message": {"content": "<answer>yes</answer>"}}]}).encode()
        self.send_response(self.refuses or 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.heads.append((self.requestline, dict(self.headers)))
        self.close_connection = True
        if self.refuses:
            return self.send_error(self.refuses)
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(self.target) as there:
            ends = {self.connection: there, there: self.connection}
            while True:
                for ready in select.select(list(ends), [], [], 10)[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return None
                    ends[ready].sendall(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Relay]]:
    """A running proxy that the environment names, with a password."""
    handler = type("Handler", (_Relay,), {"heads": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", f"http://me:p%40ss-for-the-proxy@127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MY_KEY", KEY)
        yield handler
        server.shutdown()


def test_plain_http_goes_through_the_proxy(
    relay: type[_Relay], judge: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    made = judge(base_url="http://judge.example/v1", max_concurrency=1)
    assert {answer.verdict for answer in ask(made, [put(item=number) for number in range(3)])} == {"yes"}
    assert len(relay.heads) == 3
    line, headers = relay.heads[-1]
    assert line == "POST http://judge.example/v1/chat/completions HTTP/1.1"
    assert headers["Host"] == "judge.example"
    assert headers["Proxy-Authorization"] == BASIC


def test_https_goes_through_a_tunnel_and_each_side_sees_its_own_secret_only(
    relay: type[_Relay],
    certificate: tuple[Path, Path],
    serve: Any,
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    ask: Any,
    tmp_path: Path,
) -> None:
    server = serve("--tls", *map(str, certificate), "--key", KEY, "--echo", scheme="https")
    relay.target = ("127.0.0.1", int(server.root.rpartition(":")[2]))
    options = {"base_url": "https://judge.example/v1", "api_key_env": "MY_KEY", "ca_file": str(certificate[0])}
    made = judge(**options, max_concurrency=1)
    answers = ask(made, [put("ok:yes", item=number) for number in range(3)])
    assert {answer.verdict for answer in answers} == {"yes"}, "the server lets only this key in"
    assert all("[key removed]" in answer.raw for answer in answers)
    assert len(relay.heads) == 1, "the tunnel is used again"
    line, headers = relay.heads[0]
    assert line == "CONNECT judge.example:443 HTTP/1.1"
    assert headers["Proxy-Authorization"] == BASIC
    assert KEY not in str(headers)
    told = server.log()
    assert len(told) == 3
    assert not any("Proxy-Authorization" in entry["headers"] for entry in told)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_told_without_secrets(
    relay: type[_Relay], judge: Callable[..., Judge], put: Callable[..., Request], one: Any, scheme: str
) -> None:
    relay.refuses = 407
    options = {"api_key_env": "MY_KEY", "allow_plain_http": True, "retries": 0}
    answer = one(judge(base_url=f"{scheme}://judge.example/v1", **options), put())
    assert answer.status is Status.ERROR
    assert "status 407" in answer.error
    assert ("proxy" in answer.error) is (scheme == "https")
    assert not any(secret in repr(answer) for secret in (KEY, PASSWORD, "p%40ss", BASIC.split()[1]))


def test_a_proxy_that_is_not_there_is_told_as_such(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{closed.getsockname()[1]}")
        answer = one(judge(base_url="https://judge.example/v1", retries=0), put())
    assert "no connection to the proxy" in answer.error
    assert "p%40ss" not in answer.error
