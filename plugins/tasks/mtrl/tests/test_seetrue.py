from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import f1_score, roc_auc_score

from harness.api import DataError, Item, Judgement, UserError
from harness.api.data import make_picture, write_table
from harness.testing import score_task
from harness_mtrl import __version__, seetrue
from harness_mtrl.splits import SPLITS
from harness_mtrl.task import PointwiseTask

Make = Callable[..., PointwiseTask]


def row(image: str = "a.png", **changes: Any) -> dict[str, Any]:
    return {"image": image, "text": "a cat", "label": 1, "dataset_source": "drawbench", **changes}


def data(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(sorted({one["image"] for one in rows})):
        (folder / "images" / name).write_bytes(make_picture(k))
    write_table(folder / "SeeTRUE.csv", rows)
    return folder


def test_rows_become_items(tmp_path: Path, make: Make) -> None:
    rows = [row(original_dataset_id=7), row(text="a dog", label=0, original_dataset_id=""), row("b.png")]
    rows[2] |= {"dataset_source": "editbench", "original_dataset_id": "x"}
    task = make("seetrue", data(tmp_path, rows), split_by="official")
    items = list(task.items("test"))
    assert [item.gold for item in items] == ["yes", "no", "yes"]
    assert [item.id for item in items] == ["0", "1", "2"]
    assert [item.group for item in items] == ["a.png", "a.png", "b.png"]
    assert [item.category for item in items] == ["drawbench", "drawbench", "editbench"]
    assert items[0].tags == {"source": "drawbench", "original_dataset_id": "7"}
    assert "original_dataset_id" not in items[1].tags
    image, text = items[1].question
    assert text == "Text: a dog"
    assert not isinstance(image, str)
    assert image.encode()[0] == make_picture(0)


def test_the_images_are_read_from_the_published_archive(tmp_path: Path, make: Make) -> None:
    seetrue.example(tmp_path)
    items = list(make("seetrue", tmp_path).items("test"))
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        for item in items:
            image = item.question[0]
            assert not isinstance(image, str)
            assert image.encode()[0] == archive.read(f"images/{item.group}")


@pytest.mark.parametrize("name", ["SeeTRUE_public.csv", "mine.csv"])
def test_the_table_may_have_another_name_if_it_is_the_only_one(tmp_path: Path, make: Make, name: str) -> None:
    (data(tmp_path, [row()]) / "SeeTRUE.csv").rename(tmp_path / name)
    assert len(list(make("seetrue", tmp_path, split_by="official").items("test"))) == 1
    assert len(list(make("seetrue", tmp_path / name, split_by="official").items("test"))) == 1


def test_two_tables_with_names_of_their_own_are_refused(tmp_path: Path, make: Make) -> None:
    (data(tmp_path, [row()]) / "SeeTRUE.csv").rename(tmp_path / "a.csv")
    write_table(tmp_path / "b.csv", [row()])
    with pytest.raises(DataError, match=r"expected one table .* found a.csv, b.csv; give the file itself"):
        make("seetrue", tmp_path)


@pytest.mark.parametrize("split_by", ["group", "row", "official"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_what_must_not_be_trained_on_is_closed(tmp_path: Path, make: Make, split: str, split_by: str) -> None:
    seetrue.example(tmp_path)
    task = make("seetrue", tmp_path, split_by=split_by)
    with pytest.raises(UserError, match=r"datasets/yonatanbitton/SeeTRUE.* test set.*allow_training: true") as caught:
        next(iter(task.items(split)))
    assert f"task mine: the split '{split}' is closed" in str(caught.value)
    assert list(task.items("test"))


def by_split(task: PointwiseTask) -> dict[str, list[Item]]:
    return {split: list(task.items(split)) for split in SPLITS}


def test_no_image_is_on_two_sides_unless_rows_are_split(tmp_path: Path, make: Make) -> None:
    rows = [row(f"{k // 4}.png", text=f"text {k}", label=k % 2) for k in range(400)]
    folder = data(tmp_path, rows)
    grouped = by_split(make("seetrue", folder, allow_training=True))
    groups = {split: {item.group for item in items} for split, items in grouped.items()}
    assert sum(map(len, groups.values())) == 100
    assert sum(map(len, grouped.values())) == 400
    split = by_split(make("seetrue", folder, allow_training=True, split_by="row"))
    assert [len(split[name]) for name in SPLITS] == [320, 40, 40]
    assert {item.group for item in split["train"]} & {item.group for item in split["test"]}


def test_rows_in_another_order_and_more_rows_move_no_text(tmp_path: Path, make: Make) -> None:
    rows = [row(f"{k // 3}.png", text=f"text {k}") for k in range(120)]
    more = [row(f"{k // 3}.png", text=f"text {k}") for k in range(90, 300)]

    def texts(folder: Path) -> dict[str, set[object]]:
        found = by_split(make("seetrue", folder, allow_training=True))
        return {split: {item.question[1] for item in items} for split, items in found.items()}

    before, after = texts(data(tmp_path / "a", rows)), texts(data(tmp_path / "b", [*more, *reversed(rows)]))
    assert all(before[split] <= after[split] for split in SPLITS)


def test_both_metrics_are_the_papers_and_the_authors(tmp_path: Path, make: Make) -> None:
    """ROC-AUC of hard answers by source, as itm_vqa_blip2_test.py has it: not `yes` is 0, an unreadable one too."""
    labels = {"drawbench": [1, 1, 1, 0], "editbench": [1, 0, 0, 0, 0], "coco": [0, 1]}
    answers = {
        "drawbench": ["yes", "yes", "?", "yes"],
        "editbench": ["yes", "no", "no", "yes", "no"],
        "coco": ["yes", "yes"],
    }
    rows = [
        row(f"{source}{k}.png", label=label, dataset_source=source)
        for source, golds in labels.items()
        for k, label in enumerate(golds)
    ]
    said = dict(enumerate(word for words in answers.values() for word in words))
    task = make("seetrue", data(tmp_path, rows), split_by="official")
    scores = score_task(task, lambda request, item: f"<think>.</think><answer>{said[int(item.id)]}</answer>")
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    hard = {source: [int(word == "yes") for word in words] for source, words in answers.items()}
    official = sum(float(roc_auc_score(labels[source], hard[source])) for source in labels) / 3
    assert found["roc_auc@category"] == pytest.approx(official)
    assert found["balanced_accuracy@category"] == pytest.approx(official)
    golds = [label for source in labels.values() for label in source]
    pooled = [{"yes": 1, "no": 0}.get(word, 2) for word in said.values()]
    assert scores.estimates[0].metric == "macro_f1"
    assert scores.estimates[0].value == pytest.approx(f1_score(golds, pooled, labels=[0, 1], average="macro"))
    assert found["accuracy"] == pytest.approx(7 / 11)
    assert found["macro_f1"] != pytest.approx(official)
    assert scores.coverage == pytest.approx(10 / 11)


def test_probabilities_change_the_area_and_not_the_balanced_accuracy(tmp_path: Path, make: Make) -> None:
    labels, sure = [1, 1, 0, 0], [0.9, 0.6, 0.7, 0.2]
    rows = [row(f"{k}.png", label=label) for k, label in enumerate(labels)]
    task = make("seetrue", data(tmp_path, rows), split_by="official")

    def judge(request: object, item: Item) -> Judgement:
        p = sure[int(item.id)]
        return Judgement.of("yes" if p > 0.5 else "no", probabilities={"yes": p, "no": 1 - p})

    found = {estimate.metric: estimate.value for estimate in score_task(task, judge).estimates}
    assert found["roc_auc@category"] == pytest.approx(roc_auc_score(labels, sure))
    assert found["balanced_accuracy@category"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"label": 2}, "column 'label': expected one of 1, 0, found str '2'"),
        ({"label": "yes"}, "column 'label'"),
        ({"image": ""}, "column 'image'"),
        ({"image": "../../etc/passwd"}, "leads out of the data folder"),
    ],
)
def test_a_row_that_does_not_fit_names_file_row_and_column(
    tmp_path: Path, make: Make, change: dict[str, Any], says: str
) -> None:
    data(tmp_path, [row()])
    file = write_table(tmp_path / "SeeTRUE.csv", [row(), {**row(), **change}])
    with pytest.raises(DataError) as caught:
        list(make("seetrue", tmp_path, split_by="official").items("test"))
    assert says in str(caught.value)
    assert f"{file}, line 3" in str(caught.value)


def test_no_data_is_an_error_that_says_what_to_write(make: Make) -> None:
    with pytest.raises(DataError, match="task mine: needs data; write `data:`"):
        make("seetrue", None)


def test_pictures_within_the_rows_are_grouped_by_content(tmp_path: Path, make: Make) -> None:
    rows = [{**row(), "text": f"text {k}", "image": {"bytes": make_picture(k % 20), "path": None}} for k in range(60)]
    task = make("seetrue", write_table(tmp_path / "copy.parquet", rows), allow_training=True)
    groups = {split: {item.group for item in items} for split, items in by_split(task).items()}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 20


def test_the_fingerprint_is_that_of_finished_runs(tmp_path: Path, make: Make) -> None:
    content = (data(tmp_path, [row()]) / "SeeTRUE.csv").read_bytes()
    digest = hashlib.sha256(hashlib.sha256(content).digest()).hexdigest()
    options = (
        '{"media":null,"split_seed":0,"validation_share":0.1,"test_share":0.1,'
        '"split_by":"group","allow_training":false}'
    )
    facts = f"SeeTrueTask:{__version__}:{options}:all:{digest}"
    assert make("seetrue", tmp_path).fingerprint() == hashlib.sha256(facts.encode()).hexdigest()
