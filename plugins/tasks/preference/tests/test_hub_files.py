"""What `harness data` fetches of a data set: the patterns of the cards against the names that the hub lists.

The names are those of the hub's pages, without files for people. No hub is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import Context, Dataset
from harness.api.data import write_table
from harness_preference.benchmarks import (
    codejudgebench,
    contextualjudgebench,
    judgebench,
    m_rewardbench,
    rewardbench,
    rm_bench,
)
from harness_preference.cards import cards
from harness_preference.options import Options

SPLITS = ("completeness_qa", "completeness_summ", "conciseness_qa", "conciseness_summ", "faithfulness_qa")
LISTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "judgebench": (("data/claude-00000-of-00001.jsonl", "data/gpt-00000-of-00001.jsonl"), ()),
    "rewardbench": (
        ("data/filtered-00000-of-00001.parquet",),
        ("data/raw-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"),
    ),
    "m-rewardbench": (
        ("por_Latn/test-00000-of-00001.parquet", "zho_Hant/test-00000-of-00001.parquet"),
        ("por_Latn/filtered.json", "por_Latn/raw.json", "translation/test-00000-of-00001.parquet"),
    ),
    "contextualjudgebench": (tuple(f"data/{split}-00000-of-00001.parquet" for split in SPLITS), ()),
    "codejudgebench": (
        (
            "codegen/gemini_2.5_flash_lite-00000-of-00001.parquet",
            "coderepair/claude_3.7_sonnet-00000-of-00001.parquet",
            "testgen/gemini_2.5_pro-00000-of-00001.parquet",
        ),
        ("codegen_pass5/gemini_2.5_pro-00000-of-00001.parquet",),
    ),
    "rm-bench": (("total_dataset.json",), ()),
    "hpd-v2": (("test.json", "test.tar.gz"), ("train.json", "train.tar.gz", "HPDv2.py")),
    "editreward-bench": (("2pair/train-00000-of-00001.parquet", "4pair/train-00000-of-00001.parquet"), ()),
}
"""By card: the files that the benchmark reads, and others that are listed beside them."""

BENCHMARKS = {
    "judgebench": (judgebench.BENCHMARK, {"claude", "gpt"}),
    "rewardbench": (rewardbench.BENCHMARK, None),
    "m-rewardbench": (m_rewardbench.BENCHMARK, {"por_Latn", "zho_Hant"}),
    "contextualjudgebench": (contextualjudgebench.BENCHMARK, {*SPLITS}),
    "codejudgebench": (codejudgebench.BENCHMARK, {"codegen", "coderepair", "testgen"}),
    "rm-bench": (rm_bench.BENCHMARK, {"easy", "normal", "hard"}),
}
"""By card: the benchmark, and the subsets that it finds in a folder with the files that are fetched."""


def data_of_card(name: str) -> Dataset:
    (card,) = (card for card in cards() if card.name == name)
    assert card.data is not None
    return card.data


@pytest.mark.parametrize("name", LISTED)
def test_the_patterns_of_a_card_fetch_what_the_benchmark_reads_and_no_more(name: str) -> None:
    filters = pytest.importorskip("huggingface_hub.utils").filter_repo_objects
    wanted, others = LISTED[name]
    patterns = data_of_card(name).files
    assert sorted(filters([*wanted, *others], allow_patterns=list(patterns) or None)) == sorted(wanted)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_folder_with_the_files_of_the_hub_has_the_subsets(
    tmp_path: Path, context: Callable[[object], Context], name: str
) -> None:
    benchmark, subsets = BENCHMARKS[name]
    for file in LISTED[name][0]:
        write_table(tmp_path / file, [{"any": "row"}])
    found = benchmark.sources(Options(), context(tmp_path))
    assert {*found} == (subsets or {*found})
    assert found
