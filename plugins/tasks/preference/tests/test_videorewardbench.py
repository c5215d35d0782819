from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from pydantic import ValidationError

from harness.api import Context, DataError, Image, Item, Judgement, Request
from harness.api.data import write_table
from harness.testing import score_task
from harness_preference.benchmarks import videorewardbench as bench
from harness_preference.benchmarks.videorewardbench import VideoRewardOptions

Contexts = Callable[[object], Context]
ABSENT = VideoRewardOptions(media="absent")


def row(number: int, category: str = "knowledge", **changes: Any) -> dict[str, Any]:
    facts = {"id": f"t{number}", "video": f"videos/{number}.gif", "question": "What?", "category": category}
    return {**facts, "chosen": "good", "rejected": "bad", **changes}


def items(context: Context, options: VideoRewardOptions = ABSENT) -> list[Item]:
    return list(bench.task(options, context).items("test"))


def test_the_video_is_shown_as_frames_before_the_question(tmp_path: Path, context: Contexts) -> None:
    pytest.importorskip("av")
    write_table(tmp_path / "test.jsonl", [row(0)])
    frames = [PIL.Image.new("L", (8, 8), 40 * number) for number in range(4)]
    (tmp_path / "videos").mkdir()
    frames[0].save(tmp_path / "videos/0.gif", save_all=True, append_images=frames[1:])
    (item,) = items(context(tmp_path), VideoRewardOptions(frames=2))
    shown = [part.load().convert("L").tobytes()[0] for part in item.question if isinstance(part, Image)]
    assert shown == [40, 120]
    assert item.question[-1] == "[Question]\nWhat?"
    assert item.candidates == (("good",), ("bad",))


def test_ids_groups_and_categories(tmp_path: Path, context: Contexts) -> None:
    rows = [row(0), row(1, "safety", video="videos/0.gif"), row(2, "perception")]
    del rows[2]["id"]
    write_table(tmp_path / "VideoRewardBench.jsonl", rows)
    found = items(context(tmp_path))
    assert [item.id for item in found] == ["t0", "t1", "2"]
    assert [item.category for item in found] == ["knowledge", "safety", "perception"]
    assert found[0].group == found[1].group != found[2].group, "questions about one video belong together"
    assert {item.gold for item in found} == {0}


def test_columns_of_other_names_are_read_where_the_options_say_so(tmp_path: Path, context: Contexts) -> None:
    names = {"video": "clip", "question": "prompt", "category": "aspect", "id": "uid"}
    rows = [{names.get(name, name): cell for name, cell in row(3).items()}]
    write_table(tmp_path / "test.jsonl", rows)
    (item,) = items(context(tmp_path), VideoRewardOptions.model_validate({"media": "absent", "columns": names}))
    assert (item.id, item.category, item.question[-1]) == ("t3", "knowledge", "[Question]\nWhat?")
    with pytest.raises(ValidationError):
        VideoRewardOptions.model_validate({"columns": {"answer": "x"}})


def test_a_table_that_lacks_columns_says_all_that_are_needed_and_all_that_are_there(
    tmp_path: Path, context: Contexts
) -> None:
    file = tmp_path / "test.jsonl"
    write_table(file, [{"clip": "a.mp4", "prompt": "What?", "chosen": "a", "rejected": "b"}])
    with pytest.raises(DataError) as caught:
        items(context(tmp_path), VideoRewardOptions())
    said = str(caught.value)
    assert f"{file}, line 1: there is no column 'video', 'question', 'category'; needed are" in said
    assert "video, question, chosen, rejected, category, and there is 'clip', 'prompt', 'chosen', 'rejected'" in said
    assert "with: {columns: {video: NAME}}" in said


def test_without_the_videos_their_column_may_be_gone_and_no_other(tmp_path: Path, context: Contexts) -> None:
    bare = row(0)
    del bare["video"]
    write_table(tmp_path / "test.jsonl", [bare])
    assert [item.id for item in items(context(tmp_path))] == ["t0"]
    del bare["chosen"]
    write_table(tmp_path / "test.jsonl", [bare])
    with pytest.raises(DataError, match="there is no column 'chosen'; needed are"):
        items(context(tmp_path))


def test_the_value_is_the_mean_over_triplets_as_the_overall_column_of_the_paper(
    tmp_path: Path, context: Contexts
) -> None:
    right = {"perception": [1, 0, 1, 1, 0, 0], "safety": [1, 1], "reasoning": [0, 1, 0]}
    table = [(category, hit) for category, hits in right.items() for hit in hits]
    write_table(tmp_path / "test.jsonl", [row(k, category) for k, (category, _) in enumerate(table)])

    def answer(request: Request, item: Item) -> Judgement | str:
        hit = table[int(item.id[1:])][1]
        return Judgement.of(item.space.to_shown(0, request.order)) if hit else "I cannot say."

    found = score_task(bench.task(ABSENT, context(tmp_path)), answer)
    assert found.estimates[0].value == pytest.approx(6 / 11)
    shares: dict[str, float] = defaultdict(float, {name: sum(hits) / len(hits) for name, hits in right.items()})
    assert {name: estimate.value for name, estimate in found.categories.items()} == pytest.approx(dict(shares))
