from __future__ import annotations

import logging
from typing import Any

import pytest

from harness.api import JudgeStoppedError
from harness_endpoints.lessons import Lessons, is_same_model, without
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.payload import Field


def lessons(**fields: Any) -> Lessons:
    return Lessons(ChatOptions(**{"model": "m", **fields}), "me")


def test_what_is_refused_is_left_out_and_the_limit_goes_by_its_other_name() -> None:
    def still_sent(wanted: set[Field], *refused: Field) -> frozenset[Field]:
        return without(frozenset(wanted), frozenset(refused))

    wanted: set[Field] = {"seed", "max_tokens", "logprobs", "top_logprobs"}
    renamed: set[Field] = {"seed", "max_completion_tokens", "logprobs", "top_logprobs"}
    assert still_sent(wanted) == wanted
    assert still_sent(wanted, "seed") == wanted - {"seed"}
    assert still_sent(wanted, "top_logprobs") == wanted - {"top_logprobs"}
    assert still_sent(wanted, "logprobs") == {"seed", "max_tokens"}
    assert still_sent(wanted, "max_tokens") == renamed
    assert still_sent(renamed, "max_completion_tokens") == wanted
    assert still_sent({"seed"}, "max_tokens") == {"seed"}, "not sent under either name"


def test_the_nth_failure_of_one_kind_without_an_answer_stops_the_judge() -> None:
    learnt = lessons(max_failures=3)
    for _ in range(2):
        learnt.record_failure("a", "because a")
        learnt.record_failure("b", "because b")
    learnt.record_success(images=False)
    for _ in range(2):
        learnt.record_failure("a", "because a")
    with pytest.raises(JudgeStoppedError, match=r"judge me: 3 requests failed .*: because a; .*`max_failures`"):
        learnt.record_failure("a", "because a")


def test_without_a_limit_nothing_stops_it() -> None:
    learnt = lessons(max_failures=None)
    for _ in range(1000):
        learnt.record_failure("a", "because")


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4", "gpt-4o", False),
        ("gpt-4", "gpt-4.1", False),
        ("mistral-small-latest", "mistral-small-2503", True),
        ("gemini-2.0-flash", "models/gemini-2.0-flash-001", True),
        ("gemini-1", "gemini-2", False),
        ("openai/gpt-4o", "gpt-4o-2024-11-20", True),
        ("deepseek/deepseek-chat:free", "deepseek/deepseek-chat", True),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl-7b-instruct", True),
        ("smol", "/models/SmolLM2-135M.gguf", False),
    ],
)
def test_a_snapshot_is_the_same_model_and_a_sibling_is_not(asked: str, answered: str, same: bool) -> None:
    assert is_same_model(asked, answered) is same


def test_another_model_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    learnt = lessons(model="smol")
    with caplog.at_level(logging.WARNING, logger="harness_endpoints"):
        for name in ("smol", "other.gguf", "other.gguf", "", "other.gguf"):
            learnt.check_name(name)
    [record] = caplog.records
    assert "'smol'" in record.getMessage()
    assert "'other.gguf'" in record.getMessage()
