"""Answers of judges in the logs of other evaluation tools, as layouts of `replay`: `layouts: {FOLDER: inspect-ai}`.

The tasks of these tools are their users' own, so that the ids are those of the tool: give your task the same ones. Not
for benchmarks, whose cards name the layouts of their authors.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from harness.api import DataError, RecordingLayout
from harness.api.data import Cell, Row, read_object, read_table
from harness.api.files import check_regular

Found: TypeAlias = Iterator[tuple[str, dict[str, Any], str]]
"""The judge, its answer as a row of the schema of replay, and the place in the file."""

TASK = "task"
"""Where a row says which task it answers, if its folder has answers to several."""
_LM_EVAL_FILE = re.compile(r"samples_(?P<task>.+)_\d{4}-\d\d-\d\dT[\d.:-]+\.jsonl(\.gz)?")
_MOST_BYTES = 64 * 2**20  # of a sample; a small zip file can hold gigabytes
_WINNERS = {"model_1": 0, "model_2": 1}
_CHOICES = {1.0: "A", 2.0: "B", 0.0: "tie", 1.5: "tie"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLayout:
    """Implements `harness.api.RecordingLayout` for files that say themselves whose answers they hold."""

    patterns: tuple[str, ...]
    """The files, at any depth in the folder."""
    answers: Callable[[Path], Found]
    """All answers in a file."""
    home: str = ""
    """The folder that the tool keeps them in. Where there is one, files elsewhere are of another kind."""

    def find(self, folder: Path) -> dict[str, tuple[Path, ...]]:
        """The files of each judge by its name."""
        files = sorted({file for pattern in self.patterns for file in folder.rglob(pattern) if file.is_file()})
        files = [file for file in files if file.parent.name == self.home] or files
        found: dict[str, dict[Path, None]] = {}
        for file in files:
            for judge, _, _ in self.answers(file):
                found.setdefault(judge, {})[file] = None
        return {judge: tuple(files) for judge, files in found.items()}

    def read(self, file: Path, judge: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        """A judge's answers in a file.

        Raises:
            DataError: The file cannot be read, or is of another layout.
        """
        return ((row, place) for name, row, place in self.answers(file) if name == judge)


def _rows(file: Path) -> Iterator[Row]:
    for number, (values, place) in enumerate(read_table(file)):
        yield Row(values, f"{file}, {place}", number, file=file)


def _place(row: Row) -> str:
    return row.place.removeprefix(f"{row.file}, ")


def _has(row: Row, column: str) -> bool:
    """Whether there is a value. Pandas writes NaN where there is none."""
    value = row.values.get(column)
    return row.has(column) and not (isinstance(value, float) and math.isnan(value))


def _alpaca_eval(file: Path) -> Found:
    """`annotations.json`: 1 prefers the first output, 2 the second, 0 or 1.5 is a draw, in between it is weighed.

    An item is named by the model that is compared and the number of its row.
    """
    for row in _rows(file):
        answer: dict[str, Any] = {"id": f"{row['generator_2'].name()}/{row.number}", "order": [0, 1]}
        if not _has(row, "preference"):
            answer["verdict"] = None
        else:
            value = row["preference"].number()
            answer["verdict"] = _CHOICES.get(value, "A" if value < 1.5 else "B")
        for name, column in (("cost_usd", "price_per_example"), ("latency_s", "time_per_example")):
            if _has(row, column):
                answer[name] = row[column].number()
        said = row.values.get("raw_completion")
        if said is not None:
            answer["rationale"] = said if isinstance(said, str) else json.dumps(said)
        yield row["annotator"].name(), answer, _place(row)


def _fastchat(file: Path) -> Found:
    """`model_judgment/*.jsonl` of MT-Bench: two games with changed places, or a score of one answer.

    Questions and answers of models lie beside that folder, and are passed over.
    An item is `QUESTION-TURN-MODEL-MODEL`, or `QUESTION-TURN-MODEL`.
    """
    for row in _rows(file):
        judge = row["judge"].elements()[0].name() if isinstance(row["judge"].value, list) else row["judge"].name()
        name = f"{row['question_id'].name()}-{row['turn'].name() if row.has('turn') else 1}"
        if not row.has("g1_winner"):
            score = row["score"].number()
            said = row["judgment"].text() if row.has("judgment") else ""
            given: dict[str, Any] = {"verdict": None} if score == -1 else {"scores": [score]}
            yield judge, {"id": f"{name}-{row['model'].name()}", "rationale": said, **given}, _place(row)
            continue
        pair = f"{name}-{row['model_1'].name()}-{row['model_2'].name()}"
        for game, order in (("g1", [0, 1]), ("g2", [1, 0])):
            winner = row[f"{game}_winner"].name()
            # The winner is named by its number, and the verdict by the place where it is shown.
            place = order.index(_WINNERS[winner]) if winner in _WINNERS else None
            verdict = "AB"[place] if place is not None else "tie" if winner == "tie" else None
            said = row[f"{game}_judgment"].text() if row.has(f"{game}_judgment") else ""
            yield judge, {"id": pair, "order": order, "verdict": verdict, "rationale": said}, _place(row)


def _prometheus(file: Path) -> Found:
    """Feedback and score of Prometheus, as its authors' BiGGen-Bench keeps them: `{ID: {"feedback", "score", ...}}`."""
    for key, value in read_object(file):
        place = f"key {key[:100]!r}"
        row = Row({"entry": value}, f"{file}, {place}", 0, file=file)["entry"].fields()
        scores = row["score"].elements() if isinstance(row.values.get("score"), list) else [row.first("score")]
        for sample, cell in enumerate(scores):
            answer = {"id": key, "sample": sample, "scores": [cell.number()]}
            if isinstance(row.values.get("feedback"), str):
                answer["rationale"] = row["feedback"].text()
            yield row["eval_model_name"].name(), answer, place


def _inspect(file: Path) -> Found:
    """A log of Inspect, as JSON or as `.eval`, which is a zip file of JSON. An epoch is a sample."""
    parts = _read_eval(file) if file.suffix == ".eval" else _read_log(file)
    model = ""
    for name, cell in parts:
        if name == "eval":
            model = cell.fields()["model"].name()
            continue
        row = cell.fields()
        epoch = row["epoch"].count() if row.has("epoch") else 1
        answer: dict[str, Any] = {"id": row["id"].name(), "sample": max(epoch - 1, 0)}
        if row.has("error"):
            answer["error"] = json.dumps(row.values["error"])
        yield model, {**answer, **_read_output(row)}, name


def _read_output(row: Row) -> dict[str, Any]:
    """What the model wrote in a sample of Inspect, and why it stopped."""
    output = row["output"].fields() if row.has("output") else Row({}, row.place, row.number)
    choices = output["choices"].elements() if output.has("choices") else []
    first = choices[0].fields() if choices else Row({}, row.place, row.number)
    text = output.values.get("completion")
    if text is None and first.has("message"):
        text = _join(first["message"].fields().values.get("content"))
    said = {"response": text if isinstance(text, str) else ""}
    if output.has("error"):
        said["error"] = output["error"].text()
    return said | ({"stop_reason": first["stop_reason"].text()} if first.has("stop_reason") else {})


def _join(content: object) -> object:
    """The text of a message, which may be in parts: reasoning, pictures and calls of tools are other ones."""
    if not isinstance(content, list):
        return content
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _read_log(file: Path) -> Iterator[tuple[str, Cell]]:
    """The header and the samples of a log in JSON, in this order."""
    for key, value in read_object(file):
        cell = Row({key: value}, f"{file}, key {key[:100]!r}", 0, file=file)[key] if value is not None else None
        if cell is not None and key == "eval":
            yield key, cell
        elif cell is not None and key == "samples":
            yield from ((f"sample {number}", sample) for number, sample in enumerate(cell.elements()))


def _read_eval(file: Path) -> Iterator[tuple[str, Cell]]:
    """The header and the samples of a zip file."""
    try:
        check_regular(file)
        with zipfile.ZipFile(file) as archive:
            names = [info for info in archive.infolist() if info.filename.endswith(".json")]
            header = next((info for info in names if info.filename == "header.json"), None)
            start = next((info for info in names if info.filename == "_journal/start.json"), None)
            samples = [info for info in names if info.filename.startswith("samples/")]
            for info in [part for part in (header or start, *samples) if part is not None]:
                if info.file_size > _MOST_BYTES:
                    raise DataError(f"{file}, {info.filename}: more than {_MOST_BYTES:,} bytes; not a sample")
                values = json.loads(archive.read(info))
                row = Row({"entry": values}, f"{file}, {info.filename}", 0, file=file)
                if info in (header, start):
                    yield "eval", row["entry"].fields()["eval"]
                else:
                    yield info.filename, row["entry"]
    except (OSError, ValueError, RecursionError, NotImplementedError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: not a log of Inspect that can be read ({error}); convert it to JSON") from error


def _lm_eval(file: Path) -> Found:
    """`MODEL/samples_TASK_DATE.jsonl` of the LM Evaluation Harness. The judge is the folder.

    Texts are answers, each a sample. Where a task weighs choices, their log-likelihoods are scores. Ids are numbers of
    rows, so where a folder has several tasks each answer says which one it is to.
    """
    tasks = {_task_of(path) for path in file.parent.glob("samples_*")}
    named = {TASK: _task_of(file)} if len(tasks) > 1 and all(tasks) else {}
    for row in _rows(file):
        identity = {"id": row["doc_id"].name(), **named}
        responses = [cell.elements()[0] for cell in row["resps"].elements() if cell.elements()]
        if responses and not isinstance(responses[0].value, str):
            # A log-likelihood stands first in a pair with whether the choice is the most likely text.
            scores = [cell.elements()[0] if isinstance(cell.value, list) else cell for cell in responses]
            yield file.parent.name, identity | {"scores": [score.number() for score in scores]}, _place(row)
            continue
        for sample, cell in enumerate(responses):
            yield file.parent.name, identity | {"sample": sample, "response": cell.text()}, _place(row)


def _task_of(file: Path) -> str:
    found = _LM_EVAL_FILE.fullmatch(file.name)
    return found["task"] if found else ""


TOOLS: Mapping[str, RecordingLayout] = {
    "alpaca-eval": ToolLayout(patterns=("annotations.json", "annotations.json.gz"), answers=_alpaca_eval),
    "fastchat": ToolLayout(patterns=("*.jsonl", "*.jsonl.gz"), answers=_fastchat, home="model_judgment"),
    "inspect-ai": ToolLayout(patterns=("*.eval", "*.json"), answers=_inspect),
    "lm-eval": ToolLayout(patterns=("samples_*.jsonl", "samples_*.jsonl.gz"), answers=_lm_eval),
    "prometheus": ToolLayout(patterns=("*.json", "*.json.gz"), answers=_prometheus),
}
"""The layouts by the name of the tool."""
