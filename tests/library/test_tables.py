"""Tables: streamed, typed, and the same rows in every form."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from harness.api import UserError
from harness.library import JudgedAnswer, RecordTable, Run
from harness.library.tables import find_columns
from harness.report.records import LeaderboardRow


def count_forever(seen: list[int]) -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        seen.append(number)
        yield {"number": number, "name": f"n{number}"}


def test_rows_are_read_as_they_are_wanted_and_no_further() -> None:
    seen: list[int] = []
    table = RecordTable(
        lambda: count_forever(seen), {"number": "integer", "name": "text"}, title="endless", get=dict.__getitem__
    )
    assert [row["name"] for row in table.head(3)] == ["n0", "n1", "n2"]
    assert len(seen) == 3
    assert "n9" in repr(table)
    assert len(seen) < 20
    batches = table.to_batches()
    assert batches.read_next_batch().num_rows == 4096
    assert max(seen) < 3 * 4096


def test_pandas_and_arrow_have_the_same_rows_and_types_with_gaps(made: Run) -> None:
    answers = made.judgements(task="drawn")
    frame, table = answers.to_pandas(), answers.to_arrow()
    assert len(frame) == table.num_rows == answers.count() == 144
    assert list(frame.columns) == table.column_names == list(answers.columns)
    assert [str(kind) for kind in frame.dtypes[["sample", "right", "confidence", "cost_usd"]]] == [
        "Int64",
        "boolean",
        "float64",
        "float64",
    ]
    assert str(table.schema.field("right").type) == "bool"
    assert frame["right"].isna().sum() == (frame["status"] != "ok").sum() > 0
    assert table.column("item").to_pylist() == frame["item"].to_list()
    import pyarrow

    assert pyarrow.table(answers).equals(table)  # as polars and DuckDB read it


def test_a_row_of_the_board_has_a_column_for_each_plain_field(made: Run) -> None:
    frame = made.leaderboard().to_pandas()
    assert {"judge", "task", "value", "ci_low", "ci_high", "n", "coverage", "rank_low", "flags"} <= set(frame.columns)
    assert frame["value"].to_list() == [row.value for row in made.leaderboard()]
    assert find_columns(LeaderboardRow)["verified"] == "flag"


def test_every_column_of_a_judgement_says_what_it_is() -> None:
    columns = find_columns(JudgedAnswer)
    assert all(vars(JudgedAnswer)[name].__doc__ for name in columns)
    assert columns["right"] == "flag"
    assert columns["prompt_tokens"] == "integer"
    assert "tags" not in columns


@pytest.mark.parametrize(("missing", "method"), [("pandas", "to_pandas"), ("pyarrow", "to_arrow")])
def test_a_library_that_is_missing_is_named_with_the_command(
    made: Run, monkeypatch: pytest.MonkeyPatch, missing: str, method: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=f"pip install {missing}"):
        getattr(made.judgements(), method)()


def test_what_is_no_text_of_arrow_is_written_all_the_same() -> None:
    table = RecordTable(lambda: [{"said": "a\ud800b"}], {"said": "text"}, title="odd", get=dict.__getitem__)
    assert table.to_arrow().to_pylist() == [{"said": "a?b"}]
