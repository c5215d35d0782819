from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints.complaint import Complaint, read_complaint
from harness_endpoints.faults import Fault, SentRequest, read_fault
from harness_endpoints.openai.reply import read_reply
from harness_endpoints.payload import Field
from harness_endpoints.reply import ServerSaysError

FIELDS: frozenset[Field] = frozenset(
    {"seed", "temperature", "top_p", "max_tokens", "logprobs", "top_logprobs", "response_format"}
)
SENT = SentRequest(fields=FIELDS, user_fields=frozenset({"chat_template_kwargs"}))
ROWS = [json.loads(line) for line in Path(__file__).with_name("provider_replies.jsonl").read_text("utf-8").splitlines()]


def fault_of(status: int, body: Any, sent: SentRequest = SENT) -> Fault:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if status != 200:
        return read_fault(status, read_complaint(raw), sent)
    with pytest.raises(ServerSaysError) as caught:
        read_reply("application/json", raw, most=1)
    return read_fault(caught.value.complaint.status or 200, caught.value.complaint, sent)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"])
def test_what_providers_say_is_understood(row: dict[str, Any]) -> None:
    """Each row is a reply of a provider, from its documentation or a public bug report, and what is to be done."""
    then, _, more = row["then"].partition(" ")
    images = more == "images" or "image" in row["what"] or "at most" in row["what"]
    fault = fault_of(row["status"], row["body"], SENT._replace(images=images))
    assert fault.then == then, fault.why
    if then == "learn":
        assert fault.field == more
    elif then == "stop":
        assert fault.reason == more
    elif more:
        assert fault.wait == float(more)


def test_a_request_without_images_is_not_stopped_for_them() -> None:
    body = {"error": {"message": "Image inputs are not supported by this model."}}
    assert fault_of(400, body, SENT._replace(images=True)).then == "stop"
    assert fault_of(400, body, SENT._replace(images=True, seen=True)).then == "fail", "it has seen others"
    assert fault_of(500, body, SENT).then == "again"


def test_a_403_without_a_known_word_is_about_the_request_once_others_were_answered() -> None:
    assert fault_of(403, "Blocked").reason == "access"
    assert fault_of(403, "Blocked", SENT._replace(answered=True)).then == "fail"
    assert fault_of(404, "Nothing", SENT._replace(answered=True)).then == "stop"


def test_a_field_that_is_not_sent_is_not_learnt() -> None:
    body = {"error": {"message": "Unsupported parameter: 'seed'", "param": "seed"}}
    assert fault_of(400, body).field == "seed"
    assert fault_of(400, body, SENT._replace(fields=FIELDS - {"seed"})).then == "fail"


def test_a_field_that_is_demanded_stops_the_judge() -> None:
    body = {"error": {"message": "logprobs is not supported"}}
    fault = fault_of(400, body, SENT._replace(user_fields=frozenset({"logprobs"})))
    assert (fault.then, fault.field) == ("stop", "logprobs")


def test_a_wait_in_the_headers_counts_before_one_in_the_words() -> None:
    complaint = read_complaint(b'{"error": {"message": "try again in 20s"}}')
    assert read_fault(429, complaint, SENT).wait == 20
    assert read_fault(429, complaint, SENT, asked_to_wait=3.0).wait == 3
    assert read_fault(402, read_complaint(b"{}"), SENT, asked_to_wait=3.0).then == "again"
    assert read_fault(402, read_complaint(b"{}"), SENT).reason == "credit"


@given(st.integers(100, 599), st.text(max_size=200), st.frozensets(st.text("abcdefgkey", max_size=12)), st.booleans())
def test_everything_is_decided(status: int, text: str, codes: frozenset[str], images: bool) -> None:
    fault = read_fault(status, Complaint(text, text, codes, (), None, None), SENT._replace(images=images))
    assert (fault.then == "stop") == (fault.reason is not None and fault.then != "learn")
    assert (fault.then == "learn") <= (fault.field in FIELDS)


def test_patterns_are_linear() -> None:
    for piece in ("api key ", "model ", "not support ", "image ", "not ", "'", "unsupported ", "temperature "):
        complaint = read_complaint(json.dumps({"error": {"message": piece * 100_000}}).encode())
        read_fault(400, complaint, SENT._replace(images=True))  # a slow one would take minutes
