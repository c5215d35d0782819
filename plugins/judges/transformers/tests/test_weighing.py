from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.api import AnswerSpace, Choice, Judgement, Preference, Ranking, Request, Score, Status, spell_answers
from harness.formats.arena import ArenaFormat
from harness.formats.json_object import JsonFormat
from harness.formats.label import LabelFormat
from harness.formats.tagged import TaggedFormat
from harness_transformers import weighing
from harness_transformers.judge import LocalJudge
from harness_transformers.weighing import answer_set_of

Local = Callable[..., LocalJudge]
Answers = Callable[[LocalJudge, list[Request]], list[Judgement]]


class Plain(TaggedFormat):
    """An instruction of one length, whatever the space."""

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer."


def by_hand(judge: LocalJudge, request: Request) -> list[float]:
    """The probability of every answer: its whole text behind the prompt, alone, one forward pass each."""
    opened = judge._open()
    model, prompt = opened.language.model, opened.prompter.prompt(request)
    pixels = torch.cat([one["pixel_values"] for one in prompt.prepared]) if prompt.prepared else None
    logs = []
    for text in spell_answers(request.format, request.space).texts:
        tokens = opened.prompter.tokenizer(text, add_special_tokens=False)["input_ids"]
        tokens = [*tokens, model.generation_config.eos_token_id]
        ids = torch.tensor([[*prompt.ids, *tokens]])
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels).logits[0].double()
        steps = logits.log_softmax(-1)[len(prompt.ids) - 1 : -1]
        logs.append(steps[range(len(tokens)), tokens].sum())
    return torch.stack(logs).softmax(0).tolist()


SPACES = [
    (Choice(("yes", "no")), TaggedFormat()),
    (Choice(("A", "AB", "ABC")), LabelFormat()),
    (Choice(("definitely safe to show", "unsafe", "no")), JsonFormat()),
    (Preference(2, ("bothgood", "bothbad")), ArenaFormat()),
    (Score(1, 10, 1), TaggedFormat()),
    (Ranking(3), TaggedFormat()),
]


@pytest.mark.parametrize(("space", "form"), SPACES, ids=lambda one: type(one).__name__)
def test_probabilities_are_those_of_the_whole_texts(
    local: Local, ask: Callable[..., Request], answers: Answers, space: AnswerSpace, form: Any
) -> None:
    judge = local(mode="verdict", batch_size=3)
    requests = [ask(number, space, form=form, images=1 + number % 2) for number in range(4)]
    for request, judgement in zip(requests, answers(judge, requests), strict=True):
        expected = by_hand(judge, request)
        assert judgement.probabilities is not None
        assert list(judgement.probabilities.values()) == pytest.approx(expected, abs=1e-6)
        names = [space.name(verdict) for verdict in space.verdicts()]
        assert list(judgement.probabilities) == names
        assert space.name(judgement.verdict) == names[expected.index(max(expected))]  # type: ignore[arg-type]
        assert judgement.raw == spell_answers(form, space).texts[expected.index(max(expected))]


def test_answers_weigh_the_same_side_by_side_apart_and_in_portions(
    local: Local, ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = local(mode="verdict")._open()
    requests = [ask(1, Score(0, 20, 1)), ask(2), ask(3, Choice(("a", "b", "c b a")))]
    options = [answer_set_of(request, opened.prompter) for request in requests]
    endings = [one.endings for one in options]
    with torch.inference_mode():
        prefix = opened.language.prefill(
            [opened.prompter.prompt(request) for request in requests], tails=[one.opening for one in options]
        )
        packed = opened.scales.weigh(prefix, endings, at_once=4)
        assert opened.scales.packs, "the first use has checked it"
        monkeypatch.setattr(weighing, "_MOST_PACKED", 9)
        portions = opened.scales.weigh(prefix, endings, at_once=4)
        opened.scales.packs = False
        apart = opened.scales.weigh(prefix, endings, at_once=4)
    for one, two, three in zip(packed, portions, apart, strict=True):
        assert torch.allclose(one, two, atol=1e-5)
        assert torch.allclose(one, three, atol=1e-5)


@pytest.mark.parametrize("rationale", ["", "It is <think> sharp."])
def test_a_mark_that_the_prompt_has_opened_is_not_weighed_again(
    local: Local, ask: Callable[..., Request], rationale: str
) -> None:
    prompter = local(mode="verdict")._open().prompter
    request = ask(1)
    options = answer_set_of(request, prompter, rationale, opened=True)
    whole = [(*options.opening, *ending) for ending in options.endings]
    expected = [f"{rationale}</think><answer>{label}</answer>" for label in ("yes", "no")]
    assert [prompter.tokenizer.decode(ids) for ids in whole] == expected
    plain = answer_set_of(ask(1, form=Plain()), prompter, rationale)
    assert answer_set_of(ask(1, form=Plain()), prompter, rationale, opened=True).endings == plain.endings


LAYOUTS: dict[str, list[AnswerSpace]] = {
    "alike": [Preference(2)] * 3,
    "same length, other answers": [Choice(("a", "b")), Choice(("a", "b c b")), Choice(("a c b", "b"))],
    "other length": [Score(0, 9, 1), Choice(("a", "b", "c b a")), Preference(2)],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_weigh_the_same_in_the_prompts_own_pass_as_behind_it(
    local: Local, ask: Callable[..., Request], layout: str
) -> None:
    opened = local(mode="verdict", batch_size=8)._open()
    requests = [
        ask(4, space, form=Plain(), images=1 if layout != "other length" else place + 1, words="ABC"[place])
        for place, space in enumerate(LAYOUTS[layout])
    ]
    options = [answer_set_of(request, opened.prompter) for request in requests]
    prompts = [opened.prompter.prompt(request) for request in requests]
    lengths = {len(prompt.ids) + len(one.opening) for prompt, one in zip(prompts, options, strict=True)}
    assert (len(lengths) > 1) is (layout == "other length")
    with torch.inference_mode():
        for _ in range(3):  # alone, then with the start of the prompts kept
            joined = opened.scales._read_together(prompts, options)
            behind = opened.scales._read_first(prompts, options, at_once=8)
            assert torch.allclose(joined, behind, atol=1e-5)


def test_a_verdict_is_one_pass_of_the_language_model(
    local: Local, pair: Callable[[int], list[Request]], answers: Answers
) -> None:
    judge = local(mode="verdict", batch_size=8)
    answers(judge, pair(1))  # the checks of the first batch
    passes = []
    judge._open().language.model.model.language_model.register_forward_pre_hook(lambda *_: passes.append(1))
    answers(judge, pair(2))
    assert len(passes) == 1


def test_a_model_that_cannot_weigh_in_the_prompts_own_pass_is_noticed(
    local: Local, ask: Callable[..., Request], answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(mode="verdict")
    opened = judge._open()
    joined = opened.scales._read_together
    monkeypatch.setattr(opened.scales, "_read_together", lambda *given: joined(*given).flip(-1))
    requests = [ask(number) for number in range(3)]
    given = answers(judge, requests)
    assert not opened.scales.joins
    assert opened.scales.packs
    for request, judgement in zip(requests, given, strict=True):
        assert judgement.probabilities is not None
        assert list(judgement.probabilities.values()) == pytest.approx(by_hand(judge, request), abs=1e-6)


def test_a_model_that_cannot_weigh_side_by_side_is_noticed(
    local: Local, ask: Callable[..., Request], answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = local(mode="verdict")
    opened = judge._open()
    side_by_side = opened.scales._side_by_side
    monkeypatch.setattr(opened.scales, "_side_by_side", lambda *given: side_by_side(*given).flip(-1))
    requests = [ask(number) for number in range(3)]
    given = answers(judge, requests)
    assert not opened.scales.packs
    for request, judgement in zip(requests, given, strict=True):
        assert judgement.probabilities is not None
        assert list(judgement.probabilities.values()) == pytest.approx(by_hand(judge, request), abs=1e-6)


def test_a_space_that_cannot_be_listed_is_refused_with_the_reason(
    local: Local, ask: Callable[..., Request], answers: Answers
) -> None:
    given = answers(local(mode="verdict"), [ask(1, Score(0, 1, 0)), ask(2), ask(3, Ranking(6))])
    assert [judgement.status for judgement in given] == [Status.REFUSED, Status.OK, Status.REFUSED]
    assert "too many" in given[0].error
