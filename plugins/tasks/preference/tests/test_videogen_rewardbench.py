from __future__ import annotations

import csv
import io
import json
import math
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from harness.api import TIE, Context, DataError, Image, Item, Judgement, Request
from harness.testing import score_task
from harness_preference.benchmarks import videogen_rewardbench as bench
from harness_preference.benchmarks.videogen_rewardbench import VideoGenOptions
from harness_preference.options import Options
from harness_preference.published.videogen_rewardbench import RECORDINGS

Contexts = Callable[[object], Context]
ASPECTS = ("VQ", "MQ", "TA", "Overall")


def mp4(grey: int, *, seconds: int = 2, rate: int = 4) -> bytes:
    """A video of frames that get lighter, made here."""
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width = stream.height = 32
        for number in range(seconds * rate):
            shade = PIL.Image.new("RGB", (32, 32), (grey + 10 * number,) * 3)
            container.mux(stream.encode(av.VideoFrame.from_image(shade)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def row(number: int, **changes: Any) -> dict[str, Any]:
    paths = {f"path_{side}": f"videos/{model}/{number}.mp4" for side, model in (("A", "kling"), ("B", "wan"))}
    facts = {"prompt": f"prompt {number // 2}", "A_model": "kling", "B_model": "wan"}
    return {**paths, **facts, "VQ": "A", "MQ": "B", "TA": "same", "Overall": "A", **changes}


def release(folder: Path, rows: list[dict[str, Any]], name: str = "videogen-rewardbench.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(dict.fromkeys(column for values in rows for column in values)))
        table.writeheader()
        table.writerows(rows)
    return folder


def items(context: Context, subset: str = "VQ", **options: Any) -> list[Item]:
    return list(bench.task(VideoGenOptions(subset=subset, **options), context).items("test"))


def test_each_aspect_is_a_task_with_its_own_labels(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, [row(0), row(1, VQ="same", Overall="B"), row(2)])
    entries = bench.unfold(Options(media="absent"), context(tmp_path))
    assert [entry.name for entry in entries] == [f"videogen-rewardbench-{aspect}" for aspect in ASPECTS]
    golds = {aspect: [item.gold for item in items(context(tmp_path), aspect, media="absent")] for aspect in ASPECTS}
    assert golds == {"VQ": [0, TIE, 0], "MQ": [1, 1, 1], "TA": [TIE] * 3, "Overall": [0, 1, 0]}
    found = items(context(tmp_path), "TA", media="absent")
    assert [item.id for item in found] == ["TA/0", "TA/1", "TA/2"]
    assert len({item.group for item in found}) == 2, "pairs of one prompt are one group"
    assert found[0].tags == {"A_model": "kling", "B_model": "wan"}


def test_videos_are_shown_as_frames_from_the_folder_or_the_archive(tmp_path: Path, context: Contexts) -> None:
    folder = release(tmp_path / "folder", [row(0)])
    packed = release(tmp_path / "packed", [row(0)])
    with zipfile.ZipFile(packed / "videos.zip", "w") as archive:
        for grey, path in ((0, row(0)["path_A"]), (120, row(0)["path_B"])):
            archive.writestr(path, mp4(grey))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(mp4(grey))
    shown = []
    for place in (folder, packed):
        (item,) = items(context(place), frames=2)
        assert [candidate[0] for candidate in item.candidates] == [
            "A video, as 2 frames in order, at equal distances in time:"
        ] * 2
        frames = [[part for part in candidate if isinstance(part, Image)] for candidate in item.candidates]
        assert [len(parts) for parts in frames] == [2, 2]
        shown.append([[part.load().convert("L").getpixel((16, 16)) for part in parts] for parts in frames])
    assert shown[0] == shown[1]
    (first, later), (other, _) = shown[0]
    assert [first, later, other] == pytest.approx([20, 60, 140], abs=8)


def test_an_empty_label_is_left_out_of_its_aspect_only(tmp_path: Path, context: Contexts) -> None:
    release(tmp_path, [row(0), row(1, MQ="")])
    assert [item.id for item in items(context(tmp_path), "MQ", media="absent")] == ["MQ/0"]
    assert len(items(context(tmp_path), "VQ", media="absent")) == 2


def test_the_first_release_calls_the_overall_label_all(tmp_path: Path, context: Contexts) -> None:
    first = [{("ALL" if name == "Overall" else name): cell for name, cell in row(0).items()}]
    assert [item.gold for item in items(context(release(tmp_path, first)), "Overall", media="absent")] == [0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"VQ": "a"}, "column 'VQ': expected one of A, B, same, found str 'a'"),
        ({"path_A": "../secret.mp4"}, "leads out of the data folder"),
        ({"path_B": "https://example.org/b.mp4"}, "expected a video in the data"),
        ({"path_B": ""}, "column 'path_B'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, context: Contexts, change: dict[str, Any], says: str) -> None:
    release(tmp_path, [row(0), row(1, **change)])
    with pytest.raises(DataError) as caught:
        items(context(tmp_path))
    assert says in str(caught.value)
    assert "line 3" in str(caught.value)


@pytest.mark.parametrize("column", ["VQ", "prompt", "path_A"])
def test_a_table_without_a_column_names_it(tmp_path: Path, context: Contexts, column: str) -> None:
    release(tmp_path, [{name: cell for name, cell in row(0).items() if name != column}])
    with pytest.raises(DataError, match=f"there is no column '{column}'"):
        items(context(tmp_path))


def test_a_video_that_is_not_there_is_missed_when_it_is_looked_at(tmp_path: Path, context: Contexts) -> None:
    (item,) = items(context(release(tmp_path, [row(0)])))
    with pytest.raises(DataError, match=r"video 'videos/kling/0.mp4': not in"):
        _ = item.candidates[0][1].key  # type: ignore[union-attr]


def rewards(count: int, *, seed: int) -> list[tuple[float, float]]:
    draw = random.Random(seed)
    return [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(count)]


def official(labels: list[str], scores: list[tuple[float, float]]) -> tuple[float, float]:
    """With ties: the best of all thresholds that occur. Without: C / (C + D), equal scores being one of D."""
    people = [{"A": 1, "B": -1, "same": 0}[label] for label in labels]
    margins = [first - second for first, second in scores]

    def right(threshold: float) -> int:
        pairs = zip(people, margins, strict=True)
        return sum(human == 0 if abs(margin) <= threshold else human * margin > 0 for human, margin in pairs)

    decided = [human * margin > 0 for human, margin in zip(people, margins, strict=True) if human]
    return max(right(abs(margin)) for margin in margins) / len(people), sum(decided) / len(decided)


def test_both_accuracies_are_those_of_the_official_script(tmp_path: Path, context: Contexts) -> None:
    labels = [random.Random(7 * k).choice(["A", "B", "same"]) for k in range(60)]
    scores = rewards(60, seed=1)
    scores[5] = (0.25, 0.25)
    release(tmp_path, [row(k, VQ=label) for k, label in enumerate(labels)])

    def answer(request: Request, item: Item) -> Judgement:
        pair = scores[int(item.id.split("/")[1])]
        first, second = (pair[place] for place in request.order)
        share = 1 / (1 + math.exp(second - first))
        verdict = TIE if first == second else 0 if first > second else 1
        return Judgement.of(verdict, probabilities={"A": share, "B": 1 - share})

    found = score_task(bench.task(VideoGenOptions(subset="VQ", media="absent"), context(tmp_path)), answer)
    values = {estimate.metric: estimate.value for estimate in found.estimates}
    with_ties, without = official(labels, scores)
    assert values["preference/calibrated_ties"] == pytest.approx(with_ties)
    assert values["preference/decided_accuracy"] == pytest.approx(without)
    assert values["accuracy"] < with_ties  # type: ignore[operator]
    estimate = found.estimates[0]
    assert 0 <= estimate.ci_low < estimate.value < estimate.ci_high <= 1  # type: ignore[operator]


@pytest.mark.parametrize("overall", ["Overall", "ALL"])
def test_the_rewards_of_the_official_script_are_read_and_scored_alike(
    tmp_path: Path, context: Contexts, overall: str
) -> None:
    labels, scores = ["A", "same", "B", "B", "same", "A"], rewards(6, seed=3)
    table = []
    for k, (label, pair) in enumerate(zip(labels, scores, strict=True)):
        columns = {f"reward_{aspect}_{side}": 0.0 for aspect in ("VQ", "MQ", "TA", overall) for side in "AB"}
        columns |= {f"reward_{overall}_A": pair[0], f"reward_{overall}_B": pair[1]}
        table.append({**row(k, Overall=label), **columns})
    release(tmp_path, [row(k, Overall=label) for k, label in enumerate(labels)])
    release(tmp_path / "mine", table, name="out_pair.csv")
    files = RECORDINGS.find(tmp_path)
    assert list(files) == ["mine"]
    read = [dict(answer) for file in files["mine"] for answer, _ in RECORDINGS.read(file, "mine")]
    assert [answer["id"] for answer in read[:4]] == [f"{aspect}/0" for aspect in ASPECTS]
    first = next(answer for answer in read if answer["id"] == "Overall/0")
    assert first["scores"] == pytest.approx(list(scores[0]))
    share = 1 / (1 + math.exp(scores[0][1] - scores[0][0]))
    assert first["probabilities"] == pytest.approx({"A": share, "B": 1 - share})
    assert "Infinity" not in json.dumps(read)


@pytest.mark.parametrize("better", ["A", "B"])
def test_a_great_difference_has_a_probability_of_one_and_does_not_overflow(tmp_path: Path, better: str) -> None:
    columns = {f"reward_{aspect}_{side}": 2e3 * (side == better) for aspect in ASPECTS for side in "AB"}
    release(tmp_path / "mine", [{**row(0), **columns}], name="out_pair.csv")
    (answer, *_), place = zip(*RECORDINGS.read(tmp_path / "mine/out_pair.csv", "mine"), strict=True)
    assert answer["probabilities"] == {side: float(side == better) for side in "AB"}
    assert place[0] == "line 2"
