"""Batches that end otherwise than they should: what is paid for is taken, and nothing goes on without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judge, Judgement, Status

APIS = ("openai", "anthropic")
UNASKED = (0, None)


@pytest.fixture
def server(batch_server: Any) -> Any:
    return batch_server


@pytest.fixture
def make(make_batched: Callable[..., Judge]) -> Callable[..., Judge]:
    return make_batched


def expect(found: list[Judgement], *, first: int = 0) -> None:
    """See that all are answered, each with the answer to its own question."""
    assert [one.verdict for one in found] == ["yes" if item % 2 else "no" for item in range(first, first + len(found))]


# -- results that are missing ------------------------------------------------------------------------------------


def hide_output(step: str, plain: Any) -> Any:
    if isinstance(plain, dict) and plain.get("status") == "completed":
        return {**plain, "output_file_id": None}
    return plain


def cut_results(step: str, plain: Any) -> Any:
    return plain[:-40] if step == "results" else plain


def drop_result(step: str, plain: Any) -> Any:
    return b"\n".join(plain.split(b"\n")[1:]) if step == "results" else plain


@pytest.mark.parametrize(
    ("api", "spoil", "given"),
    [
        ("openai", hide_output, 0),
        ("openai", cut_results, 2),
        ("openai", drop_result, 2),
        ("anthropic", cut_results, 2),
        ("anthropic", drop_result, 2),
    ],
)
def test_answers_that_the_provider_counts_and_does_not_give_are_not_asked_again(
    api: str, spoil: Any, given: int, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.spoil = spoil
    requests = [put(None, item=item) for item in range(3)]
    found, why = collect(make(api), requests)
    assert len(found) == given
    assert "batch batch_0: the provider gives fewer results than it counts" in why
    assert "(3 attempts); nothing was asked again" in why
    assert server.steps.count("look") == 3
    assert server.bill == Counter(range(3))

    server.spoil = lambda step, plain: plain
    left = [request for request in requests if request.item not in found]
    assert {judgement.status for judgement in ask(make(api), left)} == {Status.OK}
    assert server.bill == Counter(range(3)), "the next command took what was missing"


def test_a_result_file_that_comes_late_is_waited_for(make: Any, server: Any, put: Any, ask: Any) -> None:
    shown: Counter[str] = Counter()

    def spoil(step: str, plain: Any) -> Any:
        shown[step] += 1
        return hide_output(step, plain) if shown["look"] <= 2 else plain

    server.spoil = spoil
    expect(ask(make(), [put(None, item=item) for item in range(3)]))
    assert server.bill == Counter(range(3))


def test_the_record_that_the_error_names_can_be_removed_to_ask_and_pay_again(
    make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.spoil = hide_output
    _, why = collect(make(), [put(None, item=1)])
    Path(why.rpartition("remove ")[2]).unlink()
    server.spoil = lambda step, plain: plain
    expect(ask(make(), [put(None, item=1)]), first=1)
    assert server.bill == Counter({1: 2})


def test_results_that_break_off_each_time_stop_the_judge(make: Any, server: Any, put: Any, collect: Any) -> None:
    server.instead["results"] = [(503, {"error": {"message": "overloaded"}})] * 100
    _, why = collect(make(), [put(None, item=1)])
    assert "status 503: overloaded (3 attempts)" in why
    assert server.bill == Counter([1])


def test_a_question_that_failed_is_in_one_batch_at_a_time_while_the_first_is_read_again(
    make: Any, server: Any, put: Any, ask: Any
) -> None:
    seen: Counter[int] = Counter()
    shown: Counter[str] = Counter()

    def outcome(api: str, item: int, body: Any) -> Any:
        seen[item] += 1
        failed = item == 0 and seen[item] == 1
        return (529, {"error": {"message": "overloaded"}}) if failed else (200, server.good(api, item))

    def spoil(step: str, plain: Any) -> Any:
        shown[step] += 1
        return hide_output(step, plain) if shown["look"] <= 2 else plain

    server.outcome, server.spoil = outcome, spoil
    expect(ask(make(), [put(None, item=item) for item in range(3)]))
    assert seen == {0: 2, 1: 1, 2: 1}


def test_a_batch_that_is_larger_than_what_may_be_held_now_is_read_in_parts(
    make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.looks = 10**9
    requests = [put(None, item=item) for item in range(5)]
    collect(make(batch={"deadline_s": 0.1}), requests)
    server.looks = 1
    expect(ask(make(batch={"max_requests": 1, "most_open": 2}), requests))
    assert server.bill == Counter(range(5))


# -- batches that a person cancelled -----------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_a_cancelled_batch_stops_the_judge_and_the_next_command_asks_what_is_left(
    api: str, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.status = "cancelled"
    server.outcome = lambda api, item, body: (200, server.good(api, item)) if item == 0 else UNASKED
    requests = [put(None, item=item) for item in range(3)]
    found, why = collect(make(api), requests)
    assert list(found) == ["0"]
    assert "batch batch_0 was cancelled at the provider, and 2 of its questions were not asked" in why
    assert "give the same command again to ask what is left" in why
    assert len(server.batches) == 1

    server.status, server.outcome = "completed", lambda api, item, body: (200, server.good(api, item))
    expect(ask(make(api), requests[1:]), first=1)
    assert server.bill == Counter(range(3))


@pytest.mark.parametrize("api", APIS)
def test_a_batch_that_was_cancelled_between_two_commands_is_asked_by_the_next(
    api: str, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.outcome = lambda api, item, body: UNASKED if not server.batches else (200, server.good(api, item))
    server.looks = 10**9
    requests = [put(None, item=item) for item in range(3)]
    collect(make(api, retries=0, batch={"deadline_s": 0.1}), requests)
    server.looks, server.status = 1, "cancelled"
    expect(ask(make(api, retries=0), requests))
    assert len(server.batches) == 2
    assert server.bill == Counter(range(3))


def test_a_batch_that_was_answered_before_the_cancel_stops_nothing(make: Any, server: Any, put: Any, ask: Any) -> None:
    server.status = "cancelled"
    expect(ask(make(), [put(None, item=item) for item in range(3)]))


# -- submissions without end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["upload", "create"])
@pytest.mark.parametrize("reply", [(500, {"error": {"message": "The server had an error"}}), (200, [])])
def test_a_batch_that_can_never_be_submitted_stops_the_judge(
    step: str, reply: Any, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    server.instead[step] = [reply] * 100
    _, why = collect(make(), [put(None, item=1)])
    assert f"no batch can be submitted: status {reply[0]}" in why
    assert "(3 attempts, and the provider has none of these batches)" in why
    assert len(server.instead[step]) == 97
    server.instead.clear()
    expect(ask(make(), [put(None, item=1)]), first=1)


def test_connections_that_break_at_each_submission_stop_the_judge(
    make: Any, server: Any, put: Any, collect: Any
) -> None:
    def spoil(step: str, plain: Any) -> Any:
        server.step_is_lost = step == "upload"
        return plain

    server.spoil = spoil
    _, why = collect(make(), [put(None, item=1)])
    assert "no batch can be submitted: the connection was closed" in why
    assert server.steps.count("upload") == 3


def test_a_submission_that_succeeds_begins_the_count_again(make: Any, server: Any, put: Any, ask: Any) -> None:
    fault = (500, {"error": {"message": "The server had an error"}})
    # Two are lost, one of two batches is submitted, two are lost again.
    server.instead["create"] = [fault, fault]

    def spoil(step: str, plain: Any) -> Any:
        if step == "create" and len(server.batches) == 1:
            server.instead["create"] = [fault, fault]
        return plain

    server.spoil = spoil
    found = ask(make(batch={"max_requests": 1, "most_open": 1}), [put(None, item=item) for item in range(2)])
    expect(found)
    assert server.bill == Counter(range(2))


def test_a_full_queue_is_waited_for_and_said_once(
    make: Any, server: Any, put: Any, ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached for m: 90,000."}
    looks: Counter[str] = Counter()

    def spoil(step: str, plain: Any) -> Any:
        if step != "look":
            return plain
        looks[plain["id"]] += 1
        if plain["id"] == "batch_0":
            return plain if looks["batch_0"] >= 5 else {**plain, "status": "in_progress"}
        if looks["batch_0"] >= 5 and plain["id"] != "batch_1":
            return plain
        return {"id": plain["id"], "status": "failed", "errors": {"data": [error]}}

    server.spoil = spoil
    found = ask(make(batch={"max_requests": 2, "most_open": 2}), [put(None, item=item) for item in range(4)])
    expect(found)
    assert len(server.batches) == 3, "the second one is submitted again once the first has ended"
    assert caplog.text.count("the provider's queue is full") == 1


# -- without `batch`, and later ----------------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_answers_that_are_left_in_a_batch_are_not_paid_for_again_without_it(
    api: str, make: Any, server: Any, put: Any, ask: Any, collect: Any, tmp_path: Path
) -> None:
    server.looks = 10**9
    requests = [put(None, item=item) for item in range(3)]
    collect(make(api, batch={"deadline_s": 0.1}), requests)
    found, why = collect(make(api, batch=False), requests)
    record = next(tmp_path.rglob("batches/*/*.json"))
    assert not found
    assert f"batch_0 ({record}); give the command with `batch` again to take them" in why
    assert server.bill == Counter(range(3))
    assert ask(make(api, batch=False), []) == [], "nothing would be asked"

    record.unlink()
    expect(ask(make(api, batch=False), requests))
    assert server.bill == Counter([*range(3), *range(3)]), "paid again, as it was wanted"


def test_a_batch_that_was_taken_stands_in_the_way_of_nothing(make: Any, server: Any, put: Any, ask: Any) -> None:
    server.outcome = lambda api, item, body: (200, server.good(api, item)) if item or len(server.batches) else UNASKED
    expect(ask(make(), [put(None, item=item) for item in range(3)]))  # not closed, as after a kill
    expect(ask(make(batch=False), [put(None, item=item) for item in range(4)]))


@pytest.mark.parametrize("refused", ["create", "look"])
def test_what_a_refused_batch_advises_works(
    refused: str, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    errors = {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached for m: 90,000."}]}
    failed = (200, {"id": "batch_0", "status": "failed", "errors": errors})
    server.instead[refused] = [failed if refused == "look" else (400, {"error": {"message": "too large"}})]
    _, why = collect(make(), [put(None, item=1)])
    assert "ask without `batch`, or with a smaller `batch: {max_requests: ...}`, by the same command" in why
    expect(ask(make(batch=False), [put(None, item=1)]), first=1)


def test_a_refused_batch_beside_an_open_one_advises_what_works(
    make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    refusal = (400, {"error": {"message": "too large"}})

    def spoil(step: str, plain: Any) -> Any:
        if step == "create" and len(server.batches) == 1:
            server.instead["create"] = [refusal]
        return plain

    server.spoil = spoil
    requests = [put(None, item=item) for item in range(7)]
    _, why = collect(make(), requests)
    assert "ask with a smaller `batch: {max_requests: ...}` by the same command, which takes the answers" in why
    assert "without" not in why
    expect(ask(make(batch={"max_requests": 2}), requests))
    assert server.bill == Counter(range(7))


def test_a_look_that_is_refused_leaves_the_batch(make: Any, server: Any, put: Any, ask: Any, collect: Any) -> None:
    server.instead["look"] = [(400, {"error": {"message": "not today"}})]
    _, why = collect(make(), [put(None, item=1)])
    assert "not today; the batches go on there, so fix that and give the same command again" in why
    expect(ask(make(), [put(None, item=1)]), first=1)
    assert server.bill == Counter([1])


def test_results_that_are_gone_are_asked_again_and_their_record_is_removed(
    make: Any, server: Any, put: Any, ask: Any, collect: Any, tmp_path: Path
) -> None:
    server.looks = 10**9
    collect(make(batch={"deadline_s": 0.1}), [put(None, item=1)])
    old = next(tmp_path.rglob("batches/*/*.json"))
    server.looks = 1
    server.instead["results"] = [(404, {"error": {"message": "no such file"}})]
    expect(ask(make(), [put(None, item=1)]), first=1)
    assert not old.exists()


def test_each_command_waits_for_the_whole_deadline(make: Any, server: Any, put: Any, ask: Any, collect: Any) -> None:
    server.looks = 10**9
    collect(make(batch={"deadline_s": 0.3}), [put(None, item=1)])
    server.steps.clear()
    collect(make(batch={"deadline_s": 0.3}), [put(None, item=1)])
    assert server.steps.count("look") > 2
    server.looks = server.steps.count("look") + server.batches["batch_0"]["looks"]
    expect(ask(make(batch={"deadline_s": 5}), [put(None, item=1)]), first=1)


# -- single results ----------------------------------------------------------------------------------------------


def test_a_judge_whose_server_refuses_both_limits_stops(make: Any, server: Any, put: Any, collect: Any) -> None:
    sent = []

    def outcome(api: str, item: int, body: Any) -> Any:
        sent.append({name for name in body if name.startswith("max_")})
        for name in ("max_tokens", "max_completion_tokens"):
            if name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return 400, {"error": {"message": message, "param": name, "code": "unsupported_parameter"}}
        return 200, server.good(api, item)

    server.outcome = outcome
    found, why = collect(make(), [put(None, item=0)])
    assert not found
    assert "set `max_tokens` to what the server takes" in why
    assert sent == [{"max_tokens"}, {"max_completion_tokens"}]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_question_whose_result_stopped_the_judge_has_no_second_outcome(
    retries: int, make: Any, server: Any, put: Any, ask: Any, collect: Any
) -> None:
    refused = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
    server.outcome = lambda api, item, body: (401, refused) if item == 1 else (200, server.good(api, item))
    requests = [put(None, item=item) for item in range(3)]
    found, why = collect(make(retries=retries), requests)
    assert "Incorrect API key provided" in why
    assert {item: judgement.status for item, judgement in found.items()} == {"0": Status.OK, "2": Status.OK}
    server.outcome = lambda api, item, body: (200, server.good(api, item))
    expect(ask(make(retries=retries), requests[1:2]), first=1)
    assert server.bill == Counter(range(3))
