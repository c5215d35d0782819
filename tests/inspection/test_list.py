"""`harness list tasks` with filters, also of tasks of somebody else's plugin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main

PLUGIN = """
from harness.api import Dataset, KnownResult, Parity, TaskCard, hookimpl


def card(name, **fields):
    return TaskCard(name=name, summary="s", factory="nowhere:make", api_version=1, source="s", **fields)


@hookimpl
def harness_tasks():
    return [
        card("plain", answers="choice", licence="MIT"),
        card("several", answers="rubric", licence="MIT"),
        card(
            "small",
            answers="preference",
            licence="CC-BY-4.0",
            capabilities=frozenset({"images", "text"}),
            data=Dataset(hub="org/name", rows=10),
            official=frozenset({"metric", "order"}),
            parity=Parity(items=9, judges=2, values=3, difference=0.001),
            results=(KnownResult(judge="j", value=1.5, metric="m", source="https://example.org"),),
        ),
        card(
            "large",
            answers="preference",
            licence="cc-by-nc-4.0",
            capabilities=frozenset({"video"}),
            data=Dataset(hub="org/name", rows=11),
            official=frozenset({"metric"}),
        ),
    ]
"""


def list_tasks(folder: Path, capsys: pytest.CaptureFixture[str], *filters: str) -> tuple[list[str], str]:
    """The names of the tasks of the plugin above, and what was said beside."""
    (folder / "others.py").write_text(PLUGIN)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(folder / "others.py"), "list", "tasks", *filters])
    assert ended.value.code == 0
    said = capsys.readouterr()
    ids = [line.split()[0] for line in said.out.splitlines()]
    return [name.removeprefix("others/") for name in ids if name.startswith("others/")], said.err


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), ["large", "plain", "several", "small"]),
        (("--modality", "image"), ["small"]),
        (("--modality", "video"), ["large"]),
        (("--answers", "preference"), ["large", "small"]),
        (("--answers", "rubric"), ["several"]),
        (("--licence", "cc-by"), ["large", "small"]),
        (("--max-items", "10"), ["small"]),
        (("--max-items", "11"), ["large", "small"]),
        (("--official", "metric"), ["large", "small"]),
        (("--official", "metric", "--official", "order"), ["small"]),
        (("--parity",), ["small"]),
        (("--parity", "--modality", "video"), []),
    ],
)
def test_tasks_are_filtered_by_their_cards(
    filters: tuple[str, ...], found: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_tasks(tmp_path, capsys, *filters)[0] == found


def test_tasks_of_unknown_size_are_counted_and_not_taken_for_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = list_tasks(tmp_path, capsys, "--max-items", "10", "--licence", "MIT", "--answers", "choice")
    assert "tasks whose number of items is not known" in said


def test_json_says_all_that_the_cards_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "others.py").write_text(PLUGIN)
    with pytest.raises(SystemExit):
        main(["-p", str(tmp_path / "others.py"), "list", "tasks", "--json"])
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    small = rows["others/small"]
    assert small["modalities"] == ["image", "text"]
    assert small["data"]["hub"] == "org/name"
    assert small["official"] == ["metric", "order"]
    assert small["parity"] == {"items": 9, "judges": 2, "values": 3, "difference": 0.001}
    assert small["results"][0]["judge"] == "j"
    assert rows["others/plain"]["data"] is None
    assert rows["others/plain"]["results"] == []


def test_filters_of_tasks_are_refused_for_other_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["list", "judges", "--parity"])
    assert ended.value.code == 2
    assert "harness list tasks" in capsys.readouterr().err
