"""Judges over HTTP, against a server that fails in every way."""

from __future__ import annotations

import http.server
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import truststore

from harness.api import Judge, Judgement, JudgeStoppedError, Request, Status, UserError

AGAIN = [
    *("408", "409", "429", "429:0", "429d", "500", "502", "503", "504", "529"),
    *("cut", "cutchunk", "half", "html200", "text200", "empty200", "reset", "eof", "dup", "index", "nochoices", "null"),
    *("notext", "wrongobject", "twice", "error200", "list", "bomb"),
]


def test_what_another_attempt_may_mend_is_tried_again(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    judgements = ask(judge(), [put(f"{fault},ok:yes", item=fault) for fault in AGAIN])
    for fault, judgement in zip(AGAIN, judgements, strict=True):
        assert judgement.status is Status.OK, f"{fault}: {judgement.error}"
        assert judgement.verdict == "yes"
        assert len(server.log(fault)) == 2


def test_what_stays_broken_is_an_error_that_says_why(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    faults = [*AGAIN, "flood"]
    judgements = ask(judge(max_response_bytes=200_000), [put(fault, item=fault) for fault in faults])
    said = {fault: judgement.error for fault, judgement in zip(faults, judgements, strict=True)}
    assert {judgement.status for judgement in judgements} == {Status.ERROR}
    unreadable = {*AGAIN[10:], "flood"} - {"cut", "cutchunk", "reset", "eof", "error200"}
    tries = {fault: 2 if fault in unreadable else 3 for fault in faults}
    assert all(f"({tries[fault]} attempts)" in text and len(text) < 600 for fault, text in said.items())
    for fault, word in {
        "503": "503",
        "html200": "text/html",
        "flood": "max_response_bytes",
        "bomb": "compressed",
    }.items():
        assert word in said[fault]
    assert not any(judgement.raw for judgement in judgements)
    assert {fault: len(server.log(fault)) for fault in faults} == tries


@pytest.mark.parametrize(("plan", "word"), [("hang", "0.3 s"), ("drip", "0.3 s")])
def test_a_server_that_is_too_slow_is_given_up(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, plan: str, word: str
) -> None:
    began = time.monotonic()
    judgement = one(judge(total_timeout_s=0.3, retries=0), put(plan))
    assert judgement.status is Status.ERROR
    assert word in judgement.error
    assert time.monotonic() - began < 5


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    requests = [put("slow:0.4" if number % 2 else "ok:maybe", item=number) for number in range(6)]
    judgements = ask(judge(total_timeout_s=0.2, retries=0, max_concurrency=1), requests)
    assert [judgement.status for judgement in judgements] == [Status.UNPARSED, Status.ERROR] * 3


def test_silence_is_given_up_sooner_than_a_slow_answer(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    options = {"read_timeout_s": 0.4, "total_timeout_s": 30.0, "retries": 0}
    assert "timeout" in one(judge(**options), put("hang")).error.lower()
    assert one(judge(**options), put("slow:0.1", item=1)).status is Status.OK


@pytest.mark.parametrize("status", ["301", "307", "400", "403", "405", "413", "422", "501"])
def test_what_no_attempt_can_mend_is_not_tried_again(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any, status: str
) -> None:
    _, judgement = ask(judge(max_concurrency=1), [put(), put(status, item=1)])
    assert judgement.status is Status.ERROR
    assert judgement.error.startswith(f"status {status}: failed")
    assert len(server.log("1")) == 1


@pytest.mark.parametrize("status", ["301", "307", "403", "405"])
def test_an_address_that_never_answered_is_wrong(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any, status: str
) -> None:
    requests = [put(status, item=number) for number in range(5)]
    with pytest.raises(JudgeStoppedError, match=rf"answers status {status}.*check"):
        list(judge(max_concurrency=1).judge(requests))
    assert len(server.log()) == 1


def test_a_redirect_is_not_followed(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any
) -> None:
    with pytest.raises(JudgeStoppedError, match="status 307"):
        one(judge(), put("redirect"))
    assert [entry["step"] for entry in server.log()] == ["redirect"]


@pytest.mark.parametrize(("status", "fix"), [("401", "key"), ("402", "credit"), ("404", "model: s")])
def test_what_the_user_must_mend_stops_the_judge_at_once(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any, status: str, fix: str
) -> None:
    requests = (put(status if number else "ok", item=number) for number in range(1000))
    with pytest.raises(JudgeStoppedError, match=rf"judge me: http.*answers status {status}.*{fix}"):
        list(judge().judge(requests))
    assert len(server.log()) < 200


def test_nobody_there_is_an_error(judge: Callable[..., Judge], put: Callable[..., Request], one: Any) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        judgement = one(judge(base_url=url), put())
    assert judgement.status is Status.ERROR
    assert "onnect" in judgement.error


def test_retry_after_is_waited_for_up_to_the_limit(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    began = time.monotonic()
    assert one(judge(max_backoff_s=5.0), put("429:1,ok")).status is Status.OK
    assert 1.0 <= time.monotonic() - began < 4
    began = time.monotonic()
    assert one(judge(max_backoff_s=0.1), put("429:3600,ok", item=1)).status is Status.OK
    assert time.monotonic() - began < 2


def test_milliseconds_are_waited_for_too(judge: Callable[..., Judge], put: Callable[..., Request], one: Any) -> None:
    began = time.monotonic()
    assert one(judge(max_backoff_s=5.0), put("429ms:700,ok")).status is Status.OK
    assert 0.7 <= time.monotonic() - began < 3


def test_the_query_is_part_of_the_url(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any
) -> None:
    made = judge(extra_query={"api-version": "2024-10-21", "x": "a&b=c"})
    assert one(made, put()).status is Status.OK
    assert server.log()[0]["query"] == "api-version=2024-10-21&x=a%26b%3Dc"


def test_a_server_of_http_1_0_without_lengths_is_understood(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    with old_server() as url:
        judgements = ask(judge(base_url=url), [put(item=number) for number in range(20)])
    assert {judgement.verdict for judgement in judgements} == {"yes"}


def test_a_connection_that_the_server_closed_while_idle_is_no_failure(
    judge: Callable[..., Judge], put: Callable[..., Request]
) -> None:
    """The server closes after each answer without saying so; with no retries left, nothing may fail."""
    with old_server(protocol="HTTP/1.1", closes=True) as url:
        made = judge(base_url=url, retries=0, max_concurrency=1)

        def stream() -> Iterator[Request]:
            for number in range(5):
                time.sleep(0.1)
                yield put(item=number)

        assert {judgement.verdict for _, judgement in made.judge(stream())} == {"yes"}


class _Old(http.server.BaseHTTPRequestHandler):
    closes = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"choices": [{"message": {"content": "<answer>yes</answer>"}}]}'
        self.send_response(200)
        if self.protocol_version == "HTTP/1.1":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.closes or self.close_connection

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def old_server(protocol: str = "HTTP/1.0", closes: bool = False) -> Iterator[str]:
    handler = type("Handler", (_Old,), {"protocol_version": protocol, "closes": closes})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_tls_is_verified_against_the_system_or_the_given_file(
    serve: Any,
    certificate: tuple[Path, Path],
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    one: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve("--tls", *map(str, certificate), scheme="https")
    trusted = one(judge(base_url=server.url, ca_file=str(certificate[0])), put("ok:yes"))
    assert trusted.verdict == "yes"
    with pytest.raises(JudgeStoppedError, match=r"certificate.*`ca_file`"):
        one(judge(base_url=server.url), put("ok:yes"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert one(judge(base_url=server.url), put("ok:yes")).verdict == "yes"


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_elsewhere_the_certificates_of_the_system_are_asked(
    serve: Any,
    certificate: tuple[Path, Path],
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    one: Any,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
) -> None:
    contexts: list[object] = []

    class Context(truststore.SSLContext):
        def __init__(self, protocol: int) -> None:
            contexts.append(self)
            super().__init__(protocol)

    monkeypatch.setattr(truststore, "SSLContext", Context)
    monkeypatch.setattr("platform.system", lambda: system)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    server = serve("--tls", *map(str, certificate), scheme="https")
    with pytest.raises(JudgeStoppedError, match=r"certificate.*`ca_file`"):
        one(judge(base_url=server.url), put("ok:yes"))
    assert len(contexts) == 1


def test_a_certificate_of_another_host_is_not_trusted(
    serve: Any, certificate: tuple[Path, Path], judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    server = serve("--tls", *map(str, certificate), scheme="https")
    other = server.url.replace("127.0.0.1", "localhost")
    with pytest.raises(JudgeStoppedError, match=r"certificate.*mismatch.*localhost"):
        one(judge(base_url=other, ca_file=str(certificate[0])), put("ok:yes"))
    assert server.log() == []


def test_a_ca_file_that_holds_no_certificate_is_named(judge: Callable[..., Judge], put: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for path in (tmp_path / "ca.pem", tmp_path / "nowhere.pem"):
        with pytest.raises(UserError, match=r"ca_file: .*\.pem"):
            list(judge(base_url="https://127.0.0.1:1/v1", ca_file=str(path)).judge([put()]))


def test_what_the_client_logs_holds_no_key(
    serve: Any,
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    ask: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = "sk-in-the-log-0123456789"
    monkeypatch.setenv("MY_KEY", key)
    server = serve("--echo")
    with caplog.at_level(logging.DEBUG):
        made = judge(base_url=server.url, api_key_env="MY_KEY")
        judgements: list[Judgement] = ask(made, [put("500,ok"), put("400", item=1), put("ok", item=2)])
    assert key not in caplog.text
    assert not any(key in repr(judgement) for judgement in judgements)
    assert "[key removed]" in judgements[0].raw
    assert "[key removed]" in judgements[1].error
