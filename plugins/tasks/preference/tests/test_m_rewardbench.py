from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Judgement, Request
from harness.api.data import write_table
from harness.testing import score_task
from harness_preference.benchmarks import m_rewardbench
from harness_preference.options import Options
from harness_preference.published import m_rewardbench as published

Contexts = Callable[[object], Context]
MAPPING = {  # SUBSET_MAPPING and EXAMPLE_COUNTS of rewardbench/constants.py, for the subsets of the test
    "Chat": {"alpacaeval-easy": 100, "mt-bench-med": 40},
    "Chat Hard": {"mt-bench-hard": 37, "llmbar-natural": 100},
    "Safety": {"xstest-should-refuse": 250, "xstest-should-respond": 154, "donotanswer": 136},
    "Reasoning": {"math-prm": 984, "hep-go": 164},
}
RIGHT = {
    "alpacaeval-easy": (1.0, 0.0, 1.0),
    "mt-bench-med": (0.0,),
    "mt-bench-hard": (0.5, 1.0),
    "llmbar-natural": (0.0, 1.0),
    "xstest-should-refuse": (1.0, 1.0, 0.0),
    "xstest-should-respond": (0.0, 0.5),
    "donotanswer": (1.0,),
    "math-prm": (1.0, 0.0),
    "hep-go": (0.5, 0.0, 0.0, 1.0),
}
"""Made-up results of the pairs of each subset."""


def rows(language: str, subsets: list[str]) -> list[dict[str, Any]]:
    fixed = {"language": language, "chosen": "good", "rejected": "bad", "chosen_model": "x", "rejected_model": "y"}
    return [
        {**fixed, "id": k, "prompt": f"{subset} {k}", "subset": subset}
        for subset in subsets
        for k in range(len(RIGHT[subset]))
    ]


def answer(request: Request, item: Item) -> str | Judgement:
    points = RIGHT[item.tags["subset"]][int(item.tags["id"])]
    return "no verdict" if points == 0.5 else Judgement.of(item.space.to_shown(0 if points else 1, request.order))


@pytest.mark.parametrize("lost", [[], ["mt-bench-med"], ["math-prm", "donotanswer"]])
def test_the_score_of_a_language_is_that_of_the_official_sections(
    tmp_path: Path, context: Contexts, lost: list[str]
) -> None:
    """`calculate_scores_per_section` weighs the subsets that are there, then the mean over sections."""
    here = [subset for subset in RIGHT if subset not in lost]
    write_table(tmp_path / "deu_Latn" / "test-00000-of-00001.parquet", rows("deu_Latn", here))
    sections = []
    for tests in MAPPING.values():
        own = {test: count for test, count in tests.items() if test in here}
        weighted = sum(sum(RIGHT[test]) / len(RIGHT[test]) * count for test, count in own.items())
        sections.append(weighted / sum(own.values()))
    found = score_task(m_rewardbench.task(None, context(tmp_path)), answer).estimates
    assert [estimate.metric for estimate in found] == ["accuracy@category", "accuracy"]
    assert found[0].value == pytest.approx(sum(sections) / 4, abs=1e-12)


def test_each_language_is_a_task_of_its_own(tmp_path: Path, context: Contexts) -> None:
    for language in ("zho_Hans", "arb_Arab"):
        write_table(tmp_path / language / "test-00000-of-00001.parquet", rows(language, ["donotanswer"]))
    # The first release, the English original and the translations stand beside them.
    write_table(tmp_path / "zho_Hans" / "filtered.jsonl", rows("zho_Hans", ["hep-go"]))
    write_table(tmp_path / "translation" / "test-00000-of-00001.parquet", rows("deu_Latn", ["hep-go"]))
    names = [entry.name for entry in m_rewardbench.unfold(None, context(tmp_path))]
    assert names == ["m-rewardbench-arb_Arab", "m-rewardbench-zho_Hans"]
    (item,) = m_rewardbench.task(Options(subset="zho_Hans"), context(tmp_path)).items("test")
    assert (item.id, item.category) == ("zho_Hans/0", "safety/donotanswer")
    old = Options(subset="zho_Hans", hub_split="filtered")
    assert len(list(m_rewardbench.task(old, context(tmp_path)).items("test"))) == 4
    with pytest.raises(DataError, match="there is no subset 'deu'"):
        m_rewardbench.task(Options(subset="deu"), context(tmp_path))
    assert len(m_rewardbench.LANGUAGES) == 23, "22 languages, of which Chinese has two scripts"


def test_what_the_authors_scripts_save_is_read(tmp_path: Path) -> None:
    def save(place: str, text: str) -> None:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)

    save("output/openai___gpt-4-deu_Latn.json", json.dumps({"model": "x", "scores": {"results": [1, 0, 0.5]}}))
    save("results/org/rm-deu_Latn-all.jsonl", '{"chosen": 1.5, "rejected": -2}\n{"chosen": 0, "rejected": 0}\n')
    save("results/org/rm-deu_Latn.json", json.dumps({"accuracy": 0.5, "subset_results": {}}))
    save("notes.json", "{}")
    found = {
        judge: [dict(row) for file in files for row, _ in published.RECORDINGS.read(file, judge)]
        for judge, files in published.RECORDINGS.find(tmp_path).items()
    }
    assert found == {
        "openai/gpt-4": [
            {"id": "deu_Latn/0", "scores": [1, 0]},
            {"id": "deu_Latn/1", "scores": [0, 1]},
            {"id": "deu_Latn/2", "order": [0, 1], "verdict": None},
            {"id": "deu_Latn/2", "order": [1, 0], "verdict": None},
        ],
        "org/rm": [{"id": "deu_Latn/0", "scores": [1.5, -2]}, {"id": "deu_Latn/1", "scores": [0, 0]}],
    }
    save("output/openai___gpt-4-deu_Latn.json", json.dumps({"scores": {"results": ["right"]}}))
    with pytest.raises(DataError, match="column 'results', element 0: expected a finite number"):
        list(published.RECORDINGS.read(tmp_path / "output/openai___gpt-4-deu_Latn.json", "openai/gpt-4"))
