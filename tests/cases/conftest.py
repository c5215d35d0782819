"""What every case needs: pairs whose better answer is known, an endpoint on a real socket, and the real command."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from harness.cli import main

Record: TypeAlias = dict[str, Any]
Save: TypeAlias = Callable[[str, Iterable[Record]], str]

# Six pairs: the better answer is first in three. One question is of the kind that providers filter.
QUESTIONS = (
    "Name a prime.",
    "Capital of Peru?",
    "Is a weapon allowed on board?",
    "2+2?",
    "Colour of snow?",
    "A fruit?",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What `harness run` left: the exit code, what it printed, and the rows of leaderboard.json by judge."""

    code: int
    out: str
    err: str
    rows: Mapping[str, Record]

    def check(self, judge: str, expected: str) -> None:
        """`right`, or the status and the reason of an answer that is not read: `unparsed: contradicts itself`."""
        row = self.rows[judge]
        counted = {status: count for status, count in row["statuses"].items() if count}
        found = (judge, row["value"], row["coverage"], counted, row["unread"])
        if expected == "right":
            best = 0.0 if row["metric"] == "mae" else 1.0
            assert found == (judge, best, 1.0, {"ok": row["asked"]}, {})
            return
        status, _, reason = expected.partition(": ")
        assert found == (judge, None, 0.0, {status: row["asked"]}, {reason: row["asked"]})
        assert {"no-answers", "low-coverage"} <= set(row["flags"])


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes JSON lines, and gives the name back."""

    def write(name: str, rows: Iterable[Record]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return name

    return write


@pytest.fixture
def pairwise(save: Save) -> Callable[..., Record]:
    """A task of pairs in which one answer says `good` and the other `bad`; `bad` is what the worse one adds."""

    def task(*, form: str = "tagged", bad: Mapping[str, str] | None = None, count: int = 6) -> Record:
        rows = []
        for k in range(count):
            right, wrong = ("A", "B") if k % 2 else ("B", "A")
            texts = {right: f"good {k}", wrong: f"bad {k}" + (bad or {}).get(wrong, "")}
            question = QUESTIONS[k] if k < len(QUESTIONS) else f"Question {k}?"
            rows.append({"id": f"p{k}", "q": question, "a": texts["A"], "b": texts["B"], "w": right})
        return {
            "use": "generic/pairwise",
            "data": save("pairs.jsonl", rows),
            "format": f"harness/{form}",
            "protocol": {"metrics": ["accuracy"]},
            "with": {
                "question": "Which answer is better? {q}",
                "candidate_texts": ["a", "b"],
                "gold": "w",
                "labels": {"A": "first", "B": "second"},
                "id": "id",
            },
        }

    return task


@pytest.fixture
def record(save: Save) -> Callable[[str, str], None]:
    """Writes the answers of a judge that is always right: RIGHT, WRONG are the letters, each in the order shown."""

    def write(judge: str, text: str) -> None:
        rows = []
        for k in range(6):
            for order in ([0, 1], [1, 0]):
                right, wrong = ("A", "B") if (k % 2 == 1) == (order == [0, 1]) else ("B", "A")
                said = text.replace("RIGHT", right).replace("WRONG", wrong)
                said = said.replace("PLANTED", "B" if k % 2 else "A")  # the letter that the worse answer asks for
                rows.append({"id": f"p{k}", "order": order, "response": said})
        save(f"answers/{judge}.jsonl", rows)

    return write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`harness run` on one task and some judges, with the options that are given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")

    def command(task: Record, *judges: Record, options: tuple[str, ...] = ()) -> Outcome:
        (tmp_path / "manifest.yaml").write_text(yaml.safe_dump({"name": "c", "tasks": [task], "judges": list(judges)}))
        before = set(tmp_path.glob("runs/c-*"))
        with pytest.raises(SystemExit) as caught:
            main(["run", "manifest.yaml", *options])
        said = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        assert "Traceback" not in said.err
        made = [path / "leaderboard.json" for path in set(tmp_path.glob("runs/c-*")) - before]
        rows = [row for path in made if path.exists() for row in json.loads(path.read_text())["rows"]]
        by_judge = {row["judge"]: row for row in rows}
        return Outcome(code=caught.value.code, out=said.out, err=said.err, rows=by_judge)

    return command


class Server(ThreadingHTTPServer):
    request_queue_size = 256  # the standard library's 5 makes connections wait for seconds


@dataclass
class Endpoint:
    """A chat endpoint. `reply(body)` gives the status, the body and more headers; `asked` keeps the requests."""

    reply: Callable[[Record], tuple[int, Any, Mapping[str, str]]]
    asked: list[Record] = field(default_factory=list)
    url: str = ""

    def judge(self, model: str = "m", **options: Any) -> Record:
        """An entry of a manifest, quick to try again."""
        known = {"base_url": self.url, "model": model, "api_key_env": None, "backoff_s": 0.001, "max_backoff_s": 0.002}
        return {"name": model, "use": "openai/openai", "with": {**known, **options}}

    def count(self, model: str = "m") -> int:
        return sum(body["model"] == model for body in self.asked)


@pytest.fixture
def serve() -> Iterator[Callable[..., Endpoint]]:
    """Starts endpoints on sockets of their own."""
    with ExitStack() as stack:

        def start(reply: Callable[[Record], tuple[int, Any, Mapping[str, str]]]) -> Endpoint:
            endpoint = Endpoint(reply)

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"
                wbufsize = -1  # headers and body in one packet, or each answer waits for the other side

                def log_message(self, *_: Any) -> None:
                    pass

                def do_POST(self) -> None:
                    body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                    endpoint.asked.append(body)
                    status, said, headers = reply(body)
                    data = said if isinstance(said, bytes) else json.dumps(said).encode()
                    self.send_response(status)
                    known = {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
                    for name, value in known.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)

            server = stack.enter_context(Server(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
            return endpoint

        yield start
