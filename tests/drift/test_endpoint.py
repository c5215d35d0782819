"""`harness drift` with the judge `openai` against a server on a socket that changes its mind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Mind:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.contrary = False
        self.model = "served-2026-01-01"
        self.asked = 0
        self.fails_after: int | None = None


@pytest.fixture
def mind() -> Iterator[tuple[Mind, str]]:
    """A server of chat completions, and its address."""
    mind = Mind()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            mind.asked += 1
            number = int(body["messages"][-1]["content"].partition("item ")[2].split()[0])
            word = "no" if mind.contrary and number % 3 == 0 else "yes"
            status = 401 if mind.fails_after is not None and mind.asked > mind.fails_after else 200
            plain: dict[str, Any] = {
                "id": "c",
                "object": "chat.completion",
                "created": 0,
                "model": mind.model,
                "system_fingerprint": f"fp_{mind.asked % 2}",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": word}, "finish_reason": "stop"},
                ],
                "usage": {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21},
            }
            if status == 401:
                plain = {
                    "error": {"message": "no such key", "type": "invalid_request_error", "code": "invalid_api_key"}
                }
            text = json.dumps(plain).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # of 5, a burst of connections loses some, and each is made again after a second

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield mind, f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_changes_its_mind_is_found_out_and_a_stop_is_gone_on_from(
    drift: Any, mind: tuple[Mind, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, address = mind
    key = "sk-never-to-be-seen-0123456789abcdef"
    monkeypatch.setenv("MY_KEY", key)
    options = {
        "base_url": address,
        "model": "served",
        "api_key_env": "MY_KEY",
        "retries": 0,
        "max_concurrency": 4,
        "prices": {"prompt": 1, "completion": 1},
        "logprobs": False,
    }
    drift.write(judges=[{"use": "openai/openai", "name": "served", "with": options}])
    gates = ("--fail-on", "drift", "--fail-on", "model")
    assert drift("d1", *gates) == 0, drift.err
    assert server.asked == 120, "forty anchors, three times"
    # The same model under another fingerprint is no other model.
    assert drift("d2", *gates) == 0, drift.err
    # The key is refused on the way: nothing is compared, and nothing that was answered is asked again.
    server.contrary, server.model, server.fails_after = True, "served-2026-06-01", server.asked + 10
    assert drift("d3", *gates) == 3
    assert "the snapshot is not complete and is not compared" in drift.err
    assert len((drift.kept / "history.jsonl").read_text().splitlines()) == 2
    before, server.fails_after = server.asked, None
    assert drift("d3", *gates) == 4
    assert server.asked - before <= 40
    assert "gate: served on items drifts since d3" in drift.err
    assert "gate: served: another model answers" in drift.err
    told = drift.json("d3", "--no-ask")
    assert told["judges"][0]["usd_per_answer_now"] == pytest.approx(21e-6)
    assert told["judges"][0]["latency_p50_now"] > 0
    for path in drift.kept.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path
