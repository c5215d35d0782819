from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForSequenceClassification,
    AutoProcessor,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
)

from harness.api import (
    AnswerSpace,
    Choice,
    Image,
    Judgement,
    Message,
    Part,
    Preference,
    Ranking,
    Request,
    Score,
    Status,
    UserError,
)
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, judge_checks, odd_pictures
from harness_transformers.options import RewardModelOptions
from harness_transformers.plugin import harness_judges
from harness_transformers.reward_model import RewardModel, _Turns
from harness_transformers.testing import make_tiny_reward, make_tiny_vision_reward

Make = Callable[..., RewardModel]
Paint = Callable[..., Image]
ANSWERS = ("A short one.", "Another answer, quite a bit longer than the first.", "I cannot say. " * 9, "No!")
YES_NO = Choice(("yes", "no"))
FORM = TaggedFormat()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_reward(tmp_path_factory.mktemp("reward"))


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_vision_reward(tmp_path_factory.mktemp("seeing"))


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Make:
    def make(**options: Any) -> RewardModel:
        fields = {"model": str(folder), "threads": 1, **options}
        return RewardModel(RewardModelOptions(**fields), FakeContext(workspace=tmp_path))

    return make


def put(space: AnswerSpace, *candidates: Part | tuple[Part, ...], number: int = 0, ask: Part | None = None) -> Request:
    """A question; `messages` hold wording that a reward model must not read."""
    question = (f"What do you see? ({number})",) if ask is None else (ask, "What is it?")
    parts = tuple(one if isinstance(one, tuple) else (one,) for one in candidates)
    shown = (part for one in parts for part in one)
    return Request(
        task="t",
        item=str(number),
        messages=(Message("system", ("Be fair.",)), Message("user", (*question, *shown, FORM.instruction(space)))),
        space=space,
        format=FORM,
        order=tuple(range(len(candidates))),
        question=question,
        candidates=parts,
    )


def pair(number: int, *answers: Part) -> list[Request]:
    """Both orders."""
    one, other = put(Preference(2), *answers, number=number), put(Preference(2), *answers[::-1], number=number)
    object.__setattr__(other, "order", (1, 0))
    return [one, other]


def told(judge: RewardModel, requests: Iterable[Request]) -> list[Judgement]:
    asked = list(requests)
    given = list(judge.judge(iter(asked)))
    assert sorted(request.key for request, _ in given) == sorted(request.key for request in asked)
    found = {request.key: judgement for request, judgement in given}
    assert all(found[request.key].check(request.space) is found[request.key] for request in asked)
    return [found[request.key] for request in asked]


def rewards_of(judgement: Judgement) -> list[float]:
    return list(json.loads(judgement.raw)["rewards"])


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return model, AutoProcessor.from_pretrained(folder)


@torch.inference_mode()
def by_hand(folder: Path, *turns: Any) -> float:
    """The reward of one conversation, by plain calls of transformers."""
    model, processor = loaded(folder)
    roles = ("user", "assistant")
    conversation = [{"role": role, "content": content} for role, content in zip(roles, turns, strict=False)]
    inputs = processor.apply_chat_template(conversation, tokenize=True, return_dict=True, return_tensors="pt")
    return float(model(**inputs).logits[0, 0])


def counted(judge: RewardModel, monkeypatch: pytest.MonkeyPatch, most: int = 10_000) -> list[int]:
    """The rows of each forward pass to come; memory runs out above `most`."""
    judge.open()
    assert judge.opened is not None
    model = judge.opened.model
    forward, rows = model.forward, []

    @wraps(forward)
    def counting(*given: Any, **named: Any) -> Any:
        if len(named["input_ids"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        rows.append(len(named["input_ids"]))
        return forward(*given, **named)

    monkeypatch.setattr(model, "forward", counting)
    return rows


def test_rewards_are_those_of_the_model_on_one_conversation_at_a_time(folder: Path, made: Make) -> None:
    requests = [put(Ranking(4), *ANSWERS, number=number) for number in range(3)]
    for request, judgement in zip(requests, told(made(batch_size=5), requests), strict=True):
        expected = [by_hand(folder, str(request.question[0]), answer) for answer in ANSWERS]
        assert len({round(reward, 3) for reward in expected}) == 4, "a model that tells them apart"
        assert rewards_of(judgement) == pytest.approx(expected, abs=1e-5)
        assert judgement.verdict == tuple(sorted(range(4), key=lambda place: -expected[place]))
        assert judgement.completion_tokens == 0
        assert judgement.latency_s is not None
        assert judgement.model.isalnum()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        texts = [f"<s><|user|>{request.question[0]}<|end|><|assistant|>{answer}<|end|>" for answer in ANSWERS]
        assert judgement.prompt_tokens == sum(len(tokenizer(text)["input_ids"]) for text in texts)


def test_rewards_and_verdicts_do_not_depend_on_the_batch(made: Make) -> None:
    requests = [put(Preference(4), *ANSWERS, number=number) for number in range(6)]
    requests += [one for number in range(4) for one in pair(20 + number, *ANSWERS[number % 2 :: 2])]
    alone = told(made(batch_size=1), requests)
    for size in (3, 64):
        for one, other in zip(alone, told(made(batch_size=size), requests), strict=True):
            assert one.verdict == other.verdict
            assert rewards_of(one) == pytest.approx(rewards_of(other), abs=1e-5)
            assert one.prompt_tokens == other.prompt_tokens


def test_the_other_order_mirrors_the_answer_and_scores_nothing_twice(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = made(batch_size=3)
    rows = counted(judge, monkeypatch)
    pairs = [one for number in range(15) for one in pair(number, *ANSWERS[:2])]
    requests = pairs[::2] + pairs[1::2]  # the other order comes in a later window
    given = told(judge, requests)
    assert sum(rows) == 30 + 1, "each candidate once, and one row to see whether padding changes anything"
    for first, second in zip(given[:15], given[15:], strict=True):
        assert {first.verdict, second.verdict} == {0, 1}
        assert first.probabilities is not None
        assert second.probabilities == {"A": first.probabilities["B"], "B": first.probabilities["A"]}
    before = len(rows)
    again = told(judge, requests[:4])
    assert len(rows) == before
    assert {one.latency_s for one in again} == {0.0}, "all was known"


def test_the_latency_of_a_request_spans_the_batches_of_its_candidates(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = made(batch_size=1)
    told(judge, [put(Preference(2), "one", "other", number=9)])  # the check of padding
    assert judge.opened is not None
    forward = judge.opened.model.forward

    @wraps(forward)
    def slowly(*given: Any, **named: Any) -> Any:
        time.sleep(0.1)
        return forward(*given, **named)

    monkeypatch.setattr(judge.opened.model, "forward", slowly)
    (judgement,) = told(judge, [put(Preference(3), *ANSWERS[:3])])
    assert judgement.latency_s is not None
    assert judgement.latency_s > 0.3, "a batch for each candidate"


words = st.one_of(
    st.sampled_from(["<image>", "<|end|>", "<|user|>", "<|assistant|>", "<s>", "<pad>", "{{ bos_token }}", "", "\0"]),
    st.text(max_size=12),
)


@pytest.fixture(scope="module")
def turns(folder: Path) -> _Turns:
    return _Turns(AutoTokenizer.from_pretrained(folder), pixels=None, who="judge j")


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(words, min_size=1, max_size=4))
def test_text_never_becomes_a_control_token(parts: list[str], turns: _Turns) -> None:
    messages = (Message("user", tuple(parts)), Message("assistant", tuple(reversed(parts))))
    request = Request(task="t", item="1", messages=messages, space=Preference(2), format=FORM)
    ids = turns.prompt(request).ids
    controls = {"<s>": 1, "<|user|>": 1, "<|assistant|>": 1, "<|end|>": 2, "<image>": 0, "<pad>": 0, "<|system|>": 0}
    assert {one: ids.count(turns.tokenizer.convert_tokens_to_ids(one)) for one in controls} == controls


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=words, other=words)
def test_hostile_candidates_have_the_same_reward_in_any_batch(one: str, other: str, made: Make) -> None:
    first, second = pair(1, one, other)
    together, alone = told(made(batch_size=8), [first, put(Preference(2), *ANSWERS[1:3])])[0], told(made(), [second])[0]
    assert rewards_of(together) == pytest.approx(rewards_of(alone)[::-1], abs=1e-5)
    if one == other:
        assert together.status is alone.status is Status.DRAW


def test_equal_candidates_are_a_tie_or_no_verdict_and_never_the_first(made: Make) -> None:
    same = ("The very same.", "The very same.")
    tied, drawn, unranked = told(
        made(),
        [
            put(Preference(2, ("both equal",)), *same),
            put(Preference(2), *same),
            put(Ranking(3), *same, "Another."),
        ],
    )
    assert tied.verdict == "both equal"
    assert tied.probabilities == {"A": 0.5, "B": 0.5, "both equal": 0.0}
    assert (drawn.status, unranked.status) == (Status.DRAW, Status.DRAW)
    assert "A and B score equally" in drawn.error
    assert rewards_of(drawn)[0] == rewards_of(drawn)[1]


def test_temperature_and_margin_are_on_the_scale_of_rewards(made: Make) -> None:
    request = put(Preference(2, ("tie",)), *ANSWERS[:2])
    (plain,), (warm,) = told(made(), [request]), told(made(temperature=2.0), [request])
    one, other = rewards_of(plain)
    assert plain.probabilities is not None
    assert plain.probabilities["A"] == pytest.approx(torch.tensor(one - other).sigmoid().item(), abs=1e-5)
    assert warm.probabilities is not None
    assert warm.probabilities["A"] == pytest.approx(torch.tensor((one - other) / 2).sigmoid().item(), abs=1e-5)
    gap = abs(one - other)
    assert told(made(tie_margin=gap * 1.01), [request])[0].verdict == "tie"
    assert told(made(tie_margin=gap * 0.99), [request])[0].verdict == plain.verdict != "tie"


def test_a_threshold_decides_on_a_question_alone_or_with_its_one_answer(folder: Path, made: Make) -> None:
    alone, answered = put(YES_NO), put(YES_NO, "I see nothing.")
    expected = [by_hand(folder, "What do you see? (0)"), by_hand(folder, "What do you see? (0)", "I see nothing.")]
    for request, reward in zip((alone, answered), expected, strict=True):
        (below,), (above,) = (
            told(made(threshold=threshold), [request]) for threshold in (reward - 0.01, reward + 0.01)
        )
        assert (below.verdict, above.verdict) == ("yes", "no")
        assert below.probabilities is not None
        assert below.probabilities["yes"] == pytest.approx(torch.tensor(0.01).sigmoid().item(), abs=1e-4)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (put(YES_NO), "needs the option `threshold`"),
        (put(Score(1, 5, 1), "a"), "cannot give an answer of Score"),
        (put(Preference(2)), "the task gives 0 apart"),
        (put(Preference(2), "a", ("b", Image.from_bytes(b"", name="x"))), "shows an image"),
    ],
)
def test_what_it_cannot_judge_it_refuses_with_the_reason(made: Make, request_: Request, reason: str) -> None:
    object.__setattr__(request_, "messages", request_.messages[:1])  # its key needs no image
    refused, good = told(made(), [request_, put(Preference(2), *ANSWERS[:2])])
    assert (refused.status, good.status) == (Status.REFUSED, Status.OK)
    assert reason in refused.error


def test_a_task_that_gives_no_question_apart_is_refused(made: Make) -> None:
    request = put(Preference(2), *ANSWERS[:2])
    object.__setattr__(request, "question", ())
    assert "no question apart from its wording" in told(made(), [request])[0].error


def test_a_conversation_beyond_the_context_fails_alone(made: Make) -> None:
    long, short = told(made(), [put(Preference(2), "word " * 900, "b"), put(Preference(2), *ANSWERS[:2], number=2)])
    assert (long.status, "the model's context is 512" in long.error) == (Status.ERROR, True)
    assert short.status is Status.OK


def test_memory_that_runs_out_makes_batches_smaller_and_nothing_else(
    made: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [put(Preference(4), *ANSWERS, number=number) for number in range(4)]
    expected = [one.verdict for one in told(made(), requests)]
    judge = made(batch_size=16)
    rows = counted(judge, monkeypatch, most=3)
    assert [one.verdict for one in told(judge, requests)] == expected
    assert judge.room.rows == 2
    assert max(rows) == 2


def test_a_row_that_is_too_much_for_the_memory_fails_alone(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = made(batch_size=8)
    counted(judge, monkeypatch)
    assert judge.opened is not None
    model, counting = judge.opened.model, judge.opened.model.forward

    def narrow(*given: Any, **named: Any) -> Any:
        if named["input_ids"].shape[1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return counting(*given, **named)

    monkeypatch.setattr(model, "forward", narrow)
    long, *short = told(judge, [put(Preference(2), "x y z " * 60, "b"), *pair(1, *ANSWERS[:2]), *pair(2, *ANSWERS[:2])])
    assert (long.status, {one.status for one in short}) == (Status.ERROR, {Status.OK})
    assert "smaller dtype" in long.error
    assert judge.room.rows == 8


def test_errors_that_are_no_lack_of_memory_are_not_swallowed(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = made()
    judge.open()
    assert judge.opened is not None
    monkeypatch.setattr(judge.opened.model, "forward", lambda **named: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        told(judge, pair(1, *ANSWERS[:2]))


def test_a_model_that_names_no_padding_reads_the_last_token_in_any_batch(tmp_path: Path, made: Make) -> None:
    folder = make_tiny_reward(tmp_path / "unpadded", pad=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = "<|end|>"  # as many do: what ends a turn must still be read
    tokenizer.save_pretrained(folder)
    judge = made(model=str(folder), batch_size=16)
    requests = [put(Ranking(4), *ANSWERS, number=number) for number in range(3)]
    for request, judgement in zip(requests, told(judge, requests), strict=True):
        expected = [by_hand(folder, str(request.question[0]), answer) for answer in ANSWERS]
        assert rewards_of(judgement) == pytest.approx(expected, abs=1e-5)


def test_a_model_that_padding_would_change_gets_rows_of_one_length(
    folder: Path, made: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = made(batch_size=16)
    rows = counted(judge, monkeypatch)
    assert judge.opened is not None
    model, counting = judge.opened.model, judge.opened.model.forward

    def last(*given: Any, **named: Any) -> Any:
        """A head that reads the last place, padding or not."""
        output = counting(*given, **named)
        output.logits = output.logits + (named["attention_mask"][:, -1:] == 0) * 5.0
        return output

    monkeypatch.setattr(model, "forward", last)
    requests = [put(Ranking(4), *ANSWERS, number=number) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        given = told(judge, requests)
    for request, judgement in zip(requests, given, strict=True):
        expected = [by_hand(folder, str(request.question[0]), answer) for answer in ANSWERS]
        assert rewards_of(judgement) == pytest.approx(expected, abs=1e-5)
    assert "padding changes the model's rewards" in caplog.text
    del rows[:]
    told(judge, [put(Ranking(4), *ANSWERS, number=number) for number in range(3, 6)])
    assert max(rows) == 3, "rows of one length still share a batch"


def test_a_model_that_sees_reads_images_in_question_and_candidates(seeing: Path, made: Make, paint: Paint) -> None:
    judge = made(model=str(seeing), batch_size=8)
    shown = [(paint(1), "A photo."), (paint(2), "A photo, or so it seems to me."), ("No photo <start_of_image>.",)]
    requests = [put(Ranking(3), *shown), put(Ranking(3), *shown, ask=paint(9))]
    given = told(judge, requests)

    def content(*parts: Part) -> list[dict[str, Any]]:
        """The text after an image begins on a line of its own."""
        return [
            {"type": "image", "image": part.load()}
            if isinstance(part, Image)
            else {"type": "text", "text": ("\n" if place else "") + part}
            for place, part in enumerate(parts)
        ]

    for request, judgement in zip(requests, given, strict=True):
        expected = [by_hand(seeing, content(*request.question), content(*one)) for one in shown[:2]]
        assert rewards_of(judgement)[:2] == pytest.approx(expected, abs=1e-5)
    ordered = [told(made(model=str(seeing), batch_size=1), [request])[0] for request in requests]
    assert [one.verdict for one in ordered] == [one.verdict for one in given]
    same_words = put(Preference(2), (paint(1), "A photo."), (paint(2), "A photo."))
    one, other = rewards_of(told(judge, [same_words])[0])
    assert abs(one - other) > 1e-3, "it does look at the image"


def test_an_odd_picture_is_worth_as_much_as_a_plain_one_that_shows_the_same(seeing: Path, made: Make) -> None:
    twins = [(odd, plain) for _, odd, plain in odd_pictures()]
    for judgement in told(made(model=str(seeing)), [put(Preference(2), *pair) for pair in twins]):
        odd, plain = rewards_of(judgement)
        assert odd == pytest.approx(plain, abs=1e-5)


def test_an_image_that_cannot_be_read_fails_alone(seeing: Path, made: Make, paint: Paint) -> None:
    broken = Image.from_bytes(b"GIF89a", name="bad.gif")
    bad, good = told(
        made(model=str(seeing)), [put(Preference(2), paint(1), broken), put(Preference(2), paint(1), paint(2))]
    )
    assert (bad.status, good.status) == (Status.ERROR, Status.OK)
    assert "bad.gif" in bad.error


def test_a_classifier_with_several_outputs_must_be_told_which(tmp_path: Path, made: Make) -> None:
    several = make_tiny_reward(tmp_path / "several", outputs=3)
    with pytest.raises(UserError, match=r"has 3 outputs \(LABEL_0, LABEL_1, LABEL_2\).*name one of them with `label`"):
        told(made(model=str(several)), pair(1, *ANSWERS[:2]))
    with pytest.raises(UserError, match="no one output 'helpfulness'; there are LABEL_0"):
        told(made(model=str(several), label="helpfulness"), pair(1, *ANSWERS[:2]))
    (chosen,) = told(made(model=str(several), label="LABEL_1"), [put(Preference(2), *ANSWERS[:2])])
    model, tokenizer = loaded(several)
    conversation = [{"role": "user", "content": "What do you see? (0)"}, {"role": "assistant", "content": ANSWERS[0]}]
    inputs = tokenizer.apply_chat_template(conversation, tokenize=True, return_dict=True, return_tensors="pt")
    assert rewards_of(chosen)[0] == pytest.approx(model(**inputs).logits[0, 1].item(), abs=1e-5)


def test_a_chat_model_without_a_head_is_not_given_one_of_noise(folder: Path, tmp_path: Path, made: Make) -> None:
    chat = tmp_path / "chat"
    LlamaForCausalLM(LlamaConfig.from_pretrained(folder)).save_pretrained(chat)
    AutoTokenizer.from_pretrained(folder).save_pretrained(chat)
    with pytest.raises(UserError, match=r"no weights for score\.weight"):
        told(made(model=str(chat)), pair(1, *ANSWERS[:2]))


def test_a_model_without_a_chat_template_is_refused(folder: Path, tmp_path: Path, made: Make) -> None:
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        told(made(model=str(bare)), pair(1, *ANSWERS[:2]))
    (bare / "chat_template.jinja").write_text("{{ raise_exception('Users only') }}")
    with pytest.raises(UserError, match=r"refuses a user's turn and an assistant's \(Users only\)"):
        told(made(model=str(bare)), pair(1, *ANSWERS[:2]))


def test_it_keeps_the_contract_of_judges(folder: Path, tmp_path: Path) -> None:
    card = next(card for card in harness_judges() if card.name == "reward-model")
    options = {"model": str(folder), "threshold": 0.0}
    checks = list(judge_checks(card, options=options, context=FakeContext(workspace=tmp_path)))
    assert checks
    for _, check in checks:
        check()


def test_weights_are_let_go_and_name_the_judge(tmp_path: Path, made: Make) -> None:
    judge = made()
    assert judge.opened is None, "nothing is opened before the first request"
    (request, _) = pair(1, *ANSWERS[:2])
    (before,) = told(judge, [request])
    judge.close()
    assert judge.opened is None
    judge.close()
    (after,) = told(judge, [request])
    assert after.raw == before.raw
    assert after.latency_s != 0.0, "what was known is forgotten with the weights"
    other = make_tiny_reward(tmp_path / "other", seed=1)
    assert made(model=str(other)).fingerprint() != judge.fingerprint() == made(batch_size=1).fingerprint()
