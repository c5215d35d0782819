from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch

from harness.api import Answer, Example, Image, Judgement, PluginError, Request, Status, UserError, Verdict
from harness_grpo.data import Unit
from harness_grpo.options import GrpoOptions
from harness_grpo.policy import Policy
from harness_grpo.rollout import (
    PolicyAnswer,
    PromptedExample,
    Prompts,
    _add_probabilities,
    _read_answer,
    make_groups,
    parts_of,
    write,
)
from harness_transformers.prompts import Prompt
from harness_transformers.sampling import Sampling
from harness_transformers.writing import Written

from .conftest import accuracy, likelihoods, pair, picture, point, question, rewarded, said, showing

DRAWN = Sampling(temperature=1.0)
MOST = 24


@pytest.fixture(scope="module")
def policy(taught: Path) -> Policy:
    return opened(taught)


def opened(folder: Path) -> Policy:
    return Policy(str(folder), GrpoOptions(max_new_tokens=MOST), name="recipe", seed=0)


def unit(*examples: Example) -> Unit:
    return Unit(examples[0].request.task, examples)


def asked(policy: Policy, *examples: Example, reasoning: bool = True) -> list[PromptedExample]:
    return Prompts(policy, reasoning=reasoning).of_unit(unit(*examples)) or []


def written(policy: Policy, questions: Sequence[PromptedExample], **fields: Any) -> list[tuple[PolicyAnswer, ...]]:
    known: dict[str, Any] = {"samples": 3, "sampling": DRAWN, "most": MOST, "rows": 64, "seeds": (0, 1)}
    return write(policy, questions, **{**known, **fields})


# -- prompts -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_shown_is_counted_and_said(
    policy: Policy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = Prompts(policy)
    torn = showing(point("red", 7), Image.from_bytes(b"torn", name="torn.png"))
    gone = showing(point("blue", 8), Image.from_file(tmp_path / "gone.png"))
    with caplog.at_level(logging.WARNING, logger="harness_grpo"):
        assert [prompts.of_unit(unit(one)) for one in (torn, gone, torn)] == [None] * 3
    assert prompts.skipped == {"red": 2, "blue": 1}
    assert "task red, item 7 is left out: image torn.png: not a readable image" in caplog.text
    assert "task blue, item 8 is left out:" in caplog.text
    assert prompts.of_unit(unit(point("red", 7))) is not None


def test_a_pair_of_which_one_order_cannot_be_shown_is_left_out_whole(policy: Policy) -> None:
    one, other = pair("pair", 0)
    prompts = Prompts(policy)
    assert prompts.of_unit(unit(one, showing(other, Image.from_bytes(b"torn", name="torn.png")))) is None
    assert prompts.skipped == {"pair": 1}


def test_a_prompt_that_leaves_no_room_for_the_answer_is_left_out(taught: Path) -> None:
    policy = Policy(str(taught), GrpoOptions(max_new_tokens=2040), name="recipe", seed=0)
    prompts = Prompts(policy)
    assert prompts.of_unit(unit(point("red", 0))) is None
    assert prompts.skipped == {"red": 1}


def test_a_model_that_reads_text_only_is_no_model_for_pictures(wordy: Path) -> None:
    policy = opened(wordy)
    with pytest.raises(UserError, match="task red: this is a text model, and the question shows images"):
        Prompts(policy).of_unit(unit(point("red", 0)))
    assert len(asked(policy, question("words", 0))) == 1


def test_pixels_are_forgotten_once_the_prompt_is_made(policy: Policy) -> None:
    looked: list[int] = []

    def draw() -> PIL.Image.Image:
        looked.append(1)
        return picture(len(looked), True).load()

    shown = [Image.from_drawing(draw, name="drawn") for _ in range(3)]
    prompts = Prompts(policy)
    kept = [prompts.of_unit(unit(showing(point("red", number), image))) for number, image in enumerate(shown)]
    assert looked
    assert all(kept)
    assert [image._pixels for image in shown] == [None] * 3


def test_prompts_are_made_once_and_kept_from_epoch_to_epoch(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    prompter = policy.opened.prompter
    make, calls = prompter.prompt, []

    def count(request: Request) -> Prompt:
        calls.append(request.item)
        return make(request)

    monkeypatch.setattr(prompter, "prompt", count)
    prompts = Prompts(policy)
    first, second = ([prompts.of_unit(unit(point("red", number))) for number in range(2)] for _ in range(2))
    assert calls == ["0", "1"]
    for one, other in zip(first, second, strict=True):
        assert one is not None
        assert other is not None
        assert one[0].prompt is other[0].prompt


def test_prompts_that_are_kept_are_bounded_by_their_bytes(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    prompter = policy.opened.prompter
    make, calls = prompter.prompt, []

    def count(request: Request) -> Prompt:
        calls.append(request.item)
        return make(request)

    monkeypatch.setattr(prompter, "prompt", count)
    (shown,) = asked(policy, point("red", 0))
    held = sum(image["pixel_values"].nbytes for image in shown.prompt.prepared)
    assert held < shown.prompt.nbytes < 1.5 * held
    monkeypatch.setattr("harness_grpo.rollout._KEPT_BYTES", 3 * shown.prompt.nbytes)
    calls.clear()
    prompts = Prompts(policy)
    for number in (0, 1, 2, 3, 4, 2, 3, 4, 0):
        prompts.of_unit(unit(point("red", number)))
    assert calls == ["0", "1", "2", "3", "4", "0"], "the last three are kept"
    assert prompts._kept._held <= 3 * shown.prompt.nbytes


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_its_tokens_its_text_and_what_its_format_reads(policy: Policy) -> None:
    questions = asked(policy, point("red", 0)) + asked(policy, *pair("pair", 1))
    for question_, given in zip(questions, written(policy, questions, samples=8), strict=True):
        for one in given:
            ended = one.tokens[-1] == policy.end
            assert one.truncated is not ended
            body = one.tokens[:-1] if ended else one.tokens
            assert one.text == policy.opened.decode_exactly(body)
            assert one.judgement.completion_tokens == len(body)
            cut = "max_new_tokens" if one.truncated else ""
            read = question_.example.request.read(one.text, cut=cut, completion_tokens=len(body))
            assert one.judgement == read


def test_the_token_that_ended_an_answer_is_the_one_that_is_trained(taught: Path) -> None:
    policy = opened(taught)
    language = policy.opened.language
    questions = asked(policy, point("red", 0)) + asked(policy, *pair("pair", 1))
    wild = Sampling(temperature=3.0)
    plain = written(policy, questions, samples=8, sampling=wild)
    language.stops = torch.tensor([policy.end, *range(policy.end + 20, 600, 20)])
    found = set()
    for before, given in zip(plain, written(policy, questions, samples=8, sampling=wild), strict=True):
        for one, other in zip(before, given, strict=True):
            end = next((place for place, token in enumerate(one.tokens) if token in language.stops.tolist()), None)
            assert other.tokens == (one.tokens if end is None else one.tokens[: end + 1]), "what was drawn"
            assert other.truncated is (end is None)
            found.add(other.tokens[-1])
    assert len(found & set(language.stops.tolist())) > 3


@pytest.mark.parametrize(("beside", "samples", "most"), [(True, 4, 2), (False, 4, 1), (True, 1, 4)])
def test_all_answers_of_a_step_are_written_in_one_loop_up_to_a_bound(
    taught: Path, monkeypatch: pytest.MonkeyPatch, beside: bool, samples: int, most: int
) -> None:
    monkeypatch.setattr("harness_grpo.rollout._AT_ONCE", 8)
    monkeypatch.setattr("harness_grpo.rollout.AT_ONCE_APART", 4)
    policy = opened(taught)
    policy.opened.writer.beside = beside
    prefill, sizes = policy.opened.language.prefill, []

    def count(prompts: Sequence[Prompt], **keywords: Any) -> Any:
        sizes.append(len(prompts))
        return prefill(prompts, **keywords)

    monkeypatch.setattr(policy.opened.language, "prefill", count)
    questions = [one for number in range(4) for one in asked(policy, point("red", number))]
    written(policy, questions, samples=samples, rows=None)
    assert sizes == [most] * (4 // most)
    written(policy, questions, samples=samples, rows=samples * 3)
    assert sizes[4 // most :] == [3, 1]


def test_an_answer_at_the_limit_is_cut_off_and_has_no_end(policy: Policy) -> None:
    questions = asked(policy, point("red", 0))
    ((whole,),) = written(policy, questions, samples=1, sampling=Sampling())
    assert not whole.truncated
    most = len(whole.tokens) - 3
    ((cut,),) = written(policy, questions, samples=1, sampling=Sampling(), most=most)
    assert cut.tokens == whole.tokens[:most]
    assert cut.truncated
    assert cut.judgement.status is Status.TRUNCATED


@pytest.mark.parametrize(
    "written_", ["At first sight <answer>yes</answer> is what one would", "<think>It is <answer>yes"]
)
def test_a_draft_that_the_limit_cut_off_earns_nothing(policy: Policy, written_: str) -> None:
    (question_,) = asked(policy, point("red", 0))
    assert question_.example.gold == "yes"
    tokens = policy.opened.prompter.answer_ids(written_)
    cut = _read_answer(policy.opened, question_, Written(tokens, end=None, moment=0.0))
    assert cut.judgement.status is Status.TRUNCATED
    assert cut.judgement.verdict is None
    (group,) = make_groups([unit(question_.example)], [[question_]], [(cut,)], rewarded(accuracy))
    assert group.earned[0].total == 0.0
    whole = policy.opened.prompter.answer_ids("<think>It is red.</think><answer>yes</answer>")
    for end in (policy.end, None):
        given = _read_answer(policy.opened, question_, Written(whole, end=end, moment=0.0))
        (group,) = make_groups([unit(question_.example)], [[question_]], [(given,)], rewarded(accuracy))
        assert group.earned[0].total == 1.0, "a complete verdict at the very end counts"


def test_an_answer_to_a_prompt_that_opens_the_reasoning_begins_inside_it(policy: Policy) -> None:
    (question_,) = asked(policy, point("red", 0))
    inside = replace(question_, prompt=replace(question_.prompt, opened=True))
    tokens = policy.opened.prompter.answer_ids("It is red.</think><answer>yes</answer>")
    given = _read_answer(policy.opened, inside, Written(tokens, end=policy.end, moment=0.0))
    assert given.judgement.thinking == "opened"
    assert given.judgement.verdict == "yes"
    draft = policy.opened.prompter.answer_ids("It is <answer>yes</answer> at first sight")
    given = _read_answer(policy.opened, inside, Written(draft, end=policy.end, moment=0.0))
    assert given.judgement.verdict is None, "the reasoning is never closed"


def test_what_is_drawn_depends_on_request_seeds_and_sample_and_on_nothing_else(policy: Policy) -> None:
    questions = [one for number in range(3) for one in asked(policy, point("red", number))]
    questions += asked(policy, *pair("pair", 1))
    together = written(policy, questions)
    assert written(policy, questions, rows=1) == together
    assert written(policy, questions[::-1])[::-1] == together
    fewer = written(policy, questions, samples=2)
    assert fewer == [given[:2] for given in together]
    for seeds in ((0, 2), (1, 1)):
        assert all(one != other for one, other in zip(written(policy, questions, seeds=seeds), together, strict=True))
    assert any(len({one.tokens for one in given}) > 1 for given in together), "samples differ"


def test_temperature_0_takes_the_likeliest(policy: Policy) -> None:
    (question_,) = asked(policy, point("red", 0))
    ((one, other),) = written(policy, [question_], samples=2, sampling=Sampling())
    assert one.tokens == other.tokens
    ids = torch.tensor([[*question_.prompt.ids, *one.tokens]])
    with torch.no_grad():
        logits = policy.model(input_ids=ids, **question_.prompt.prepared[0]).logits[
            0, len(question_.prompt.ids) - 1 : -1
        ]
    assert tuple(logits.argmax(-1).tolist()) == one.tokens


@pytest.mark.parametrize("sampling", [Sampling(), DRAWN], ids=["likeliest", "drawn"])
def test_placeholders_of_images_are_never_written(taught: Path, sampling: Sampling) -> None:
    policy = opened(taught)
    image = policy.model.config.image_token_index

    def prefer(module: object, inputs: object, logits: torch.Tensor) -> None:
        logits[..., image] += 100

    policy.model.lm_head.register_forward_hook(prefer)
    questions = asked(policy, point("red", 0))
    (given,) = written(policy, questions, sampling=sampling)
    assert not any(image in one.tokens for one in given)
    policy.opened.language.never = policy.opened.language.never[:0]
    (given,) = written(policy, questions, sampling=sampling)
    assert all(image in one.tokens for one in given), "it would have been"


def test_a_model_that_computes_nan_is_an_error_and_not_an_answer(taught: Path) -> None:
    policy = opened(taught)
    with torch.no_grad():
        policy.model.lm_head.weight[5, 3] = float("nan")
    with pytest.raises(UserError, match=r"task red: the model gives NaN .* best weights so far are kept"):
        written(policy, asked(policy, point("red", 0)))


@pytest.mark.parametrize("reasoning", [True, False])
def test_probabilities_are_those_of_each_answer_behind_the_reasoning_written(policy: Policy, reasoning: bool) -> None:
    (question_,) = asked(policy, point("red", 0), reasoning=reasoning)
    (bare,) = asked(policy, point("red", 0))
    (given,) = written(policy, [question_], samples=6, weigh=True)
    plain = written(policy, [question_], samples=6)[0]
    request = question_.example.request
    for one, unweighed in zip(given, plain, strict=True):
        assert replace(one.judgement, probabilities=None) == unweighed.judgement
        if one.judgement.status is not Status.OK:
            assert one.judgement.probabilities is None
            continue
        logs = []
        for label in ("yes", "no"):
            rationale = one.judgement.rationale if reasoning else ""
            text = request.format.write(label, request.space, rationale)
            tokens = (*policy.opened.prompter.answer_ids(text), policy.end)
            with torch.no_grad():
                logs.append(likelihoods(policy.model, bare.prompt, tokens).sum())
        expected = torch.stack(logs).softmax(0).tolist()
        assert one.judgement.probabilities == pytest.approx(dict(zip(("yes", "no"), expected, strict=True)), abs=1e-4)
    assert any(one.judgement.status is Status.OK for one in given)


def test_reasoning_that_was_written_stands_ahead_of_the_answers_that_are_weighed(policy: Policy) -> None:
    (question_,) = asked(policy, point("red", 0))
    request = question_.example.request
    given = [said(question_.example, f"<think>{text}</think><answer>yes</answer>") for text in ("It is red.", "no")]
    with policy.writing() as language:
        prefix = language.language.prefill([question_.prompt])
        found = _add_probabilities(language, prefix, [(0, question_)] * 2, given)
    for text, judgement in zip(("It is red.", "no"), found, strict=True):
        logs = []
        for label in ("yes", "no"):
            tokens = policy.opened.prompter.answer_ids(request.format.write(label, request.space, text))
            with torch.no_grad():
                logs.append(likelihoods(policy.model, question_.prompt, (*tokens, policy.end)).sum())
        expected = dict(zip(("yes", "no"), torch.stack(logs).softmax(0).tolist(), strict=True))
        assert judgement.probabilities == pytest.approx(expected, abs=1e-4)


def test_an_answer_that_is_opened_for_the_policy_is_read_whole_and_trained_on_in_part(policy: Policy) -> None:
    (question_,) = asked(policy, point("red", 0), reasoning=False)
    (bare,) = asked(policy, point("red", 0))
    (given,) = written(policy, [question_], samples=6)
    assert question_.opening == "<think></think><answer>"
    behind = policy.opened.decode_exactly(question_.prompt.ids[len(bare.prompt.ids) :])
    assert behind == question_.opening
    for one in given:
        assert one.text.startswith("<think></think><answer>")
        body = one.tokens[:-1] if not one.truncated else one.tokens
        assert one.text == question_.opening + policy.opened.decode_exactly(body)
        assert one.judgement.completion_tokens == len(body)


def test_prompts_share_a_pass_where_they_are_alike(policy: Policy) -> None:
    questions = [one for number in range(2) for one in asked(policy, point("red", number, words="Is it? " * 9))]
    questions += [one for number in range(5) for one in asked(policy, point("red", number))]
    questions += asked(policy, *pair("pair", 0))
    prompts = [one.prompt for one in questions]
    parts = parts_of(prompts, 3)
    assert sorted(place for part in parts for place in part) == list(range(len(prompts)))
    assert max(map(len, parts)) == 3
    lengths = [len(prompts[place].ids) for part in parts for place in part]
    assert lengths == sorted(lengths), "of like length"


# -- rewards -----------------------------------------------------------------------------------------------------------


class Swap:
    """Remembers what it was shown; both orders earn the number of the sample."""

    def __init__(self) -> None:
        self.seen: list[tuple[Answer, ...]] = []

    def __call__(self, request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        pytest.fail("asked about one order")

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        self.seen.append(tuple(answers))
        return float(len(self.seen) - 1)


def answered(examples: Sequence[Example], texts: Sequence[Sequence[str]], policy: Policy, **fields: Any) -> Any:
    given = [tuple(said(example, text) for text in mine) for example, mine in zip(examples, texts, strict=True)]
    questions = asked(policy, *examples)
    return make_groups([unit(*examples)], [questions], given, **fields)


def test_both_orders_of_an_item_are_rewarded_together_sample_by_sample(policy: Policy) -> None:
    swap, examples = Swap(), list(pair("pair", 4))
    texts = [[f"<answer>{letter}</answer> {sample}" for sample in range(3)] for letter in "AB"]
    groups = answered(examples, texts, policy, rewards=rewarded(swap))
    assert [[one.judgement.raw[-1] for one in seen] for seen in swap.seen] == [["0", "0"], ["1", "1"], ["2", "2"]]
    for seen in swap.seen:
        assert [one.request.order for one in seen] == [(0, 1), (1, 0)]
        assert [one.gold for one in seen] == [0, 1]
        assert [one.judgement.verdict for one in seen] == [0, 1]
    assert [[one.total for one in group.earned] for group in groups] == [[0.0, 1.0, 2.0]] * 2
    assert [group.asked.example for group in groups] == examples


def test_units_get_their_own_answers(policy: Policy) -> None:
    first, second = [point("red", 0)], list(pair("pair", 4))
    given = [
        (said(first[0], "<answer>yes</answer>"), said(first[0], "<answer>no</answer>")),
        (said(second[0], "<answer>A</answer>"), said(second[0], "<answer>A</answer>")),
        (said(second[1], "<answer>A</answer>"), said(second[1], "<answer>B</answer>")),
    ]
    questions = [asked(policy, *first), asked(policy, *second)]
    groups = make_groups([unit(*first), unit(*second)], questions, given, rewarded(accuracy))
    assert [[one.total for one in group.earned] for group in groups] == [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def test_a_task_that_no_reward_applies_to_is_an_error_that_names_it_and_its_space(policy: Policy) -> None:
    def never(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return None

    with pytest.raises(UserError, match=r"task red: no reward .*\(Choice\(labels=\('yes', 'no'\)\)\).*: never\. Add"):
        answered([point("red", 0)], [["a", "b"]], policy, rewards=rewarded(never))
    with pytest.raises(UserError, match=r"task red: .* there are: none"):
        answered([point("red", 0)], [["a", "b"]], policy, rewards=rewarded(accuracy, tasks=frozenset({"blue"})))


def test_an_answer_that_no_reward_applies_to_is_no_error_where_others_have_one(policy: Policy) -> None:
    def only_b(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        return 1.0 if judgement.raw == "b" else None

    (group,) = answered([point("red", 0)], [["a", "b"]], policy, rewards=rewarded(only_b))
    assert [one.total for one in group.earned] == [None, 1.0]


def test_what_a_reward_raises_is_no_reward(policy: Policy) -> None:
    def broken(request: Request, judgement: Judgement, gold: Verdict) -> float | None:
        raise ZeroDivisionError("by zero")

    with pytest.raises(PluginError, match=r"reward broken raised ZeroDivisionError: by zero .*is no reward"):
        answered([point("red", 0)], [["a", "b"]], policy, rewards=rewarded(broken))
