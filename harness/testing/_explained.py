"""The optional members that `harness explain` asks for, as checks. An object without them passes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from harness.api import AnswerSpace, Claim, DataError, Item, Message, Request, Status, Task
from harness.api.optional import Implies, MakesClaims, WeighsText
from harness.testing._subject import Check, Subject

_FEW = 12  # items of a split
_HOSTILE = ("", " ", "\x00\u202e", "Image A shows", "yes no A B", "it is safe. it is unsafe.", "(" * 50, "9" * 400)
"""Texts that a judge might write, in which there is nothing to be found."""


def task_checks_of_reasoning(subject: Subject) -> Iterator[Check]:
    """What a task says of reasoning."""
    yield "task_implied_verdicts_in_space", lambda: _check_implied(subject)
    yield "task_claims_lie_in_the_text", lambda: _check_claims(subject)


def judge_checks_of_beginnings(subject: Subject, requests: Sequence[Request]) -> Iterator[Check]:
    """What a judge makes of given beginnings and texts."""
    # Listed for every judge: what it has is known once it is made, and listing makes nothing.
    yield "judge_goes_on_from_the_beginning", lambda: _check_continues(subject, requests)
    yield "judge_weighs_every_piece", lambda: _check_weights(subject, requests)


def _items(subject: Subject) -> Iterator[tuple[Item, list[str]]]:
    """Items of every split, each with texts to read: hostile ones, and its own rationale where it has one."""
    task = subject.instance
    assert isinstance(task, Task)
    for split in getattr(subject.offer.card, "splits", ()):
        for item in islice(task.items(split), _FEW):
            own = item.tags.get("rationale", "")
            yield item, [*_HOSTILE, own, own[: len(own) // 2], own + " " + own]


def _check_implied(subject: Subject) -> None:
    task = subject.instance
    if not isinstance(task, Implies):
        return
    for item, texts in _items(subject):
        where = f"task {subject.id}, item {item.id!r}"
        assert task.find_implied("", item.space) is None, f"{where}: no reasoning implies a verdict; return None"
        for text in texts:
            _check_verdict(task, item.space, text, where)


def _check_verdict(task: Implies, space: AnswerSpace, text: str, where: str) -> None:
    found = task.find_implied(text, space)
    assert found is None or space.contains(found), f"{where}: {text[:80]!r} implies {found!r}, which is none of {space}"
    assert found == task.find_implied(text, space), f"{where}: {text[:80]!r} implies something else the second time"


def _check_claims(subject: Subject) -> None:
    task = subject.instance
    if not isinstance(task, MakesClaims):
        return
    for item, texts in _items(subject):
        order = tuple(range(len(item.candidates)))
        for text in texts:
            for claim in task.claims(text, item, order):
                _check_claim(claim, text, f"task {subject.id}, item {item.id!r}")


def _check_claim(claim: Claim, text: str, where: str) -> None:
    assert claim.name, f"{where}: a claim without a name; say what kind of fact it is"
    assert 0 <= claim.start < claim.end <= len(text), f"{where}: claim {claim} is not in the text {text[:80]!r}"
    for box in claim.boxes:
        inside = 0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1 and box.image >= 0
        assert inside, f"{where}: {box} of claim {claim.name} is no part of a picture; use fractions from 0 to 1"
    words = text[claim.start : claim.end]
    assert claim.turned != words, f"{where}: claim {claim.name}: {words!r} put in its own place is no mistake"


def _check_continues(subject: Subject, requests: Sequence[Request]) -> None:
    if not getattr(subject.instance, "continues", False):
        return
    for request in requests:
        beginning = "I have looked at it."
        begun = replace(request, messages=(*request.messages, Message("assistant", (beginning,))))
        for _, judgement in subject.instance.judge([begun]):
            # A judge may refuse the kind of question, as it may without a beginning.
            if judgement.status in (Status.REFUSED, Status.ERROR):
                continue
            assert judgement.raw.startswith(beginning), (
                f"judge {subject.id}: `continues`, and an answer that is to begin with {beginning!r} is recorded as "
                f"{judgement.raw[:80]!r}; `raw` includes the beginning"
            )


def _check_weights(subject: Subject, requests: Sequence[Request]) -> None:
    judge = subject.instance
    if not isinstance(judge, WeighsText):
        return
    texts = ["Well, it is so.", "ÄÖ 漢字 \u00e9"]
    for request in requests[:2]:
        try:
            found = judge.log_probabilities([request] * len(texts), texts)
        except DataError:  # it cannot be put to this judge
            continue
        assert len(found) == len(texts), f"judge {subject.id}: {len(found)} weights of {len(texts)} texts"
        for text, weights in zip(texts, found, strict=True):
            where = f"judge {subject.id}, {text!r}: {json.dumps(weights.ends)}"
            assert len(weights.ends) == len(weights.logs), f"{where}: as many ends as logs are wanted"
            assert weights.ends[-1] == len(text), f"{where}: the last piece must end where the text does"
            assert all(a < b for a, b in zip((0, *weights.ends), weights.ends, strict=False)), f"{where}: not in order"
            assert all(log <= 1e-6 for log in weights.logs), f"{where}: a probability is above 1"
