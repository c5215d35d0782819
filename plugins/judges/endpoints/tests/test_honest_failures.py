"""Over sockets: what a reply that is no answer becomes, and how many requests it costs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as Pillow

from harness.api import Image, Judge, Judgement, JudgeStoppedError, Request, Status

Says = Callable[..., str]
GOOD = "<answer>yes</answer>"


def whole(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage, **more}


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    "reply",
    [
        (400, error("filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (403, error("Your chosen model requires moderation and your input was flagged", code=403)),
        (400, error("Content Exists Risk")),
        (500, error("The response was filtered", code="content_filter")),
        (200, error("Input flagged", code=403)),
        (200, whole({"content": "<answer>no</answer>"}, "SAFETY")),
        (200, {"choices": [{"index": 0, "finish_reason": "content_filter"}]}),
        (200, {"choices": None, "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
    ],
)
def test_a_filter_is_a_refusal_and_asked_once(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, says: Says, reply: Any
) -> None:
    judgement = one(judge(), put(says(*reply)))
    assert judgement.status is Status.REFUSED
    assert "filter" in judgement.error
    assert judgement.raw in ("", "<answer>no</answer>")
    assert len(server.log()) == 1


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_an_answer_that_ran_to_its_limit_and_is_not_shown_is_truncated_and_others_are_asked(
    judge: Callable[..., Judge],
    ask: Callable[..., list[Judgement]],
    put: Callable[..., Request],
    says: Says,
    limit: str,
) -> None:
    said = error(f"Could not finish the message because {limit} or model output limit was reached.", param=limit)
    found = ask(judge(), [put(says(400, said)), put(item=1)])
    assert [judgement.status for judgement in found] == [Status.TRUNCATED, Status.OK]


@pytest.mark.parametrize(
    "body",
    [
        whole({"role": None, "content": GOOD}),
        whole({"role": "model", "content": GOOD}),
        whole({"content": GOOD}, object=""),
        whole({"content": [{"type": "thinking", "thinking": "<answer>no</answer>"}, {"type": "text", "text": GOOD}]}),
        'data: {"choices": [{"delta": {"content": "<answer>yes</answer>"}, "finish_reason": "stop"}]}\n\n',
    ],
)
@pytest.mark.parametrize("media", ["application/json", "text/plain", "text/event-stream"])
def test_a_whole_answer_is_read_however_it_is_spelt(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, says: Says, media: str, body: Any
) -> None:
    assert one(judge(), put(says(200, body, media=media))).verdict == "yes"
    assert len(server.log()) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (whole({"content": {"x": GOOD}}), "no text"),
        (whole({"content": None, "reasoning_content": GOOD}), "reasoning parser"),
        (whole({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls"), "tool call"),
        ("<html><title>Sign in</title></html>", "Sign in"),
        ({"status": "ok"}, "status"),
    ],
)
def test_what_cannot_be_read_is_bought_twice_at_most_and_stops_the_judge(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any, says: Says, body: Any, said: str
) -> None:
    """400 questions used to be 2,800 requests."""
    made = judge(retries=6, max_concurrency=4)
    found = []
    with pytest.raises(JudgeStoppedError, match=r"20 requests failed in the same way.*max_failures") as caught:
        found += [one for _, one in made.judge(put(says(200, body), item=number) for number in range(400))]
    assert said in str(caught.value)
    assert len(server.log()) <= 2 * (20 + 4)


def test_transient_faults_keep_their_retries_and_stop_the_judge_in_the_end(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    ask(judge(retries=6), [put("429,502,503,500,reset,error200,ok", item=number) for number in range(40)])
    assert len(server.log()) == 40 * 7
    server.reset()
    with pytest.raises(JudgeStoppedError, match="status 503"):
        list(judge(retries=2, max_concurrency=4).judge(put("503", item=number) for number in range(400)))
    assert len(server.log()) <= 3 * (20 + 8)


def test_failures_between_answers_stop_nothing(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    plans = ["413" if number % 10 else "ok" for number in range(100)]
    judgements = ask(judge(max_failures=10, max_concurrency=1), [put(plan, item=n) for n, plan in enumerate(plans)])
    assert sum(judgement.status is Status.OK for judgement in judgements) == 10


@pytest.mark.parametrize(
    ("status", "body", "fix"),
    [
        (400, [error("API key not valid.", details=[{"reason": "API_KEY_INVALID"}])], "api_key_env"),
        (400, error("Model Not Exist"), "model: served"),
        (429, error("You exceeded your current quota", code="insufficient_quota"), "credit"),
        (400, error("Your credit balance is too low"), "credit"),
        (400, error("System role not supported"), "system: prepend"),
        (400, error("max_tokens is too large: 100000", param="max_tokens"), "max_tokens"),
    ],
)
def test_what_only_the_user_can_change_stops_the_judge_at_once(
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    server: Any,
    says: Says,
    status: int,
    body: Any,
    fix: str,
) -> None:
    plans = ("ok", says(status, body))
    answers = judge(max_concurrency=1).judge(put(plans[number > 2], item=number) for number in range(50))
    with pytest.raises(JudgeStoppedError, match=rf"judge me: http.*{fix}.*give the same command again"):
        list(answers)
    assert len(server.log()) == 4


@pytest.mark.parametrize("status", [400, 404, 500])
def test_images_to_a_server_without_eyes_stop_the_judge(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, says: Says, status: int
) -> None:
    step = says(status, error("image input is not supported - hint: you may need to provide the mmproj"))
    picture = Image.from_drawing(lambda: Pillow.new("RGB", (8, 8)), name="dot")
    with pytest.raises(JudgeStoppedError, match="model that sees images"):
        one(judge(), put(step, parts=(f"item=0 plan={step}", picture)))
    assert len(server.log()) == 1


def test_an_upstream_that_died_is_a_failed_attempt(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, says: Says
) -> None:
    died = whole({"content": "<answer>no</answer>"}, "error")
    told = whole({"content": "<answer>no</answer>"})
    told["choices"][0]["error"] = {"code": 502, "message": "Upstream idle timeout"}
    judgement = one(judge(), put(f"{says(200, died)},{says(200, told)},ok:yes"))
    assert judgement.verdict == "yes"
    assert judgement.prompt_tokens == 300, "what the failed attempts cost is kept"
    assert "Upstream idle timeout" in one(judge(), put(says(200, told), item=1)).error


def test_context_overflow_fails_its_request_and_makes_no_second_one(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any, says: Says
) -> None:
    text = "'max_tokens' is too large: this model's maximum context length is 8192 tokens"
    plans = [says(400, error(text)), says(500, error(text)), "ok"]
    judgements = ask(judge(), [put(plan, item=number) for number, plan in enumerate(plans)])
    assert [judgement.status for judgement in judgements] == [Status.ERROR, Status.ERROR, Status.OK]
    assert len(server.log()) == 3
    assert "max_tokens" in server.log("2")[0]["body"]


def test_a_field_is_learnt_from_the_error_that_names_it(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any, says: Says
) -> None:
    """`param` decides, not what else the words mention."""
    body = error("Unsupported value: with logprobs and seed no other is taken", param="temperature", code="unsupported")
    made = judge(max_concurrency=1)
    judgements = ask(made, [put(says(400, body, unless="temperature"), item=number) for number in range(4)])
    assert {judgement.status for judgement in judgements} == {Status.OK}
    assert ["temperature" in entry["body"] for entry in server.log()] == [True, False, False, False, False]
    assert all({"logprobs", "seed", "max_tokens"} <= set(entry["body"]) for entry in server.log())


def test_both_names_of_the_limit_refused_stop_the_judge(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, says: Says
) -> None:
    steps = [
        says(400, error(f"Unsupported parameter: '{name}'", param=name), unless=name)
        for name in ("max_tokens", "max_completion_tokens")
    ]
    with pytest.raises(JudgeStoppedError, match="max_tokens"):
        one(judge(), put(",".join(steps)))
    assert len(server.log()) == 2


def test_another_model_than_asked_is_told_once(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="harness_endpoints"):
        ask(judge(model="smol"), [put(item=number) for number in range(20)])
        ask(judge(), [put(item=99)])
    [record] = caplog.records
    assert "asked for the model 'smol', and 'served-1.0' answers" in record.getMessage()


def test_reasoning_with_an_empty_text_is_told_once(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, says: Says, caplog: pytest.LogCaptureFixture
) -> None:
    body = whole({"content": "", "reasoning_content": "Hm."})
    with caplog.at_level(logging.WARNING, logger="harness_endpoints"):
        judgements = ask(judge(), [put(says(200, body), item=number) for number in range(5)])
    assert {judgement.status for judgement in judgements} == {Status.UNPARSED}
    [record] = caplog.records
    assert "reasoning parser" in record.getMessage()
