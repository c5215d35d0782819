"""VLRMBench: which steps of a reasoning about images are wrong, where it leads, and which of two reasonings is right.

Ten of its twelve tasks, in three kinds. The other two ask a model to write, and another model to compare what it wrote
with what GPT-4o wrote; they have no gold.
Data and code: https://github.com/JCruan519/VLRMBench (benchmark_data/, model_eval/), paper: arXiv 2503.07478.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.api import Choice, Item, Part, Preference, Protocol
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark, Items
from harness_preference.options import Options

YES_NO = Choice(("yes", "no"))
"""Whether a step has the fault that is looked for: 1 and 0 in the data."""
PAIR = Preference(2)

_KINDS = {
    "step_correctness": "an error",
    "most_confidence": "an error",
    "redundant_det": "redundancy: needless elaboration, repetition, or details that do not help to reason rightly",
    "detail_error": "a detail error: a wrong number, or a wrong symbol of a calculation",
    "existence_hallucination": (
        "an existence hallucination: it names something that is not in the image, or overlooks something that is"
    ),
    "attribute_hallucination": "an attribute hallucination: a wrong size, colour, shape or other property of something",
    "location_error": "a location error: it is wrong about where something is",
    "image_ref_error": "an image reference error: it takes something of one image to be in another image",
}
"""What is looked for in a step, by subset."""
_NOT_CERTAIN = ("step_correctness", "most_confidence", "redundant_det")
"""Subsets in whose prompt it is not said that there is a fault."""


def step_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """An item for each step of a reasoning. None for a row that the official script passes over.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (question := _question(row)) is None:
        return
    marks = [cell.label({"0": "no", "1": "yes"}) for cell in row["task_gt"].elements()]
    if not marks:
        raise row["task_gt"].mismatch("a list of 0 and 1, one for each step")
    reasoning = f"[Reasoning]\n{row['reasoning_error'].text().strip()}\n[End of the reasoning]"
    for step, mark in enumerate(marks, 1):
        yield Item(
            id=f"{subset}/{row['id'].name()}/{step}",
            group=_group(row),
            space=YES_NO,
            gold=mark,
            # The step comes last, so that all steps of a reasoning begin alike.
            question=(*question, reasoning, f"The step to judge is STEP {step}."),
        )


def foresight_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one beginning of a reasoning. None for a row that the official script passes over.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (question := _question(row)) is None:
        return
    has_error = row.has("reasoning_error")
    start = row["reasoning_error"].text().strip() if has_error else _join(row["step_list"])
    yield Item(
        id=f"{subset}/{row['id'].name()}",
        group=_group(row),
        space=YES_NO,
        gold="yes" if row["task_gt"].flag() else "no",
        question=(*question, f"[Beginning of the reasoning]\n{start}\n[It goes on from here]"),
    )


def solution_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of a right and a wrong reasoning. None for a row that the official script passes over.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (question := _question(row)) is None:
        return
    yield Item(
        id=f"{subset}/{row['id'].name()}",
        group=_group(row),
        space=PAIR,
        # The right one is always the first.
        gold=0,
        question=question,
        candidates=((_join(row["step_list"]),), (row["reasoning_error"].text().strip(),)),
    )


def _question(row: Row) -> tuple[Part, ...] | None:
    """The images and the question."""
    # All cells are read first, so that a broken one is found in any row.
    images, question = [cell.image() for cell in row["image"].elements()], row["question"].text()
    # `process_line_group_1` of vllm_localapi_eval.py leaves out such rows.
    left_out = row.has("error_info") and row["error_info"].word()
    return None if left_out else (*images, f"[Question]\n{question}")


def _group(row: Row) -> str:
    """By the question and its images: what is asked about them is not independent."""
    return group_of(row["question"].text(), *(str(cell.value) for cell in row["image"].elements()))


def _join(steps: Cell) -> str:
    """A list of steps as one text."""
    return "\n".join(step.text().strip() for step in steps.elements())


def step_frame(subset: str) -> PromptFrame:
    """The facts of the official prompts in our own words."""
    certain = "" if subset in _NOT_CERTAIN else " At least one step of the reasoning has this fault."
    return PromptFrame(
        opening="You are shown one or more images, a question about them, and the reasoning of an AI assistant.",
        closing=(
            f"Look for {_KINDS[subset]}.{certain} Read the whole reasoning, and judge this step alone: does it contain "
            "it? The answer is yes or no."
        ),
    )


def foresight_frame(subset: str) -> PromptFrame:
    """The facts of the official prompt in our own words."""
    return PromptFrame(
        opening=(
            "You are shown one or more images, a question about them, and a part of the reasoning of an AI assistant."
        ),
        closing="Will this reasoning lead to a right final answer? The answer is yes or no.",
    )


def solution_frame(subset: str) -> PromptFrame:
    """The facts of the official prompt in our own words."""
    return PromptFrame(
        opening=(
            "Act as an expert judge of the responses of two AI assistants to a question about one or more images."
        ),
        heading="[Response {letter}]",
        ending="[End of response {letter}]",
        closing=(
            "Judge how well each response reasons, how accurate it is, and how it answers the question. Which one is "
            "better?"
        ),
    )


# A recorded answer without a text is left out officially, and so is a step without a verdict.
STEP_PROTOCOL = Protocol(metrics=("preference/vlrmbench_f1", "f1", "macro_f1", "accuracy"))
"""The official one: over all steps of all rows."""
FORESIGHT_PROTOCOL = Protocol(unparsed="wrong")
"""The official one: an answer without the right word is wrong."""
SOLUTION_PROTOCOL = Protocol(order="both", pooling="sum", unparsed="wrong", draws="wrong")
"""The official one: the right response must win over both orders together."""


def _benchmark(
    kind: str, subsets: tuple[str, ...], items: Items, frame: Callable[[str], PromptFrame], protocol: Protocol
) -> Benchmark:
    return Benchmark(
        name=f"vlrmbench-{kind}",
        entry="vlrmbench-{subset}",
        protocol=protocol,
        format="harness/brackets",
        layout=Layout(
            subsets=subsets,
            split="test",
            files=("benchmark_data/{subset}",),
            prefixes=("", "meta_data/Image/", "Image/"),
        ),
        items=items,
        frame=frame,
    )


STEPS = _benchmark("steps", tuple(_KINDS), step_items, step_frame, STEP_PROTOCOL)
FORESIGHT = _benchmark("foresight", ("foresight",), foresight_items, foresight_frame, FORESIGHT_PROTOCOL)
SOLUTIONS = _benchmark("solutions", ("multi_solution",), solution_items, solution_frame, SOLUTION_PROTOCOL)

step_task, step_unfold = STEPS.task, STEPS.unfold
foresight_task, foresight_unfold = FORESIGHT.task, FORESIGHT.unfold
solution_task, solution_unfold = SOLUTIONS.task, SOLUTIONS.unfold


def _example(folder: Path, subset: str, rows: Sequence[Mapping[str, object]]) -> None:
    fixed = {"image": ["set/0.png"], "question": "How many cups are there?", "category": subset}
    image = folder / "meta_data" / "Image" / "set" / "0.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(make_picture(0))
    write_table(
        folder / "benchmark_data" / f"{subset}.jsonl",
        [{"id": f"{k:032x}", **fixed, **row} for k, row in enumerate(rows)],
    )


_RIGHT = ["STEP1: I see two cups.\n\n", "STEP2: There is no third one.\n\n", "STEP3: The answer is 2."]
_WRONG = "STEP1: I see two cups.\nSTEP2: There is a third one.\nSTEP3: The answer is 3."


def step_example(folder: Path) -> None:
    """A reasoning with a wrong step, a row that is left out, and a reasoning with two wrong steps."""
    facts: tuple[dict[str, object], ...] = ({}, {"error_info": "no answer"}, {"task_gt": [0, 1, 1]})
    for subset in ("step_correctness", "location_error"):
        fixed = {"step_list": _RIGHT, "reasoning_error": _WRONG, "task_gt": [0, 1, 0]}
        _example(folder, subset, [{**fixed, **changes} for changes in facts])


def foresight_example(folder: Path) -> None:
    """A beginning that leads to a wrong answer, a row that is left out, and a beginning that leads to a right one."""
    right = {"step_list": _RIGHT[:2], "task_gt": True}
    wrong = {"step_list": _RIGHT, "reasoning_error": _WRONG[:52], "task_gt": False}
    _example(folder, "foresight", [wrong, {**right, "error_info": "no answer"}, right])


def solution_example(folder: Path) -> None:
    """A pair of a right and a wrong reasoning, a row that is left out, and another pair."""
    pair = {"step_list": _RIGHT, "reasoning_error": _WRONG}
    _example(folder, "multi_solution", [pair, {**pair, "error_info": "no answer"}, pair])
