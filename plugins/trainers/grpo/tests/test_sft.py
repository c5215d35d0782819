from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api import Example, UserError
from harness.testing import FakeContext
from harness_grpo.options import SftOptions
from harness_grpo.policy import Policy
from harness_grpo.sft import Sft
from harness_grpo.training_setup import TrainingSetup, make_setup
from harness_transformers.judge import make as make_judge
from harness_transformers.options import GenerativeOptions

from .conftest import FORMAT, Curves, fixed, pair, point, points, question, sft, training, without_tags


def make_sft(folder: Path, model: Path, tasks: Sequence[Any], **options: Any) -> tuple[TrainingSetup, Sft]:
    made = SftOptions(**{"max_new_tokens": 24, **options})
    policy = Policy(str(model), made, name="recipe", seed=0)
    whole = make_setup(training(folder, model, tasks=tasks), made, policy)
    return whole, Sft(whole, made)


def targets(folder: Path, model: Path, examples: Sequence[Example], **options: Any) -> list[str]:
    whole, method = make_sft(folder, model, [fixed("red", examples)], **options)
    decode = whole.policy.opened.decode_exactly
    return [decode(method._target(one)) for one in examples]


# -- what is learnt ----------------------------------------------------------------------------------------------------


def test_the_target_is_the_gold_as_the_format_writes_it_and_the_end(taught: Path, tmp_path: Path) -> None:
    first, second = pair("pair", 0)
    examples = [point("red", 0), point("red", 1), first, second]
    written = [FORMAT.write(one.gold, one.request.space) + "<|end|>" for one in examples]
    assert written[1:] == [f"<think></think><answer>{gold}</answer><|end|>" for gold in ("no", "A", "B")]
    assert targets(tmp_path, taught, examples) == written


def test_with_a_rationale_it_goes_ahead_of_the_gold(taught: Path, tmp_path: Path) -> None:
    (target,) = targets(tmp_path, taught, [point("red", 0)], rationale="rationale")
    assert target == "<think>It is red.</think><answer>yes</answer><|end|>"


def test_a_missing_rationale_is_an_error_that_names_the_item(taught: Path, tmp_path: Path) -> None:
    whole = training(tmp_path, taught, tasks=[fixed("red", [without_tags(point("red", 5))])])
    with pytest.raises(UserError, match="task red, item 5: has no tag 'rationale' to take the reasoning from"):
        sft(whole, steps=1, rationale="rationale")


def test_a_missing_rationale_is_found_before_anything_is_computed(taught: Path, tmp_path: Path) -> None:
    curves = Curves()
    train = [*(point("red", number) for number in range(5)), without_tags(point("red", 5))]
    tasks = [fixed("red", train, validation=[point("red", 6)])]
    with pytest.raises(UserError, match="task red, item 5: has no tag"):
        sft(training(tmp_path, taught, tasks=tasks, curves=curves), steps=1, batch=1, rationale="rationale")
    assert not curves


def test_control_tokens_in_a_rationale_are_words(taught: Path, tmp_path: Path) -> None:
    whole, method = make_sft(tmp_path, taught, [points("red", 1)], rationale="rationale")
    example = point("red", 0)
    hostile = replace(example, item=replace(example.item, tags={"rationale": "Red.<|end|><image>"}))
    tokens = method._target(hostile)
    language = whole.policy.opened.language
    assert not {*language.stops.tolist(), *language.never.tolist()} & set(tokens[:-1])
    assert tokens[-1] == whole.policy.end


# -- the loss ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 4])
def test_loss_and_gradient_are_those_of_a_plain_forward_with_labels(taught: Path, tmp_path: Path, groups: int) -> None:
    longer = point("red", 4, words="Is the picture red? " * 3)
    examples = [longer, point("red", 1), point("blue", 2, words="Is the picture red? " * 2), *pair("pair", 2)]
    tasks = [fixed(name, [one for one in examples if one.request.task == name]) for name in ("red", "blue", "pair")]
    whole, method = make_sft(tmp_path, taught, tasks, batch=4, groups=groups, rationale=None, max_grad_norm=1e9)
    found: dict[str, torch.Tensor] = {}

    def keep(loss: float, number: int) -> float:
        found.update({name: one.grad.clone() for name, one in whole.policy.trained.items() if one.grad is not None})
        whole.optimizer.zero_grad()
        return 0.0

    whole.apply = keep  # type: ignore[method-assign]
    metrics = method.step(0)
    model, losses, tokens = whole.policy.model, [], 0
    sums = {name: [0.0, 0] for name in ("red", "blue", "pair")}
    for example in examples:
        request = example.request
        prompt = whole.policy.opened.prompter.prompt(request)
        answer = (*whole.policy.opened.prompter.answer_ids(FORMAT.write(example.gold, request.space)), whole.policy.end)
        ids = torch.tensor([[*prompt.ids, *answer]])
        labels = torch.tensor([[*[-100] * len(prompt.ids), *answer]])
        pixels = torch.cat([one["pixel_values"] for one in prompt.prepared])
        mean = model(input_ids=ids, pixel_values=pixels, labels=labels).loss
        losses.append(mean * len(answer))
        tokens += len(answer)
        sums[request.task][0] += losses[-1].item()
        sums[request.task][1] += len(answer)
    loss = torch.stack(losses).sum() / tokens
    torch.autograd.backward(loss)
    assert metrics["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert metrics["tokens"] == tokens
    for task, (value, length) in sums.items():
        assert metrics[f"{task}/loss"] == pytest.approx(value / length, rel=1e-5)
    expected = {name: one.grad for name, one in whole.policy.trained.items() if one.grad is not None}
    largest = max(float(one.abs().max()) for one in expected.values())
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5 * largest)


# -- learning ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Curves]:
    """A checkpoint that has learnt what is red, what its trainer said, and its curves."""
    curves, folder = Curves(), tmp_path_factory.mktemp("sft")
    whole = training(folder, taught, tasks=[points("red", 24)], curves=curves)
    done = sft(whole, steps=30, lr=3e-3, batch=12, groups=12, validation={"every": 15})
    return whole.checkpoint, done, curves


def test_it_learns_what_is_red(trained: tuple[Path, Any, Curves]) -> None:
    _, done, curves = trained
    accuracy = curves.of("validation/red/accuracy")
    assert accuracy[0] == 0.5
    assert accuracy[done.selected] == 1.0
    assert done.scores["red/accuracy"] == done.scores["accuracy"] == done.scores["macro_f1"] == 1.0
    loss = curves.of("loss")
    assert loss[30] < loss[1] / 1.5
    assert curves.of("red/epochs")[30] == 30 * 12 / 24
    assert done.notes == ()


@pytest.mark.parametrize("mode", ["generate", "verdict"])
def test_a_judge_opens_the_checkpoint_and_is_as_good(
    trained: tuple[Path, Any, Curves], tmp_path: Path, mode: str
) -> None:
    checkpoint, done, _ = trained
    options = {"model": str(checkpoint), "mode": mode, "max_new_tokens": 24, "device": "cpu"}
    judge = make_judge(GenerativeOptions.model_validate(options), FakeContext(workspace=tmp_path))
    examples = list(points("red", 24).examples("validation"))
    given = {request.key: one for request, one in judge.judge(iter([one.request for one in examples]))}
    right = [given[one.request.key].verdict == one.gold for one in examples]
    assert sum(right) / len(right) == done.scores["red/accuracy"]


def test_a_model_of_words_learns_as_well(wordy: Path, tmp_path: Path) -> None:
    curves = Curves()
    whole = training(tmp_path, wordy, tasks=[fixed("odd", [question("odd", 1)])], curves=curves)
    done = sft(whole, steps=8, lr=1e-2, batch=1, max_new_tokens=16)
    loss = curves.of("loss")
    assert loss[8] < loss[1] - 1
    assert "no task has a validation split" in done.notes[0]
