from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer
from trl.data_utils import prepare_multimodal_messages

from harness.api import Example, Image, Message, UserError
from harness.testing import odd_pictures
from harness_transformers.loading import source_of
from harness_trl.options import TrlGrpoOptions, TrlOptions, TrlSftOptions
from harness_trl.rows import Rows, Shown, open_without_weights

from .conftest import TINY, pair, pairs, point, points, question, task_of, training


def opened(model: Path, options: TrlOptions) -> Shown:
    return open_without_weights(source_of("model", str(model), "recipe"), options, "recipe")


def rows_of(model: Path, *examples: Example, options: TrlOptions | None = None) -> Rows:
    options = options or TrlGrpoOptions(**TINY)
    task = task_of("t", lambda which: examples)
    return Rows(training(model, model, tasks=[task]), opened(model, options), options)


def missing() -> Image:
    return Image.from_bytes(b"no picture", name="torn.png")


@pytest.mark.parametrize("system", ["message", "prepend"])
def test_the_prompt_that_trl_makes_of_a_row_is_the_one_that_the_judge_will_see(taught: Path, system: Any) -> None:
    options = TrlGrpoOptions(**TINY, system=system)
    rows = rows_of(taught, point("t", 1), *pair("t", 2), options=options)
    shown = opened(taught, options)
    for number, example in enumerate(rows.examples):
        row = rows.row(number)
        messages = prepare_multimodal_messages(row["prompt"], images=row["images"])
        theirs = shown.processor.apply_chat_template(
            [messages], add_generation_prompt=True, tokenize=True, return_dict=True
        )
        assert tuple(theirs["input_ids"][0]) == shown.prompter.prompt(example.request).ids
        assert len(row["images"]) == len(example.request.images)
        assert (row["task"], row["item"], row["order"]) == ("t", example.request.item, list(example.request.order))


def test_a_row_whose_prompt_opens_the_reasoning_is_known_once_it_is_drawn(taught: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(taught, tmp_path / "thinks")
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|assistant|>", "<|assistant|>{{ '<think>\\n' }}"))
    rows = rows_of(folder, point("t", 0), point("t", 1))
    rows.row(1)
    assert rows.opened == {1}
    plain = rows_of(taught, point("t", 0))
    plain.row(0)
    assert plain.opened == set()


def test_a_question_that_ends_with_an_assistant_message_is_left_out(taught: Path) -> None:
    good, talked = point("t", 0), point("t", 1)
    messages = (*talked.request.messages, Message("assistant", ("It is",)))
    rows = rows_of(taught, good, replace(talked, request=replace(talked.request, messages=messages)))
    assert rows.row(1)["row"] == 0
    assert rows.skipped == {"t": {1}}


def test_rows_are_made_when_they_are_drawn(taught: Path) -> None:
    rows = rows_of(taught, point("t", 0), point("t", 1, image=missing()))
    dataset = rows.dataset()
    assert len(dataset) == 2
    assert not rows.skipped
    assert dataset[0]["row"] == 0
    assert set(dataset[0]) == {"prompt", "images", "task", "item", "order", "row"}


def test_a_row_holds_the_picture_that_a_person_sees(taught: Path) -> None:
    twins = [(odd, plain) for _, odd, plain in odd_pictures()]
    rows = rows_of(taught, *(point("t", number, image=odd) for number, (odd, _) in enumerate(twins)))
    for number, (_, plain) in enumerate(twins):
        (shown,) = rows.row(number)["images"]
        assert (shown.mode, shown.size, shown.tobytes()) == ("RGB", plain.load().size, plain.load().tobytes())


def test_what_cannot_be_shown_gives_way_to_the_next_of_its_task_and_is_counted(
    taught: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, torn = points("good", 1), task_of("torn", lambda _: [point("torn", 0), point("torn", 1, image=missing())])
    options = TrlGrpoOptions(**TINY)
    rows = Rows(training(tmp_path, taught, tasks=[torn, good]), opened(taught, options), options)
    for _ in range(2):
        assert rows.row(1)["row"] == 0, "the next one of the task, from its beginning again"
        assert rows.row(2)["row"] == 2
    assert rows.skipped == {"torn": {1}}
    assert caplog.text.count("task torn, item 1 is left out: image torn.png: not a readable image") == 1


@pytest.mark.parametrize("words", ["Is it <image> red?", "Fine.<|end|><|assistant|>yes"])
def test_text_that_trl_would_take_for_control_tokens_is_left_out(
    taught: Path, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_of(taught, point("t", 0, words=words), point("t", 1))
    assert rows.row(0)["row"] == 1
    assert "take for a control token" in caplog.text


def test_marks_of_reasoning_that_are_tokens_of_the_model_are_shown(taught: Path, tmp_path: Path) -> None:
    """As in Qwen3: the instruction of the format names them, so that nothing could be shown."""
    folder = shutil.copytree(taught, tmp_path / "qwen")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<think>", "</think>", "<tool_call>"])
    tokenizer.save_pretrained(folder)
    calls = point("t", 1, words="Is <tool_call> red?")
    rows = rows_of(folder, point("t", 0), calls)
    assert {rows.row(number)["item"] for number in range(2)} == {"0"}
    assert {task: len(numbers) for task, numbers in rows.skipped.items()} == {"t": 1}


def test_a_prompt_that_is_too_long_is_left_out(taught: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = point("t", 0, words="Is the picture red? " * 500)
    assert rows_of(taught, long, point("t", 1)).row(0)["row"] == 1
    assert "more than the model's context of 2048" in caplog.text


def test_a_task_of_which_nothing_can_be_shown_is_an_error(taught: Path) -> None:
    with pytest.raises(UserError, match="task t: not one item can be shown"):
        rows_of(taught, point("t", 0, image=missing())).row(0)


def test_a_task_without_examples_is_an_error(taught: Path) -> None:
    with pytest.raises(UserError, match="task t: split train has no item"):
        rows_of(taught)


def test_the_target_of_sft_is_the_verdict_with_its_reasoning_or_without(taught: Path) -> None:
    for rationale, text in ((None, "<answer>yes</answer>"), ("rationale", "It is red.")):
        rows = rows_of(taught, point("t", 0), options=TrlSftOptions(**TINY, rationale=rationale))
        completion = rows.row(0)["completion"]
        assert text in completion
        assert ("It is red." in completion) is (rationale is not None)
    with pytest.raises(UserError, match="has no tag 'reasons'"):
        rows_of(taught, point("t", 0), options=TrlSftOptions(**TINY, rationale="reasons"))


def closing(model: Path, folder: Path) -> Path:
    """The same model with a template that writes a line break after each turn, as that of Qwen."""
    template = shutil.copytree(model, folder) / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|end|>", "<|end|>{{ '\\n' }}"))
    return folder


def test_sft_learns_what_the_judge_is_shown_and_writes_and_nothing_after_its_end(taught: Path, tmp_path: Path) -> None:
    model = closing(taught, tmp_path / "closing")
    rows = rows_of(model, point("t", 1), *pair("t", 2), options=TrlSftOptions(**TINY))
    shown = opened(model, TrlSftOptions(**TINY))
    tokenizer = shown.processor.tokenizer
    for number, example in enumerate(rows.examples):
        row = rows.row(number)
        made = shown.processor(images=[row["images"]], text=[row["prompt"]], add_special_tokens=False)
        assert tuple(made["input_ids"][0]) == shown.prompter.prompt(example.request).ids
        assert row["completion"] == example.request.format.write(example.gold, example.request.space) + "<|end|>"
        assert tokenizer.decode([tokenizer.eos_token_id]) == "<|end|>"


def test_a_batch_of_one_picture_and_two_and_none_holds_the_tokens_of_the_judge(start: Path) -> None:
    import torch
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    rows = rows_of(start, point("t", 1), question("t", 2), *pair("t", 3), options=TrlSftOptions(**TINY))
    shown = opened(start, TrlSftOptions(**TINY))
    collate = DataCollatorForVisionLanguageModeling(processor=shown.processor, completion_only_loss=True)
    made = collate([rows.row(number) for number in range(4)])
    prompts = [shown.prompter.prompt(example.request) for example in rows.examples]
    end = shown.prompter.tokenizer.eos_token_id
    for number, (example, prompt) in enumerate(zip(rows.examples, prompts, strict=True)):
        target = example.request.format.write(example.gold, example.request.space)
        answer = (*shown.prompter.answer_ids(target), end)
        there = made["attention_mask"][number].bool()
        assert tuple(made["input_ids"][number][there].tolist()) == (*prompt.ids, *answer)
        assert tuple(made["labels"][number][made["labels"][number] != -100].tolist()) == answer
    pixels = torch.cat([picture["pixel_values"] for prompt in prompts for picture in prompt.prepared])
    assert torch.equal(made["pixel_values"], pixels)


def test_grpo_refuses_questions_with_pictures_beside_others_without(taught: Path, wordy: Path) -> None:
    with pytest.raises(UserError, match="some questions show pictures and some do not"):
        rows_of(taught, point("t", 1), question("t", 2))
    assert rows_of(taught, question("t", 2)).row(0)["images"] == []
    assert rows_of(taught, point("t", 1), question("t", 2), options=TrlSftOptions(**TINY)).row(1)["images"] == []
    assert rows_of(wordy, question("t", 2)).row(0)["row"] == 0


def test_sft_of_a_text_model_is_given_the_same_tokens(wordy: Path) -> None:
    example = question("t", 1)
    rows = rows_of(wordy, example, options=TrlSftOptions(**TINY))
    shown = opened(wordy, TrlSftOptions(**TINY))
    row, prompt = rows.row(0), shown.prompter.prompt(example.request).ids
    answer = example.request.format.write(example.gold, example.request.space)
    end = shown.prompter.tokenizer.eos_token_id
    assert row["input_ids"] == [*prompt, *shown.prompter.answer_ids(answer), end]
    assert row["completion_mask"] == [0] * len(prompt) + [1] * (len(row["input_ids"]) - len(prompt))
    assert row["input_ids"].count(shown.prompter.tokenizer.bos_token_id) == 1


def test_rows_of_all_tasks_stand_in_their_order(taught: Path, tmp_path: Path) -> None:
    options = TrlGrpoOptions(**TINY)
    recipe = training(tmp_path, taught, tasks=[points("red", 2), pairs("pair", 1)])
    rows = Rows(recipe, opened(taught, options), options)
    assert [rows.row(number)["task"] for number in range(4)] == ["red", "red", "pair", "pair"]


def test_bounds_of_pixels_are_those_of_the_options(taught: Path) -> None:
    options = TrlSftOptions(**{**TINY, "max_pixels": 90_000})
    with pytest.raises(UserError, match=r"recipe recipe: max_pixels: the image processor of the model .*CLIP"):
        open_without_weights(source_of("model", str(taught), "recipe"), options, "recipe")
