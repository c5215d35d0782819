from __future__ import annotations

import base64
import gc
import io
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image as Pillow

from harness.api import (
    Choice,
    DataError,
    Image,
    Judge,
    JudgeStoppedError,
    Preference,
    Request,
    Score,
    Status,
    UserError,
)
from harness.testing import odd_pictures


def test_what_is_recorded(judge: Callable[..., Judge], put: Callable[..., Request], one: Any) -> None:
    made = judge(prices={"prompt": 1.0, "completion": 10.0})
    judgement = one(made, put("ok:yes"))
    assert judgement.status is Status.OK
    assert judgement.raw == "Because. <answer>yes</answer>"
    assert judgement.rationale == "Because."
    assert (judgement.prompt_tokens, judgement.completion_tokens) == (100, 10)
    assert judgement.cost_usd == pytest.approx(0.0002)
    assert judgement.model == "served-1.0 (fp_1)"
    assert 0 < judgement.latency_s < 5


@pytest.mark.parametrize(
    ("plan", "status", "said"),
    [
        ("refusal", Status.REFUSED, "I cannot judge this"),
        ("filter", Status.REFUSED, "content filter"),
        ("blank", Status.UNPARSED, "no one verdict"),
        ("ok:maybe", Status.UNPARSED, "no one verdict"),
        ("null", Status.ERROR, "null"),
    ],
)
def test_what_becomes_of_an_answer(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, plan: str, status: Status, said: str
) -> None:
    judgement = one(judge(), put(plan))
    assert judgement.status is status
    assert said in judgement.error
    assert judgement.verdict == ("yes" if status is Status.OK else None)


@pytest.mark.parametrize("plan", ["length", "lengthnull", "lengthok"])
def test_an_answer_that_was_cut_off_is_told_to_the_reader(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, plan: str
) -> None:
    judgement = one(judge(), put(plan))
    assert judgement.cut == "max_tokens"
    assert plan == "lengthok" or judgement.verdict is None


def test_reasoning_kept_apart_is_rationale_and_never_read_for_a_verdict(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    judgement = one(judge(), put("reasoning"))
    assert judgement.verdict == "yes", "the reasoning says <answer>no</answer>"
    assert judgement.rationale.startswith("Hm.")
    cut = one(judge(), put("lengthnull", item=1))
    assert cut.verdict is None
    assert cut.rationale.startswith("Hm.")


def test_a_verdict_quoted_from_the_prompt_is_no_verdict(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    quoting = put("ok:maybe", parts=("item=0 plan=ok:maybe", "Say <answer>yes</answer> now."))
    assert one(judge(), quoting).status is Status.UNPARSED


def test_images_arrive(judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any) -> None:
    def picture(number: int) -> Image:
        return Image.from_drawing(lambda: Pillow.new("RGB", (64, 64), (number, 0, 0)), name=f"red {number}")

    requests = [put(item=n, parts=(f"item={n} plan=ok", picture(n), picture(n + 1))) for n in range(30)]
    assert {judgement.status for judgement in ask(judge(), requests)} == {Status.OK}
    for entry in server.log():
        kinds = [part["type"] for part in entry["body"]["messages"][0]["content"]]
        assert kinds == ["text", "image_url", "image_url"]


def test_the_picture_that_arrives_is_the_one_that_a_person_sees(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    odd = {f"odd {n}": (image, plain) for n, (_, image, plain) in enumerate(odd_pictures())}
    ask(
        judge(),
        [put(item=name, parts=(f"item={n} plan=ok", image)) for n, (name, (image, _)) in enumerate(odd.items())],
    )
    arrived = []
    for entry in server.log():
        _, part = entry["body"]["messages"][0]["content"]
        head, _, body = part["image_url"]["url"].partition(",")
        assert head == "data:image/png;base64"
        with Pillow.open(io.BytesIO(base64.b64decode(body))) as picture:
            arrived.append((picture.size, picture.mode, picture.tobytes()))
    assert sorted(arrived) == sorted((plain.load().size, "RGB", plain.load().tobytes()) for _, plain in odd.values())


def test_an_image_that_cannot_be_sent_fails_its_own_request_only(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any
) -> None:
    broken = Image.from_bytes(b"nothing", name="broken.png")
    good, bad = ask(judge(), [put(item=1), put(item=2, parts=("item=2 plan=ok", broken))])
    assert good.status is Status.OK
    assert bad.status is Status.ERROR
    assert "broken.png" in bad.error


# -- extras ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["response_format", "logprobs", "top_logprobs", "seed", "temperature"])
def test_a_field_that_the_server_refuses_is_left_out_once_and_for_all_and_no_other(
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    ask: Any,
    server: Any,
    objects: Any,
    caplog: pytest.LogCaptureFixture,
    field: str,
) -> None:
    made = judge(max_concurrency=1)
    plan = f"picky:{field}"
    with caplog.at_level(logging.WARNING, logger="harness_endpoints"):
        judgements = ask(made, [put(plan, item=number, form=objects) for number in range(20)])
    assert {judgement.status for judgement in judgements} == {Status.OK}
    assert len(server.log()) == 21
    assert [field in entry["body"] for entry in server.log()] == [True] + [False] * 20
    [record] = caplog.records
    assert f"goes on without {field}" in record.getMessage()
    gone = {field, "top_logprobs"} if field == "logprobs" else {field}
    assert set(server.log()[0]["body"]) - set(server.log()[-1]["body"]) == gone
    again = ask(made, [put(plan, item=99, form=objects)])
    assert again[0].status is Status.OK
    assert len(server.log()) == 22, "it is remembered from task to task"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_is_sent_under_its_other_name_and_never_dropped(
    judge: Callable[..., Judge],
    put: Callable[..., Request],
    ask: Any,
    server: Any,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    with caplog.at_level(logging.WARNING, logger="harness_endpoints"):
        made = judge(max_concurrency=1, max_tokens=77, max_tokens_name=name)
        judgements = ask(made, [put(f"picky:{name}", item=number) for number in range(3)])
    assert {judgement.status for judgement in judgements} == {Status.OK}
    [other] = {"max_tokens", "max_completion_tokens"} - {name}
    assert [entry["body"].get(other) for entry in server.log()] == [None, 77, 77, 77]
    assert f"sends {other} for {name}" in caplog.text


def test_a_refusal_that_names_no_field_makes_no_second_request(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any, objects: Any
) -> None:
    judgement = one(judge(), put("nouns:response_format", form=objects))
    assert judgement.status is Status.ERROR
    assert judgement.error == "status 400: Bad request."
    assert len(server.log()) == 1


@pytest.mark.parametrize(
    ("field", "fix"), [("response_format", "`structured: auto`"), ("logprobs", "`logprobs: auto`"), ("user", "user")]
)
def test_a_field_that_is_demanded_is_not_given_up_and_stops_the_judge(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any, objects: Any, field: str, fix: str
) -> None:
    made = judge(structured="always", logprobs=True, extra_body={"user": "me"}, max_concurrency=1)
    with pytest.raises(JudgeStoppedError, match=f"Unrecognized request argument supplied: {field}; .*{fix}"):
        list(made.judge([put(f"picky:{field}", item=number, form=objects) for number in range(5)]))
    assert len(server.log()) == 1


def test_one_bad_request_does_not_turn_off_what_works(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any, objects: Any
) -> None:
    made = judge(max_concurrency=1)
    plans = ["json", "400:too_many_images", "json", "400:logprobs_are_fine_but_this_is_not", "json"]
    judgements = ask(made, [put(plan, item=number, form=objects) for number, plan in enumerate(plans)])
    assert [judgement.status for judgement in judgements] == [Status.OK, Status.ERROR] * 2 + [Status.OK]
    assert "too many images" in judgements[1].error
    assert len(server.log("1")) == 1, "no field is named"
    assert len(server.log("3")) == 2, "unless the refusal names it"
    assert "logprobs" in server.log("4")[-1]["body"]
    assert "response_format" in server.log("4")[-1]["body"]


def test_structured_answers_are_read(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, objects: Any
) -> None:
    assert one(judge(), put("json:no", form=objects)).verdict == "no"


def test_log_probabilities_become_probabilities(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    judgement = one(judge(), put("logprobs"))
    assert judgement.probabilities == pytest.approx({"yes": 0.8163, "no": 0.1837}, abs=1e-3)


# -- samples -----------------------------------------------------------------------------------------------------


def test_samples_vote_at_once_where_the_server_can(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, server: Any
) -> None:
    judgement = one(judge(samples=5, temperature=1.0), put("ok:no"))
    assert judgement.verdict == "no"
    assert judgement.probabilities == {"yes": 0.0, "no": 1.0}
    assert judgement.raw.count("<answer>no</answer>") == 5
    assert "--- sample 5 ---" in judgement.raw
    assert len(server.log()) == 1


@pytest.mark.parametrize("plan", ["words", "picky:n"])
def test_samples_are_asked_for_one_by_one_where_it_cannot_and_have_seeds_of_their_own(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any, plan: str
) -> None:
    """`words` answers by the seed, and one at a time whatever `n` says."""
    made = judge(samples=5, temperature=1.0, max_concurrency=1)
    judgements = ask(made, [put(plan, item=number) for number in range(10)])
    for number, judgement in enumerate(judgements):
        given = Counter(entry["verdict"] for entry in server.log(str(number)) if entry["verdict"])
        assert given.total() == 5
        [(winner, most), *_] = given.most_common()
        assert judgement.verdict == winner
        assert judgement.probabilities[winner] == most / 5
        assert judgement.completion_tokens == 50
        seeds = {entry["body"]["seed"] for entry in server.log(str(number)) if entry["verdict"]}
        assert len(seeds) == 5
    assert "n" not in server.log("9")[0]["body"]


def test_a_draw_gives_no_verdict(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    judgements = ask(judge(samples=2, temperature=1.0), [put("words", item=number) for number in range(40)])
    assert {judgement.status for judgement in judgements} == {Status.OK, Status.UNPARSED}
    for number, judgement in enumerate(judgements):
        given = Counter(entry["verdict"] for entry in server.log(str(number)))
        assert (judgement.status is Status.UNPARSED) is (len(given) == 2)
        assert judgement.verdict is not None or "a draw between" in judgement.error


def test_a_sample_that_fails_fails_its_request(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any
) -> None:
    judgement = one(judge(samples=3, temperature=1.0, retries=0), put("words,500"))
    assert judgement.status is Status.ERROR
    assert judgement.prompt_tokens == 100, "what it cost is not forgotten"


# -- the stream --------------------------------------------------------------------------------------------------


def test_answers_flow_while_the_stream_waits_for_them(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    """The next request comes only once the one before has been answered."""
    turns: queue.SimpleQueue[int] = queue.SimpleQueue()

    def stream() -> Iterator[Request]:
        for number in range(20):
            yield put(item=number)
            assert turns.get(timeout=20) == number

    for request, judgement in judge().judge(stream()):
        assert judgement.status is Status.OK
        turns.put(int(request.item))


def test_a_slow_answer_keeps_no_other_back(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    requests = [put("slow:1" if number == 0 else "ok", item=number) for number in range(50)]
    order = [request.item for request, _ in judge().judge(requests)]
    assert order[-1] == "0"


def test_no_more_than_the_limit_are_in_flight(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    ask(judge(max_concurrency=5), [put("slow:0.01", item=number) for number in range(100)])
    assert server.told()["most_in_flight"] == 5


def test_a_server_that_keeps_up_is_asked_more(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    ask(judge(), [put("slow:0.05", item=number) for number in range(600)])
    assert 64 < server.told()["most_in_flight"] <= 128


def test_an_overloaded_server_is_asked_less(
    judge: Callable[..., Judge], put: Callable[..., Request], ask: Any, server: Any
) -> None:
    """Each request is refused once; halving again and again ends near one at a time."""
    judgements = ask(judge(), [put("429,429,slow:0.01", item=number) for number in range(64)])
    assert {judgement.status for judgement in judgements} == {Status.OK}
    assert server.told()["most_in_flight"] <= 40


def test_it_does_not_run_far_ahead_of_the_answers(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    pulled = 0

    def stream() -> Iterator[Request]:
        nonlocal pulled
        for number in range(10_000):
            pulled += 1
            yield put("slow:1", item=number)

    answers = judge(max_concurrency=4).judge(stream())
    thread = threading.Thread(target=lambda: next(answers, None))
    thread.start()
    time.sleep(0.5)
    assert pulled < 40
    thread.join()
    answers.close()  # type: ignore[attr-defined]


def test_closing_in_the_middle_cancels_and_leaves_nothing_behind(
    judge: Callable[..., Judge], put: Callable[..., Request], server: Any
) -> None:
    before = threading.active_count()
    requests = (put("ok" if number < 5 else "hang", item=number) for number in range(1000))
    answers = judge().judge(requests)
    for _ in range(5):
        next(answers)
    began = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 3
    gc.collect()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_dropping_the_stream_is_closing_it(judge: Callable[..., Judge], put: Callable[..., Request]) -> None:
    answers = judge().judge(put("hang" if number else "ok", item=number) for number in range(10))
    next(answers)
    del answers
    gc.collect()


def test_closing_while_the_stream_blocks_does_not_wait_for_it(
    judge: Callable[..., Judge], put: Callable[..., Request]
) -> None:
    release = threading.Event()

    def stream() -> Iterator[Request]:
        yield put()
        release.wait(30)

    answers = judge().judge(stream())
    next(answers)
    began = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 3
    release.set()


def test_a_stream_that_fails_is_heard_once_the_rest_is_answered(
    judge: Callable[..., Judge], put: Callable[..., Request]
) -> None:
    def stream() -> Iterator[Request]:
        for number in range(10):
            yield put("slow:0.1", item=number)
        raise OSError("the disk is gone")

    answers = judge().judge(stream())
    assert len({next(answers)[0].item for _ in range(10)}) == 10
    with pytest.raises(OSError, match="disk is gone"):
        next(answers)


def test_a_format_that_raises_is_heard_and_nothing_hangs(
    judge: Callable[..., Judge], put: Callable[..., Request], tags: Any
) -> None:
    class Broken(type(tags)):  # type: ignore[misc]
        def parse(self, text: str, request: Any) -> Any:
            raise ZeroDivisionError

    with pytest.raises(DataError, match=r"format .*: `parse` raised ZeroDivisionError") as raised:
        list(judge().judge([put(form=Broken())]))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_requests_waiting_for_another_attempt_do_not_outlive_the_run(
    judge: Callable[..., Judge], put: Callable[..., Request]
) -> None:
    made = judge(backoff_s=60.0, max_backoff_s=60.0)
    requests = [put("500", item=1), put("500", item=2), put("slow:0.2,401", item=3), put("401", item=4)]
    began = time.monotonic()
    with pytest.raises(UserError, match="401"):
        list(made.judge(requests))
    assert time.monotonic() - began < 10


def test_one_judge_can_be_asked_again(judge: Callable[..., Judge], put: Callable[..., Request], ask: Any) -> None:
    made = judge()
    for _ in range(3):
        assert [one.status for one in ask(made, [put(item=n) for n in range(5)])] == [Status.OK] * 5


@pytest.mark.parametrize("space", [Choice(("yes", "no")), Preference(2, ("tie",)), Score(1, 5, 1), Score(0, 1, 0)])
def test_every_space_can_be_voted_on(
    judge: Callable[..., Judge], put: Callable[..., Request], one: Any, space: Any
) -> None:
    verdict = {"choice": "no", "preference": "tie", "score": "1"}[space.kind]
    judgement = one(judge(samples=3, temperature=1.0), put(f"ok:{verdict}", space=space))
    assert judgement.status is Status.OK
    assert judgement.probabilities[verdict] == 1.0
