from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import Context, DataError, Item, Judgement, Request, Status
from harness.testing import score_task
from harness_preference.benchmarks import vl_rewardbench
from harness_preference.formats import GenAIBenchFormat

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]


def row(png: Picture, name: str = "RLAIF-V-14", **changes: Any) -> dict[str, Any]:
    fixed = {
        "query": "How many?",
        "response": ["two", "three"],
        "image": {"bytes": png(1)},
        "human_ranking": [0, 1],
        "query_source": "COCO",
    }
    return {"id": name, **fixed, **changes}


def found(folder: Path, context: Contexts) -> list[Item]:
    return list(vl_rewardbench.task(None, context(folder)).items("test"))


def test_the_protocol_is_the_official_one() -> None:
    protocol = vl_rewardbench.PROTOCOL
    assert (protocol.order, protocol.samples, protocol.vote) == ("reshuffled", 9, "absolute")
    assert (protocol.unparsed, protocol.average) == ("exclude", "micro")
    assert protocol.metrics == ("accuracy", "accuracy@category")


@pytest.mark.parametrize(
    ("name", "source", "category"),
    [
        ("RLAIF-V-14", "rlaif-v", "hallucination"),
        ("RLHF-V-2", "rlhf-v", "hallucination"),
        ("hallucination_pair-9", "povid", "hallucination"),
        ("povid-9", "povid", "hallucination"),
        ("mathverse_4", "reasoning_tasks", "reasoning"),
        ("mmmu-val_Art_1", "reasoning_tasks", "reasoning"),
        ("wildvision-battle_1", "wildvision-battle", "general"),
        ("LRVInstruction-000000007746", "vlfeedback", "general"),
        ("hallucinations-1", "vlfeedback", "general"),
        ("77", "vlfeedback", "general"),
    ],
)
def test_the_beginning_of_an_id_gives_the_group(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture, name: str, source: str, category: str
) -> None:
    write_parquet(tmp_path / "data/test-00000-of-00001.parquet", [row(png, name)])
    (item,) = found(tmp_path, context)
    assert (item.tags["source"], item.category) == (source, category)


def test_rank_0_is_the_better_answer(tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture) -> None:
    ranks = ([0, 1], [1, 0])
    write_parquet(tmp_path / "test.parquet", [row(png, human_ranking=ranking) for ranking in ranks])
    assert [item.gold for item in found(tmp_path, context)] == [0, 1]


def test_equal_ids_are_items_of_their_own_and_equal_images_a_group(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    write_parquet(tmp_path / "test.parquet", [row(png), row(png, query="Who?"), row(png, image={"bytes": png(2)})])
    items = found(tmp_path, context)
    assert [item.id for item in items] == ["RLAIF-V-14#0", "RLAIF-V-14#1", "RLAIF-V-14#2"]
    assert items[0].group == items[1].group != items[2].group


def test_the_image_is_shown_and_its_placeholder_is_not(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    changes: dict[str, Any] = {"query": "<image>\nHow many?", "response": ["<image>\nfirst one", "second one"]}
    write_parquet(tmp_path / "test.parquet", [row(png, **changes)])
    task = vl_rewardbench.task(None, context(tmp_path))
    (item,) = task.items("test")
    request = task.render(item, order=(1, 0), format=GenAIBenchFormat())
    assert "<image>" not in request.text
    assert request.text.index("How many?") < request.text.index("second one") < request.text.index("first one")
    assert [image.load().convert("L").getpixel((0, 0)) for image in request.images] == [1]


@pytest.mark.parametrize(("file", "images"), [("data/data.jsonl", "data/images"), ("data.jsonl", "images")])
def test_the_release_with_images_beside_it_is_read(
    tmp_path: Path, write_rows: Writer, context: Contexts, png: Picture, file: str, images: str
) -> None:
    (tmp_path / images / "rlaif-v").mkdir(parents=True)
    (tmp_path / images / "rlaif-v" / "14.png").write_bytes(png(5))
    written = row(png, image_path="images/rlaif-v/14.png")
    del written["image"]
    write_rows(tmp_path / file, [written])
    (item,) = found(tmp_path, context)
    assert [part.load().convert("L").getpixel((0, 0)) for part in item.question if not isinstance(part, str)] == [5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"human_ranking": [1, 2]}, "column 'human_ranking': expected the rank of each answer"),
        ({"human_ranking": [0, 0]}, "column 'human_ranking': expected the rank of each answer"),
        ({"response": ["one"]}, "column 'response': expected a list of two answers, found list of 1"),
        ({"response": ["one", None]}, "column 'response', element 1: expected text"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture, change: dict[str, Any], says: str
) -> None:
    write_parquet(tmp_path / "test.parquet", [row(png, **change)])
    with pytest.raises(DataError) as caught:
        found(tmp_path, context)
    assert says in str(caught.value)
    assert "test.parquet, row 0" in str(caught.value)


def official(votes: dict[str, str], groups: dict[str, str]) -> tuple[float, float]:
    """Overall and macro accuracy as cal.py counts them: `+` agrees with people, `-` does not, `?` cannot be read."""
    right, total = Counter[str](), Counter[str]()
    for name, given in votes.items():
        if given.count("+") > len(given) / 2:
            right[groups[name]] += 1
            total[groups[name]] += 1
        elif given.count("-") > len(given) / 2:
            total[groups[name]] += 1
    return sum(right.values()) / sum(total.values()), sum(right[group] / total[group] for group in total) / len(total)


def scored(votes: dict[str, str], folder: Path, write: Writer, context: Contexts, png: Picture) -> dict[str, float]:
    """The harness's estimates by metric for made-up votes, one for each sample."""
    rows = [row(png, name, human_ranking=[k % 2, 1 - k % 2]) for k, name in enumerate(votes)]
    write(folder / "test.parquet", rows)
    task = vl_rewardbench.task(None, context(folder))

    def answer(request: Request, item: Item) -> Judgement:
        vote = votes[item.id.partition("#")[0]][request.sample]
        if vote == "?":
            return Judgement.failure(Status.UNPARSED, "cannot be read")
        assert isinstance(item.gold, int)
        return Judgement.of(item.space.to_shown(item.gold if vote == "+" else 1 - item.gold, request.order))

    rules = replace(task.protocol, samples=len(next(iter(votes.values()))))
    return {one.metric: one.value or 0.0 for one in score_task(task, answer, protocol=rules).estimates}


VOTES = {
    "RLAIF-V-1": "+++++++++",
    "RLHF-V-1": "-----++++",
    "hallucination_1": "+++++????",
    "povid-2": "?????????",
    "mathverse_1": "----+++++",
    "mmmu-1": "-----????",
    "wildvision-1": "+++++---?",
    "VLGuard-1": "---------",
    "wildvision-2": "+++++++--",
}
GROUPS = {name: ("hallucination" if k < 4 else "reasoning" if k < 6 else "general") for k, name in enumerate(VOTES)}


def test_overall_and_macro_are_those_of_the_official_script(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    overall, macro = official(VOTES, GROUPS)
    assert (overall, macro) == pytest.approx((5 / 8, (2 / 3 + 1 / 2 + 2 / 3) / 3))
    assert scored(VOTES, tmp_path, write_parquet, context, png) == pytest.approx(
        {"accuracy": overall, "accuracy@category": macro}
    )


def test_a_draw_leaves_the_denominator(tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture) -> None:
    votes = {"RLAIF-V-1": "++--", "RLHF-V-1": "+++-", "povid-2": "---+"}
    overall, macro = official(votes, dict.fromkeys(votes, "hallucination"))
    assert overall == 1 / 2
    assert scored(votes, tmp_path, write_parquet, context, png) == {"accuracy": overall, "accuracy@category": macro}


def test_an_answer_that_cannot_be_read_is_a_vote_against_any_majority(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    votes = {"RLAIF-V-1": "----?????", "RLHF-V-1": "++++---??", "povid-2": "+++++++++"}
    overall, macro = official(votes, dict.fromkeys(votes, "hallucination"))
    assert overall == 1
    assert scored(votes, tmp_path, write_parquet, context, png) == {"accuracy": overall, "accuracy@category": macro}


def test_every_sample_is_shown_in_an_order_of_its_own(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    write_parquet(tmp_path / "test.parquet", [row(png, f"RLHF-{k}") for k in range(8)])
    orders: dict[str, list[tuple[int, ...]]] = {}

    def first(request: Request, item: Item) -> Judgement:
        orders.setdefault(item.id, []).append(request.order)
        return Judgement.of(0)

    score_task(vl_rewardbench.task(None, context(tmp_path)), first)
    assert {len(shown) for shown in orders.values()} == {9}
    assert sum(len(set(shown)) == 2 for shown in orders.values()) >= 6


def test_the_copy_with_chosen_and_rejected_is_read(
    tmp_path: Path, write_rows: Writer, context: Contexts, png: Picture
) -> None:
    (tmp_path / "image_0.png").write_bytes(png(3))
    pair = {"id": "mmmu_1", "prompt": "How many?", "chosen": "two", "rejected": "", "image": "image_0.png"}
    write_rows(tmp_path / "data.jsonl", [pair])
    (item,) = found(tmp_path, context)
    assert (item.id, item.gold, item.candidates) == ("mmmu_1#0", 0, (("two",), ("",)))
    assert item.question[0] == "Question: How many?"
