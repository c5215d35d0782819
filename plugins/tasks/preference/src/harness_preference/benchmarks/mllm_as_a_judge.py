"""MLLM-as-a-Judge: people's scores, choices and rankings of answers about images, each setting a benchmark.

Data: https://huggingface.co/datasets/ONE-Lab/MLLM-as-a-Judge, code: https://github.com/Dongping-Chen/MLLM-Judge,
paper: arXiv 2402.04788. The metrics are those of its scripts/calculate_metrics.ipynb and pair_analysis.ipynb.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.api import AnswerSpace, DataError, Item, Part, Preference, Protocol, Ranking, Score, Verdict
from harness.api.data import Cell, Layout, PromptFrame, Row, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark, Items
from harness_preference.options import Options

SCORES = Score(1, 5, 1)
PAIRS = Preference(2, ties=("tie",))
# C is the tie of the official form.
CHOICES: dict[str, Verdict] = {"A": 0, "B": 1, "C": "tie"}

# Both mean that people said nothing. Taken for a score, -1 would be off the scale.
_UNJUDGED = ("", "-1")
_GRADES = (
    "1, poor: it misses what was asked, and is neither relevant, accurate nor complete",
    "2, fair: it meets a part of what was asked, with plain faults in relevance, accuracy or completeness, no depth",
    "3, average: it meets what was asked fairly well, but lacks refinement or depth",
    "4, good: it meets what was asked well, is highly relevant, accurate and complete, and goes into detail",
    "5, excellent: it does exactly what was asked, with insight and in full detail",
)


def score_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one scored answer, or none where people gave no score.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (gold := _human_answer(row)) is None:
        return
    score = gold.number()
    if not SCORES.contains(score):
        raise gold.mismatch("a whole number from 1 to 5")
    answer = row["answer"].text()
    yield _item(
        row,
        row["score_id"],
        space=SCORES,
        gold=score,
        after=(f"[The assistant's answer]\n{answer}\n[End of the assistant's answer]",),
    )


def pair_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one compared pair, or none where people made no choice.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (gold := _human_answer(row)) is None:
        return
    # Each answer is an object with the name of its model, which the judge must not see.
    answers = tuple(row[column].fields()["answer"].text() for column in ("answer1", "answer2"))
    yield _item(row, row["pair_id"], space=PAIRS, gold=gold.label(CHOICES), candidates=answers)


def batch_items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one ranking, or none where people gave none.

    Raises:
        DataError: A column is missing or does not fit.
    """
    if (gold := _human_answer(row)) is None:
        return
    answers = tuple(cell.fields()["answer"].text() for cell in row["answers"].elements())
    try:
        # Lists may have any length from 2. The space refuses the others, and the row is named in its place.
        space = Ranking(len(answers))
    except DataError as error:
        raise row["answers"].mismatch("a list of 2 to 26 answers") from error
    ranking = space.read(gold.value) if isinstance(gold.value, str) else None
    if ranking is None:
        letters = "".join(space.name((place,)) for place in range(space.n))
        raise gold.mismatch(f"the letters {letters} from best to worst, each once")
    yield _item(row, row["id"], space=space, gold=ranking, candidates=answers)


def frame(subset: str) -> PromptFrame:
    """The official templates' facts in our own words."""
    tasks = {
        "score": ("an answer of an AI assistant", f"Grade the answer from 1 to 5:\n{chr(10).join(_GRADES)}"),
        "pair": ("two answers of AI assistants, A and B,", "Decide which answer is better, or whether they tie."),
        "batch": ("several answers of AI assistants", "Rank all answers from best to worst."),
    }
    what, wanted = tasks[subset]
    return PromptFrame(
        opening=f"Act as an unbiased judge of {what} to a user's instruction about an image.",
        heading="[Assistant {letter}'s answer]",
        ending="[End of assistant {letter}'s answer]",
        closing=(
            f"Look closely at the image and analyse what was answered. {wanted}\nAsk how well the instruction is "
            "followed and the user's need met: relevance, accuracy, completeness, creativity, detail. Length, the "
            "assistants' names and the place in which an answer is shown must not sway you."
        ),
    )


def _human_answer(row: Row) -> Cell | None:
    """What people said, or `None` for -1 or an empty text, which both mean that they said nothing."""
    cell = row.first("human_answer", "human")
    return None if str(cell.value).strip() in _UNJUDGED else cell


def _item(
    row: Row,
    name: Cell,
    *,
    space: AnswerSpace,
    gold: Verdict,
    after: tuple[Part, ...] = (),
    candidates: tuple[str, ...] = (),
) -> Item:
    """What the three settings share. Ids repeat in the data, so the number of the row is part of an item's."""
    instruction, path = row["instruction"].text(), row["image_path"]
    image = path.image()
    return Item(
        # Ids repeat in the data.
        id=f"{name.name()}#{row.number}",
        # Some releases write image/ before the name. The same picture must be one group in both.
        group=group_of(path.value.removeprefix("image/") if isinstance(path.value, str) else image.digest),
        space=space,
        gold=gold,
        question=(f"[User instruction]\n{instruction}", image, *after),
        candidates=tuple((candidate,) for candidate in candidates),
        category=row["original_dataset"].word(),
    )


def _benchmark(subset: str, items: Items, protocol: Protocol) -> Benchmark:
    """One setting."""
    return Benchmark(
        name=f"mllm-as-a-judge-{subset}",
        entry=f"mllm-as-a-judge-{subset}",
        protocol=protocol,
        format="harness/brackets",
        layout=Layout(
            subsets=(subset,),
            split="test",
            hub="all",
            # The hub's copy and the repository have different folders.
            files=("Benchmark/{subset}", "Dataset/Benchmark/{subset}"),
            prefixes=("", "image/", "Dataset/", "Dataset/image/"),
        ),
        items=items,
        frame=frame,
    )


# Means over source datasets, as in the paper. @micro is the "overall" of the authors' later notebook.
SCORE_PROTOCOL = Protocol(average="category", metrics=("pearson", "pearson@micro"))
PAIR_PROTOCOL = Protocol(
    average="category",
    metrics=("accuracy", "accuracy_without_ties", "accuracy@micro", "accuracy_without_ties@micro"),
)
BATCH_PROTOCOL = Protocol(average="category", metrics=("levenshtein", "levenshtein@micro"))

SCORE = _benchmark("score", score_items, SCORE_PROTOCOL)
PAIR = _benchmark("pair", pair_items, PAIR_PROTOCOL)
BATCH = _benchmark("batch", batch_items, BATCH_PROTOCOL)

score_task, score_unfold = SCORE.task, SCORE.unfold
pair_task, pair_unfold = PAIR.task, PAIR.unfold
batch_task, batch_unfold = BATCH.task, BATCH.unfold


def _example(folder: Path, subset: str, rows: list[dict[str, object]]) -> None:
    for number, row in enumerate(rows):
        name = f"{number // 2}.jpg"
        row |= {
            "id": number // 2,
            "instruction": "How many cups are there?",
            "image_path": name if subset != "batch" else f"image/{name}",
            "original_dataset": ("coco", "ChartQA")[number % 2],
        }
        image = folder / "image" / name
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(make_picture(number // 2))
    write_table(folder / "Benchmark" / f"{subset}.jsonl", rows)


def score_example(folder: Path) -> None:
    """Scored answers: a score as a number and as text, and one that is missing."""
    humans = (-1, 1, "4", 5)
    _example(
        folder,
        "score",
        [{"score_id": k, "name": "llava", "answer": f"{k} cups.", "human": human} for k, human in enumerate(humans)],
    )


def pair_example(folder: Path) -> None:
    """Pairs: one with each choice, and one without."""
    answers = {f"answer{k}": {"name": "gemini", "answer": f"{k} cups."} for k in (1, 2)}
    rows = [{"pair_id": k, **answers, "human_answer": human} for k, human in enumerate((-1, "A", "B", "C"))]
    _example(folder, "pair", rows)


def batch_example(folder: Path) -> None:
    """Rankings: two, of which the second has the id of the one that is missing."""
    answers = [{"name": "gpt4", "answer": f"{k} cups."} for k in range(4)]
    _example(folder, "batch", [{"answers": answers, "human_answer": human} for human in ("CDAB", "", "", "ABCD")])
