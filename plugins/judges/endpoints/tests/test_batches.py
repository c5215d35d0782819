"""Batches on a socket: the bill is the number of questions, wherever the process is killed."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import BudgetError, Judge, JudgeStoppedError, Request, Status, Usage
from harness.discovery import Plugins
from harness.testing import FakeContext

HERE = Path(__file__).parent
USES = {"openai": "openai/openai", "anthropic": "anthropic/anthropic"}
N = 12


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


good = _load("batch_server").good


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    server = _load("batch_server").BatchServer()
    yield server
    server.close()


@pytest.fixture
def server(shared: Any) -> Any:
    shared.reset()
    return shared


@pytest.fixture(scope="module")
def zygote() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HERE / "batch_worker.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def options_of(server: Any, **more: Any) -> dict[str, Any]:
    batch = {"poll_s": 0.05, "settle_s": 0.1, "max_requests": 5, **more.pop("batch", {})}
    known = {"base_url": server.url, "model": "m", "api_key_env": None, "backoff_s": 0.01, "max_backoff_s": 0.02}
    return {**known, "retries": 2, "batch": batch, **more}


@pytest.fixture
def run(server: Any, zygote: subprocess.Popen[str], tmp_path: Path) -> Callable[..., int]:
    """Run a process to its end in any way. Returns its exit code."""

    def job(api: str, **more: Any) -> int:
        plain = {"use": USES[api], "folder": str(tmp_path), "n": N, "options": options_of(server, **more)}
        (tmp_path / "workspace").mkdir(exist_ok=True)
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        zygote.stdin.write(json.dumps(plain) + "\n")
        zygote.stdin.flush()
        server.victim = int(zygote.stdout.readline())
        return int(zygote.stdout.readline())

    return job


def answers(folder: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert max(Counter(row["item"] for row in rows).values()) == 1
    return {row["item"]: row for row in rows}


STEPS = {
    "openai": ("upload-before", "upload", "create-before", "create", "look", "results-before", "results-half"),
    "anthropic": ("create-before", "create", "look", "results-half"),
}


@pytest.mark.parametrize(("api", "step"), [(api, step) for api, steps in STEPS.items() for step in steps])
def test_a_kill_at_any_step_costs_nothing(
    api: str, step: str, server: Any, run: Callable[..., int], tmp_path: Path
) -> None:
    server.kill_at = step
    assert run(api) == -9, "killed"
    assert run(api) == 0, (tmp_path / "error.txt").read_text()
    found = answers(tmp_path)
    assert {item: row["verdict"] for item, row in found.items()} == {
        str(item): "yes" if item % 2 else "no" for item in range(N)
    }
    assert server.bill == Counter(range(N)), "each question is paid once"
    assert not list((tmp_path / "workspace").rglob("*.json")), "what is done is forgotten"


@pytest.mark.parametrize("api", USES)
def test_kills_one_after_another_cost_nothing(api: str, server: Any, run: Callable[..., int], tmp_path: Path) -> None:
    server.looks = 2
    for step in STEPS[api]:
        server.kill_at = step
        run(api)
    server.kill_at = ""
    assert run(api) == 0
    assert len(answers(tmp_path)) == N
    assert server.bill == Counter(range(N))


@pytest.fixture
def make(server: Any, tmp_path: Path) -> Callable[..., Judge]:
    plugins = Plugins.load()

    def build(api: str, usage: Usage | None = None, run: str = "run", **more: Any) -> Judge:
        offer = plugins.find("judge", USES[api])
        model = offer.options_model()
        assert model is not None
        context = FakeContext(workspace=tmp_path, name="me", usage=usage or Usage(), run_folder=tmp_path / run)
        judge: Judge = offer.create(model.model_validate(options_of(server, **more)), context)
        return judge

    return build


@pytest.mark.parametrize("api", USES)
def test_all_are_answered_and_cost_half(
    api: str,
    make: Callable[..., Judge],
    server: Any,
    put: Callable[..., Request],
    ask: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.looks = 2
    judge = make(api, prices={"prompt": 2, "completion": 10})
    found = ask(judge, [put(None, item=item) for item in range(12)])
    assert [judgement.verdict for judgement in found] == ["yes" if item % 2 else "no" for item in range(12)]
    assert {judgement.cost_usd for judgement in found} == {(100 * 2 + 10 * 10) / 1e6 / 2}
    assert sorted(len(batch["results"]) for batch in server.batches.values()) == [2, 5, 5]
    assert not any(step.startswith("list") for step in server.steps)
    assert caplog.text.count("12 questions wait in 3 batches at the provider; Ctrl-C leaves them there") == 1


@pytest.mark.parametrize("api", USES)
@pytest.mark.parametrize("step", ["create", "create-before"])
def test_a_lost_response_is_no_reason_to_submit_again(
    api: str, step: str, make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    if step == "create":
        server.lose = "create"
    else:
        server.instead["create"] = [(503, {"error": {"message": "overloaded"}})]
    found = ask(make(api), [put(None, item=item) for item in range(3)])
    assert {judgement.status for judgement in found} == {Status.OK}
    assert server.bill == Counter(range(3))
    assert "list" in server.steps


@pytest.mark.parametrize("api", USES)
def test_a_batch_that_is_listed_late_is_found_and_not_paid_twice(
    api: str, make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    server.lose, server.listed_after_s = "create", 0.3
    found = ask(make(api, batch={"settle_s": 3.0}), [put(None, item=item) for item in range(3)])
    assert {judgement.status for judgement in found} == {Status.OK}
    assert server.bill == Counter(range(3))
    assert server.steps.count("list") > 1, "it was not there at the first look"


@pytest.mark.parametrize("api", USES)
def test_a_batch_that_is_listed_late_is_found_by_the_command_after_a_kill(
    api: str, server: Any, run: Callable[..., int]
) -> None:
    server.kill_at, server.listed_after_s = "create", 0.6
    assert run(api) == -9, "killed"
    assert run(api, batch={"settle_s": 3.0}) == 0
    assert server.bill == Counter(range(N))
    assert server.steps.count("list") > 1, "it was not there at the first look"


@pytest.mark.parametrize("api", USES)
def test_what_was_not_answered_is_asked_again(
    api: str, make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    refused = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "content filtering policy"},
    }
    too_long = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}}
    seen: Counter[int] = Counter()

    def outcome(api: str, item: int, body: Any) -> Any:
        seen[item] += 1
        first = {0: (0, None), 1: (529, overloaded)}
        always = {2: (400, refused), 3: (400, too_long), 4: (0, None)}
        if item in always:
            return always[item]
        return first[item] if item in first and seen[item] == 1 else (200, good(api, item))

    server.outcome = outcome
    found = ask(make(api), [put(None, item=item) for item in range(6)])
    expected = [Status.OK, Status.OK, Status.REFUSED, Status.ERROR, Status.ERROR, Status.OK]
    assert [judgement.status for judgement in found] == expected
    assert "prompt is too long" in found[3].error
    assert "ended before this question was asked (3 attempts)" in found[4].error
    assert seen == {0: 2, 1: 2, 2: 1, 3: 1, 4: 3, 5: 1}
    assert server.bill == Counter([0, 1, 5])


def test_a_field_that_is_refused_is_left_out_of_the_next_batch(
    make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    refused = {"error": {"message": "Unsupported parameter: 'seed'", "param": "seed"}}
    server.outcome = lambda api, item, body: (400, refused) if "seed" in body else (200, good(api, item))
    found = ask(make("openai"), [put(None, item=item) for item in range(3)])
    assert {judgement.status for judgement in found} == {Status.OK}
    assert len(server.batches) == 2


@pytest.mark.parametrize("api", USES)
def test_a_key_or_model_that_is_wrong_stops_the_judge_and_a_fixed_one_goes_on(
    api: str, make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    missing = {"type": "error", "error": {"type": "not_found_error", "message": "model: m", "code": "model_not_found"}}
    server.outcome = lambda api, item, body: (404, missing)
    requests = [put(None, item=item) for item in range(3)]
    with pytest.raises(JudgeStoppedError, match="check `model: m`"):
        ask(make(api), requests)
    server.outcome = lambda api, item, body: (200, good(api, item))
    found = ask(make(api), requests)
    assert {judgement.status for judgement in found} == {Status.OK}, "old failures are asked again"
    server.instead["create"] = [(401, {"error": {"type": "authentication_error", "message": "invalid key"}})]
    with pytest.raises(JudgeStoppedError, match="api_key_env"):
        ask(make(api), [put(None, item=9)])


def test_a_batch_that_is_refused_as_a_whole_stops_the_judge(
    make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    errors = {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached for m: 90,000."}]}
    server.instead["look"] = [(200, {"id": "batch_0", "status": "failed", "errors": errors})]
    with pytest.raises(JudgeStoppedError, match="Enqueued token limit reached"):
        ask(make("openai"), [put(None, item=1)])


def test_a_provider_out_of_reach_stops_the_judge_and_the_batch_is_found_again(
    make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    server.instead["look"] = [(503, {"error": {"message": "overloaded"}})] * 3
    requests = [put(None, item=item) for item in range(3)]
    with pytest.raises(JudgeStoppedError, match=r"status 503: overloaded \(3 attempts\); they go on at the provider"):
        ask(make("anthropic"), requests)
    assert len(ask(make("anthropic"), requests)) == 3
    assert server.bill == Counter(range(3))


def test_a_budget_is_kept_by_small_batches_first(
    make: Callable[..., Judge], server: Any, put: Callable[..., Request]
) -> None:
    judge = make("openai", budget_tokens=110 * 20, batch={"max_requests": 100})
    done = []
    with pytest.raises(BudgetError, match="raise budget_tokens"):
        done += [judgement for _, judgement in judge.judge(put(None, item=item) for item in range(50))]
    assert sum(server.bill.values()) <= 22
    sizes = [len(batch["results"]) for batch in server.batches.values()]
    assert sizes[0] == 16


def test_a_batch_that_takes_too_long_is_waited_for_by_the_next_command(
    make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    server.looks = 10**9
    with pytest.raises(JudgeStoppedError, match="deadline_s"):
        ask(make("openai", batch={"deadline_s": 0.1}), [put(None, item=1)])
    server.looks = 1
    assert ask(make("openai"), [put(None, item=1)])[0].verdict == "yes"
    assert server.bill == Counter([1])


@pytest.mark.parametrize("api", USES)
def test_another_run_is_given_no_answers_of_an_earlier_one(
    api: str, make: Callable[..., Judge], server: Any, put: Callable[..., Request], ask: Any
) -> None:
    requests = [put(None, item=item) for item in range(3)]
    first = make(api).judge(iter(requests))
    next(first)
    first.close()  # type: ignore[attr-defined]
    assert len(ask(make(api, run="fresh"), requests)) == 3
    assert server.bill == Counter({0: 2, 1: 2, 2: 2}), "asked again"
    assert len(ask(make(api), requests)) == 3
    assert server.bill == Counter({0: 2, 1: 2, 2: 2}), "and the run itself goes on with what is paid for"


OUTSIDE = '{"batch": "../files/f", "created": 9e9, "ids": [], "delivered": []}'


@pytest.mark.parametrize("text", ['{"batch": "b', OUTSIDE])
def test_a_damaged_record_is_named(
    text: str, make: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    judge: Any = make("openai")
    folder = judge._store._folder
    folder.mkdir(parents=True)
    (folder / "aa.json").write_text(text)
    with pytest.raises(JudgeStoppedError, match=r"aa\.json: the record of a batch cannot be read; move it away"):
        ask(judge, [put(None, item=1)])


def test_a_judge_with_batches_may_be_silent_for_long(make: Callable[..., Judge]) -> None:
    held: Any = make("openai", batch={"max_requests": 100, "most_open": 3, "deadline_s": 5000.0})
    assert held.holds == (400, 5600.0)


@pytest.mark.slow
def test_ctrl_c_leaves_a_batch_at_once_and_the_next_command_goes_on_with_it(server: Any, tmp_path: Path) -> None:
    judge = {"use": "openai/openai", "name": "remote", "with": options_of(server, batch={"max_requests": 100})}
    plain = {
        "name": "batched",
        "tasks": [{"use": "keyed_plugin/items"}],
        "judges": [judge],
        "report": {"resamples": 200},
    }
    (tmp_path / "m.yaml").write_text(json.dumps({**plain, "run": {"timeout": 1}}))
    command = [sys.executable, "-m", "harness", "-p", str(HERE / "keyed_plugin.py"), "run", "m.yaml"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    server.looks = 10**9
    first = start()
    while "look" not in server.steps:
        time.sleep(0.02)
    time.sleep(1.5)  # longer than run.timeout
    assert first.poll() is None
    began = time.monotonic()
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=30)
    assert first.returncode == 130, err
    assert time.monotonic() - began < 8
    assert "Traceback" not in err
    server.looks = 1
    second = start()
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert server.bill == Counter(range(40))
