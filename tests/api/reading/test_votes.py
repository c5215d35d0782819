from __future__ import annotations

from harness.api import Choice, Judgement, Message, Request, Status, majority_vote
from harness.formats.label import LabelFormat

REQUEST = Request(
    task="t", item="1", messages=(Message("user", ("?",)),), space=Choice(("yes", "no")), format=LabelFormat()
)


def said(raw: str) -> Judgement:
    return REQUEST.read(raw, prompt_tokens=7, completion_tokens=2)


def test_the_majority_decides_and_every_answer_is_kept() -> None:
    judgement = majority_vote([said("yes"), said("no"), said("no"), said("?")], REQUEST)
    assert judgement.verdict == "no"
    assert judgement.probabilities == {"yes": 1 / 3, "no": 2 / 3}
    assert [word in judgement.raw for word in ("sample 1", "sample 4", "?")] == [True] * 3
    assert (judgement.prompt_tokens, judgement.completion_tokens) == (7, 8)
    assert judgement.error == ""


def test_a_draw_is_no_verdict() -> None:
    judgement = majority_vote([said("yes"), said("no"), said("?")], REQUEST)
    assert judgement.status is Status.UNPARSED
    assert "a draw between yes and no" in judgement.error


def test_without_a_valid_vote_the_commonest_failure_is_reported() -> None:
    cut = Judgement.failure(Status.TRUNCATED, "cut off")
    judgement = majority_vote([cut, said("?"), cut], REQUEST)
    assert judgement.status is Status.TRUNCATED
    assert judgement.error == "none of 3 samples has a verdict: cut off"


def test_a_single_answer_stands_as_it_is() -> None:
    only = said("yes")
    assert majority_vote([only], REQUEST) is only


def test_votes_of_which_only_some_have_probabilities_are_counted() -> None:
    votes = [Judgement.of("yes", probabilities={"yes": 0.6, "no": 0.4}), Judgement.of("yes"), Judgement.of("no")]
    assert majority_vote(votes, REQUEST).probabilities == {"yes": 2 / 3, "no": 1 / 3}


def test_votes_with_probabilities_are_averaged() -> None:
    votes = [
        Judgement.of("yes", probabilities={"yes": 0.9, "no": 0.1}),
        Judgement.of("yes", probabilities={"yes": 0.6, "no": 0.4}),
    ]
    shares = majority_vote(votes, REQUEST).probabilities
    assert shares is not None
    assert abs(shares["yes"] - 0.75) < 1e-12
    assert abs(shares["no"] - 0.25) < 1e-12
