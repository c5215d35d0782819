"""Given beginnings and given texts: what the model goes on from, and how likely it finds each piece."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.api import DataError, Judgement, Message, Request, Status, UserError
from harness.api.optional import Continues, HasBlindTwin, WeighsText
from harness_transformers.eyes import shuffle_eyes
from harness_transformers.judge import LocalJudge

Local = Callable[..., LocalJudge]
Ask = Callable[..., Request]
Answers = Callable[[LocalJudge, Iterable[Request]], list[Judgement]]


def begin(request: Request, text: str) -> Request:
    return replace(request, messages=(*request.messages, Message("assistant", (text,))))


@pytest.fixture
def judge(local: Local, taught: Path) -> LocalJudge:
    return local(model=str(taught), max_new_tokens=48)


def test_going_on_from_any_word_of_its_own_answer_gives_that_answer(
    judge: LocalJudge, ask: Ask, answers: Answers
) -> None:
    asked = ask(3)
    [own] = answers(judge, [asked])
    # At words: within a token, a model is at a place where it has never been.
    beginnings = [own.raw[: found.end()] for found in re.finditer(r"\w+(?= )", own.raw)]
    assert len(beginnings) >= 3
    for given in answers(judge, [begin(asked, text) for text in beginnings]):
        assert (given.raw, given.verdict, given.rationale) == (own.raw, own.verdict, own.rationale)
    # What was given is read and not written.
    [last] = answers(judge, [begin(asked, beginnings[-1])])
    assert last.completion_tokens is not None
    assert own.completion_tokens is not None
    assert last.completion_tokens < own.completion_tokens


def test_a_verdict_follows_a_given_reasoning_and_raw_holds_both(judge: LocalJudge, ask: Ask, answers: Answers) -> None:
    given = "<think>I was told so.</think><answer>"
    for judgement in answers(judge, [begin(ask(number), given) for number in range(3)]):
        assert judgement.status is Status.OK
        assert judgement.raw.startswith(given)
        assert judgement.rationale == "I was told so."


def test_a_beginning_of_no_text_or_of_a_picture_is_refused(judge: LocalJudge, ask: Ask, answers: Answers) -> None:
    asked = ask(1)
    picture = replace(asked, messages=(*asked.messages, Message("assistant", ("Look:", asked.images[0]))))
    for given in answers(judge, [begin(asked, ""), picture]):
        assert given.status is Status.REFUSED


def test_where_the_prompt_opens_the_reasoning_a_beginning_does_not_open_it_again(
    local: Local, taught: Path, tmp_path: Path, ask: Ask, answers: Answers
) -> None:
    folder = shutil.copytree(taught, tmp_path / "thinks")
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|assistant|>", "<|assistant|>{{ '<think>' }}"))
    judge = local(model=str(folder), max_new_tokens=48)
    [given] = answers(judge, [begin(ask(1), "<think>So it is.</think><answer>")])
    assert given.raw.startswith("So it is.</think><answer>")
    assert given.rationale == "So it is."
    text = "<think>So it is.</think>"
    [weights] = judge.log_probabilities([ask(1)], [text])
    assert weights.ends[-1] == len(text)


def test_weights_are_those_of_one_pass_over_prompt_and_text(judge: LocalJudge, ask: Ask) -> None:
    asked, texts = [ask(number) for number in range(5)], ["<think>It is.</think>", "<answer>yes</answer>"] * 2 + ["no"]
    opened = judge._open()
    for request, text, weights in zip(asked, texts, judge.log_probabilities(asked, texts), strict=True):
        tokens = opened.prompter.answer_ids(text)
        with torch.inference_mode():
            expected = 0.0
            for count, token in enumerate(tokens):
                prefix = opened.language.prefill([opened.prompter.prompt(request)], tails=[tokens[:count]])
                expected += float(torch.log_softmax(prefix.logits.double(), -1)[0, token])
        assert sum(weights.logs) == pytest.approx(expected, abs=1e-4)
        assert weights.ends[-1] == len(text)
        assert weights.of(0, len(text)) == pytest.approx(sum(weights.logs))


def test_characters_of_several_tokens_are_one_piece(judge: LocalJudge, ask: Ask) -> None:
    text = "漢 é!"
    [weights] = judge.log_probabilities([ask(1)], [text])
    assert weights.ends[-1] == len(text)
    assert list(weights.ends) == sorted(set(weights.ends))


def test_a_request_that_cannot_be_put_is_no_weight(local: Local, taught: Path, ask: Ask) -> None:
    with pytest.raises(DataError, match="ends with an assistant message"):
        local(model=str(taught), mode="verdict").log_probabilities([begin(ask(1), "so")], ["yes"])


def test_a_blind_twin_is_another_judge_with_the_same_language(judge: LocalJudge, ask: Ask) -> None:
    asked, text = ask(1), "<answer>yes</answer>"
    twin = judge.make_blind_twin(0)
    assert isinstance(judge, Continues | WeighsText)
    assert isinstance(judge, HasBlindTwin)
    assert len({judge.fingerprint(), twin.fingerprint(), judge.make_blind_twin(1).fingerprint()}) == 3
    [before], [blind], [after] = (made.log_probabilities([asked], [text]) for made in (judge, twin, judge))
    assert before == after, "the judge itself keeps its eyes"
    assert before != blind
    own, other = (dict(made._open().language.model.named_parameters()) for made in (judge, twin))
    changed = {name for name, weight in own.items() if not torch.equal(weight, other[name])}
    assert changed
    assert all("vision" in name or "projector" in name for name in changed)
    # The same numbers in other places.
    for name in changed:
        assert torch.equal(own[name].flatten().sort().values, other[name].flatten().sort().values)


def test_a_model_without_eyes_has_none_to_break() -> None:
    with pytest.raises(UserError, match="no weights that are known to be of vision"):
        shuffle_eyes(torch.nn.Linear(2, 2), seed=0, who="judge x")
