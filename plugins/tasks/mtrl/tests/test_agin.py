from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score

from harness.api import DataError, Judgement, UserError
from harness.api.data import Row, make_picture, write_table
from harness.testing import FakeContext, score_task
from harness_mtrl import agin
from harness_mtrl.options import Agin
from harness_mtrl.splits import SPLITS
from harness_mtrl.task import PointwiseTask, ThresholdTask

Make = Callable[..., PointwiseTask]
TASKS = [f"agin-{dimension}{kind}" for dimension in ("nat", "tech", "rat") for kind in ("", "-mos")]


def rows_of(scores: list[float], **changes: Any) -> list[dict[str, Any]]:
    return [
        {"filename": f"SD_{k}.png", "MOS_nat": score, "MOS_tech": 6 - score, "MOS_rat": 3.0, **changes}
        for k, score in enumerate(scores)
    ]


def data(folder: Path, rows: list[dict[str, Any]], *, at: str = "images", name: str = "AGIN.csv") -> Path:
    (folder / at).mkdir(parents=True, exist_ok=True)
    for k, row in enumerate(rows):
        (folder / at / row["filename"]).write_bytes(make_picture(k))
    write_table(folder / name, rows)
    return folder


def spread(count: int) -> list[float]:
    return [round(1 + 4 * ((k * 37) % count) / count, 4) for k in range(count)]


def names(task: PointwiseTask) -> dict[str, list[str]]:
    return {split: [item.id for item in task.items(split)] for split in SPLITS}


def test_each_task_reads_its_own_dimension(tmp_path: Path, make: Make) -> None:
    data(tmp_path, rows_of([1.5, 4.5]))
    golds = {
        name: [item.gold for item in make(name, tmp_path, split_by="official").items("test")]
        + [item.gold for item in make(name, tmp_path, split_by="official").items("train")]
        for name in TASKS
        if name.endswith("mos")
    }
    assert {name: sorted(map(str, gold)) for name, gold in golds.items()} == {
        "agin-nat-mos": ["1.5", "4.5"],
        "agin-tech-mos": ["1.5", "4.5"],
        "agin-rat-mos": ["3.0", "3.0"],
    }
    assert golds["agin-nat-mos"] == [6 - float(score) for score in golds["agin-tech-mos"]]  # type: ignore[arg-type]


def test_all_tasks_split_alike_so_that_nothing_leaks_across_them(tmp_path: Path, make: Make) -> None:
    data(tmp_path, rows_of(spread(150)))
    for split_by in ("group", "row"):
        found = [names(make(task, tmp_path, split_by=split_by)) for task in TASKS]
        assert all(one == found[0] for one in found)
        assert sorted(name for split in SPLITS for name in found[0][split]) == sorted(f"SD_{k}.png" for k in range(150))


def test_a_split_by_rows_has_the_papers_shares(tmp_path: Path, make: Make) -> None:
    found = names(make("agin-nat", data(tmp_path, rows_of(spread(49))), split_by="row"))
    assert [len(found[split]) for split in SPLITS] == [39, 5, 5]  # as 4,839 / 605 / 605 of 6,049


def test_the_official_split_is_that_of_the_loader_and_has_no_validation(tmp_path: Path, make: Make) -> None:
    task = make("agin-rat-mos", data(tmp_path, rows_of(spread(30))), split_by="official")
    np.random.seed(0)
    order = np.random.permutation(30)
    assert {item.id for item in task.items("train")} == {f"SD_{k}.png" for k in order[:21]}
    assert {item.id for item in task.items("test")} == {f"SD_{k}.png" for k in order[21:]}
    with pytest.raises(UserError, match=r"has no validation; write `validation: null`"):
        list(task.items("validation"))


def test_the_default_threshold_is_the_median_of_train_alone(tmp_path: Path, make: Make) -> None:
    rows = rows_of(spread(200))
    data(tmp_path, rows)
    task = make("agin-nat", tmp_path)
    mos = {row["filename"]: row["MOS_nat"] for row in rows}
    train = [mos[name] for name in names(task)["train"]]
    assert isinstance(task, ThresholdTask)
    assert task.threshold == pytest.approx(median(train))
    assert task.threshold != pytest.approx(median(mos.values()))
    for split in SPLITS:
        assert all(item.gold == ("yes" if mos[item.id] >= median(train) else "no") for item in task.items(split))


def test_scores_of_the_test_split_do_not_move_the_threshold(tmp_path: Path, make: Make) -> None:
    rows = rows_of(spread(100))
    first = make("agin-nat", data(tmp_path / "a", rows))
    tested = set(names(first)["test"])
    changed = [{**row, "MOS_nat": 5.0} if row["filename"] in tested else row for row in rows]
    second = make("agin-nat", data(tmp_path / "b", changed))
    assert isinstance(first, ThresholdTask)
    assert isinstance(second, ThresholdTask)
    assert first.threshold == second.threshold


def test_the_middle_is_left_out_of_every_split_and_the_median_keeps_it(tmp_path: Path, make: Make) -> None:
    data(tmp_path, rows_of(spread(200)))
    task = make("agin-nat", tmp_path, drop_middle=[2.5, 3.5])
    whole = make("agin-nat", tmp_path)
    assert isinstance(task, ThresholdTask)
    assert isinstance(whole, ThresholdTask)
    assert task.threshold == whole.threshold
    for split in SPLITS:
        kept = {item.id for item in task.items(split)}
        assert kept == {item.id for item in whole.items(split) if not 2.5 <= float(item.tags["mos"]) <= 3.5}


@given(value=st.floats(1, 5), threshold=st.floats(1, 5), low=st.floats(0, 1), high=st.floats(0, 1), drop=st.booleans())
def test_yes_is_from_the_threshold_on(
    tmp_path_factory: pytest.TempPathFactory, value: float, threshold: float, low: float, high: float, drop: bool
) -> None:
    folder = tmp_path_factory.mktemp("agin")
    write_table(folder / "AGIN.csv", rows_of([1.0]))
    middle = (threshold - low, threshold + high) if drop else None
    task = agin.nat(Agin(threshold=threshold, drop_middle=middle), FakeContext(workspace=folder, data=str(folder)))
    gold = task.gold(Row({"MOS_nat": value}, "here", 0))
    if middle is not None and middle[0] <= value <= middle[1]:
        assert gold is None
    else:
        assert gold == ("yes" if value >= threshold else "no")


def test_macro_f1_of_the_binary_task(tmp_path: Path, make: Make) -> None:
    data(tmp_path, rows_of(spread(120)))
    task = make("agin-nat", tmp_path, threshold=3)
    words = ("yes", "no", "no", "?")
    said: list[int] = []
    golds: list[int] = []

    def judge(request: object, item: Any) -> str:
        word = words[int(item.id[3:-4]) % 4]
        said.append({"yes": 1, "no": 0}.get(word, 2))
        golds.append(int(float(item.tags["mos"]) >= 3))
        return f"<answer>{word}</answer>"

    (first, *_) = score_task(task, judge, split="train").estimates
    assert first.metric == "macro_f1"
    assert first.value == pytest.approx(f1_score(golds, said, labels=[0, 1], average="macro"))


def test_the_opinion_scores_are_judged_by_srcc_and_plcc_with_ties(tmp_path: Path, make: Make) -> None:
    mos = [1.2, 2.0, 2.0, 3.5, 4.1, 4.9, 3.3]
    said = [1.0, 2.5, 2.0, 2.5, 5.0, 4.0, None]
    rows = rows_of(mos)
    data(tmp_path, rows)
    task = make("agin-nat-mos", tmp_path, split_by="official")
    order = np.random.RandomState(0).permutation(7)
    tested = order[: int(7 * 0.7)]

    def judge(request: Any, item: Any) -> Judgement:
        value = said[int(item.id[3:-4])]
        return request.read("no idea") if value is None else Judgement.of(value)

    scores = score_task(task, judge, split="train")
    found = {estimate.metric: estimate.value for estimate in scores.estimates}
    pairs = [(mos[k], answer) for k in tested if (answer := said[k]) is not None]
    golds, answers = zip(*pairs, strict=True)
    assert list(found) == ["spearman", "pearson", "mae"]
    assert found["spearman"] == pytest.approx(spearmanr(golds, answers).statistic)
    assert found["pearson"] == pytest.approx(pearsonr(golds, answers).statistic)
    assert found["mae"] == pytest.approx(np.mean(np.abs(np.subtract(golds, answers))))


def test_any_number_between_low_and_high_may_be_answered(tmp_path: Path, make: Make) -> None:
    data(tmp_path, rows_of([60.0] * 10))
    with pytest.raises(DataError, match=r"column 'MOS_nat': expected a number from 1 to 5.*low: ..., high: ..."):
        list(make("agin-nat-mos", tmp_path).items("train"))
    item = next(iter(make("agin-nat-mos", tmp_path, low=0, high=100).items("train")))
    assert item.space.contains(61.5)
    assert not item.space.contains(101)


@pytest.mark.parametrize("at", ["images", "AGIN/pictures", "."])
def test_images_are_found_in_any_folder(tmp_path: Path, make: Make, at: str) -> None:
    data(tmp_path, rows_of([2.0] * 12), at=at, name="mos of the database.csv")
    for item in make("agin-nat", tmp_path).items("train"):
        image = item.question[0]
        assert not isinstance(image, str)
        assert image.encode()[0] == make_picture(int(item.id[3:-4]))


def test_patches_under_the_same_names_are_not_taken_for_the_images(tmp_path: Path, make: Make) -> None:
    rows = rows_of([2.0] * 12)
    data(tmp_path, rows, at="zz_images")
    (tmp_path / "AGIN_patch_Partitioned").mkdir()
    for row in rows:
        (tmp_path / "AGIN_patch_Partitioned" / row["filename"]).write_bytes(make_picture(999))
    for item in make("agin-nat", tmp_path).items("train"):
        image = item.question[0]
        assert not isinstance(image, str)
        assert image.encode()[0] != make_picture(999)


def test_images_are_read_from_a_zip_whatever_its_folders(tmp_path: Path, make: Make) -> None:
    rows = rows_of([2.0] * 12)
    write_table(tmp_path / "AGIN.csv", rows)
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        for k, row in enumerate(rows):
            archive.writestr(f"AGIN/all/{row['filename']}", make_picture(k))
    for item in make("agin-nat", tmp_path).items("train"):
        image = item.question[0]
        assert not isinstance(image, str)
        assert image.encode()[0] == make_picture(int(item.id[3:-4]))


@given(stem=st.text("abAB_-", min_size=1, max_size=8), number=st.integers(0, 10**6))
def test_the_series_is_the_name_without_its_number(stem: str, number: int) -> None:
    assert agin.series(f"{stem}x_{number}.png") == f"{stem}x"


def test_names_without_a_number_are_their_own_series() -> None:
    assert [agin.series(name) for name in ("Dreaml_coco_17.png", "dir/CoCosNet_23.png", "17.png", "cat")] == [
        "Dreaml_coco",
        "CoCosNet",
        "17",
        "cat",
    ]


def test_the_hub_is_refused_with_where_to_download(make: Make) -> None:
    with pytest.raises(
        UserError, match=r"AGIN is not on the hub; download it \(https://github.com/zijianchen98/AGIN\)"
    ):
        make("agin-nat", "hub:someone/AGIN")


def test_an_image_twice_is_refused(tmp_path: Path, make: Make) -> None:
    rows = rows_of(spread(60))
    data(tmp_path, [*rows, rows[0]])
    with pytest.raises(DataError, match=r"line 62: the id 'SD_0\.png' is there twice"):
        names(make("agin-nat-mos", tmp_path))
