"""The batch APIs of OpenAI and Anthropic in the published shapes, on a socket, with a bill. Not a test itself.

A batch is answered, and billed, as soon as it is created, and ends after a number of looks at it. At a named step the
server can kill the process that asks (`kill_at`), lose the response (`lose`), or answer otherwise (`instead`). Its list
can show a batch late (`listed_after_s`). What it shows of batches and results can be spoilt (`spoil`). It also answers
questions that come by themselves.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, Any]


def good(api: str, item: int) -> dict[str, Any]:
    text = f"Because. <answer>{'yes' if item % 2 else 'no'}</answer>"
    if api == "anthropic":
        return {
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 100, "output_tokens": 10},
        }
    return {
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }


class BatchServer:
    """Both providers at once."""

    good = staticmethod(good)

    def __init__(self) -> None:
        self.reset()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

            def _answer(self, raw: bytes) -> None:
                try:
                    status, plain = outer.handle(self.command, self.path, raw)
                    said = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
                    if outer.step_is_lost:
                        outer.step_is_lost = False
                        self.close_connection = True
                        return
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    half = len(said) // 2
                    self.wfile.write(said[:half])
                    self.wfile.flush()
                    if status == 200 and outer.last_step == "results":
                        outer.reach("results-half")
                    self.wfile.write(said[half:])
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True  # the process that asked was killed

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def reset(self) -> None:
        self.bill: Counter[int] = Counter()
        self.batches: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.steps: list[str] = []
        self.kill_at = self.lose = self.last_step = ""
        self.step_is_lost = False
        self.victim = 0
        self.looks = 1
        self.listed_after_s = 0.0
        self.token = "batch"
        self.status = "completed"
        self.instead: dict[str, list[Reply]] = {}
        self.spoil: Callable[[str, Any], Any] = lambda step, plain: plain
        self.outcome: Callable[[str, int, dict[str, Any]], Any] = lambda api, item, body: (200, good(api, item))
        self._lock = threading.Lock()
        self._dead: set[int] = set()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reach(self, step: str) -> None:
        """A step is reached."""
        self.steps.append(step)
        self.last_step = step
        # What the connection of a killed process still does must not kill the next process.
        if step == self.kill_at and threading.get_ident() not in self._dead:
            self.kill_at = ""
            self._dead.add(threading.get_ident())
            deadline = time.monotonic() + 10
            while not self.victim and time.monotonic() < deadline:
                time.sleep(0.005)
            if self.victim:
                os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
        if step == self.lose:
            self.lose, self.step_is_lost = "", True

    def handle(self, method: str, path: str, raw: bytes) -> Reply:
        with self._lock:
            parts = urlsplit(path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return self._handle(method, parts.path.removeprefix("/v1"), query, raw)

    def _handle(self, method: str, path: str, query: dict[str, str], raw: bytes) -> Reply:
        name = {"/files": "upload", "/batches": "create", "/messages/batches": "create"}.get(path, "")
        step = name or "ask" if method == "POST" else "list" if name else "look"
        if path.endswith(("/content", "/results")):
            step = "results"
        self.reach(f"{step}-before")
        if self.instead.get(step):
            return self.instead[step].pop(0)
        status, plain = self._act(step, path, query, raw)
        self.reach(step)
        return status, self.spoil(step, plain)

    def _act(self, step: str, path: str, query: dict[str, str], raw: bytes) -> Reply:
        is_anthropic = path.startswith("/messages")
        if step == "upload":
            assert b'name="purpose"\r\n\r\nbatch\r\n' in raw
            found = re.search(rb'filename="[^"]+"\r\nContent-Type: [^\r]+\r\n\r\n(.*)\r\n--', raw, re.DOTALL)
            assert found is not None
            self.files[f"file-{len(self.files)}"] = found[1]
            return 200, {"id": f"file-{len(self.files) - 1}", "object": "file", "purpose": "batch"}
        if step == "ask":
            return self._ask(json.loads(raw), "anthropic" if is_anthropic else "openai")
        if step == "create":
            return 200, self._create(json.loads(raw), is_anthropic)
        if step == "list":
            for batch in self.batches.values():
                batch["looks"] += 1  # time passes
            old = [batch for batch in self.batches.values() if time.time() >= batch["created"] + self.listed_after_s]
            newest = [self._show(batch) for batch in reversed(old)]
            after = query.get("after_id" if is_anthropic else "after")
            start = next((place + 1 for place, shown in enumerate(newest) if shown["id"] == after), 0)
            page = newest[start : start + 2]
            return 200, {"data": page, "has_more": start + 2 < len(newest)}
        if step == "results":
            return 200, self.files[path.split("/")[2]] if not is_anthropic else self._lines(path.split("/")[3])
        batch = self.batches[path.split("/")[-1]]
        batch["looks"] += 1
        return 200, self._show(batch)

    def _ask(self, body: dict[str, Any], api: str) -> Reply:
        item = int(re.search(r"item=(\d+)", json.dumps(body["messages"]))[1])  # type: ignore[index]
        status, plain = self.outcome(api, item, body)
        self.bill[item] += status == 200
        return status, plain

    def _create(self, asked: dict[str, Any], is_anthropic: bool) -> dict[str, Any]:
        if is_anthropic:
            lines = [(one["custom_id"], one["params"]) for one in asked["requests"]]
        else:
            assert asked["completion_window"] == "24h"
            rows = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines() if line]
            assert {row["url"] for row in rows} == {asked["endpoint"]}
            lines = [(row["custom_id"], row["body"]) for row in rows]
        assert len({name for name, _ in lines}) == len(lines)
        assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", name) for name, _ in lines)
        results = []
        for name, body in lines:
            status, plain = self._ask(body, "anthropic" if is_anthropic else "openai")
            results.append((name, status, plain))
        made: dict[str, Any] = {
            "id": f"batch_{len(self.batches)}",
            "anthropic": is_anthropic,
            "metadata": asked.get("metadata"),
            "created": time.time(),
            "looks": 0,
            "results": results,
        }
        self.batches[made["id"]] = made
        return self._show(made)

    def _show(self, batch: dict[str, Any]) -> dict[str, Any]:
        ended = batch["looks"] >= self.looks
        if batch["anthropic"]:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch["created"]))
            counts = dict.fromkeys(("processing", "canceled", "errored", "expired", "succeeded"), 0)
            for _, status, plain in batch["results"]:
                counts[self._result(status, plain)["type"] if ended else "processing"] += 1
            return {
                "id": batch["id"],
                "type": "message_batch",
                "processing_status": "ended" if ended else "in_progress",
                "request_counts": counts,
                "created_at": stamp,
                "cancel_initiated_at": stamp if self.status == "cancelled" else None,
                "results_url": "http://evil.example/steals-the-key",
            }
        shown = {
            "id": batch["id"],
            "object": "batch",
            "status": self.status if ended else "in_progress",
            "metadata": batch["metadata"],
            "created_at": int(batch["created"]),
            "errors": None,
            "request_counts": {"total": len(batch["results"]), "completed": 0, "failed": 0},
        }
        if ended:
            answers = [self._row(*row) for row in batch["results"] if row[1] == 200]
            errors = [self._row(*row) for row in batch["results"] if row[1] != 200]
            shown["request_counts"] |= {"completed": len(answers), "failed": len(errors)}
            for name, rows in (("output", answers), ("error", errors)):
                if rows:
                    self.files[f"{batch['id']}-{name}"] = b"\n".join(json.dumps(row).encode() for row in rows)
                    shown[f"{name}_file_id"] = f"{batch['id']}-{name}"
        return shown

    def _row(self, name: str, status: int, plain: Any) -> dict[str, Any]:
        if status == 0:
            code = "batch_cancelled" if self.status == "cancelled" else "batch_expired"
            return {"custom_id": name, "response": None, "error": {"code": code, "message": "This was not executed."}}
        return {"custom_id": name, "response": {"status_code": status, "body": plain}, "error": None}

    def _lines(self, batch: str) -> bytes:
        rows = []
        for name, status, plain in reversed(self.batches[batch]["results"]):  # in another order
            rows.append({"custom_id": name, "result": self._result(status, plain)})
        return b"\n".join(json.dumps(row).encode() for row in rows) + b"\n"

    def _result(self, status: int, plain: Any) -> dict[str, Any]:
        never = {"type": "canceled" if self.status == "cancelled" else "expired"}
        kinds = {200: {"type": "succeeded", "message": plain}, 0: never}
        return kinds.get(status, {"type": "errored", "error": plain})
