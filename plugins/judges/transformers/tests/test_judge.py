from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.api import Choice, Context, Image, Judgement, Message, Request, Status, UserError
from harness.formats.label import LabelFormat
from harness.testing import FakeContext
from harness_transformers.judge import LocalJudge
from harness_transformers.options import GenerativeOptions

Local = Callable[..., LocalJudge]
Ask = Callable[..., Request]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]

MODES: list[dict[str, Any]] = [
    {"mode": "verdict"},
    {"mode": "generate", "max_new_tokens": 64},
    {"mode": "reason-then-verdict", "max_new_tokens": 12},
    {"mode": "generate", "max_new_tokens": 64, "temperature": 1.0, "samples": 3, "top_p": 0.95},
    {"mode": "reason-then-verdict", "max_new_tokens": 12, "temperature": 0.8},
]


@pytest.fixture
def requests(ask: Ask, pair: Callable[[int], list[Request]]) -> list[Request]:
    """Pointwise and pairwise questions, prompts of many lengths, one asked three times over."""
    mixed = [*(ask(number) for number in range(5)), *pair(7), *pair(8)]
    return [*mixed, *(replace(mixed[0], sample=number) for number in (1, 2))]


@pytest.mark.parametrize("options", MODES, ids=lambda one: "-".join(map(str, one.values())))
def test_answers_do_not_depend_on_the_batch(
    local: Local, taught: Path, requests: list[Request], answers: Answers, options: dict[str, Any]
) -> None:
    expected = answers(local(model=str(taught), batch_size=1, **options), requests)
    assert any(one.status is Status.OK for one in expected)
    for size in (2, 5, 64):
        given = answers(local(model=str(taught), batch_size=size, **options), requests)
        for one, two in zip(expected, given, strict=True):
            assert (one.status, one.verdict, one.raw, one.error) == (two.status, two.verdict, two.raw, two.error)
            assert one.completion_tokens == two.completion_tokens
            if one.probabilities is not None:
                assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)


@pytest.mark.parametrize("options", MODES[3:], ids=lambda one: one["mode"])
def test_a_resumed_run_draws_what_an_uninterrupted_one_draws(
    local: Local, taught: Path, requests: list[Request], answers: Answers, options: dict[str, Any]
) -> None:
    whole = answers(local(model=str(taught), **options), requests)
    rest = answers(local(model=str(taught), **options), requests[6:])
    assert [one.raw for one in rest] == [one.raw for one in whole[6:]]


def test_samples_of_a_request_differ_and_so_do_runs_of_another_seed(
    local: Local, taught: Path, ask: Ask, answers: Answers, context: Context
) -> None:
    options: dict[str, Any] = {"model": str(taught), "temperature": 2.0, "max_new_tokens": 16}
    requests = [replace(ask(1), sample=number) for number in range(4)]
    first = [one.raw for one in answers(local(**options), requests)]
    assert len(set(first)) > 1
    other = LocalJudge(GenerativeOptions(threads=1, **options), FakeContext(workspace=context.workspace, seed=1))
    assert [one.raw for one in answers(other, requests)] != first
    assert other.fingerprint() != local(**options).fingerprint()


def test_an_answer_that_is_cut_off_is_no_wrong_answer(local: Local, taught: Path, ask: Ask, answers: Answers) -> None:
    (short,) = answers(local(model=str(taught), max_new_tokens=4), [ask(1)])
    assert short.status is Status.TRUNCATED
    assert short.verdict is None
    assert short.raw
    assert short.completion_tokens == 4
    assert short.cut == "max_new_tokens"
    (whole,) = answers(local(model=str(taught), max_new_tokens=96), [ask(1)])
    assert whole.status is Status.OK
    assert whole.rationale
    assert whole.model.isalnum()
    assert whole.latency_s is not None
    assert whole.prompt_tokens is not None
    assert whole.prompt_tokens > 50


def test_reason_then_verdict_weighs_answers_behind_the_models_own_words(
    local: Local, taught: Path, ask: Ask, answers: Answers
) -> None:
    request = ask(1)
    (judgement,) = answers(local(model=str(taught), mode="reason-then-verdict", max_new_tokens=96), [request])
    (written,) = answers(local(model=str(taught), max_new_tokens=96), [request])
    assert judgement.rationale == written.rationale
    judge = local(model=str(taught), mode="verdict")
    opened = judge._open()
    opening = request.format.write("yes", request.space, judgement.rationale).partition("yes")[0]
    with torch.inference_mode():
        tails = [opened.prompter.answer_ids(opening)]
        prefix = opened.language.prefill([opened.prompter.prompt(request)], tails=tails)
        endings = [[opened.prompter.answer_ids(f"{label}</answer>") for label in ("yes", "no")]]
        shares = opened.scales.weigh(prefix, endings, at_once=2)[0].softmax(-1).tolist()
    assert judgement.probabilities == pytest.approx({"yes": shares[0], "no": shares[1]}, abs=1e-6)


def test_each_sample_of_a_vote_is_drawn_by_itself(local: Local, taught: Path, ask: Ask, answers: Answers) -> None:
    judge = local(model=str(taught), temperature=2.0, samples=4, max_new_tokens=12)
    (judgement,) = answers(judge, [ask(1)])
    drawn = [one.strip() for one in re.split(r"--- sample \d ---", judgement.raw)[1:]]
    assert len(drawn) == 4
    assert len(set(drawn)) > 1


def test_one_prompt_with_two_spaces_is_weighed_in_each(local: Local, ask: Ask, answers: Answers) -> None:
    one = ask(1)
    other = replace(one, space=Choice(("good", "bad")))
    yes_no, good_bad = answers(local(mode="verdict"), [one, other])
    assert set(yes_no.probabilities or ()) == {"yes", "no"}
    assert set(good_bad.probabilities or ()) == {"good", "bad"}


def test_one_pass_over_the_prompt_serves_all_samples(
    local: Local, ask: Ask, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(temperature=1.0, samples=4, max_new_tokens=3, batch_size=16)
    answers(judge, [ask(0)])
    language = judge._open().language
    prefill = language.prefill
    rows: list[int] = []

    def counted(prompts: Any, **named: Any) -> Any:
        rows.append(len(prompts))
        return prefill(prompts, **named)

    monkeypatch.setattr(language, "prefill", counted)
    answers(judge, [replace(ask(1), sample=number) for number in range(4)])
    assert rows == [1]


def test_memory_that_runs_out_makes_batches_smaller_and_nothing_else(
    local: Local, taught: Path, requests: list[Request], answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": str(taught), "max_new_tokens": 64}
    expected = [one.raw for one in answers(local(**options), requests)]
    judge = local(batch_size=16, **options)
    model = judge._open().language.model
    forward = model.forward

    @wraps(forward)
    def small(*given: Any, **named: Any) -> Any:
        if len(named["input_ids"]) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(*given, **named)

    monkeypatch.setattr(model, "forward", small)
    assert [one.raw for one in answers(judge, requests)] == expected
    assert judge._room.rows == 2


@pytest.mark.slow
def test_memory_that_never_suffices_is_an_error_of_each_request(
    local: Local, ask: Ask, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(max_new_tokens=4)
    model = judge._open().language.model

    def never(*given: Any, **named: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "forward", never)
    given = answers(judge, [ask(number) for number in range(3)])
    assert {one.status for one in given} == {Status.ERROR}
    assert "smaller dtype" in given[0].error


def test_one_request_that_is_too_large_fails_alone_and_shrinks_no_batch(
    local: Local, ask: Ask, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(mode="verdict", batch_size=4)
    answers(judge, [ask(0)])
    model = judge._open().language.model
    forward = model.forward

    @wraps(forward)
    def small(*given: Any, **named: Any) -> Any:
        if named["input_ids"].shape[1] > 150:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(*given, **named)

    monkeypatch.setattr(model, "forward", small)
    given = answers(judge, [ask(1), ask(2, words="word " * 200), ask(3)])
    assert [one.status for one in given] == [Status.OK, Status.ERROR, Status.OK]
    assert judge._room.rows == 4


def test_prompts_longer_than_the_context_and_broken_images_fail_alone(local: Local, ask: Ask, answers: Answers) -> None:
    judge = local(mode="verdict")
    long = ask(1, words="word " * 4000)
    broken = replace(ask(2), messages=(Message("user", (Image.from_bytes(b"GIF89a", name="bad.gif"), "?")),))
    given = answers(judge, [long, ask(3), broken, ask(4)])
    assert [one.status for one in given] == [Status.ERROR, Status.OK, Status.ERROR, Status.OK]
    assert "the model's context of 2048" in given[0].error
    assert "bad.gif" in given[2].error


def test_a_text_model_refuses_pictures_and_answers_words(
    tiny: Path, tmp_path: Path, local: Local, ask: Ask, answers: Answers
) -> None:
    from transformers import AutoModelForImageTextToText, AutoTokenizer, LlamaForCausalLM

    whole = AutoModelForImageTextToText.from_pretrained(tiny)
    text = LlamaForCausalLM(whole.config.text_config)
    text.save_pretrained(tmp_path / "text")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "text")
    for mode in ("verdict", "reason-then-verdict"):
        judge = local(model=str(tmp_path / "text"), mode=mode, max_new_tokens=8)
        seen, words = answers(judge, [ask(1), ask(2, images=0)])
        assert seen.status is Status.REFUSED
        assert "text model" in seen.error
        assert words.status is Status.OK
        assert words.probabilities is not None


@pytest.mark.parametrize("options", [MODES[0], MODES[2]], ids=lambda one: one["mode"])
def test_a_request_that_ends_with_an_assistant_message_is_refused_where_answers_are_weighed(
    local: Local, ask: Ask, answers: Answers, options: dict[str, Any]
) -> None:
    asked = ask(1)
    begun = replace(asked, messages=(*asked.messages, Message("assistant", ("<answer>",))))
    earlier = (Message("user", ("Hello",)), Message("assistant", ("Hello.",)))
    talked = replace(asked, messages=(asked.messages[0], *earlier, asked.messages[1]))
    refused, *others = answers(local(**options), [begun, talked, ask(2)])
    assert refused.status is Status.REFUSED
    assert "ends with an assistant message" in refused.error
    assert refused.completion_tokens is None, "nothing was written"
    assert {Status.REFUSED, Status.ERROR}.isdisjoint({given.status for given in others})


def test_where_the_prompt_opens_the_reasoning_an_answer_begins_inside_it(
    local: Local, taught: Path, tmp_path: Path, ask: Ask, answers: Answers
) -> None:
    folder = shutil.copytree(taught, tmp_path / "thinks")
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|assistant|>", "<|assistant|>{{ '<think>\\n' }}"))
    requests = [ask(number) for number in range(3)]
    for given in answers(local(model=str(folder), max_new_tokens=48), requests):
        assert given.thinking == "opened"
    weighed = local(model=str(folder), mode="verdict")
    for request, given in zip(requests, answers(weighed, requests), strict=True):
        opened = weighed._open()
        tails = [opened.prompter.answer_ids("</think><answer>")]
        with torch.inference_mode():
            prefix = opened.language.prefill([opened.prompter.prompt(request)], tails=tails)
            endings = [[opened.prompter.answer_ids(f"{label}</answer>") for label in ("yes", "no")]]
            shares = opened.scales.weigh(prefix, endings, at_once=2)[0].softmax(-1).tolist()
        assert given.probabilities == pytest.approx(dict(zip(("yes", "no"), shares, strict=True)), abs=1e-6)


def test_latencies_are_those_of_each_request(local: Local, taught: Path, ask: Ask, answers: Answers) -> None:
    options: dict[str, Any] = {"model": str(taught), "temperature": 3.0, "max_new_tokens": 60, "batch_size": 8}
    requests = [ask(number) for number in range(8)]
    began = time.monotonic()
    given = answers(local(**options), requests)
    took = time.monotonic() - began
    steps = {answer.completion_tokens or 0: answer.latency_s or 0.0 for answer in given if not answer.cut}
    assert len(steps) > 2
    assert sorted(steps) == sorted(steps, key=steps.__getitem__), "one batch: longer answers end later"
    assert len(set(steps.values())) == len(steps)
    assert all(0 < (answer.latency_s or 0.0) < took for answer in given)
    for mode in ("verdict", "reason-then-verdict"):
        for answer in answers(local(model=str(taught), mode=mode, max_new_tokens=8), requests):
            assert answer.latency_s is not None
            assert answer.latency_s > 0


def test_an_answer_of_several_samples_is_there_with_the_last(
    local: Local, taught: Path, ask: Ask, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(model=str(taught), temperature=1.0, samples=3, max_new_tokens=4, batch_size=1)
    writer = judge._open().writer
    write = writer.write

    def slowly(*given: Any, **named: Any) -> Any:
        time.sleep(0.1)
        return write(*given, **named)

    monkeypatch.setattr(writer, "write", slowly)
    (judgement,) = answers(judge, [ask(1)])
    assert judgement.latency_s is not None
    assert judgement.latency_s > 0.3


def test_a_verdict_quoted_from_the_prompt_is_not_a_verdict(
    local: Local, ask: Ask, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(max_new_tokens=8)
    request = ask(1)
    opened = judge._open()
    monkeypatch.setattr(type(opened), "decode_exactly", lambda self, ids: request.format.instruction(request.space))
    (judgement,) = answers(judge, [request])
    assert judgement.verdict is None


def test_closed_and_asked_again_it_answers_the_same(local: Local, ask: Ask, answers: Answers) -> None:
    judge = local(mode="verdict")
    before = answers(judge, [ask(1)])
    judge.close()
    assert judge._opened is None
    judge.close()
    assert answers(judge, [ask(1)])[0].probabilities == before[0].probabilities


def test_the_fingerprint_follows_the_weights_and_not_the_folders_name(
    tiny: Path, tmp_path: Path, context: Context
) -> None:
    def printed(folder: Path, **options: Any) -> str:
        return LocalJudge(GenerativeOptions(model=str(folder), **options), context).fingerprint()

    copied = shutil.copytree(tiny, tmp_path / "copy")
    assert printed(copied) == printed(tiny) == printed(tiny)
    (copied / "README.md").write_text("A model card is no weight.")
    assert printed(copied) == printed(tiny)
    weights = load_file(copied / "model.safetensors")
    next(iter(weights.values())).view(-1)[0] += 1
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    assert printed(copied) != printed(tiny)


def test_probabilities_follow_the_labels_of_another_format(local: Local, ask: Ask, answers: Answers) -> None:
    request = ask(1, Choice(("good", "bad")), form=LabelFormat())
    (judgement,) = answers(local(mode="verdict"), [request])
    assert judgement.raw in ("good", "bad")
    assert judgement.completion_tokens == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"samples": 2}, "temperature"),
        ({"samples": 2, "temperature": 1, "mode": "verdict"}, "draws nothing"),
        ({"device": "gpu"}, "device"),
        ({"mode": "think"}, "mode"),
        ({"modle": "x"}, "modle"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        GenerativeOptions(**{"model": "m", **options})


def test_a_model_that_ends_nothing_is_refused(tiny: Path, tmp_path: Path, local: Local) -> None:
    folder = shutil.copytree(tiny, tmp_path / "endless")
    judge = local(model=str(folder))
    import json

    for name, keys in (("generation_config.json", ["eos_token_id"]), ("tokenizer_config.json", ["eos_token"])):
        data = json.loads((folder / name).read_text())
        for key in keys:
            data.pop(key, None)
        (folder / name).write_text(json.dumps(data))
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["eos_token_id"] = None
    config["eos_token_id"] = None
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="eos_token_id"):
        judge._open()
