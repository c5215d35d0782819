from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from harness.api import DataError
from harness.api.data import make_picture, write_table
from harness.formats.tagged import TaggedFormat
from harness.testing import score_task
from harness_mtrl import imagereward
from harness_mtrl.splits import SPLITS
from harness_mtrl.task import PointwiseTask

Make = Callable[..., PointwiseTask]


def row(name: str, overall: object = 5, *, split: str = "test", part: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "image_path": f"images/{split}/{split}_{part}/{name}.webp",
        "prompt_id": f"p-{name[0]}",
        "prompt": f"prompt {name[0]}",
        "classification": "People",
        "rank": 1,
        "overall_rating": overall,
        "image_text_alignment_rating": 7,
        "fidelity_rating": 1,
        **changes,
    }


def data(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    """Metadata and archives as published; a split that is not given has one image."""
    for split in SPLITS:
        rows = splits.get(split) or [row("z", split=split)]
        write_table(folder / f"metadata-{split}.parquet", rows)
        archives: dict[str, list[str]] = {}
        for one in rows:
            at, _, name = str(one["image_path"]).rpartition("/")
            archives.setdefault(at, []).append(name)
        for at, names in archives.items():
            (folder / at).parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(folder / f"{at}.zip", "w") as archive:
                for name in names:
                    archive.writestr(name, make_picture(sum(map(ord, at + name))))
    return folder


def test_rows_become_items(tmp_path: Path, make: Make) -> None:
    rows = [row("a1", 6), row("a2", 4), row("b1", 5, classification=None)]
    items = list(make("imagereward", data(tmp_path, test=rows)).items("test"))
    assert [item.gold for item in items] == ["yes", "no", "yes"]
    assert [item.id for item in items] == ["a1", "a2", "b1"]
    assert [item.group for item in items] == ["p-a", "p-a", "p-b"]
    assert [item.category for item in items] == ["People", "People", ""]
    assert items[0].tags == {"classification": "People", "rating": "6"}
    image, text = items[0].question
    assert text == "Prompt: prompt a"
    assert not isinstance(image, str)
    assert image.encode()[0] == make_picture(sum(map(ord, "images/test/test_1a1.webp")))


def test_unpacked_images_are_found_where_their_rows_say(tmp_path: Path, make: Make) -> None:
    data(tmp_path, test=[row("a1")])
    (tmp_path / "images/test/test_1.zip").unlink()
    (tmp_path / "images/test/test_1").mkdir()
    (tmp_path / "images/test/test_1/a1.webp").write_bytes(make_picture(7))
    (item,) = make("imagereward", tmp_path).items("test")
    image = item.question[0]
    assert not isinstance(image, str)
    assert image.encode()[0] == make_picture(7)


def test_the_scale_is_the_first_archives_of_train_and_touches_no_other_split(tmp_path: Path, make: Make) -> None:
    train = [row(f"t{part}", split="train", part=part) for part in (1, 4, 5, 8, 9, 16, 17, 32)]
    folder = data(tmp_path, train=train, test=[row("a", part=2)], validation=[row("b", split="validation", part=2)])
    for scale, count in {"1k": 2, "2k": 4, "4k": 6, "8k": 8}.items():
        task = make("imagereward", folder, scale=scale)
        assert [len(list(task.items(split))) for split in SPLITS] == [count, 1, 1]
    assert len(list(make("imagereward", folder).items("train"))) == 2


@pytest.mark.parametrize(
    ("options", "golds"),
    [
        ({}, {"a": "no", "b": "no", "c": "yes", "d": "yes"}),
        ({"threshold": 4}, {"a": "no", "b": "yes", "c": "yes", "d": "yes"}),
        ({"threshold": 5, "drop_middle": [4, 5]}, {"a": "no", "d": "yes"}),
        ({"threshold": "median-of-train"}, {"a": "yes", "b": "yes", "c": "yes", "d": "yes"}),
        ({"rating": "image_text_alignment_rating"}, dict.fromkeys("abcd", "yes")),
        ({"rating": "fidelity_rating"}, dict.fromkeys("abcd", "no")),
    ],
)
def test_the_gold_is_the_rating_cut_where_the_options_say(
    tmp_path: Path, make: Make, options: dict[str, Any], golds: dict[str, str]
) -> None:
    test = [row(name, rating) for name, rating in {"a": 3, "b": 4, "c": 5, "d": 7}.items()]
    train = [row(f"t{rating}", rating, split="train") for rating in (1, 2, 3)]  # the median is 2
    task = make("imagereward", data(tmp_path, test=test, train=train), **options)
    assert {item.id: item.gold for item in task.items("test")} == golds


def test_what_is_asked_is_what_the_rating_is_about(tmp_path: Path, make: Make) -> None:
    data(tmp_path)
    asked = set()
    for rating in ("overall_rating", "image_text_alignment_rating", "fidelity_rating"):
        task = make("imagereward", tmp_path, rating=rating)
        (item,) = task.items("test")
        asked.add(task.render(item, order=(), format=TaggedFormat()).text)
    assert len(asked) == 3


def test_macro_f1_is_the_headline_and_an_unreadable_answer_is_wrong(tmp_path: Path, make: Make) -> None:
    ratings, words = [7, 6, 2, 1, 5, 3], ["yes", "no", "no", "yes", "?", "?"]
    rows = [row(f"{k}", rating) for k, rating in enumerate(ratings)]
    task = make("imagereward", data(tmp_path, test=rows))
    scores = score_task(task, lambda request, item: f"<answer>{words[int(item.id)]}</answer>")
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    golds = [int(rating >= 5) for rating in ratings]
    said = [{"yes": 1, "no": 0}.get(word, 2) for word in words]
    assert scores.estimates[0].metric == "macro_f1"
    assert found["macro_f1"] == pytest.approx(f1_score(golds, said, labels=[0, 1], average="macro"))
    assert found["accuracy"] == pytest.approx(2 / 6)
    right = [said == gold for said, gold in zip(said, golds, strict=True)]
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(golds, [gold if ok else 1 - gold for gold, ok in zip(golds, right, strict=True)])
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"overall_rating": 8}, "column 'overall_rating': expected a number from 1 to 7"),
        ({"overall_rating": 0}, "column 'overall_rating': expected a number from 1 to 7"),
        ({"image_path": "t.webp"}, "expected a path such as images/train/train_1/NAME.webp"),
    ],
)
def test_a_row_that_does_not_fit_names_file_row_and_column(
    tmp_path: Path, make: Make, change: dict[str, Any], says: str
) -> None:
    data(tmp_path, train=[row("t1", split="train"), row("t2", split="train")])
    write_table(tmp_path / "metadata-train.parquet", [row("t1", split="train"), row("t2", split="train", **change)])
    with pytest.raises(DataError) as caught:
        list(make("imagereward", tmp_path).items("train"))
    assert says in str(caught.value)
    assert "metadata-train.parquet, row 1" in str(caught.value)


def test_an_image_twice_is_refused(tmp_path: Path, make: Make) -> None:
    data(tmp_path, test=[row("a1")])
    write_table(tmp_path / "metadata-test.parquet", [row("a1"), row("a1")])
    task = make("imagereward", tmp_path)
    with pytest.raises(DataError, match="row 1: the id 'a1' is there twice"):
        list(task.items("test"))


def test_a_middle_that_takes_everything_is_an_error_with_a_fix(tmp_path: Path, make: Make) -> None:
    imagereward.example(tmp_path)
    with pytest.raises(DataError, match=r"no row of .* is in the split 'test'; .*narrower drop_middle"):
        list(make("imagereward", tmp_path, drop_middle=[1, 7]).items("test"))


def test_a_copy_with_the_images_in_its_rows_needs_no_archives(tmp_path: Path, make: Make) -> None:
    for split in SPLITS:
        rows = [{**row(f"{k}"), "image": {"bytes": make_picture(k), "path": None}} for k in range(3)]
        for one in rows:
            del one["image_path"]
        write_table(tmp_path / f"metadata-{split}.parquet", rows)
    task = make("imagereward", tmp_path)
    assert [[item.id for item in task.items(split)] for split in SPLITS] == [["0", "1", "2"]] * 3


@pytest.mark.parametrize("scale", ["1k", "8k"])
def test_on_the_hub_the_scale_is_the_configuration(make: Make, scale: str) -> None:
    task = make("imagereward", "hub:me/ImageRewardDB@abc", scale=scale)
    assert str(task.sources["train"]) == f"hub:me/ImageRewardDB@abc, {scale}, train"
