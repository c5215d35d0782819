"""GenAI-Bench: human votes on pairs of generated images, edited images and generated videos.

Data: https://huggingface.co/datasets/TIGER-Lab/GenAI-Bench, code: https://github.com/TIGER-AI-Lab/GenAI-Bench,
paper: arXiv 2406.04485. The verdict format is in `formats`.
"""

from __future__ import annotations

from harness.api import Context, Item, Part, Preference, Protocol, Unfolded, Verdict
from harness_preference.options import Options
from harness_preference.pairs import Benchmark, Frame, PairTask, group_of, unfolded
from harness_preference.rows import Row
from harness_preference.sources import Layout

SPACE = Preference(2, ties=("good", "bad"))
VOTES: dict[str, Verdict] = {"leftvote": 0, "rightvote": 1, "tievote": "good", "bothbad_vote": "bad"}

_KINDS = {"image_generation": "image", "image_edition": "image", "video_generation": "video"}
_QUESTIONS = {
    "image_generation": {"prompt": "Text prompt"},
    "image_edition": {
        "source_prompt": "Prompt of the source image",
        "target_prompt": "Prompt of the image after editing",
        "instruct_prompt": "Editing instruction",
    },
    "video_generation": {"prompt": "Text prompt"},
}
_CANDIDATES = {"image_generation": "image", "image_edition": "output_image", "video_generation": "video"}
_ARTIFACTS = (
    "Is it free of artifacts: distortion, watermarks, scratches, blurred faces, unusual body parts, things that do not "
    "belong together?"
)
_CRITERIA = {
    "image_generation": (
        "Does the image do what the text prompt says?",
        "Does it look natural: distances, shadows, light?",
        _ARTIFACTS,
        "Is it pleasing to look at?",
    ),
    "image_edition": (
        "Was the editing instruction followed?",
        "Was no more edited than asked, so that the scene is still that of the source image?",
        "Does the image look natural: distances, shadows, light?",
        _ARTIFACTS,
        "Is it pleasing to look at?",
    ),
    "video_generation": (
        "Does the video do what the text prompt says?",
        "Does it look natural: distances, shadows, light?",
        "Is its visual quality good: sharpness, resolution, brightness, colour?",
        "Are scene, objects and people consistent and coherent throughout?",
        "Is it in motion, not like a single still image?",
        "Is it pleasing to look at?",
    ),
}
_MAKERS = {
    "image_generation": "image generation models",
    "image_edition": "image editing models",
    "video_generation": "video generation models",
}


def item(row: Row, subset: str) -> Item:
    """The item of one vote.

    Raises:
        DataError: A column is missing or does not fit.
    """
    number = row.count("idx") if row.has("idx") else row.number
    name = f"{subset}/{number}"
    texts = {column: row.text(column) for column in _QUESTIONS[subset]}
    question: list[Part] = ["\n".join(f"{label}: {texts[column]}" for column, label in _QUESTIONS[subset].items())]
    stem = _CANDIDATES[subset]
    columns = (f"left_{stem}", f"right_{stem}")
    tags = row.texts("left_model", "right_model")
    candidates: tuple[tuple[Part, ...], ...]
    if not any(row.has(column) for column in columns):
        # The places keep the requests of items with equal prompts apart: recorded answers differ between them.
        candidates = tuple((f"[{_KINDS[subset]} {side} of {name} is not in this data]",) for side in ("left", "right"))
        tags["media"] = "absent"
    elif subset == "video_generation":
        candidates = tuple((f"Video: {row.text(column)}",) for column in columns)
        tags["media"] = "address"
    else:
        candidates = tuple((row.image(column),) for column in columns)
        question += ["Source image:", row.image("source_image")] if subset == "image_edition" else []
        tags["media"] = "image"
    return Item(
        id=name,
        group=group_of(subset, texts.get("source_prompt") or texts["prompt"]),
        space=SPACE,
        gold=row.label(row.first("vote_type", "human_vote"), VOTES),
        question=tuple(question),
        candidates=candidates,
        tags=tags,
    )


def frame(subset: str) -> Frame:
    """The official template's facts in our own words."""
    kind = _KINDS[subset]
    criteria = "\n".join(f"{k}. {criterion}" for k, criterion in enumerate(_CRITERIA[subset], 1))
    return Frame(
        opening=(
            "Act as an impartial judge and a professional digital artist. Two "
            f"{_MAKERS[subset]}, A and B, were given the input below. Judge which {kind} is better."
        ),
        heading=f"{kind.capitalize()} of model {{letter}}:",
        closing=f"Look for anything that is wrong with each {kind}, by these criteria:\n{criteria}",
    )


BENCHMARK = Benchmark(
    name="genai-bench",
    entry="{subset}",
    protocol=Protocol(
        order="fixed", unparsed="wrong", ties="class", metrics=("accuracy", "macro_f1", "balanced_accuracy")
    ),
    format="preference/genai-bench",
    layout=Layout(subsets=tuple(_KINDS), split="test_v1"),
    item=item,
    frame=frame,
)


def task(options: Options | None, context: Context) -> PairTask:
    """The factory of the card."""
    return PairTask(BENCHMARK, options, context)


def unfold(options: Options | None, context: Context) -> list[Unfolded]:
    """One task for each subset in the data."""
    return unfolded(BENCHMARK, options, context)
