"""M-RewardBench: RewardBench in 22 languages beside English.

Data: https://huggingface.co/datasets/CohereLabsCommunity/multilingual-reward-bench, code:
https://github.com/Cohere-Labs-Community/m-rewardbench (scripts/run_generative.py, scripts/run_rewardbench.py), paper:
arXiv 2410.15522. Rows, sections and weights are those of RewardBench.
"""

from __future__ import annotations

from pathlib import Path

from harness.api.data import Layout, write_table
from harness_preference.benchmark import Benchmark
from harness_preference.benchmarks import rewardbench

LANGUAGES = (
    "arb_Arab",
    "ces_Latn",
    "deu_Latn",
    "ell_Grek",
    "fra_Latn",
    "heb_Hebr",
    "hin_Deva",
    "ind_Latn",
    "ita_Latn",
    "jpn_Jpan",
    "kor_Hang",
    "nld_Latn",
    "pes_Arab",
    "pol_Latn",
    "por_Latn",
    "ron_Latn",
    "rus_Cyrl",
    "spa_Latn",
    "tur_Latn",
    "ukr_Cyrl",
    "vie_Latn",
    "zho_Hans",
    "zho_Hant",
)
"""Configurations of the data set, each with its own rows. Chinese has two, one for each script."""

# The scripts call `calculate_scores_per_section` of RewardBench with its own table of counts.
PROTOCOL = rewardbench.PROTOCOL
"""The official one."""

BENCHMARK = Benchmark(
    name="m-rewardbench",
    entry="m-rewardbench-{subset}",
    protocol=PROTOCOL,
    format="harness/brackets",
    layout=Layout(subsets=LANGUAGES, split="test"),
    items=rewardbench.items,
    frame=rewardbench.frame,
)

task, unfold = BENCHMARK.task, BENCHMARK.unfold


def example(folder: Path) -> None:
    """A pair of each section in two languages."""
    words = {"deu_Latn": ("Was ist", "Es ist", "Keine Ahnung."), "spa_Latn": ("¿Cuánto es", "Es", "No lo sé.")}
    subsets = ("alpacaeval-easy", "llmbar-natural", "donotanswer", "math-prm", "hep-python")
    for language, (asks, answers, unsure) in words.items():
        rows = [
            {
                "id": 30 + k,
                "language": language,
                "prompt": f"{asks} {k} + {k}?",
                "chosen": f"{answers} {2 * k}.",
                "rejected": unsure,
                "chosen_model": "model-x",
                "rejected_model": "model-y",
                "subset": subset,
            }
            for k, subset in enumerate(subsets)
        ]
        write_table(folder / language / "test-00000-of-00001.parquet", rows)
