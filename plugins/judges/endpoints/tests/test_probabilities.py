"""A whole run against a server whose token lists differ: the same judge has the same probabilities, or none."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

N = 60
ALIKE = ("clean", "apart", "stopped", "after", "fenced")
"""What the server does to the list of tokens or to the text, by the name of the model."""


def entry(text: str, chances: dict[str, float]) -> dict[str, Any]:
    listed = [{"token": one, "logprob": math.log(p), "bytes": list(one.encode())} for one, p in chances.items()]
    return {**next(one for one in listed if one["token"] == text), "top_logprobs": listed}


def sure(text: str) -> list[dict[str, Any]]:
    return [entry(letter, {letter: 1.0}) for letter in text]


class Listening(ThreadingHTTPServer):
    request_queue_size = 256  # with the standard library's 5, connections wait for seconds


class Server(BaseHTTPRequestHandler):
    """Answers `case K` with a probability of its own."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet, or each answer waits for the other side

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = re.search(r"case (\d+)", json.dumps(asked["messages"][-1]))
        assert found is not None
        number, model = int(found[1]), asked["model"]
        p = (number * 37 % 100 + 0.5) / 100
        verdict = "yes" if p > 0.5 else "no"
        kind = model if model != "mixed" else "clean" if number % 2 else "none"
        before, after, extra = "<answer>", "</answer>", {}
        if kind == "fenced":
            before, after = "```\n<answer>\n", "\n</answer>\n```"
        if kind == "after":
            after += "\n\nDone."
        listed = [*sure(before), entry(verdict, {"yes": p, "no": 1 - p}), *sure(after)]
        if kind == "apart":
            listed, extra = sure("<think>yes or no</think>\n") + listed, {"reasoning_content": "yes or no"}
        if kind == "stopped":
            listed.append(entry("<|im_end|>", {"<|im_end|>": 1.0}))
        message = {"role": "assistant", "content": before + verdict + after, **extra}
        logprobs = None if kind == "none" else {"content": listed}
        choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": logprobs}
        body = json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "model": model,
                "choices": [choice],
                "usage": {"prompt_tokens": 9, "completion_tokens": 5},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """`leaderboard.json`, and what the run printed."""
    folder = tmp_path_factory.mktemp("run")
    with Listening(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        rows = [{"id": f"c{k}", "q": f"case {k}", "label": "yes" if k * 13 % 5 < 2 else "no"} for k in range(N)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        judges = [
            {
                "name": name,
                "use": "openai/openai",
                "with": {
                    "base_url": f"http://127.0.0.1:{server.server_port}/v1",
                    "model": name,
                    "api_key_env": None,
                },
            }
            for name in (*ALIKE, "mixed", "none")
        ]
        task = {
            "use": "generic/pointwise",
            "data": "rows.jsonl",
            "protocol": {"metrics": ["roc_auc", "accuracy"]},
            "with": {"question": "Is it good? {q}", "answers": ["yes", "no"], "id": "id"},
        }
        plain = {"name": "probs", "tasks": [task], "judges": judges, "report": {"resamples": 200}}
        (folder / "m.yaml").write_text(yaml.safe_dump(plain))
        command = [sys.executable, "-m", "harness", "run", "m.yaml"]
        environment = {**os.environ, "COLUMNS": "140"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    [run] = [path for path in (folder / "runs").iterdir() if path.name.startswith("probs-")]
    return json.loads((run / "leaderboard.json").read_text()), done.stdout


def test_what_stands_around_the_verdict_changes_no_probability(board: tuple[dict[str, Any], str]) -> None:
    rows = {row["judge"]: row for row in board[0]["rows"]}
    assert {rows[name]["value"] for name in ALIKE} == {rows["clean"]["value"]}
    assert {rows[name]["with_probabilities"] for name in ALIKE} == {1.0}
    assert {rows[name]["n"] for name in ALIKE} == {N}
    assert rows["clean"]["value"] != rows["none"]["value"]
    assert {rows[name]["others"]["accuracy"]["value"] for name in rows} == {
        rows["clean"]["others"]["accuracy"]["value"]
    }


def test_where_probabilities_are_missing_the_board_says_so(board: tuple[dict[str, Any], str]) -> None:
    whole, printed = board
    rows = {row["judge"]: row for row in whole["rows"]}
    assert (rows["mixed"]["basis"], rows["mixed"]["n"], rows["mixed"]["with_probabilities"]) == (
        "probabilities",
        30,
        0.5,
    )
    assert (rows["none"]["basis"], rows["none"]["n"], rows["none"]["with_probabilities"]) == ("verdicts", N, 0.0)
    assert "mixed: some-probabilities" in printed
    assert "none: no-probabilities" in printed
    pairs = {frozenset((pair["judge_a"], pair["judge_b"])): pair for pair in whole["comparisons"]}
    facts = {name: pairs[frozenset(("clean", name))] for name in ("apart", "mixed", "none")}
    assert [(pair["basis"], pair["n"], pair["difference"]) for pair in facts.values()] == [
        ("probabilities", N, 0),
        ("probabilities", 30, 0),
        ("verdicts", N, 0),
    ]
