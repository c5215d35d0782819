"""The files of authors in small: what each benchmark reads of a copy of its authors' repository, answers too.

The layouts are theirs, and the rows are made up. That real files give the published values is tested with the manifest
that reads them all.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, RecordingLayout
from harness_preference.benchmarks import (
    genai_bench,
    imagereward,
    judgebench,
    llmbar,
    mj_bench,
    mj_bench_bias,
    mm_rlhf_rewardbench,
    mmrb2,
    pandalm,
    pick_a_pic,
    vl_rewardbench,
)
from harness_preference.options import Options
from harness_preference.published import genai_bench as genai_files
from harness_preference.published import judgebench as judgebench_files
from harness_preference.published import llmbar as llmbar_files
from harness_preference.published import mj_bench as mj_files
from harness_preference.published import mj_bench_bias as bias_files
from harness_preference.published import mmrb2 as mmrb2_files
from harness_preference.published import pandalm as pandalm_files
from harness_preference.published import pick_a_pic as pick_files
from harness_preference.published import rewardbench as rewardbench_files
from harness_preference.published import rewardbench_2 as rewardbench_2_files

Contexts = Callable[[object], Context]
ABSENT = Options(media="absent")


def save(file: Path, content: Any) -> None:
    """Write JSON, or JSON lines where the name says so, gzipped where it says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ".jsonl" in file.name
    text = "".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())


def answers(layout: RecordingLayout, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each judge."""
    return {
        judge: [dict(row) for file in files for row, _ in layout.read(file, judge)]
        for judge, files in layout.find(folder).items()
    }


# -- GenAI-Bench ---------------------------------------------------------------------------------------------------


def test_genai_bench_takes_votes_from_the_fullest_file_and_the_last_of_two_answers(
    tmp_path: Path, context: Contexts
) -> None:
    vote = {"human_vote": "leftvote"}
    twice = [
        {"idx": k, "prompt": f"p{k}", "response": f"{text} {k}", **vote} for text in ("no", "[[A>B]]") for k in (0, 1)
    ]
    save(tmp_path / "results/video_generation/otter/pairwise.jsonl.gz", twice)
    save(tmp_path / "results/video_generation/random/pairwise.jsonl", [{"idx": 0, "response": "[[B>A]]", **vote}])
    save(tmp_path / "results/image_generation/random/pairwise.json", [{"idx": 3, "response": "x", **vote}])
    names = [entry.name for entry in genai_bench.unfold(ABSENT, context(tmp_path))]
    assert names == ["image_generation", "video_generation"]
    videos = Options(subset="video_generation", media="absent")
    items = list(genai_bench.task(videos, context(tmp_path)).items("test"))
    assert [item.id for item in items] == ["video_generation/0", "video_generation/1"]
    assert "p1" in str(items[1].question)
    # The prompt is in no file, which the item says itself.
    (item,) = genai_bench.task(Options(subset="image_generation", media="absent"), context(tmp_path)).items("test")
    assert "is not in these files" in str(item.question)
    found = answers(genai_files.RECORDINGS, tmp_path)
    assert [row["response"] for row in found["otter"]] == ["[[A>B]] 0", "[[A>B]] 1"]
    assert {row["id"] for row in found["random"]} == {"image_generation/3", "video_generation/0"}


# -- JudgeBench ----------------------------------------------------------------------------------------------------

PAIR = {
    "pair_id": "p1",
    "source": "livebench-math",
    "question": "2 + 2?",
    "response_A": "4",
    "response_B": "",
    "label": "A>B",
}


def judged(*judgments: Any) -> list[dict[str, Any]]:
    return [{**PAIR, "judgments": list(judgments)}]


def test_judgebench_finds_subset_and_judge_in_the_names_of_files(tmp_path: Path, context: Contexts) -> None:
    start = "dataset=judgebench,response_model="
    text = {"judgment": {"response": "[[A>>B]]"}, "decision": "A>B"}
    scores = {"judgment": {"scores": [1.5, -2]}, "decision": "B>A"}
    unread = {"judgment": {"response": "[[A>B]] or [[A>>B]]"}, "decision": None}
    end = "judge_name=arena_hard,judge_model=o1-mini"
    save(tmp_path / f"outputs/{start}gpt-4o,{end}.jsonl.gz", judged(text, unread))
    save(
        tmp_path / f"outputs/{start}claude-3,judge_name=reward_model,judge_model=Ray_GRM.jsonl", judged(scores, scores)
    )
    save(tmp_path / f"outputs/{start}gpt-4o,judge_name=vanilla,judge_model=o1-mini.jsonl", judged(None, text))
    bare = {"judgment": {"scores": [0.5, 0.25]}}
    save(tmp_path / f"outputs/{start}gpt-4o,judge_name=reward_model,judge_model=plain.jsonl", judged(bare, bare))
    assert [entry.name for entry in judgebench.unfold(None, context(tmp_path))] == [
        "judgebench-gpt",
        "judgebench-claude",
    ]
    (item,) = judgebench.task(Options(subset="gpt"), context(tmp_path)).items("test")
    assert (item.id, item.gold, item.candidates) == ("gpt/p1", 0, (("4",), ("",)))
    found = answers(judgebench_files.RECORDINGS, tmp_path)
    assert found["o1-mini"] == [
        {"id": "gpt/p1", "order": [0, 1], "verdict": "A", "response": "[[A>>B]]"},
        {"id": "gpt/p1", "order": [1, 0], "verdict": None, "rationale": "[[A>B]] or [[A>>B]]"},
    ]
    assert [(row["id"], row["verdict"]) for row in found["Ray_GRM"]] == [("claude/p1", "B"), ("claude/p1", "B")]
    assert [row["verdict"] for row in found["o1-mini-vanilla"]] == [None, "A"]
    assert [row["scores"] for row in found["plain"]] == [[0.5, 0.25], [0.5, 0.25]]


@pytest.mark.parametrize(("decision", "verdicts"), [("A>B", ["A", "B"]), ("A=B", ["tie", "tie"]), (None, [None, None])])
def test_a_judge_of_judgebench_that_was_asked_once_says_the_same_in_both_orders(
    tmp_path: Path, decision: str | None, verdicts: list[str | None]
) -> None:
    file = tmp_path / "outputs/response_model=gpt-4o,judge_name=reward_model,judge_model=m.jsonl"
    save(file, judged({"judgment": {"scores": [1, 0]}, "decision": decision}))
    assert [row["verdict"] for row in answers(judgebench_files.RECORDINGS, tmp_path)["m"]] == verdicts


def test_a_judgement_of_another_form_is_named(tmp_path: Path) -> None:
    file = tmp_path / "outputs/response_model=gpt-4o,judge_name=arena_hard,judge_model=m.jsonl"
    for judgments, says in (
        (
            judged({"decision": "A"}, None),
            "line 1, column 'judgments', element 0, column 'decision': expected one of A>B",
        ),
        (judged(None, None, None), "column 'judgments': expected a list of two judgements"),
        (judged({"judgment": {"response": "[[A]]"}}), "column 'judgments': expected a list of two judgements"),
    ):
        save(file, judgments)
        with pytest.raises(DataError, match=says.replace("'", ".")):
            answers(judgebench_files.RECORDINGS, tmp_path)


# -- MJ-Bench and Pick-a-Pic ---------------------------------------------------------------------------------------


def scored(number: int, scores: tuple[float, float], *, pred: str, label: str = "0") -> dict[str, Any]:
    images = {"image_0_path": "18.png", "image_1_path": "18.png"}
    both = {"score_0": scores[0], "score_1": scores[1]}
    return {"id": number, "caption": f"c{number}", **images, **both, "label": label, "pred": pred}


def test_mj_bench_puts_parts_into_perspectives(tmp_path: Path, context: Contexts) -> None:
    result = tmp_path / "personal/result"
    rows = [scored(0, (1, 2), pred="1"), scored(1, (2, 2), pred="tie")]
    save(result / "clip/toxic0.0.json.gz", rows)
    save(result / "clip/nsfw0.0.json", rows)
    save(result / "clip/Human_0.0.json", rows)
    save(result / "clip/toxic0.1.json", [scored(0, (1, 1.05), pred="tie")])
    save(result / "hps_v2.1/toxic0.0.json", rows[:1])
    save(result / "hps_v2.1/comic0.0.json", rows)
    names = [entry.name for entry in mj_bench.unfold(ABSENT, context(tmp_path))]
    assert sorted(names) == ["mj-bench-comic", "mj-bench-quality", "mj-bench-safety"]
    safety = list(mj_bench.task(Options(subset="safety", media="absent"), context(tmp_path)).items("test"))
    assert [item.id for item in safety] == ["safety/nsfw-0", "safety/nsfw-1", "safety/toxic-0", "safety/toxic-1"]
    assert {item.category for item in safety} == {"nsfw", "toxic"}
    found = answers(mj_files.RECORDINGS, tmp_path)
    assert sorted(found) == ["clip", "clip-0.1", "hps_v2.1"]
    assert {row["id"]: row["verdict"] for row in found["clip"]}["safety/toxic-1"] == "tie"
    assert found["clip-0.1"] == [{"id": "safety/toxic-0", "verdict": "tie", "response": "tie"}]


def test_bias_scores_are_columns_and_models_without_a_scale_are_put_on_it(tmp_path: Path, context: Contexts) -> None:
    def row(name: str, **scores: Any) -> dict[str, Any]:
        facts = {"demographic": "old_male", "occupation": "Nurse", "images_dir": f"n/{name}.jpg", "prompt": "A Nurse."}
        return {**facts, "age": True, "clip": {"a": -2.0, "b": 0.0, "c": 2.0}[name], **scores, "analysis": 0}

    bias = tmp_path / "bias"
    save(bias / "new_bias_dataset_gpt.json.gz", [row("a", gpt=5), row("b", gpt=3), row("c", gpt=4)])
    said = {"vlm_output": "I would say eight of ten."}
    rest = [row("b", claude="N/A", vlm_output="11 of 12"), row("c", claude=2)]
    save(bias / "new_bias_dataset_gemini.json", [row("a", gemini=None), row("b", gemini="N/A"), row("c", gemini=2)])
    save(bias / "new_bias_dataset_claude.json", [row("a", claude="N/A", **said), *rest])
    items = list(mj_bench_bias.task(ABSENT, context(tmp_path)).items("test"))
    assert [item.id for item in items] == [f"bias/n/{name}.jpg" for name in "abc"]
    assert len({item.group for item in items}) == 1
    found = answers(bias_files.RECORDINGS, tmp_path)
    assert sorted(found) == ["claude", "clip", "gemini", "gpt"]
    assert [row.get("scores") for row in found["gemini"]] == [None, None, [2]]
    assert [row["scores"] for row in found["clip"]] == [[1.0], [5.5], [10.0]]
    assert [row["scores"] for row in found["gpt"]] == [[5], [3], [4]]
    assert [row.get("scores") for row in found["claude"]] == [[8], None, [2]]
    assert found["claude"][1]["verdict"] is None


def test_mj_bench_reads_what_models_wrote_and_a_second_place_only_fills_gaps(tmp_path: Path, context: Contexts) -> None:
    result = tmp_path / "result/acc"
    save(tmp_path / "personal/result/clip/human0.0.json", [scored(0, (1, 2), pred="1"), scored(1, (2, 1), pred="0")])
    human = {name: value for name, value in scored(0, (5, 1), pred="0").items() if name != "id"}
    save(result / "clip/Human_0.0.json", [{**human, "human_id": 0}])
    save(result / "clip/toxic0.0.json.gz", [scored(0, (5, 1), pred="0")])
    save(result / "clip/2024-04-28_06_04_29_012683.json", [scored(0, (5, 1), pred="0")])
    echo = "User: ... Overall Preferred Image: [YOUR PREFERENCE] ...\nAssistant: Overall Preferred Image: "
    forms = [{**scored(k, (0, 0), pred=""), "scores": [f"{echo}{said}"]} for k, said in enumerate(("2.", "0", "none"))]
    save(result / "idefics2-8b/huamn0.0.json", [drop(row, "pred", "score_0", "score_1") for row in forms])
    images = {"image_0_uid": "a.jpg", "image_1_uid": "b.jpg", "caption": "c", "label": 1}
    scores = {"score_0": "8", "score_1": "9", "score_pred": "1"}
    both = [
        {"id": name, **images, **scores, "vlm_pred": said, "output": f"o {said}"}
        for name, said in (("pap_0", "0"), ("pap_8", "-1"), ("hpdv2_new_1", "N/A"))
    ]
    one = [{"id": "pap_0", **images, "score_0": "8.", "score_1": "5.", "pred": "1", "output_0": "x", "output_1": "y"}]
    written = result / "vlm_results/alignment"
    save(written / "actions_multi/qwen_number_scale10.json", both)
    save(written / "actions_single/qwen_number_scale10.json", one)
    save(written / "actions/llava_narrative_scale5.json", [{**one[0], "score_0": None, "score_1": None, "pred": "N/A"}])
    names = [entry.name for entry in mj_bench.unfold(ABSENT, context(tmp_path))]
    assert sorted(names) == ["mj-bench-alignment", "mj-bench-quality", "mj-bench-safety"]
    items = list(mj_bench.task(Options(subset="alignment", media="absent"), context(tmp_path)).items("test"))
    assert [(item.id, item.gold, item.category) for item in items] == [
        (f"alignment/actions-{name}", 1, "actions") for name in ("pap_0", "pap_8", "hpdv2_new_1")
    ]
    found = answers(mj_files.RECORDINGS, tmp_path)
    assert [(row["id"], row["verdict"]) for row in found["clip"]] == [
        ("quality/human-0", "B"),
        ("quality/human-1", "A"),
        ("safety/toxic-0", "A"),
    ]
    assert [row["verdict"] for row in found["idefics2-8b"]] == ["B", "tie", None]
    assert [(row["id"], row["verdict"]) for row in found["qwen_number_scale10_multi"]] == [
        ("alignment/actions-pap_0", "A"),
        ("alignment/actions-pap_8", "tie"),
        ("alignment/actions-hpdv2_new_1", None),
    ]
    assert found["qwen_number_scale10_multi"][1]["response"] == "o -1"
    (single,) = found["qwen_number_scale10_single"]
    assert (single["verdict"], single["response"]) == ("B", "x\n\ny")
    assert [row["verdict"] for row in found["llava_narrative_scale5"]] == [None]


def drop(row: dict[str, Any], *columns: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in columns}


def test_bias_scores_of_other_forms_are_other_judges(tmp_path: Path, context: Contexts) -> None:
    def row(name: str, **scores: Any) -> dict[str, Any]:
        facts = {"demographic": "old_male", "occupation": "Nurse", "images_dir": f"n/{name}.jpg", "prompt": "A Nurse."}
        return {**facts, "age": True, "clip": {"a": -2.0, "b": 0.0}[name], **scores, "analysis": None}

    new = tmp_path / "bias/new_bias"
    words = [row("a", gpt=" Outstanding\n```"), row("b", gpt=" Extremely Poor\n```")]
    save(new / "narrative_bias_dataset_gpt.json", words)
    save(new / "scale_10_bias_dataset_gpt.json.gz", [row("a", gpt=8), row("b", gpt=" 3\n```")])
    save(tmp_path / "bias/new_bias_dataset_gpt.json", [row("a", gpt=4), row("b", gpt=2)])
    said = ("RATING: 6 of 10", "It is Average.")
    for form, text in zip(("number", "narrative"), said, strict=True):
        rows = [
            drop(row("a", id=0, score=7, score_scale=10, vlm_output="x"), "clip", "analysis"),
            drop(row("b", id=1, score="N/A", score_scale=10, vlm_output=text), "clip", "analysis"),
        ]
        save(tmp_path / f"result/acc/vlm_results/bias_single/qwen_{form}_scale10.json", rows)
    found = answers(bias_files.RECORDINGS, tmp_path)
    assert {judge: [row["scores"][0] for row in rows] for judge, rows in found.items()} == {
        "gpt": [4, 2],
        "gpt_narrative": [5, 1],
        "gpt_scale_10": [8, 3],
        "clip": [1, 10],
        "qwen_number_scale10": [7, 6],
        "qwen_narrative_scale10": [7, 3],
    }
    (tmp_path / "bias/new_bias_dataset_gpt.json").unlink()
    assert len(list(mj_bench_bias.task(ABSENT, context(tmp_path)).items("test"))) == 2
    save(new / "scale_10_bias_dataset_gpt.json.gz", [row("a", gpt=8), row("b")])
    with pytest.raises(DataError, match=r"there is no column .gpt."):
        answers(bias_files.RECORDINGS, tmp_path)


def test_pick_a_pic_reads_labels_and_names_models(tmp_path: Path, context: Contexts) -> None:
    result = tmp_path / "reward_models/result"
    facts = {"caption": "c", "ranking_id": 7, "image_0_uid": "x", "image_1_uid": "y"}
    rows = [{"id": k, **facts, "label": label} for k, label in enumerate(("0", "1", "tie"))]
    for name in ("clipscore_eval_0.00", "clipscore_eval_v2_0.00", "clipscore_eval", "clipscore_eval_0.05"):
        scores = {"score_0": 1.0, "score_1": 0.5, "pred": "tie" if name.endswith("0.05") else "0"}
        save(result / f"validation_{name}.json", [{**row, **scores} for row in rows])
    said = ("1", "tie", "NON-format, sorry")
    texts = {"score_0": "7\n", "score_1": "7 - fine"}
    save(
        result / "validation_gpt4score_eval.json.gz",
        [{**row, **texts, "pred_gpt4v": text} for row, text in zip(rows, said, strict=True)],
    )
    (entry,) = pick_a_pic.unfold(ABSENT, context(tmp_path))
    items = list(pick_a_pic.task(Options(**entry.options), context(tmp_path)).items("test"))
    assert [item.gold for item in items] == [0, 1, "tie"]
    assert items[0].id == "validation_unique/0"
    found = answers(pick_files.RECORDINGS, tmp_path)
    assert sorted(found) == ["clipscore", "clipscore_0.05", "clipscore_eval", "clipscore_v2", "gpt4score"]
    assert [row.get("verdict") for row in found["gpt4score"]] == ["B", "tie", None]
    assert found["clipscore"][0] == {"id": "validation_unique/0", "scores": [1.0, 0.5]}
    assert [row["verdict"] for row in found["clipscore_0.05"]] == ["tie"] * 3


def test_pick_a_pic_takes_empty_scores_for_no_answer(tmp_path: Path) -> None:
    row = {"id": 3, "caption": "c", "label": "0", "score_0": None, "score_1": None, "pred": None}
    save(tmp_path / "reward_models/result/validation_m_eval_0.00.json", [row])
    assert answers(pick_files.RECORDINGS, tmp_path)["m"] == [{"id": "validation_unique/3", "verdict": None}]


# -- PandaLM and LLMBar --------------------------------------------------------------------------------------------


def test_pandalm_takes_garbage_for_a_tie_and_the_majority_for_gold(tmp_path: Path, context: Contexts) -> None:
    fixed = {"instruction": "Do.", "input": "", "response1": True, "response2": ""}
    votes = [(1, 2, 2), (0, 1, 2), (2, 0, 0)]
    people = ("annotator1", "annotator2", "annotator3")
    rows = [{"idx": k, **fixed, **dict(zip(people, each, strict=True))} for k, each in enumerate(votes)]
    save(tmp_path / "data/testset-v1.json.gz", rows)
    results = ["1", "garbage", "Tie"]
    save(tmp_path / "data/gpt-testset-v1.json", [{"idx": k, "gpt_result": said} for k, said in enumerate(results)])
    save(tmp_path / "data/panda-testset-v1.json", [{"idx": 0, "pandalm_result": 2, "pandalm_reason": "Because."}])
    items = list(pandalm.task(None, context(tmp_path)).items("test"))
    assert [item.gold for item in items] == [1, "tie", "tie"]
    assert items[0].annotations == {"annotator1": 0, "annotator2": 1, "annotator3": 1}
    assert items[0].candidates == (("true",), ("",))
    found = answers(pandalm_files.RECORDINGS, tmp_path)
    assert [row["verdict"] for row in found["gpt"]] == ["A", "tie", "tie"]
    assert found["panda"][0]["rationale"] == "Because."


@pytest.mark.parametrize(
    "results",
    [
        [
            {
                "swap = False": {"completion": ["(a)", "stop"], "winner": "1"},
                "swap = True": {"completion": ["?", ""], "winner": None},
            }
        ],
        [["notes of a reference", "stop"], {"swap = False": {"winner": "1"}, "swap = True": {"winner": None}}],
        [
            {"swap = False": {"winner": "2"}, "swap = True": {"winner": "1"}},
            {"swap = False": {"prompt": "p", "winner": "1"}, "swap = True": {"winner": None}},
        ],
        [{"score_1": ["7", "stop"], "swap = False": {"winner": 1}, "swap = True": {"winner": None}}],
        {"swap = False": {"winner": "1"}, "swap = True": {"winner": None}},
    ],
    ids=["vanilla", "after notes", "second opinion", "ratings", "without steps"],
)
def test_llmbar_reads_the_last_step_of_every_kind_of_evaluator(tmp_path: Path, context: Contexts, results: Any) -> None:
    row = {"input": "Do.", "output_1": "x", "output_2": "", "label": 1}
    for place in ("Natural", "Adversarial/Manual"):
        folder = tmp_path / "Dataset/LLMBar" / place
        save(folder / "dataset.json.gz", [row])
        save(folder / "evaluators/GPT-4/Swap_CoT/result.json.gz", [{**row, "results": results}])
    names = [entry.name for entry in llmbar.unfold(None, context(tmp_path))]
    assert names == ["llmbar-Natural", "llmbar-Manual"]
    (item,) = llmbar.task(Options(subset="Manual"), context(tmp_path)).items("test")
    assert (item.id, item.gold) == ("Manual/0", 0)
    (judge,) = (found := answers(llmbar_files.RECORDINGS, tmp_path))
    assert judge == "GPT-4/Swap_CoT"
    manual = [row for row in found[judge] if row["id"] == "Manual/0"]
    assert [(row["order"], row["verdict"]) for row in manual] == [([0, 1], "A"), ([1, 0], None)]


def test_llmbar_names_winners_by_their_number_in_the_data(tmp_path: Path) -> None:
    folder = tmp_path / "Dataset/LLMBar/Natural"
    results = [{"swap = False": {"winner": "2"}, "swap = True": {"winner": "2"}}]
    save(folder / "evaluators/m/Vanilla/result.json", [{"results": results}])
    # The second answer of the data is shown first where the pair is swapped.
    assert [row["verdict"] for row in answers(llmbar_files.RECORDINGS, tmp_path)["m/Vanilla"]] == ["B", "A"]


# -- MMRB2 ---------------------------------------------------------------------------------------------------------


def multimodal(name: str, chosen: str) -> dict[str, Any]:
    response = {"model_name": "m", "response_content": [["image", "images/x.jpg"], ["text", " and words "]]}
    prompt = {"prompt_content": [["text", "Draw <image_0>."]], "prompt_source": "wise"}
    return {
        "id": name,
        "response_a": response,
        "response_b": {**response, "response_content": []},
        "chosen": chosen,
        **prompt,
    }


def test_mmrb2_reads_lists_of_texts_and_pictures_and_pools_all_tasks(tmp_path: Path, context: Contexts) -> None:
    save(tmp_path / "benchmark/t2i.json", {"pairs": [multimodal("p1", "A")], "version": 2})
    save(tmp_path / "benchmark/edit.json.gz", {"pairs": [multimodal("p1", "b")]})
    assert [entry.name for entry in mmrb2.unfold(ABSENT, context(tmp_path))] == ["mmrb2-t2i", "mmrb2-edit"]
    both = Options(subset="overall", media="absent")
    assert [entry.name for entry in mmrb2.unfold(both, context(tmp_path))] == ["mmrb2-overall"]
    task = mmrb2.task(both, context(tmp_path))
    items = list(task.items("test"))
    assert [(item.id, item.gold) for item in items] == [("t2i/p1", 0), ("edit/p1", 1)]
    assert items[0].question == ("[Prompt]", "Draw <image_0>.")
    assert [str(part) if isinstance(part, str) else "picture" for part in items[0].candidates[0]] == [
        "picture",
        "and words",
    ]
    assert items[0].candidates[1] == ("",)
    assert task.fingerprint() != mmrb2.task(Options(subset="t2i", media="absent"), context(tmp_path)).fingerprint()


def test_mmrb2_scores_recorded_judgements_on_files_without_prompts(tmp_path: Path, context: Contexts) -> None:
    rated = {"human_annotations": [6, 2, 5], "prompt_metadata": {"id": 736}}
    pairs = [drop({**multimodal(name, "A"), **rated}, "prompt_content") for name in ("p1", "p2")]
    save(tmp_path / "benchmark/t2i_response_only.json", {"pairs": pairs})
    save(tmp_path / "benchmark/edit_response_only.json", {"pairs": pairs})
    save(tmp_path / "benchmark/edit.json", {"pairs": [multimodal("p3", "B")]})
    assert [entry.name for entry in mmrb2.unfold(ABSENT, context(tmp_path))] == ["mmrb2-t2i", "mmrb2-edit"]
    items = list(mmrb2.task(Options(subset="t2i", media="absent"), context(tmp_path)).items("test"))
    assert items[0].question == ("[Prompt]", "(prompt 736 of wise is not in this file)")
    assert items[0].group == items[1].group
    assert items[0].annotations == {"p1#0": 0, "p1#1": 1, "p1#2": 0}
    (whole,) = mmrb2.task(Options(subset="edit", media="absent"), context(tmp_path)).items("test")
    assert (whole.id, whole.annotations) == ("edit/p3", {})
    with pytest.raises(DataError, match=r"no prompt_content; build the file"):
        list(mmrb2.task(Options(subset="t2i"), context(tmp_path)).items("test"))


def test_mmrb2_judgements_are_those_of_both_directions(tmp_path: Path) -> None:
    said = {
        "p1": {"forward": [{"judgement": "A"}, {"judgement": "tie"}], "reverse": [{"judgement": None}]},
        "p2": {"forward": []},
    }
    outputs = tmp_path / "evaluate/generate_judgements/outputs"
    save(outputs / "task1_gpt4o-pairwise.json", said)
    save(outputs / "sample_task2_edit.json.gz", said)
    found = answers(mmrb2_files.RECORDINGS, tmp_path)
    assert sorted(found) == ["gpt4o-pairwise", "sample"]
    assert [(row["id"], row["order"], row["sample"], row["verdict"]) for row in found["sample"]] == [
        ("edit/p1", [0, 1], 0, "A"),
        ("edit/p1", [0, 1], 1, "tie"),
        ("edit/p1", [1, 0], 0, None),
    ]
    assert found["gpt4o-pairwise"][0]["id"] == "t2i/p1"


# -- RewardBench ---------------------------------------------------------------------------------------------------


def test_rewardbench_reads_columns_and_takes_results_where_there_are_no_scores(tmp_path: Path) -> None:
    texts = {"text_chosen": ["a", "b", "c"], "model": "m", "chat_template": "tulu", "id": [1, 1, 2]}
    scored = {**texts, "results": [1, 0, 0], "scores_chosen": [[2.5], 1, 1], "scores_rejected": [[-1], 1, 3.5]}
    written = {**texts, "results": [1, 0.5, 0], "scores_chosen": [None] * 3, "scores_rejected": [None] * 3}
    save(tmp_path / "eval-set-scores/org/model-1.5.json", scored)
    save(tmp_path / "results/eval-set-scores/judge.json.gz", written)
    found = answers(rewardbench_files.RECORDINGS, tmp_path)
    assert found["org/model-1.5"] == [
        {"id": "filtered/0", "scores": [2.5, -1]},
        {"id": "filtered/1", "scores": [1, 1]},
        {"id": "filtered/2", "scores": [1, 3.5]},
    ]
    assert found["judge"] == [
        {"id": "filtered/0", "scores": [1, 0]},
        {"id": "filtered/1", "order": [0, 1], "verdict": None},
        {"id": "filtered/1", "order": [1, 0], "verdict": None},
        {"id": "filtered/2", "scores": [0, 1]},
    ]


@pytest.mark.parametrize(
    "columns",
    [{"results": [1, 0], "scores_chosen": [1.0], "scores_rejected": [0.0]}, {"chat": 0.9}, {"results": [[1]]}],
)
def test_another_object_of_columns_is_named(tmp_path: Path, columns: dict[str, Any]) -> None:
    save(tmp_path / "eval-set-scores/m.json", columns)
    with pytest.raises(DataError, match=r"m\.json"):
        answers(rewardbench_files.RECORDINGS, tmp_path)


def test_rewardbench_2_leaves_out_ties_and_names_prompts_by_their_subset(tmp_path: Path) -> None:
    columns = {
        "id": ["7", "8", "9", "ref:0"],
        "subset": ["Factuality", "Precise IF", "Math", "ties"],
        "results": [0.5, 0.25, 0, 1],
        "scores": [[3, 3, 1, [0.5]], None, None, [1, 2]],
    }
    save(tmp_path / "eval-set-scores/org/m.json", columns)
    assert answers(rewardbench_2_files.RECORDINGS, tmp_path) == {
        "org/m": [
            {"id": "factuality/7", "scores": [3, 3, 1, 0.5]},
            {"id": "precise-if/8", "scores": [0, 0, 0, 0]},
            {"id": "math/9", "scores": [0, 1, 0, 0]},
        ]
    }
    save(tmp_path / "eval-set-scores/org/m.json", {**columns, "results": [0.5, 0.3, 0, 1]})
    with pytest.raises(DataError, match=r"0\.25"):
        answers(rewardbench_2_files.RECORDINGS, tmp_path)


# -- files without answers -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(context: Contexts, recorded: Callable[[str], Path]) -> Callable[[Any, str], list[Item]]:
    """The items of the authors' file as it is, without the pictures, which did not come with it."""
    return lambda benchmark, name: list(benchmark.task(ABSENT, context(recorded(f"authors/{name}"))).items("test"))


Opened = Callable[[Any, str], list[Item]]


def test_vl_rewardbench_opens_the_copy_of_the_hub_in_json(opened: Opened) -> None:
    items = opened(vl_rewardbench, "vl_rewardbench")
    assert (len(items), len({item.group for item in items})) == (1250, 1225)
    assert Counter(item.gold for item in items) == {0: 1245, 1: 5}
    assert Counter(str(item.category).partition("/")[0] for item in items) == {
        "hallucination": 749,
        "reasoning": 318,
        "general": 183,
    }


def test_mm_rlhf_rewardbench_opens_its_authors_file(opened: Opened) -> None:
    items = opened(mm_rlhf_rewardbench, "mm_rlhf_rewardbench")
    assert (len(items), len({item.group for item in items})) == (170, 46)
    assert Counter(item.category for item in items) == {"mcq": 42, "long": 37, "short": 34, "safety": 32, "video": 25}


def test_imagereward_opens_its_authors_file(opened: Opened) -> None:
    items = opened(imagereward, "imagereward")
    assert (len(items), len({item.group for item in items})) == (6399, 466)
