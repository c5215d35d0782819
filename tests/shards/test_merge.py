"""Shards become one run folder: what is whole, what is not, and which folders are refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from harness.api import JournalError, Judgement
from harness.recorded.journal import RecordedJournal
from harness.runner.folder import JOURNAL, MANIFEST, lock_folder
from harness.runner.rows import LEFT_OUT, CellRow, ItemRow, RequestRow
from harness.shards.merge import merge_shards

SPACE = '{"kind": "choice", "labels": ["yes", "no"]}'


def cell(state: str, *, task: str = "t", judge: str = "j") -> CellRow:
    return CellRow(task, judge, f"key of {judge}", "data", state)


def make_shard(
    folder: Path,
    index: int,
    *,
    count: int = 2,
    run: str = "m-abc",
    cells: Sequence[CellRow] = (cell("complete"),),
    plan: str | None = "the plan",
) -> Path:
    """A shard with one item, one request and one answer of its own."""
    shard = folder / f"{run}-shard-{index}-of-{count}"
    shard.mkdir(parents=True)
    (shard / MANIFEST).write_text(f"name: m  # of shard {index}\n", encoding="utf-8")
    journal = RecordedJournal(shard / JOURNAL)
    if plan is not None:
        journal.set_meta("plan", plan)
    with journal.transaction():
        item = ItemRow("t", f"i{index}", index, "g", "", SPACE, '"yes"', "{}", f"hash {index}")
        journal.add_requests([(item, RequestRow("t", f"i{index}", 0, "[]", 0, f"request {index}", "{}"))])
        journal.add_judgements("key of j", [(f"request {index}", Judgement.of("yes"))])
    for row in cells:
        journal.set_cell(row)
    journal.close()
    return shard


def states(folder: Path) -> dict[tuple[str, str], str]:
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    try:
        return {(row.task, row.judge): row.state for row in journal.cells()}
    finally:
        journal.close()


def test_the_whole_holds_what_the_shards_hold_beside_them(tmp_path: Path) -> None:
    folder = merge_shards([make_shard(tmp_path, 2), make_shard(tmp_path, 1)], None)
    assert folder == tmp_path / "m-abc"
    journal = RecordedJournal(folder / JOURNAL, readonly=True)
    assert [answer.item for answer in journal.answers("t", "key of j")] == ["i1", "i2"]
    assert journal.meta("plan") == "the plan"
    assert journal.cells() == [cell("complete")]
    journal.close()
    assert (folder / MANIFEST).read_text(encoding="utf-8") == "name: m  # of shard 2\n"


@pytest.mark.parametrize("unfinished", [1, 2])
def test_a_cell_is_complete_only_where_it_is_in_every_shard(tmp_path: Path, unfinished: int) -> None:
    shards = [make_shard(tmp_path, n, cells=[cell("partial" if n == unfinished else "complete")]) for n in (1, 2)]
    assert states(merge_shards(shards, None)) == {("t", "j"): "partial"}


def test_a_cell_that_a_shard_never_reached_is_not_complete(tmp_path: Path) -> None:
    both = [cell("complete"), cell("complete", judge="late")]
    shards = [make_shard(tmp_path, 1, cells=both), make_shard(tmp_path, 2, cells=both[:1])]
    assert states(merge_shards(shards, None)) == {("t", "j"): "complete", ("t", "late"): "partial"}


def test_a_cell_that_is_left_out_stays_left_out(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, n, cells=[cell("complete"), cell(LEFT_OUT, task="u")]) for n in (1, 2)]
    assert states(merge_shards(shards, None)) == {("t", "j"): "complete", ("u", "j"): LEFT_OUT}


def test_the_folder_of_the_whole_can_be_chosen(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2)]
    assert merge_shards(shards, tmp_path / "elsewhere") == tmp_path / "elsewhere"
    assert states(tmp_path / "elsewhere") == {("t", "j"): "complete"}
    assert not (tmp_path / "m-abc").exists()


def test_a_folder_of_another_run_is_not_merged_into(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2)]
    other = merge_shards([make_shard(tmp_path, 1, count=1, run="other", plan="another plan")], None)
    (other / MANIFEST).write_text("name: other\n", encoding="utf-8")
    before = (other / JOURNAL).read_bytes()
    with pytest.raises(JournalError, match="other: holds another run; give another folder as --out"):
        merge_shards(shards, other)
    assert (other / MANIFEST).read_text(encoding="utf-8") == "name: other\n"
    assert (other / JOURNAL).read_bytes() == before
    with pytest.raises(JournalError, match="is one of the shards"):
        merge_shards(shards, tmp_path / "x" / ".." / shards[0].name)


@pytest.mark.parametrize("killed", [False, True])
def test_the_folder_of_an_earlier_merge_is_merged_into_again(tmp_path: Path, killed: bool) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2)]
    folder = merge_shards(shards, tmp_path / "whole")
    if killed:
        (folder / MANIFEST).unlink()
    assert merge_shards(shards[::-1], tmp_path / "whole") == folder
    assert states(folder) == {("t", "j"): "complete"}


def test_one_shard_of_one_is_the_whole(tmp_path: Path) -> None:
    assert states(merge_shards([make_shard(tmp_path, 1, count=1)], None)) == {("t", "j"): "complete"}


def test_shards_are_only_read_also_those_of_an_earlier_version(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2)]
    for shard in shards:
        with closing(sqlite3.connect(shard / JOURNAL)) as database:
            database.execute("DROP TABLE annotations")  # as before people's answers were kept
    assert states(merge_shards(shards, None)) == {("t", "j"): "complete"}
    for shard in shards:
        journal = RecordedJournal(shard / JOURNAL, readonly=True)
        assert not journal.has_table("annotations")
        journal.close()


def test_a_folder_that_another_process_writes_to_is_left_alone(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2)]
    (tmp_path / "m-abc").mkdir()
    with lock_folder(tmp_path / "m-abc"), pytest.raises(JournalError, match="another harness process"):
        merge_shards(shards, None)


def test_a_folder_that_is_no_shard_is_refused(tmp_path: Path) -> None:
    good, empty, other = make_shard(tmp_path, 1), tmp_path / "m-abc-shard-2-of-2", tmp_path / "m-abc"
    for folder in (empty, other):
        folder.mkdir()
        with pytest.raises(JournalError, match=f"{folder.name}: not a shard; give folders that"):
            merge_shards([good, folder], None)


def test_missing_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="m-abc: missing shards 2/4, 4/4; run them first"):
        merge_shards([make_shard(tmp_path, n, count=4) for n in (1, 3)], None)


@pytest.mark.parametrize("other", [{"run": "n-abc"}, {"count": 3}])
def test_shards_of_different_runs_are_refused(tmp_path: Path, other: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="shards of different runs: m-abc-shard-1-of-2, "):
        merge_shards([make_shard(tmp_path, 1), make_shard(tmp_path, 2, **other)], None)  # type: ignore[arg-type]


def test_a_shard_that_never_began_is_named(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2, plan=None)]
    with pytest.raises(JournalError, match="shard-2-of-2: this shard never began; run it first"):
        merge_shards(shards, None)


def test_shards_of_different_plans_are_refused(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, 1), make_shard(tmp_path, 2, plan="another plan")]
    with pytest.raises(JournalError, match="the shards were made with different plans"):
        merge_shards(shards, None)


def test_the_manifest_of_any_shard_will_do_and_without_one_nothing_is_merged(tmp_path: Path) -> None:
    shards = [make_shard(tmp_path, n) for n in (1, 2)]
    (shards[0] / MANIFEST).unlink()
    folder = merge_shards(shards, tmp_path / "whole")
    assert (folder / MANIFEST).read_text(encoding="utf-8") == "name: m  # of shard 2\n"
    (shards[1] / MANIFEST).unlink()
    with pytest.raises(JournalError, match=r"m-abc: no shard has its manifest\.yaml; run one of them again"):
        merge_shards(shards, None)
    assert not (tmp_path / "m-abc").exists()


@pytest.mark.parametrize("judge", ["j", "another that the first shard never came to"])
def test_shards_of_different_data_are_no_run(tmp_path: Path, judge: str) -> None:
    other = make_shard(tmp_path, 2, cells=[cell("complete", judge=judge)._replace(fingerprint="other data")])
    with pytest.raises(JournalError, match="task t: the shards were asked different questions"):
        merge_shards([make_shard(tmp_path, 1), other], None)
