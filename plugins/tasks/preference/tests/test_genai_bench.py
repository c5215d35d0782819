from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from harness.api import Context, DataError, Image, Item
from harness_preference.benchmarks import genai_bench
from harness_preference.benchmarks.genai_bench import GenAIOptions
from harness_preference.formats import GenAIBenchFormat
from harness_preference.options import Options

Writer = Callable[[Path, list[dict[str, Any]]], Path]
Contexts = Callable[[object], Context]
Picture = Callable[[int], bytes]
EDIT = {"source_prompt": "a cat", "target_prompt": "a dog", "instruct_prompt": "make it a dog"}


def items(context: Context, subset: str) -> list[Item]:
    return list(genai_bench.task(Options(subset=subset), context).items("test"))


def test_the_protocol_is_the_official_one(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    write_rows(tmp_path / "image_edition/items.jsonl.gz", [{**EDIT, "human_vote": "leftvote"}])
    task = genai_bench.task(None, context(tmp_path))
    protocol = task.protocol
    assert (protocol.order, protocol.unparsed, protocol.ties, protocol.average) == ("fixed", "wrong", "class", "micro")
    assert protocol.metrics[0] == "accuracy"
    assert task.format == "preference/genai-bench"


def test_votes_mean_places_and_ties(tmp_path: Path, write_rows: Writer, context: Contexts) -> None:
    votes = ["leftvote", "rightvote", "tievote", "bothbad_vote"]
    write_rows(
        tmp_path / "image_generation/items.jsonl.gz",
        [{"idx": k, "prompt": "a cat", "human_vote": vote} for k, vote in enumerate(votes)],
    )
    found = items(context(tmp_path), "image_generation")
    assert [item.gold for item in found] == [0, 1, "good", "bad"]
    assert [item.id for item in found] == [f"image_generation/{k}" for k in range(4)]
    assert len({item.group for item in found}) == 1
    assert {item.tags["media"] for item in found} == {"absent"}


def test_items_without_images_are_asked_apart_though_their_prompts_are_equal(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    write_rows(
        tmp_path / "image_generation/items.jsonl",
        [{"idx": k, "prompt": "a cat", "human_vote": "leftvote"} for k in range(3)],
    )
    task = genai_bench.task(None, context(tmp_path))
    requests = [task.render(item, order=(0, 1), format=GenAIBenchFormat()) for item in task.items("test")]
    assert len({request.key for request in requests}) == 3
    with pytest.raises(DataError, match="is not in these data, which are used without their pictures"):
        requests[0].images[0].load()


def test_the_hub_columns_are_read_in_all_three_subsets(
    tmp_path: Path, write_rows: Writer, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    pytest.importorskip("av")

    def image(grey: int) -> dict[str, object]:
        return {"bytes": png(grey), "path": None}

    makers = {"left_model": "x", "right_model": "y", "vote_type": "rightvote"}
    shard = "test_v1-00000-of-00001.parquet"
    write_parquet(
        tmp_path / "image_generation" / shard,
        [{"prompt": "a cat", "left_image": image(1), "right_image": image(2), **makers}],
    )
    write_parquet(
        tmp_path / "image_edition" / shard,
        [{**EDIT, "source_image": image(3), "left_output_image": image(4), "right_output_image": image(5), **makers}],
    )
    write_rows(
        tmp_path / "video_generation/items.jsonl",
        [{"prompt": "a cat", "left_video": "https://x.org/1.gif", "right_video": "https://x.org/2.gif", **makers}],
    )
    for grey in (1, 2):
        frames = [PIL.Image.new("L", (8, 8), grey + shade) for shade in (0, 100)]
        frames[0].save(tmp_path / f"video_generation/{grey}.gif", save_all=True, append_images=frames[1:])
    entries = genai_bench.unfold(None, context(tmp_path))
    assert [entry.name for entry in entries] == ["image_generation", "image_edition", "video_generation"]
    shown: dict[str, list[object]] = {}
    for entry in entries:
        task = genai_bench.task(GenAIOptions(**entry.options, frames=2), context(tmp_path))
        (item,) = task.items("test")
        assert (item.id, item.gold, item.tags["left_model"]) == (f"{entry.name}/0", 1, "x")
        request = task.render(item, order=(1, 0), format=GenAIBenchFormat())
        shown[entry.name] = [picture.load().convert("L").getpixel((0, 0)) for picture in request.images]
        if entry.name == "video_generation":
            assert request.text.count("A video, as 2 frames in order") == 2
            assert item.tags["media"] == "video"
    assert shown == {"image_generation": [2, 1], "image_edition": [3, 5, 4], "video_generation": [2, 102, 1, 101]}


def test_a_video_that_is_not_there_is_named_and_need_not_be(
    tmp_path: Path, write_rows: Writer, context: Contexts
) -> None:
    row = {"prompt": "a cat", "left_video": "https://x.org/1.mp4", "right_video": "https://x.org/2.mp4"}
    write_rows(tmp_path / "video_generation/items.jsonl", [{**row, "vote_type": "leftvote"}])
    (item,) = genai_bench.task(GenAIOptions(subset="video_generation"), context(tmp_path)).items("test")
    with pytest.raises(DataError, match=r"video .*video_generation/1\.mp4: no such file"):
        _ = item.candidates[0][1].key  # type: ignore[union-attr]
    options = GenAIOptions(subset="video_generation", media="absent")
    (item,) = genai_bench.task(options, context(tmp_path)).items("test")
    assert len({part.key for parts in item.candidates for part in parts if isinstance(part, Image)}) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"human_vote": "left"}, "column 'human_vote': expected one of leftvote, rightvote, tievote, bothbad_vote"),
        ({"human_vote": None}, "nothing in column 'vote_type' or 'human_vote'"),
        ({"prompt": 7}, "column 'prompt': expected text"),
        ({"prompt": None}, "column 'prompt': expected a value, found nothing"),
        ({"idx": 1.5}, "column 'idx': expected a whole number"),
        ({"left_image": "../../secret.png"}, "leads out of the data folder"),
        ({"left_image": "a.png"}, "there is no column 'right_image'"),
    ],
)
def test_a_row_that_does_not_fit_names_file_row_and_column(
    tmp_path: Path, write_rows: Writer, context: Contexts, change: dict[str, Any], says: str
) -> None:
    row = {"idx": 1, "prompt": "a cat", "human_vote": "leftvote"}
    file = write_rows(tmp_path / "image_generation/items.jsonl.gz", [{**row, "idx": 0}, {**row, **change}])
    with pytest.raises(DataError) as caught:
        items(context(tmp_path), "image_generation")
    assert says in str(caught.value)
    assert f"{file}, line 2" in str(caught.value)


def test_an_edit_with_outputs_needs_its_source_image(
    tmp_path: Path, write_parquet: Writer, context: Contexts, png: Picture
) -> None:
    row = {**EDIT, "left_output_image": png(1), "right_output_image": png(2), "vote_type": "tievote"}
    write_parquet(tmp_path / "image_edition.parquet", [row])
    with pytest.raises(DataError, match="row 0: there is no column 'source_image'"):
        items(context(tmp_path), "image_edition")


@pytest.mark.parametrize(
    ("subset", "counts", "groups"),
    [("image_generation", [643, 663, 156, 273], 1205), ("image_edition", [240, 263, 24, 392], 179)],
)
def test_the_recorded_votes_are_all_there(
    recorded: Callable[[str], Path], context: Contexts, subset: str, counts: list[int], groups: int
) -> None:
    found = items(context(recorded("genai_bench")), subset)
    assert [sum(item.gold == gold for item in found) for gold in (0, 1, "good", "bad")] == counts
    assert len({item.group for item in found}) == groups
