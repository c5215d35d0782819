"""MM-JudgeBench: pairs of answers to questions about an image, the same ones in 25 languages.

Data: https://huggingface.co/datasets/tahmedge/MM-JudgeBench, code: https://github.com/tahmedge/mm-judgebench
(scripts/evaluate.py, scripts/infer_vllm.py), paper: "Lost in Translation: Do LVLM Judges Generalize Across
Languages?" (ACL 2026 Findings).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.api import Context, Item, Preference, Protocol
from harness.api.data import Layout, PromptFrame, Row, Source, find_subsets, group_of, make_picture, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.options import Options
from harness_preference.published import find_tables

SPACE = Preference(2)
# The script strips white space and ignores case.
LABELS = {"A": 0, "B": 1, "a": 0, "b": 1}


def items(row: Row, subset: str, options: Options) -> Iterator[Item]:
    """The item of one pair in one language.

    Raises:
        DataError: A column is missing or does not fit.
    """
    name, language = row["id"].name(), row["language"].name()
    query = row["query"].text() if row.has("query") else ""
    yield Item(
        # VL-RewardBench, of which this is a translation, has ids that are there twice.
        id=f"{subset}/{row.number}",
        # The same pair in all languages is one cluster.
        group=group_of(subset, name),
        space=SPACE,
        gold=row["label"].label(LABELS),
        question=(row["image_path"].image(), f"[Language]\n{language}", f"[Question]\n{query}"),
        candidates=((row["response1"].text(),), (row["response2"].text(),)),
        category=language,
        tags={"id": name},
    )


def find(options: Options, context: Context) -> Mapping[str, Source]:
    """The rows of each subset, also where they are in a folder of its folder, as the script takes them.

    Raises:
        DataError: The data are not of the benchmark's layout.
    """
    split, folder = options.hub_split or LAYOUT.split, Path(context.data or "")
    inner = sorted(
        {file.parent.name for file in find_tables(folder, *(f"{name}/*/{split}" for name in LAYOUT.subsets))}
    )
    layout = replace(LAYOUT, files=tuple(f"{{subset}}/{name}/{split}" for name in inner))

    def find_rows(subset: str | None, prefixes: tuple[str, ...]) -> dict[str, Source]:
        own = replace(layout, prefixes=prefixes)
        return find_subsets(context, own, subset=subset, split=options.hub_split, media=options.media)

    # A picture is named from the top of the release, from the folder of the subset, or from the images in it.
    return {
        subset: find_rows(subset, ("", f"{subset}/", f"{subset}/images/"))[subset]
        for subset in find_rows(options.subset, ("",))
    }


def frame(subset: str) -> PromptFrame:
    """The facts of the official prompt in our own words."""
    return PromptFrame(
        system=(
            "You are a strict and fair judge of answers to questions about an image. Of two answers, prefer the one "
            "that is right for the image and the question, complete and detailed, relevant and clear without needless "
            "words, and that claims nothing which the image does not support."
        ),
        heading="[Answer {letter}]",
        ending="[End of answer {letter}]",
        closing="Which answer is better?",
    )


# The script compares the winner with the label of one file, and what it cannot read is no label. The second file has
# the same pairs in the reverse order. Asking both orders is both files together.
PROTOCOL = Protocol(order="both", pooling="each", unparsed="wrong", metrics=("accuracy", "accuracy@category"))
"""The official one."""

LAYOUT = Layout(subsets=("m-vl-rewardbench", "m-opencqa"), split="original")
"""Where the rows are."""

BENCHMARK = Benchmark(
    name="mm-judgebench",
    entry="mm-judgebench-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=LAYOUT,
    items=items,
    frame=frame,
    find=find,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair in two languages of each subset."""
    for number, subset in enumerate(LAYOUT.subsets):
        images = folder / subset / "images"
        images.mkdir(parents=True)
        (images / "cups.png").write_bytes(make_picture(number))
        words = {"English": ("How many cups?", "Two.", "Three."), "Spanish": ("¿Cuántas tazas?", "Dos.", "Tres.")}
        rows = [
            {
                "id": "cups",
                "language": language,
                "query": query,
                "response1": right,
                "response2": wrong,
                "label": "A",
                "image_path": f"{subset}/images/cups.png",
            }
            for language, (query, right, wrong) in words.items()
        ]
        write_table(folder / subset / "data" / "original.csv", rows)
