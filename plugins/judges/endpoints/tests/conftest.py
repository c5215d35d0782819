"""A small format, requests that tell the fault server what to do, and judges that ask it."""

from __future__ import annotations

import base64
import functools
import http.server
import importlib.util
import json
import re
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.api import (
    AnswerSpace,
    Choice,
    Judge,
    Judgement,
    JudgeStoppedError,
    Message,
    Reading,
    Request,
    Usage,
    Verdict,
    VerdictFormat,
)
from harness.discovery import Plugins
from harness.testing import FakeContext
from harness_endpoints.openai.judge import make
from harness_endpoints.openai.options import ChatOptions

SERVER = Path(__file__).with_name("fault_server.py")
YES_NO = Choice(("yes", "no"))


class Tags:
    """`<answer>VERDICT</answer>`, exactly once."""

    name = "test/tags"

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer between tags."

    def parse(self, text: str, request: Request) -> Reading:
        space = request.space
        found = {space.read(word) for word in re.findall(r"<answer>([^<]*)</answer>", text)}
        if len(found) != 1 or None in found:
            return Reading(problem="no one verdict")
        return Reading(verdict=found.pop(), rationale=text.partition("<answer>")[0].strip())

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        return f"{rationale}<answer>{space.name(verdict)}</answer>"


class Objects(Tags):
    """One JSON object, with a schema."""

    name = "test/objects"

    def schema(self, space: AnswerSpace) -> dict[str, Any]:
        return {"type": "object", "properties": {"verdict": {"enum": [space.name(one) for one in space.verdicts()]}}}

    def parse(self, text: str, request: Request) -> Reading:
        space = request.space
        found = re.search(r'"verdict": ?"([^"]*)"', text)
        verdict = space.read(found[1]) if found else super().parse(text, request).verdict
        return Reading(verdict=verdict, problem="" if verdict is not None else "no verdict")


@dataclass(frozen=True)
class Endpoint:
    """A running fault server."""

    root: str

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def told(self) -> dict[str, Any]:
        with _straight().open(f"{self.root}/log", timeout=30) as response:
            told: dict[str, Any] = json.load(response)
            return told

    def log(self, item: str | None = None) -> list[dict[str, Any]]:
        return [entry for entry in self.told()["log"] if item in (None, entry["item"])]

    def reset(self) -> None:
        _straight().open(urllib.request.Request(f"{self.root}/reset", method="POST"), timeout=30).close()


# Made once: a context reads all certificates of the machine, which takes longer than most tests.
@functools.cache
def _straight() -> urllib.request.OpenerDirector:
    """Asks the server itself: without the proxies of a test, and whatever its certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    return urllib.request.build_opener(*handlers)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Endpoint]]:
    """Starts fault servers."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, scheme: str = "http") -> Endpoint:
        server = subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True)
        running.append(server)
        assert server.stdout is not None
        return Endpoint(f"{scheme}://127.0.0.1:{int(server.stdout.readline())}")

    yield start
    for server in running:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


@pytest.fixture(scope="session")
def shared_server(serve: Callable[..., Endpoint]) -> Endpoint:
    return serve()


@pytest.fixture
def server(shared_server: Endpoint) -> Endpoint:
    """A well-behaved server that does what each request says."""
    shared_server.reset()
    return shared_server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that nobody trusts, for 127.0.0.1 and judge.example, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:judge.example", "-keyout", str(key)]
    subprocess.run([*command, "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def judge(server: Endpoint, tmp_path: Path) -> Callable[..., Judge]:
    """Makes judges that ask the fault server, quick to try again."""

    def build(usage: Usage | None = None, **options: Any) -> Judge:
        known: dict[str, Any] = {
            "base_url": server.url,
            "model": "served-1.0",
            "api_key_env": None,
            "backoff_s": 0.01,
            "max_backoff_s": 0.02,
            "retries": 2,
            **options,
        }
        context = FakeContext(workspace=tmp_path, name="me", usage=usage or Usage())
        return make(ChatOptions(**known), context)

    return build


def question(
    plan: str | None = "ok",
    *,
    item: object = 0,
    space: AnswerSpace = YES_NO,
    form: VerdictFormat | None = None,
    **more: Any,
) -> Request:
    form = form or Tags()
    text = f"item={item}" + (f" plan={plan}" if plan is not None else "")
    parts = more.pop("parts", (text, form.instruction(space)))
    messages = more.pop("messages", (Message("user", parts),))
    return Request(task="t", item=str(item), messages=messages, space=space, format=form, **more)


class Provider:
    """A server in this process that answers as a function says: `(path, headers, body) -> (status, body)`."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, Any]] = lambda asked: (500, {})
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet, or each answer waits for the other side

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = {"path": self.path, "headers": headers, "body": json.loads(raw or b"null")}
                provider.asked.append(asked)
                status, plain = provider.answer(asked)
                said = json.dumps(plain).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # of 5, a burst of connections loses some, and each is made again after a second

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def provider(shared_provider: Provider) -> Provider:
    """A server whose answers a test scripts."""
    shared_provider.asked.clear()
    return shared_provider


@pytest.fixture
def put() -> Callable[..., Request]:
    return question


def reply_of(status: int, body: Any, *, media: str = "application/json", unless: str = "") -> str:
    """The step of a plan that makes the fault server reply so; `unless` the request leaves a field out."""
    reply = {"status": status, "body": body, "type": media, "unless": unless}
    return f"says:{base64.urlsafe_b64encode(json.dumps(reply).encode()).decode()}"


@pytest.fixture
def says() -> Callable[..., str]:
    return reply_of


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def tags() -> Tags:
    return Tags()


@pytest.fixture
def ask() -> Callable[..., list[Judgement]]:
    """The answers to requests, in their order; each exactly once, and fit for the engine."""

    def answers(judge: Judge, requests: Iterable[Request]) -> list[Judgement]:
        asked = list(requests)
        found = {request.item: judgement for request, judgement in judge.judge(iter(asked))}
        assert len(found) == len(asked)
        for request in asked:
            assert found[request.item].check(request.space) is found[request.item]
        return [found[request.item] for request in asked]

    return answers


@pytest.fixture
def one(ask: Callable[..., list[Judgement]]) -> Callable[[Judge, Request], Judgement]:
    return lambda judge, request: ask(judge, [request])[0]


@pytest.fixture(scope="module")
def shared_batch_server() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("batch_server", Path(__file__).with_name("batch_server.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.BatchServer()
    yield server
    server.close()


@pytest.fixture
def batch_server(shared_batch_server: Any) -> Any:
    """A server of batches that a test may spoil."""
    shared_batch_server.reset()
    return shared_batch_server


@pytest.fixture
def make_batched(batch_server: Any, tmp_path: Path) -> Callable[..., Judge]:
    """Makes judges of one run that ask that server, in batches unless `batch` is false."""
    plugins = Plugins.load()

    def build(api: str = "openai", **more: Any) -> Judge:
        batch = more.pop("batch", {})
        if batch is not False:
            batch = {"poll_s": 0.05, "settle_s": 0.05, "max_requests": 5, **batch}
        known = {"base_url": batch_server.url, "model": "m", "api_key_env": None, "retries": 2, "batch": batch}
        offer = plugins.find("judge", f"{api}/{api}")
        model = offer.options_model()
        assert model is not None
        options = model.model_validate({**known, "backoff_s": 0.01, "max_backoff_s": 0.02, **more})
        made: Judge = offer.create(options, FakeContext(workspace=tmp_path, name="me", usage=Usage()))
        return made

    return build


@pytest.fixture
def collect() -> Callable[..., tuple[dict[str, Judgement], str]]:
    """The answers of a judge that stops, and why it does. Each question has at most one."""

    def run(judge: Any, requests: list[Request]) -> tuple[dict[str, Judgement], str]:
        found: dict[str, Judgement] = {}

        def read() -> None:
            for request, judgement in judge.judge(iter(requests)):
                assert request.item not in found
                found[request.item] = judgement

        with pytest.raises(JudgeStoppedError) as stopped:
            read()
        judge.close()
        return found, str(stopped.value)

    return run
