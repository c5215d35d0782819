"""A worker in this process: it answers as the judge does, in streams and at once, and says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Choice, Judgement, ManifestError, Placement, PluginError, Request, Status, UserError
from harness.api.execution import Reply, pack_requests, unpack_answers
from harness.execution.practice import PracticeJudge, PracticeOptions
from harness.execution.worker import MOST_AHEAD, LocalWorker
from harness.testing._executors import make_requests, place_practice

ENDED = "the judge ended without an answer to this request"
NO_PAIR = "what is no pair of an open request and its judgement"


@pytest.fixture
def worker() -> Iterator[LocalWorker]:
    made = LocalWorker(place_practice())
    yield made
    made.close()


def answers_here(requests: list[Request]) -> dict[str, Judgement]:
    return {request.key: judgement for request, judgement in PracticeJudge(PracticeOptions()).judge(requests)}


def home(reply: Reply) -> dict[str, Judgement]:
    return dict(unpack_answers(reply.answers))


def test_it_answers_a_parcel_as_the_judge_does(worker: LocalWorker) -> None:
    requests = make_requests(40)
    parcel, _ = pack_requests(requests)
    assert home(worker.answer(parcel)) == answers_here(requests)


def test_it_answers_a_stream_and_asks_for_more_where_it_starves(worker: LocalWorker) -> None:
    found: dict[str, Judgement] = {}
    requests, sent, wanted, most = make_requests(120), 0, 4, 0
    while len(found) < len(requests):
        part = requests[sent : sent + wanted]
        sent += len(part)
        reply = worker.exchange(pack_requests(part)[0], flush=sent == len(requests), more=sent < len(requests))
        found.update(home(reply))
        wanted, most = reply.wanted, max(most, reply.wanted)
    assert found == answers_here(requests)
    assert 8 <= most <= MOST_AHEAD


def test_it_serves_round_after_round(worker: LocalWorker) -> None:
    for start in (0, 10, 20):
        requests = make_requests(30)[start : start + 10]
        assert home(worker.answer(pack_requests(requests)[0])) == answers_here(requests)


def test_an_exchange_with_nothing_to_say_returns_soon(worker: LocalWorker) -> None:
    began = time.monotonic()
    assert home(worker.exchange(pack_requests([])[0], more=False)) == {}
    assert time.monotonic() - began < 5


def place_file(folder: Path, body: str) -> Placement:
    """A placement of a judge whose method `judge` is written out."""
    file = folder / "own.py"
    file.write_text(
        "import time\nfrom harness.api import JudgeCard, Judgement, DataError, JudgeStoppedError, hookimpl\n"
        "class Own:\n"
        "    def __init__(self, options, context): self.context = context\n"
        f"    def judge(self, requests):\n        for request in requests:\n            {body}\n"
        "            yield request, Judgement.of('yes')\n"
        "    def fingerprint(self): return 'own'\n"
        "@hookimpl\ndef harness_judges():\n"
        "    return [JudgeCard(name='own', summary='.', factory=Own, api_version=1)]\n"
    )
    from harness.discovery import Plugins
    from harness.runner.planned import PlannedJudge

    offer = Plugins.load(extra=[str(file)]).find("judge", "own/own")
    key = PlannedJudge(name="own", offer=offer, options=None, context=None).key  # type: ignore[arg-type]
    entry = {"use": "own/own", "name": "own"}
    return Placement(name="own", entry=entry, seed=0, key=key, versions={}, timeout=0.3, extra=(str(file),))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("if request.item == '3': raise ValueError('odd')", "the judge raised ValueError: odd"),
        ("if request.item == '3': time.sleep(60)", "the judge did not answer within 0.3 s"),
        ("if request.item == '3': raise DataError('torn')", "the judge raised DataError: torn"),
        ("if request.item == '3': continue", ENDED),
        ("if request.item == '3': yield 7; continue", f"{ENDED}; it yielded {NO_PAIR}"),
    ],
)
def test_a_judge_that_fails_costs_one_request_here_too(tmp_path: Path, body: str, problem: str) -> None:
    worker = LocalWorker(place_file(tmp_path, body))
    requests = make_requests(6)
    found = home(worker.answer(pack_requests(requests)[0]))
    failed = {request.item: found[request.key].error for request in requests if found[request.key].status != Status.OK}
    worker.close()
    assert failed == {"3": problem}


@pytest.mark.parametrize("call", ["examples('t', 'train')", "total_usage()", "fingerprint('t')", "ask('other', [])"])
def test_a_judge_that_reads_the_plan_is_told_where_to_stand(tmp_path: Path, call: str) -> None:
    worker = LocalWorker(place_file(tmp_path, f"self.context.{call}"))
    reply = worker.answer(pack_requests(make_requests(2))[0])
    worker.close()
    assert "judge own: reads other parts of the plan" in reply.problem
    assert "the capability `plan`" in reply.problem


def test_a_judge_that_stops_is_heard_with_the_answers_before_it() -> None:
    worker = LocalWorker(place_practice(stops="5"))
    reply = worker.answer(pack_requests(make_requests(20))[0])
    found = home(reply)
    deadline = time.monotonic() + 10
    while not reply.problem and time.monotonic() < deadline:
        reply = worker.exchange(pack_requests([])[0])
        found.update(home(reply))
    worker.close()
    assert (reply.problem, len(found)) == ("no credit is left at item 5", 5)


def test_other_versions_and_other_keys_are_refused_by_name() -> None:
    placement = place_practice()
    with pytest.raises(PluginError, match=r"the run has judge-harness 9\.9, and this worker has version"):
        LocalWorker(replace(placement, versions={"judge-harness": "9.9"}))
    with pytest.raises(PluginError, match="the run has not-there 1, and this worker has none"):
        LocalWorker(replace(placement, versions={"not-there": "1"}))
    with pytest.raises(PluginError, match="judge practice: its answers would have another key here"):
        LocalWorker(replace(placement, key="0" * 16))
    with pytest.raises(UserError, match="no such file"):
        LocalWorker(replace(placement, extra=("nowhere.py",)))


def test_a_secret_comes_from_the_environment_of_the_worker_and_is_in_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    placement = replace(place_practice(dies="hunter2"), entry=_entry(dies="${env:PRACTICE_SECRET}"))
    assert "hunter2" not in placement.to_json()
    with pytest.raises(ManifestError, match="PRACTICE_SECRET' is not set"):
        LocalWorker(placement)
    monkeypatch.setenv("PRACTICE_SECRET", "hunter2")
    LocalWorker(placement).close()
    wrong = replace(placement, entry=_entry(seconds="${env:PRACTICE_SECRET}"))
    with pytest.raises(ManifestError) as caught:
        LocalWorker(wrong)
    assert "hunter2" not in str(caught.value)


def _entry(**options: object) -> dict[str, object]:
    return {"use": "practice/worker", "name": "practice", "with": options}


def test_a_placement_survives_as_text() -> None:
    placement = replace(place_practice(), capabilities=("gpu",), resources={"gpus": 0.5}, blocked=("openai",))
    assert Placement.from_json(placement.to_json()) == placement


def test_a_format_that_has_another_name_than_its_id_is_named(worker: LocalWorker) -> None:
    request = replace(make_requests(1)[0], space=Choice(("yes", "no")))
    parcel, _ = pack_requests([request])
    with pytest.raises(PluginError, match="there is no format"):
        worker.answer(parcel._replace(text=parcel.text.replace(b"harness/tagged", b"own/tagged")))
