"""Writes the table of docs/explanation/published-values.md: how close recorded judges come to what was published.

    python benchmarks/published_values.py DATA RUN_FOLDER [RUN_FOLDER ...]

DATA is the folder that `benchmarks/authors.yaml` was run on, with `expected.json`: the published values in percent, by
benchmark, judge and task. The run folders are of that manifest, and of others that hold more of the judges. Statistics
that authors publish beside each recording (LLMBar) are compared too. Benchmarks whose files are there without answers
are counted.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.testing import FakeContext
from harness_preference.benchmarks import imagereward, mm_rlhf_rewardbench, vl_rewardbench
from harness_preference.options import Options

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "published-values.md"
BEGIN, END = "<!-- table -->", "<!-- /table -->"
BIAS = ("preference/bias_accuracy", "preference/normalized_dispersion", "preference/gini_equality")
LLMBAR = {"correct_average": "accuracy", "correct_both": "all_right@group", "equal": "preference/same_winner@group"}
WHY = "rounding to two decimals"
WITHOUT_ANSWERS = {
    "imagereward": imagereward.task,
    "mm_rlhf_rewardbench": mm_rlhf_rewardbench.task,
    "vl_rewardbench": vl_rewardbench.task,
}
"""Task by the folder of its authors' files."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published number and the cell of a leaderboard that it is about."""

    benchmark: str
    task: str
    judge: str
    metric: str
    value: float
    """In percent."""


def list_published(data: Path) -> Iterator[Published]:
    """All numbers of `expected.json` and of the statistics of LLMBar."""
    for section, values in json.loads((data / "expected.json").read_text()).items():
        if isinstance(values, dict):
            yield from _read_section(section, values)
    for file in sorted((data / "llmbar").rglob("statistics.json*")):
        text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        plain, task = json.loads(text), f"llmbar-{file.parts[-5]}"
        for name, metric in LLMBAR.items():
            value = float(str(plain[name]).rpartition("=")[2].strip(" %"))
            yield Published("llmbar", task, f"{file.parts[-3]}/{file.parts[-2]}", metric, value)


def _read_section(section: str, values: dict[str, Any]) -> Iterator[Published]:
    name = section.split()[0]
    for key, part in values.items():
        if name == "genai_bench":
            yield from (Published("genai-bench", task, key, "", value) for task, value in part.items())
        elif name == "judgebench":
            yield Published("judgebench", "judgebench-gpt", key, "", part)
        elif name == "mj_bench":
            task = f"mj-bench-{key.split()[0]}"
            yield from (Published("mj-bench", task, judge, "", value) for judge, value in part.items())
        elif name == "mj_bench_bias":
            metrics = [f"{metric}@group_size" if key.startswith("script") else metric for metric in BIAS]
            for judge, triple in part.items():
                for metric, value in zip(metrics, triple, strict=True):
                    yield Published("mj-bench-bias", "mj-bench-bias", judge, metric, value)
        elif name == "pick_a_pic":
            yield Published("pick-a-pic", "pick-a-pic", key, "", part)
        elif name == "pandalm":
            for metric, value in zip(("accuracy", "macro_f1"), part, strict=True):
                yield Published("pandalm", "pandalm", key, metric, value)


def read_boards(folders: list[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of leaderboards, by task and judge."""
    boards = [json.loads((folder / "leaderboard.json").read_text()) for folder in folders]
    return {(row["task"], row["judge"]): row for board in boards for row in board["rows"]}


def find_value(rows: dict[tuple[str, str], dict[str, Any]], number: Published) -> float | None:
    """Our value in percent, of the judge of this name or the only one whose name begins so."""
    judges = [
        judge for task, judge in rows if task == number.task and re.match(re.escape(number.judge) + r"(-\d|$)", judge)
    ]
    if len(judges) != 1:
        return None
    row = rows[number.task, judges[0]]
    value: float = row["value"] if number.metric in ("", row["metric"]) else row["others"][number.metric]["value"]
    return 100 * value


def make_table(data: Path, folders: list[Path]) -> str:
    """The table in Markdown."""
    rows = read_boards(folders)
    by_benchmark: dict[str, list[Published]] = {}
    for number in list_published(data):
        by_benchmark.setdefault(number.benchmark, []).append(number)
    lines = [
        "| benchmark | items | judges | values | largest difference, points | why |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, numbers in by_benchmark.items():
        pairs = [(number, ours) for number in numbers if (ours := find_value(rows, number)) is not None]
        missing = len(numbers) - len(pairs)
        asked = {
            number.task: max(row["n"] for (task, _), row in rows.items() if task == number.task) for number, _ in pairs
        }
        gaps = [abs(ours - number.value) for number, ours in pairs]
        why = WHY if max(gaps, default=0) < 0.0051 else "not explained"
        why += f"; {missing} values without a recording" if missing else ""
        judges = len({number.judge for number, _ in pairs})
        lines.append(
            f"| {name} | {sum(asked.values()):,} | {judges} | {len(pairs)} | {max(gaps, default=0):.4f} | {why} |"
        )
    for name, make in WITHOUT_ANSWERS.items():
        if (data / name).is_dir():
            task = make(Options(media="absent"), FakeContext(workspace=data, name=name, data=str(data / name)))
            count = sum(1 for _ in task.items("test"))
            lines.append(f"| {name.replace('_', '-')} | {count:,} | 0 | 0 | – | no answers are published |")
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page."""
    data, *folders = map(Path, sys.argv[1:])
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{make_table(data, folders)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
