from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api.data import Table, write_table
from harness_mtrl.splits import (
    SPLITS,
    ByKey,
    ByNumber,
    Shares,
    sides_of_agin,
    sides_of_rows,
    sides_of_test,
    split_of_key,
)
from harness_mtrl.task import PointwiseTask

shares_of_any_kind = st.builds(
    Shares, seed=st.integers(0, 2**40), validation=st.floats(0.01, 0.49), test=st.floats(0.01, 0.49)
)


@pytest.mark.parametrize(
    ("count", "test", "sizes"),
    [(6930, 0.1, (5544, 693, 693)), (6049, 0.1, (4839, 605, 605)), (8109, 0.0, (7298, 811, 0))],
    ids=["seetrue", "agin", "unsafebench"],
)
def test_a_split_by_rows_has_the_counts_of_the_paper(count: int, test: float, sizes: tuple[int, ...]) -> None:
    sides = sides_of_rows(count, shares=Shares(test=test))
    assert tuple(np.bincount(sides, minlength=3)) == sizes


@given(count=st.integers(0, 300), shares=shares_of_any_kind)
def test_every_row_is_in_one_split_and_the_shares_are_kept_to_a_row(count: int, shares: Shares) -> None:
    sides = sides_of_rows(count, shares=shares)
    assert len(sides) == count
    counted = np.bincount(sides, minlength=3)
    assert abs(counted[2] - shares.test * count) <= 0.5
    assert abs(counted[1] - shares.validation * count) <= 0.5
    assert (sides == sides_of_rows(count, shares=shares)).all()


def test_another_seed_is_another_split() -> None:
    assert (sides_of_rows(200, shares=Shares(seed=1)) != sides_of_rows(200, shares=Shares())).any()
    keys = [str(k) for k in range(200)]
    assert [split_of_key(key, Shares(seed=1)) for key in keys] != [split_of_key(key, Shares()) for key in keys]


def test_a_split_by_key_keeps_the_shares_roughly() -> None:
    counted = Counter(split_of_key(f"{k}.png", Shares(validation=0.1, test=0.2)) for k in range(20_000))
    assert [round(counted[split] / 20_000, 2) for split in SPLITS] == [0.7, 0.1, 0.2]


def test_a_split_by_key_is_the_same_in_every_version() -> None:
    """Splits that people have trained on must not move: these are recorded."""
    recorded = {0: "train", 4: "validation", 11: "validation", 12: "train", 19: "test", 47: "test"}
    assert {k: split_of_key(f"{k}.png", Shares()) for k in recorded} == recorded


@given(key=st.text(st.characters(exclude_categories=["Cs"])), shares=shares_of_any_kind, less=st.floats(0.01, 0.49))
def test_what_is_tested_does_not_depend_on_the_share_of_validation(key: str, shares: Shares, less: float) -> None:
    other = Shares(seed=shares.seed, validation=less, test=shares.test)
    assert (split_of_key(key, shares) == "test") == (split_of_key(key, other) == "test")


def test_agins_own_split_is_that_of_its_loader() -> None:
    """JOINT/AGINDataset.py of zijianchen98/AGIN, in its own words: seed, permute, cut."""
    np.random.seed(0)
    order = np.random.permutation(6049)
    train, test = set(order[: int(6049 * 0.7)].tolist()), set(order[int(6049 * 0.7) :].tolist())
    sides = sides_of_agin(6049)
    assert set(np.flatnonzero(sides == SPLITS.index("train")).tolist()) == train
    assert set(np.flatnonzero(sides == SPLITS.index("test")).tolist()) == test
    assert (len(train), len(test)) == (4234, 1815)


def images_by_split(file: Path, *, by_row: bool = False) -> dict[str, list[str]]:
    table = Table(files=(file,), root=file.parent)
    rows = (
        ByNumber(source=table, sides=lambda count: sides_of_rows(count, shares=Shares()))
        if by_row
        else ByKey(source=table, key=lambda row: row["image"].text(), shares=Shares())
    )
    return {split: [row["image"].text() for row in rows.rows(split)] for split in SPLITS}


@given(
    images=st.lists(st.integers(0, 40), min_size=1, max_size=120),
    added=st.lists(st.integers(0, 80), max_size=40),
    seed=st.integers(0, 9),
)
def test_no_image_is_on_two_sides_whatever_order_rows_have_and_rows_are_added(
    tmp_path_factory: pytest.TempPathFactory, images: list[int], added: list[int], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    before = images_by_split(write_table(folder / "a.csv", [{"image": f"{k}.png"} for k in images]))
    assert sorted(name for names in before.values() for name in names) == sorted(f"{k}.png" for k in images)
    mixed = np.random.default_rng(seed).permutation([*images, *added]).tolist()
    after = images_by_split(write_table(folder / "b.csv", [{"image": f"{k}.png"} for k in mixed]))
    for split in SPLITS:
        assert set(before[split]) <= set(after[split])
        assert not set(after[split]) & {name for other in SPLITS if other != split for name in after[other]}


def test_a_split_by_rows_takes_every_row_once_and_leaks_images(tmp_path: Path) -> None:
    file = write_table(tmp_path / "a.csv", [{"image": f"{k // 2}.png"} for k in range(200)])
    split = images_by_split(file, by_row=True)
    assert [len(split[name]) for name in SPLITS] == [160, 20, 20]
    assert set(split["train"]) & set(split["test"])


def test_all_may_be_test() -> None:
    assert (sides_of_test(5) == SPLITS.index("test")).all()


def counted(task: PointwiseTask) -> list[int]:
    return [sum(1 for _ in task.rows(split)) for split in SPLITS]


def test_tables_of_the_papers_size_have_the_papers_counts(tmp_path: Path, make: Callable[..., PointwiseTask]) -> None:
    seetrue = write_table(tmp_path / "SeeTRUE.csv", [{"image": f"{k // 3}.png"} for k in range(6930)])
    assert counted(make("seetrue", seetrue, split_by="row", allow_training=True)) == [5544, 693, 693]
    assert counted(make("seetrue", seetrue, split_by="official", allow_training=True)) == [0, 0, 6930]
    agin = write_table(tmp_path / "AGIN.csv", [{"filename": f"{k}.png"} for k in range(6049)])
    for name in ("agin-nat", "agin-tech", "agin-rat"):
        assert counted(make(name, agin, split_by="row")) == [4839, 605, 605]
    for split, count in (("train", 8109), ("test", 2037)):
        write_table(tmp_path / f"{split}.parquet", [{"source": "Lexica"}] * count)
    assert counted(make("unsafebench", tmp_path, split_by="row")) == [7298, 811, 2037]
