"""JudgeAnything: people's choices and scores of what any-to-any models answered, where it is text and images.

Data: https://huggingface.co/datasets/pudashi/JudgeAnything, code: https://github.com/URRealHero/JudgeAnything,
paper: arXiv 2503.17489. What people said, what was asked and what models answered are in three files, joined here by
query and model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.api import Context, DataError, Item, Part, Preference, Protocol, Score, UnfoldedEntry, Verdict
from harness.api.data import Cell, Layout, PromptFrame, Row, make_picture, write_table
from harness_preference.benchmark import Benchmark, BenchmarkTask, Items
from harness_preference.benchmarks.judge_anything_library import Library, short
from harness_preference.options import Options

PAIRS = Preference(2, ties=("tie",))
# 1 is the tie and 2 the second response. In MJ-Bench 0 is the tie.
CHOICES: dict[str, Verdict] = {"0": 0, "1": "tie", "2": 1}
SCORES = Score(1, 5, 1)

# Lists are written as Python prints them. Reading them as JSON fails on single quotes.
_QUOTED = re.compile(r"""'([^'\\]+)'|"([^"\\]+)\"""")
# Sound and video cannot be shown here, so rows with them are left out: four of fifteen kinds of task stay.
_SHOWN = frozenset({"text", "image"})
_RUBRICS = {
    "overall_score": "overall quality: how effective the response is and how well it suits its purpose, all in all",
    "relevance": "relevance: whether it answers what was asked and stays with it",
    "trustworthiness": "trustworthiness: whether it is correct, reliable and safe",
    "creativity": "creativity: whether it is original and inventive, to a purpose",
    "clarity": "clarity: whether it is easy to understand, well ordered and unambiguous",
    "coherence": "coherence: whether it is consistent and flows logically",
    "completeness": "completeness: whether it covers all that was asked",
}
_GRADES = "1 fails, 2 has large deficiencies, 3 is adequate, 4 is good with small faults, 5 is outstanding."


class JudgeAnythingOptions(Options):
    """Which part of the data to use, and what is judged."""

    rubric: Literal[
        "overall_score", "relevance", "trustworthiness", "creativity", "clarity", "coherence", "completeness"
    ] = Field(default="overall_score", description="What people judged: overall quality, or one of six sides of it.")


class JudgeAnythingTask(BenchmarkTask):
    """A task whose items also need the files of queries and responses."""

    def __init__(self, benchmark: Benchmark, options: Options | None, context: Context, *, library: Library) -> None:
        """As `BenchmarkTask`, with what its rows are joined with."""
        super().__init__(benchmark, options, context)
        self._library = library

    def fingerprint(self) -> str:
        """As `BenchmarkTask.fingerprint`, over all three files."""
        # Queries and responses are data too: another release of them is another task.
        return hashlib.sha256(f"{super().fingerprint()}:{self._library.digest()}".encode()).hexdigest()


def pair_items(library: Library, row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one choice, or none: of another rubric, or not all of it is text and images.

    Raises:
        DataError: A column does not fit, or the other files lack the query or a response.
    """
    if (query := _query(library, row, options)) is None:
        return
    name, pair = row["uniq_id"], row["model_pair"]
    models = pair.name().split("_vs_")
    if len(models) != 2:
        raise pair.mismatch("MODEL_vs_MODEL")
    candidates = [_answer(library.response(name, pair, called=model)) for model in models]
    # An empty candidate is a response in sound or video.
    if all(candidates):
        yield Item(
            id=f"{name.name()}/{pair.word()}#{row.number}",
            group=short(name),
            space=PAIRS,
            gold=row["choice"].label(CHOICES),
            question=query,
            candidates=tuple(candidates),
            category=row["task_name"].word(),
        )


def score_items(library: Library, row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one score, or none: of another rubric, or not all of it is text and images.

    Raises:
        DataError: A column does not fit, or the other files lack the query or the response.
    """
    if (query := _query(library, row, options)) is None:
        return
    name, model = row["uniq_id"], row["model_name"]
    answer = _answer(library.response(name, model, called=model.name()))
    score = row["score"].number()
    if not SCORES.contains(score):
        raise row["score"].mismatch("a whole number from 1 to 5")
    if answer:
        yield Item(
            id=f"{name.name()}/{model.word()}#{row.number}",
            group=short(name),
            space=SCORES,
            gold=score,
            question=(*query, "[Response]", *answer, "[End of the response]"),
            category=row["task_name"].word(),
        )


def _query(library: Library, row: Row, options: Options) -> tuple[Part, ...] | None:
    """The query, or `None` where the row is of another rubric or its task has audio or video."""
    rubric = options.rubric if isinstance(options, JudgeAnythingOptions) else "overall_score"
    # Each row is one rubric. Mixing them would compare scores of different questions.
    if row["rubric_name"].word().casefold() != rubric:
        return None
    task = row["task_name"]
    shown, arrow, made = task.word().casefold().partition("2")
    if not arrow or not made:
        raise task.mismatch("what goes in and what comes out, such as Image2Text")
    if not {shown, made} <= _SHOWN:
        return None
    query = library.query(row["uniq_id"])
    images = _pictures(query["image_path"]) if shown == "image" else ()
    return (f"[Query, {task.word()}]\n{query['question'].text()}", *images)


def _answer(row: Row) -> tuple[Part, ...]:
    """A response; empty where it is audio or video, which cannot be shown here."""
    response = row["response"].fields()
    kind, content = response["type"].word().casefold(), response["content"]
    if kind == "image":
        return _pictures(content)
    if kind != "text":
        return ()
    # One text, or several parts of it.
    texts = content.elements() if isinstance(content.value, list) else [content]
    return tuple(text.text() for text in texts)


def _pictures(cell: Cell) -> tuple[Part, ...]:
    """One picture or several; a list may be written as Python writes it."""
    value = cell.value
    if isinstance(value, str) and value.lstrip().startswith("["):
        inside = value.strip().removeprefix("[").removesuffix("]")
        names = [single or double for single, double in _QUOTED.findall(inside)]
        # What is left after the quoted names may be commas and blanks only. Anything else is a list that was cut off.
        if not value.rstrip().endswith("]") or not names or _QUOTED.sub("", inside).strip(", \n"):
            raise cell.mismatch("the name of a picture, or a list of names")
        value = names
    return tuple(Cell(value, cell.row, cell.column, cell.within).images())


def _frame(rubric: str, ending: str, subset: str) -> PromptFrame:
    """The official templates' facts in our own words."""
    pair = subset == "pair"
    return PromptFrame(
        opening=(
            f"Judge {'the responses of two models, A and B,' if pair else 'the response of a model'} to the query "
            "below. Look at all of the query and of what was answered. A model may have misunderstood the query and "
            "answered in the wrong form, such as text for an image: take that into account."
        ),
        heading="[Response of model {letter}]" if pair else "",
        ending="[End of the response of model {letter}]" if pair else "",
        closing=f"Judge this and nothing else: {_RUBRICS[rubric]}. Reason step by step first. {ending}",
    )


PAIR_PROTOCOL = Protocol(metrics=("accuracy", "accuracy_without_ties", "accuracy@category"))
SCORE_PROTOCOL = Protocol(metrics=("accuracy", "pearson", "spearman", "mae", "accuracy@category"))

_ENDINGS = {"pair": "Which response is better, or are both equally good?", "score": f"Give a score: {_GRADES}"}
_FILES = {"pair": "Preference/Human_Pairing", "score": "Preference/Human_Scoring"}


def _benchmark(subset: str, options: Options | None, context: Context) -> tuple[Benchmark, Library]:
    """One setting over one copy of the data."""
    data = context.data or ""
    # Three files are joined, which a single file or a hub split cannot give.
    if data.startswith("hub:") or Path(data).is_file():
        raise DataError(
            f"task {context.name}: data: {data!r} must be a folder, for three files are joined; download the dataset "
            "and give its folder, the one that Preference/ is in"
        )
    media = options.media if options is not None else None
    library = Library(Path(data), workspace=context.workspace, media=media)
    rubric = options.rubric if isinstance(options, JudgeAnythingOptions) else "overall_score"
    items: Items = partial(pair_items if subset == "pair" else score_items, library)
    benchmark = Benchmark(
        name=f"judge-anything-{subset}",
        entry=f"judge-anything-{subset}",
        protocol=PAIR_PROTOCOL if subset == "pair" else SCORE_PROTOCOL,
        format="harness/brackets",
        layout=Layout(subsets=(subset,), split="test", files=(_FILES[subset],)),
        items=items,
        frame=partial(_frame, rubric, _ENDINGS[subset]),
    )
    return benchmark, library


def _task(subset: str, options: Options | None, context: Context) -> JudgeAnythingTask:
    benchmark, library = _benchmark(subset, options, context)
    return JudgeAnythingTask(benchmark, options or JudgeAnythingOptions(), context, library=library)


def pair_task(options: Options | None, context: Context) -> JudgeAnythingTask:
    """The factory of judge-anything-pair."""
    return _task("pair", options, context)


def pair_unfold(options: Options | None, context: Context) -> list[UnfoldedEntry]:
    """The entry of judge-anything-pair."""
    return _benchmark("pair", options, context)[0].unfold(options, context)


def score_task(options: Options | None, context: Context) -> JudgeAnythingTask:
    """The factory of judge-anything-score."""
    return _task("score", options, context)


def score_unfold(options: Options | None, context: Context) -> list[UnfoldedEntry]:
    """The entry of judge-anything-score."""
    return _benchmark("score", options, context)[0].unfold(options, context)


def _example(folder: Path) -> None:
    """Queries and responses: text about an image, an image for a text, and a sound, which is left out."""
    files = {
        folder / "X2XRawBenchmark" / "images" / "cups.png": 1,
        folder / "ResponseCollection" / "images" / "drawn_a.png": 2,
        folder / "ResponseCollection" / "images" / "drawn_b.png": 3,
    }
    for file, number in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make_picture(number))
    asked = {"question": "How many cups are there?", "image_path": None, "audio_path": None, "video_path": None}
    queries: list[dict[str, Any]] = [
        {"uniq_id": "1732019006_376_7b6a1840", "task_name": "Image2Text", **asked, "image_path": ["images/cups.png"]},
        {"uniq_id": "9aa5246c", "task_name": "Text2Audio", **asked},
        {"uniq_id": "9aa5246d", "task_name": "Text2Image", **asked},
        {"uniq_id": "9aa5246e", "task_name": "Image2Text", **asked, "image_path": "images/cups.png"},
    ]
    write_table(folder / "X2XRawBenchmark" / "X2XBenchmark.json", queries)
    kinds = (("text", "Two."), ("audio", "audio/a.wav"), ("image", "images/drawn_a.png"), ("text", "Three."))
    responses = [
        {
            "uniq_id": query["uniq_id"],
            "response_id": f"{place}{model}",
            "task_name": query["task_name"],
            "model_name": model,
            "response": {"type": kind, "content": content.replace("_a", "_b") if model == "qwen-vl" else content},
        }
        for place, (query, (kind, content)) in enumerate(zip(queries, kinds, strict=True))
        for model in ("gpt-4o-mllm_answer", "qwen-vl")
    ]
    write_table(folder / "ResponseCollection" / "X2XBenchmarkResponse.json", responses)


_JUDGED = (("376_7b6a1840", "Image2Text"), ("9aa5246c", "Text2Audio"), ("9aa5246d", "Text2Image"))
_LAST = ("9aa5246e", "Image2Text")


def pair_example(folder: Path) -> None:
    """Choices of each kind, one of another rubric, and one of a task with sound."""
    _example(folder)
    rows = [
        {
            "uniq_id": name,
            "task_name": task,
            "model_pair": "gpt-4o_vs_qwen-vl",
            "rubric_name": rubric,
            "choice": str(choice),
            "comment": "",
        }
        for choice, (name, task) in enumerate(_JUDGED)
        for rubric in ("overall_score", "creativity")
    ]
    rows.append({**rows[0], "uniq_id": _LAST[0], "choice": "1"})
    write_table(folder / "Preference" / "Human_Pairing.json", rows)


def score_example(folder: Path) -> None:
    """Scores as numbers and as text, one of another rubric, and one of a task with sound."""
    _example(folder)
    rows = [
        {
            "uniq_id": name,
            "task_name": task,
            "model_name": model,
            "rubric_name": rubric,
            "score": score,
            "comment": "",
        }
        for (name, task), score in zip((*_JUDGED, _LAST), (1, 2, "4", 5), strict=True)
        for model in ("gpt-4o", "qwen-vl")
        for rubric in ("creativity", "overall_score")
    ]
    write_table(folder / "Preference" / "Human_Scoring.json", rows)
