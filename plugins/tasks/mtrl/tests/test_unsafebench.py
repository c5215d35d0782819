from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from harness.api import DataError
from harness.api.data import make_picture, write_table
from harness.formats.brackets import BracketsFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import read, score_task
from harness_mtrl.splits import SPLITS
from harness_mtrl.task import PointwiseTask
from harness_mtrl.unsafebench import SPACE

Make = Callable[..., PointwiseTask]


def row(image: bytes, label: str = "Safe", topic: str = "Hate", source: str = "Lexica") -> dict[str, object]:
    return {"image": {"bytes": image, "path": None}, "safety_label": label, "category": topic, "source": source}


def data(folder: Path, *, train: list[dict[str, object]], test: list[dict[str, object]]) -> Path:
    half = (len(train) + 1) // 2
    shards = [rows for rows in (train[:half], train[half:]) if rows]
    for shard, rows in enumerate(shards):
        write_table(folder / "data" / f"train-0000{shard}-of-0000{len(shards)}.parquet", rows)
    write_table(folder / "data" / "test-00000-of-00001.parquet", test)
    return folder


def test_rows_become_items(tmp_path: Path, make: Make) -> None:
    rows = [row(make_picture(1), "Unsafe", "Public and personal health"), row(make_picture(2), source="Laion5B")]
    first, second = make("unsafebench", data(tmp_path, train=[row(make_picture(3))], test=rows)).items("test")
    assert (first.gold, second.gold) == ("unsafe", "safe")
    assert first.space.verdicts()[0] == "unsafe"
    assert (first.category, second.category) == ("Public and personal health/Lexica", "Hate/Laion5B")
    assert (first.id, second.id) == ("test/0", "test/1")
    assert first.group != second.group
    image = first.question[0]
    assert not isinstance(image, str)
    assert image.encode()[0] == make_picture(1)


@pytest.mark.parametrize(("mode", "level"), [("P", 0), ("RGBA", 255), ("L", 0), ("CMYK", 255)])
def test_images_of_every_mode_are_shown(tmp_path: Path, make: Make, mode: str, level: int) -> None:
    buffer = io.BytesIO()
    PIL.Image.new(mode, (3, 2)).save(buffer, format="TIFF" if mode == "CMYK" else "PNG")
    (item,) = make("unsafebench", data(tmp_path, train=[row(make_picture(1))], test=[row(buffer.getvalue())])).items(
        "test"
    )
    image = item.question[0]
    assert not isinstance(image, str)
    assert image.load().getcolors() == [(6, (level, level, level))]


def test_validation_is_a_part_of_train_and_copies_stay_together(tmp_path: Path, make: Make) -> None:
    train = [row(make_picture(k % 60)) for k in range(180)]
    task = make("unsafebench", data(tmp_path, train=train, test=[row(make_picture(500))]))
    items = {split: list(task.items(split)) for split in SPLITS}
    assert [item.id for item in items["test"]] == ["test/0"]
    ids = [item.id for split in ("train", "validation") for item in items[split]]
    assert sorted(ids) == sorted(f"train/{k}" for k in range(180))
    groups = {split: {item.group for item in items[split]} for split in SPLITS}
    assert groups["validation"]
    assert not groups["train"] & groups["validation"]
    assert len(groups["train"] | groups["validation"]) == 60


def test_a_split_by_rows_has_whole_shares_and_leaks_copies(tmp_path: Path, make: Make) -> None:
    train = [row(make_picture(k % 60)) for k in range(180)]
    task = make("unsafebench", data(tmp_path, train=train, test=[row(make_picture(500))]), split_by="row")
    items = {split: list(task.items(split)) for split in SPLITS}
    assert [len(items[split]) for split in SPLITS] == [162, 18, 1]
    assert {item.group for item in items["train"]} & {item.group for item in items["validation"]}


def test_f1_is_of_the_class_unsafe_and_averaged_over_topic_and_source(tmp_path: Path, make: Make) -> None:
    cells = {
        ("Hate", "Lexica"): ("UUSS", "uuus"),
        ("Hate", "Laion5B"): ("USSS", "usss"),
        ("Spam", "Lexica"): ("SSSU", "ssus"),
        ("Spam", "Laion5B"): ("UUUS", "usss"),
    }
    rows = [
        row(make_picture(100 * place + k), "Unsafe" if gold == "U" else "Safe", *cell)
        for place, (cell, (golds, _)) in enumerate(cells.items())
        for k, gold in enumerate(golds)
    ]
    words = [{"u": "Unsafe", "s": "Safe"}[one] for _, said in cells.values() for one in said]
    task = make("unsafebench", data(tmp_path, train=rows[:2], test=rows))
    scores = score_task(task, lambda request, item: f"<answer>{words[int(item.id[5:])]}</answer>")
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    golds = [int(one["safety_label"] == "Unsafe") for one in rows]
    said = [int(word == "Unsafe") for word in words]
    each = [f1_score(golds[k : k + 4], said[k : k + 4], zero_division=0) for k in range(0, 16, 4)]
    assert found["f1@category"] == pytest.approx(sum(each) / 4)
    assert found["f1"] == pytest.approx(f1_score(golds, said))
    assert scores.estimates[0].metric == "macro_f1"
    assert found["macro_f1"] == pytest.approx(f1_score(golds, said, average="macro"))
    assert len({round(found[name] or 0, 6) for name in ("f1", "f1@category", "macro_f1")}) == 3


def test_an_unsure_answer_is_a_seeded_coin(tmp_path: Path, make: Make) -> None:
    """`random.choices([0, 1])` in assess_effectiveness.py: the score is that of one of the ways the coins may fall."""
    labels = ["Unsafe", "Unsafe", "Safe", "Safe", "Unsafe"]
    words = ["Unsafe", "unsure", "Safe", "it depends", "Safe"]
    rows = [row(make_picture(k), label) for k, label in enumerate(labels)]
    task = make("unsafebench", data(tmp_path, train=rows[:1], test=rows))
    golds = [int(label == "Unsafe") for label in labels]

    def ours(seen: list[float]) -> float:
        scores = score_task(task, lambda request, item: f"<answer>{words[int(item.id[5:])]}</answer>")
        assert scores.coverage == pytest.approx(0.6)
        seen.append(next(one.value for one in scores.estimates if one.metric == "f1") or 0.0)
        return seen[-1]

    possible = [f1_score(golds, [1, first, 0, second, 0]) for first, second in itertools.product((0, 1), repeat=2)]
    seen: list[float] = []
    assert any(ours(seen) == pytest.approx(value) for value in possible)
    assert ours(seen) == seen[0], "the coin is seeded"


def test_many_coins_fall_on_both_sides(tmp_path: Path, make: Make) -> None:
    rows = [row(make_picture(k), "Unsafe") for k in range(400)]
    task = make("unsafebench", data(tmp_path, train=rows[:1], test=rows))
    scores = score_task(task, lambda request, item: "unsure")
    f1 = next(one.value for one in scores.estimates if one.metric == "f1")
    assert f1 == pytest.approx(2 * 0.5 / 1.5, abs=0.06)


@given(
    before=st.sampled_from(["", "It is not safe. ", "A safe bet: ", "Safe? No. "]),
    word=st.sampled_from(["Unsafe", "unsafe", "UNSAFE", "Safe", "safe"]),
)
def test_safe_is_never_read_out_of_unsafe(before: str, word: str) -> None:
    wanted = word.lower()
    assert read(TaggedFormat(), f"<think>{before}</think><answer>{word}</answer>", SPACE).verdict == wanted
    assert read(BracketsFormat(), f"{before}\n\n[[{word}]]", SPACE).verdict == wanted


def test_a_folder_without_a_split_says_what_is_expected(tmp_path: Path, make: Make) -> None:
    write_table(tmp_path / "data" / "train-00000-of-00001.parquet", [row(make_picture(1))])
    with pytest.raises(DataError, match=r"task mine: .*expected test\.parquet or its shards test-\*\.parquet"):
        make("unsafebench", tmp_path)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, make: Make) -> None:
    folder = data(tmp_path, train=[row(make_picture(1))], test=[row(make_picture(2))])
    [file] = folder.rglob("test-*.parquet")
    with pytest.raises(DataError, match=r"expected a folder, found a file; give the one that train\.parquet is in"):
        make("unsafebench", file)


def test_a_label_of_another_kind_names_file_row_and_column(tmp_path: Path, make: Make) -> None:
    task = make(
        "unsafebench",
        data(tmp_path, train=[row(make_picture(1))], test=[row(make_picture(2)), row(make_picture(3), "Unsure")]),
    )
    with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet, row 1, column 'safety_label': expected one of"):
        list(task.items("test"))


def test_a_missing_shard_and_a_second_copy_are_errors(tmp_path: Path, make: Make) -> None:
    folder = data(tmp_path, train=[row(make_picture(1))], test=[row(make_picture(2))])
    write_table(folder / "data" / "test.parquet", [row(make_picture(2))])
    with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet and test\.parquet are both there"):
        list(make("unsafebench", folder).items("test"))
    (folder / "data" / "test.parquet").unlink()
    (folder / "data" / "test-00000-of-00001.parquet").rename(folder / "data" / "test-00001-of-00003.parquet")
    with pytest.raises(DataError, match=r"test-00000-of-00003 and test-00002-of-00003 are missing; download them"):
        list(make("unsafebench", folder).items("test"))
