"""What providers send in place of a plain answer, from a socket to the leaderboard: statuses, requests, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
import yaml

Run = Callable[..., Any]
Reply: TypeAlias = tuple[int, Any, Mapping[str, str]]

GOOD = "<think>x</think><answer>RIGHT</answer>"


def question(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def right(body: dict[str, Any]) -> str:
    """The letter of the answer that says `good`."""
    text = question(body)
    return "A" if text.index("good ") < text.index("bad ") else "B"


def completion(content: Any, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    return {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


def choice_error(content: str, message: str) -> dict[str, Any]:
    whole = completion(content, "error")
    whole["choices"][0]["error"] = {"code": 502, "message": message}
    return whole


def events(*deltas: dict[str, Any]) -> bytes:
    ends = [*((delta, None) for delta in deltas), ({}, "stop")]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in ends]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


class Case(NamedTuple):
    """One report: what the server sends (RIGHT is the letter), what comes of it, and what it costs.

    `requests` is how often the server is asked for one question; `told` stands in the messages.
    """

    source: str
    sent: Any
    expected: str
    requests: int = 1
    form: str = "tagged"
    told: str = ""
    headers: Mapping[str, str] = {}


CASES = {
    "01-length-brackets": Case(
        "olmo-eval#389, lighteval#869",
        completion("A has a clear structure, so at first sight [[WRONG]] is what one would say. But", "length"),
        "truncated: cut off",
        form="brackets",
    ),
    "01b-length-prefilled": Case(
        "olmo-eval#389, vllm#13125",
        completion("If WRONG were right I would write <answer>WRONG</answer>, but let me check: 17 times", "length"),
        "truncated: cut off",
    ),
    "01d-length-json": Case(
        "olmo-eval#389, lighteval#869",
        completion('A draft: {"reasoning": "short", "verdict": "WRONG"} - but wait, the', "length"),
        "truncated: cut off",
        form="json",
    ),
    "08-content-null": Case(
        "vllm#17609, vllm#19839, Qwen3#1297",
        completion(None, reasoning_content="B answers it. <answer>RIGHT</answer>"),
        "error: error",
        requests=2,
        told="the server's reasoning parser took the whole answer",
    ),
    "09-content-parts": Case(
        "hermes-agent#4748, client-python#621",
        completion(
            [{"type": "thinking", "thinking": [{"type": "text", "text": "WRONG"}]}, {"type": "text", "text": GOOD}]
        ),
        "right",
    ),
    "10-sse": Case(
        "litellm#25766, llm-gemini#97",
        events({"role": "assistant", "content": "<think>x</think>"}, {"content": "<answer>RIGHT</answer>"}),
        "right",
        headers={"Content-Type": "text/event-stream"},
    ),
    "10b-text-plain": Case(
        "litellm#25766", completion(GOOD), "right", headers={"Content-Type": "text/plain; charset=utf-8"}
    ),
    "10d-object-empty": Case("litellm#25766", {**completion(GOOD), "object": ""}, "right"),
    "11-error-with-200": Case(
        "inspect_ai#1536, openai-agents-python#2850",
        {"error": {"message": "Provider returned error", "code": 502}},
        "error: error",
        requests=3,
        told="Provider returned error",
    ),
    "11c-finish-error": Case(
        "inspect_ai#1536, openai-agents-python#2850",
        choice_error("<think>hm</think><answer>WRONG</answer>", "Upstream provider failed"),
        "error: error",
        requests=3,
        told="Upstream provider failed",
    ),
    "11d-tool-calls": Case(
        "structured outputs of vLLM",
        completion(
            None, "tool_calls", tool_calls=[{"id": "1", "function": {"name": "v", "arguments": '{"verdict":"B"}'}}]
        ),
        "error: error",
        requests=2,
        told="a tool call and no text",
    ),
}


def sent_for(sent: Any, letter: str) -> bytes:
    """The body with the letters of the question that was asked."""
    text = sent.decode() if isinstance(sent, bytes) else json.dumps(sent)
    return text.replace("RIGHT", letter).replace("WRONG", "B" if letter == "A" else "A").encode()


@pytest.mark.parametrize("case", CASES.values(), ids=[f"{name} ({case.source})" for name, case in CASES.items()])
def test_what_a_server_sends_for_every_question(case: Case, pairwise: Run, serve: Run, run: Run) -> None:
    endpoint = serve(lambda body: (200, sent_for(case.sent, right(body)), case.headers))
    outcome = run(pairwise(form=case.form), endpoint.judge(retries=2, structured="never"))
    outcome.check("m", case.expected)
    assert outcome.code == (3 if case.expected.startswith("error") else 0)
    assert endpoint.count() == 12 * case.requests
    assert case.told in outcome.err


FILTERS = {
    "12-azure-400 (alpaca_eval#227, alpaca_eval#430, ragas#649, compl-ai#20)": (
        400,
        {
            "message": "The prompt was filtered by the content management policy.",
            "param": "prompt",
            "code": "content_filter",
        },
    ),
    "12b-moderation-403 (PurpleLlama#109)": (
        403,
        {"message": "Input flagged by moderation", "code": 403, "metadata": {"reasons": ["violence"]}},
    ),
}


@pytest.mark.parametrize(("status", "error"), FILTERS.values(), ids=list(FILTERS))
def test_a_filtered_question_is_a_refusal_and_the_rest_is_judged(
    status: int, error: dict[str, Any], pairwise: Run, serve: Run, run: Run
) -> None:
    def reply(body: dict[str, Any]) -> Reply:
        if "weapon" in question(body):
            return status, {"error": error}, {}
        return 200, sent_for(completion(GOOD), right(body)), {}

    endpoint = serve(reply)
    outcome = run(pairwise(), endpoint.judge())
    row = outcome.rows["m"]
    assert (outcome.code, row["value"], row["coverage"], row["unread"]) == (0, 1.0, 0.833333, {"refused": 2})
    assert (row["statuses"]["refused"], row["statuses"]["error"], endpoint.count()) == (2, 0, 12)


def test_13_spent_quota_stops_the_judge_with_the_fix_and_the_others_go_on(
    pairwise: Run, serve: Run, tmp_path: Path
) -> None:
    """alpaca_eval#227, as a process of its own, as a script would see it."""
    error = {"message": "You exceeded your current quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
    endpoint = serve(lambda body: (429, {"error": error}, {}))
    judges = [endpoint.judge(max_concurrency=4), {"use": "baselines/random"}]
    (tmp_path / "q.yaml").write_text(yaml.safe_dump({"name": "q", "tasks": [pairwise()], "judges": judges}))
    command = [sys.executable, "-m", "harness", "run", "q.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert "add credit to the account" in done.stderr
    assert "Traceback" not in done.stderr
    assert endpoint.count() <= 4  # those that were in flight already
    [board] = tmp_path.glob("runs/q-*/leaderboard.json")
    [row] = json.loads(board.read_text())["rows"]
    assert (row["judge"], row["coverage"]) == ("random", 1.0)


def test_13c_failures_of_one_kind_stop_the_judge(pairwise: Run, serve: Run, run: Run) -> None:
    """As 09 was once: hundreds of replies that cannot be read. They cost some dozens of requests, and no more."""
    endpoint = serve(lambda body: (200, completion([{"type": "image", "image": "x"}]), {}))
    outcome = run(pairwise(count=100), endpoint.judge(max_concurrency=4), {"use": "baselines/random"})
    assert outcome.code == 3
    assert "stopped: judge m: " in outcome.err
    assert outcome.rows["random"]["coverage"] == 1.0
    assert endpoint.count() <= 2 * (20 + 4)


def shaped(**choice: Any) -> dict[str, Any]:
    whole = completion(GOOD)
    whole["choices"][0].update(choice)
    return whole


def without(*path: Any) -> dict[str, Any]:
    whole: Any = completion(GOOD)
    place = whole
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return dict(whole)


TWO = {**completion(GOOD), "choices": [shaped()["choices"][0], shaped(index=1)["choices"][0]]}
SHAPES: dict[str, tuple[Any, str]] = {
    "plain": (completion(GOOD), "right"),
    "length-null": (completion(None, "length", reasoning_content="<answer>WRONG</answer>"), "truncated: cut off"),
    "refusal": (completion(None, refusal="I can't help with that."), "refused: refused"),
    "filtered": (completion("Answer <answer>WRONG</answer> is", "content_filter"), "refused: refused"),
    "no-usage": (without("usage"), "right"),
    "usage-null": ({**completion(GOOD), "usage": None}, "right"),
    "finish-null": (shaped(finish_reason=None), "right"),
    "blanks": (b"\n         \n\n" + json.dumps(completion(GOOD)).encode(), "right"),
    "no-index": (without("choices", 0, "index"), "right"),
    "no-object": (without("object"), "right"),
    "no-role": (without("choices", 0, "message", "role"), "right"),
    "closing-mark": (completion("If WRONG: <answer>WRONG</answer>.\n</think>\n\n<answer>RIGHT</answer>"), "right"),
    "length-after": (completion(GOOD + " and then it went on and on", "length"), "right"),
    "empty-tool-calls": (completion(GOOD, tool_calls=[], function_call=None, audio=None), "right"),
    "empty-refusal": (completion(GOOD, refusal=""), "right"),
    "model-role": (completion(GOOD, role="model"), "right"),
    "bom": (b"\xef\xbb\xbf" + json.dumps(completion(GOOD)).encode(), "right"),
    "two-choices": (TWO, "error: error"),
}


def test_21_shapes_of_whole_answers(pairwise: Run, serve: Run, run: Run) -> None:
    """vLLM, OpenRouter, Azure: by the table in docs/how-to/judge-through-an-endpoint.md."""
    endpoint = serve(lambda body: (200, sent_for(SHAPES[body["model"]][0], right(body)), {}))
    outcome = run(pairwise(count=2), *(endpoint.judge(name, retries=1) for name in SHAPES))
    assert outcome.code == 3
    for name, (_, expected) in SHAPES.items():
        outcome.check(name, expected)
        assert endpoint.count(name) == (8 if name == "two-choices" else 4), name
