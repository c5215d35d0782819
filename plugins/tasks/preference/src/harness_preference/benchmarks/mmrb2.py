"""Multimodal RewardBench 2 (MMRB2): pairs of answers that hold texts and images, in four tasks.

Data: https://huggingface.co/datasets/rl-research/multimodal-rewardbench-2, code:
https://github.com/facebookresearch/MMRB2, paper: arXiv 2512.16899.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import DataError, Image, Item, Part, Preference, Protocol, Verdict
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import mmrb2 as published

SPACE = Preference(2)
# Both cases occur in the released files.
LABELS = {"A": 0, "B": 1, "a": 0, "b": 1}
_RATINGS = (1, 2, 3, 4, 5, 6)
"""From B much better to A much better, the scale of the official prompt. There is no middle."""

# The number in it is not the number of an image: authors' code takes images in order.
_PLACEHOLDER = re.compile(r"<image_\d+>", re.ASCII)
_COMMON = ("text rendered in images: spelling, legibility, how it fits in",)
_CRITERIA = {
    "t2i": (
        "faithfulness to the prompt: composition, objects, attributes, where things are",
        "consistency between images, and between text and images, where there are several",
        "overall quality: technique, aesthetics, realism, no artifacts",
        *_COMMON,
    ),
    "edit": (
        "faithfulness to the editing instruction",
        "faithfulness to the input image: what was not to be changed is kept",
        "overall quality, and nothing broken by the editing",
        *_COMMON,
    ),
    "interleaved": (
        "faithfulness to the instruction",
        "faithfulness to the input image, where there is one",
        "overall quality of the images",
        "consistency from image to image: characters, scenes, style",
        "how well text and images go together",
        "quality of the text",
        *_COMMON,
    ),
    "reasoning": (
        "whether the final answer is right",
        "whether each step of the reasoning is right, and follows",
        "whether images in the answer show what they are said to show, and help",
        "clarity",
    ),
}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair.

    Raises:
        DataError: A column is missing or does not fit.
    """
    prompt = content(row, "prompt")
    yield Item(
        id=f"{subset}/{row['pair_id'].name()}",
        group=_group(prompt),
        space=SPACE,
        gold=row["chosen"].label(LABELS),
        question=("[Prompt]", *prompt),
        candidates=(content(row, "response_a"), content(row, "response_b")),
        category=row["prompt_source"].word() if row.has("prompt_source") else subset,
        tags=row.words("response_a_model", "response_b_model"),
        annotations=votes(row, row["pair_id"].name()),
    )


def votes(row: Row, pair: str) -> dict[str, Verdict]:
    """What each person preferred: A from 4 to 6, B from 1 to 3. Empty where the row has ratings of another question.

    The data do not say who rated a pair, so the people of each pair have names of their own.

    Raises:
        DataError: It is no list of numbers and no object.
    """
    value = row.values.get("human_annotations")
    # The ratings of reasoning are an object, of other things than which response is better.
    if isinstance(value, Mapping) or (isinstance(value, str) and value.lstrip()[:1] in ("{", "n", "")) or value is None:
        return {}
    cells = row["human_annotations"].elements()
    ratings = {k: cell.number() for k, cell in enumerate(cells) if cell.value is not None}
    return {f"{pair}#{k}": int(rating < 4) for k, rating in ratings.items() if rating in _RATINGS}


def _group(prompt: tuple[Part, ...]) -> str:
    """By all of the prompt; by its texts where a picture cannot be read, which is an error of that item alone."""
    try:
        return group_of(*(part.digest if isinstance(part, Image) else part for part in prompt))
    except DataError:
        return group_of(*(part for part in prompt if isinstance(part, str)))


def content(row: Row, what: str) -> tuple[Part, ...]:
    """A prompt or response: text with its images where the placeholders are.

    As in the authors' build_from_hf.py, images are taken in order, and the number in a placeholder is not read. A
    placeholder beyond the last image is dropped. Images that no placeholder asked for come last.

    Args:
        row: With the columns `{what}_text` and `{what}_images`.
        what: `prompt`, `response_a` or `response_b`.

    Raises:
        DataError: A column does not fit, or there is no image and no text, not even an empty one.
    """
    column, beside = f"{what}_text", f"{what}_images"
    if row.has(f"{what}_content"):
        return _read_parts(row[f"{what}_content"])
    # An iterator, so that each placeholder takes the next image and what is left can follow at the end.
    pictures = iter([cell.image() for cell in row[beside].elements()] if row.has(beside) else [])
    blank = row.values.get(column) is None or not str(row.values[column]).strip()
    parts: list[Part] = []
    for place, text in enumerate([] if blank else _PLACEHOLDER.split(row[column].text())):
        if place and (image := next(pictures, None)) is not None:
            parts.append(image)
        if text.strip():
            parts.append(text.strip())
    parts += pictures
    if not parts and row[column].text().strip():
        raise row[column].mismatch(f"text, or pictures in {beside}")
    # An empty response is a response, and a bad one. Leaving it out would favour the model that gave it.
    return tuple(parts) or ("",)


def _read_parts(cell: Cell) -> tuple[Part, ...]:
    """The same from the authors' own JSON: a list of `["text", TEXT]` and `["image", PATH]`."""
    parts: list[Part] = []
    for entry in cell.elements():
        pair = entry.elements()
        if len(pair) != 2:
            raise entry.mismatch('["text", TEXT] or ["image", PATH]')
        kind = pair[0].label({"text": "text", "image": "image"})
        parts.append(pair[1].image() if kind == "image" else pair[1].text().strip())
    return tuple(part for part in parts if part != "") or ("",)


def frame(subset: str) -> PromptFrame:
    """The official templates' facts in our own words."""
    return PromptFrame(
        opening=(
            "Act as an objective and expert judge of two AI-made responses, A and B, to one prompt. The order in which "
            "they are shown, their length and who made them must not sway you."
        ),
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "Compare the responses step by step by each of these criteria that applies:\n"
            + "\n".join(f"{k}. {criterion}" for k, criterion in enumerate(_CRITERIA[subset], 1))
            + "\nThen decide which response is better overall."
        ),
    )


# The script counts judgements, two for each pair. A tie is a judgement and wrong, an unread answer is none.
PROTOCOL = Protocol(order="both", pooling="each", unparsed="exclude", outside="wrong", draws="wrong")
"""The official one: a judgement is A, B or tie, and a tie is there and wrong, from scores as well."""

BENCHMARK = Benchmark(
    name="mmrb2",
    entry="mmrb2-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=tuple(_CRITERIA), split="test"),
    items=items,
    frame=frame,
    published=published.find_items,
    overall="overall",
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """Two pairs of reasoning, of text alone and of images within text, and one of images without text."""
    a, b, c = ({"bytes": make_picture(k), "path": f"{k}.png"} for k in (1, 2, 3))
    fixed = {"prompt_source": "blink", "response_a_model": "ModelX", "response_b_model": "ModelY"}
    bare: dict[str, object] = {"prompt_text": "Which of three cups is the middle one?", "prompt_images": [], **fixed}
    texts = {"prompt_text": "<image_0>Which cup is red?", "prompt_images": [a], **fixed}
    sides = ("response_a", "response_b")
    plain = {f"{side}_text": f"Cup {k}." for k, side in enumerate(sides)}
    none: dict[str, list[object]] = {f"{side}_images": [] for side in sides}
    seen = {
        "response_a_text": "Look <image_0> closer. <image_1> It is the first.",
        "response_a_images": [b, c],
        "response_b_text": "The second.",
        "response_b_images": [c],
    }
    reasoning: list[dict[str, Any]] = [
        {"pair_id": "blink_1_x_y", **bare, **plain, **none, "chosen": "A", "human_annotations": "{}"},
        {"pair_id": "blink_2_x_y", **texts, **seen, "chosen": "b", "human_annotations": "[2, 1, 4]"},
    ]
    drawn = {"prompt_text": "a red cup", "prompt_images": [], **fixed, "prompt_source": "wise"}
    images = {"response_a_text": "", "response_a_images": [a], "response_b_text": "", "response_b_images": [b]}
    write_table(folder / "reasoning" / "test-00000-of-00001.parquet", reasoning)
    write_table(
        folder / "t2i" / "test-00000-of-00001.parquet", [{"pair_id": "wise_1_x_y", **drawn, **images, "chosen": "B"}]
    )
