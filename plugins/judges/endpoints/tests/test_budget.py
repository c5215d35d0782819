from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.api import BudgetError, Judge, Judgement, Request, Status, Usage, UserError
from harness_endpoints.budget import Budget
from harness_endpoints.openai.options import ChatOptions
from harness_endpoints.reply import Spent

PRICES = {"prompt": 2.5, "completion": 10.0}


def budget(spent: Usage | None = None, **fields: Any) -> Budget:
    return Budget(ChatOptions(model="m", **fields), name="me", spent=spent or Usage())


def test_cost_is_by_the_prices_else_as_charged() -> None:
    assert budget(prices=PRICES).cost(Spent(1_000_000, 100_000, 99.0)) == pytest.approx(3.5)
    assert budget(prices=PRICES).cost(Spent(1_000_000, None)) == pytest.approx(2.5)
    assert budget(prices=PRICES).cost(Spent(usd=1.0)) is None
    assert budget().cost(Spent(1, 1, 0.25)) == 0.25
    assert budget().cost(Spent(1, 1)) is None


def test_without_a_budget_everything_is_allowed() -> None:
    free = budget()
    free.add(Spent(10**9, 10**9, 1e5))
    assert free.allows_one_more(1000)


def test_what_earlier_commands_spent_counts() -> None:
    assert not budget(Usage(answers=1, prompt_tokens=60, completion_tokens=40), budget_tokens=100).has_remaining
    assert budget(Usage(answers=1, prompt_tokens=60, completion_tokens=39), budget_tokens=100).has_remaining
    assert not budget(Usage(answers=1, cost_usd=1.0), budget_usd=1.0).has_remaining


def test_the_first_request_goes_alone_and_those_in_flight_count_at_the_average() -> None:
    limited = budget(budget_tokens=1000)
    assert limited.allows_one_more(0)
    assert not limited.allows_one_more(1)
    limited.add(Spent(90, 10))
    assert limited.allows_one_more(8)
    assert not limited.allows_one_more(9)


@pytest.mark.parametrize("limit", [{"budget_tokens": 1000}, {"budget_usd": 1.0}])
def test_what_was_free_says_nothing_of_what_the_next_question_takes(limit: dict[str, Any]) -> None:
    limited = budget(**limit)
    for _ in range(100):  # refused by a filter
        limited.add(Spent())
    assert limited.allows_one_more(0)
    assert not limited.allows_one_more(1)
    assert limited.room(0) == 16, "as at the beginning"
    assert limited.room(10) == 6
    limited.add(Spent(200, 50, 0.25))
    assert limited.allows_one_more(2)
    assert not limited.allows_one_more(3), "a quarter is spent, and each takes as much"
    assert limited.room(0) == 4
    assert limited.room(4) == 0


def test_what_earlier_commands_spent_tells_no_average() -> None:
    limited = budget(Usage(answers=1000, prompt_tokens=100), budget_tokens=1000)
    assert not limited.allows_one_more(1)
    limited.add(Spent(90, 10))
    assert limited.allows_one_more(7)
    assert not limited.allows_one_more(8)


def test_a_model_without_a_price_is_not_held_back_by_a_budget_of_money() -> None:
    free = budget(budget_usd=1.0, prices={"prompt": 0.0, "completion": 0.0})
    free.add(Spent(100, 10))
    assert free.allows_one_more(1000)
    assert free.room(1000) is None


def test_a_spent_budget_says_what_to_raise() -> None:
    assert "100 tokens spent of budget_tokens 100; raise budget_tokens" in str(
        budget(Usage(prompt_tokens=100), budget_tokens=100).budget_error()
    )
    text = str(budget(Usage(cost_usd=0.5), budget_usd=0.5).budget_error())
    assert "judge me: $0.5000 spent of budget_usd $0.5000; raise budget_usd and give the same command again" in text


def collect(judge: Judge, requests: list[Request]) -> tuple[list[Judgement], BaseException | None]:
    found: list[Judgement] = []
    try:
        for _, judgement in judge.judge(iter(requests)):
            found.append(judgement)
    except UserError as error:
        return found, error
    return found, None


@pytest.mark.parametrize("limit", [{"budget_tokens": 1000}, {"budget_usd": 0.0035, "prices": PRICES}])
def test_a_judge_stops_at_its_budget_and_keeps_what_it_has(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any, limit: dict[str, Any]
) -> None:
    requests = [put(item=number) for number in range(200)]
    made = judge(**limit)
    found, error = collect(made, requests)
    assert isinstance(error, BudgetError)
    assert "give the same command again" in str(error)
    assert all(judgement.status is Status.OK for judgement in found)
    asked = len(server.log())
    assert asked == len(found), "what was in flight is not thrown away"
    assert 10 <= asked <= 13, "100 + 10 tokens each"
    more, error = collect(made, requests[asked:])
    assert more == []
    assert isinstance(error, BudgetError)
    assert len(server.log()) == asked


def test_a_budget_that_just_suffices_is_no_error(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    found, error = collect(judge(budget_tokens=1100), [put(item=number) for number in range(10)])
    assert error is None
    assert len(found) == 10


@pytest.mark.parametrize(
    ("plan", "limit", "fault"),
    [("unusual", {"budget_tokens": 1000}, "does not say how many tokens"), ("ok", {"budget_usd": 1.0}, "say `prices")],
)
def test_a_budget_that_cannot_be_counted_is_an_error_after_one_request(
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    server: Any,
    plan: str,
    limit: dict[str, Any],
    fault: str,
) -> None:
    found, error = collect(judge(**limit), [put(plan, item=number) for number in range(50)])
    assert fault in str(error)
    assert len(found) == len(server.log()) == 1


def test_a_filter_does_not_open_the_budget(
    judge: Callable[..., Judge], put: Callable[..., Request], says: Callable[..., str], server: Any
) -> None:
    blocked = says(400, {"error": {"code": "content_filter", "message": "filtered"}})
    requests = [put(blocked, item=number) for number in range(3)] + [put("slow:0.05", item=n) for n in range(3, 60)]
    found, error = collect(judge(budget_usd=0.0035, prices=PRICES), requests)
    assert isinstance(error, BudgetError)
    assert sum(judgement.status is Status.REFUSED for judgement in found) == 3
    assert sum(judgement.cost_usd or 0 for judgement in found) <= 0.0035 + 0.00036, "one answer too many at most"
    assert len(server.log()) == len(found)


@pytest.mark.parametrize("usage", [{"prompt_tokens": 100}, {"completion_tokens": 10}, {}])
def test_a_budget_needs_both_counts(
    judge: Callable[..., Judge], put: Callable[..., Request], says: Callable[..., str], usage: dict[str, int]
) -> None:
    message = {"role": "assistant", "content": "<answer>yes</answer>"}
    half = says(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})
    for limit in ({"budget_tokens": 1000}, {"budget_usd": 1.0, "prices": PRICES}):
        found, error = collect(judge(**limit), [put(half, item=number) for number in range(9)])
        assert "does not say how many tokens" in str(error)
        assert len(found) == 1


def test_what_the_server_charges_counts(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    found, error = collect(judge(budget_usd=1.0), [put("costly", item=number) for number in range(50)])
    assert isinstance(error, BudgetError)
    assert len(found) == 4
    assert {judgement.cost_usd for judgement in found} == {0.25}


def test_retries_are_paid_for_too(judge: Callable[..., Judge], put: Callable[..., Request], one: Any) -> None:
    judgement = one(judge(prices=PRICES), put("null,ok"))
    assert (judgement.prompt_tokens, judgement.completion_tokens) == (200, 20)
    assert judgement.cost_usd == pytest.approx((200 * 2.5 + 20 * 10) / 1e6)
    failed = one(judge(retries=1), put("null", item=1))
    assert failed.status is Status.ERROR
    assert failed.prompt_tokens == 200
