"""`report.html`: whole, within its budget, and the same for the same run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from harness.discovery import Plugins
from harness.runner.folder import REPORT
from harness.testing import ManifestRunner
from harness.view.book import load_book
from harness.view.counts import FILE, read_counts
from harness.view.file import DEFAULT, make_report
from harness.view.links import page_id
from harness.view.render import hash_source
from harness.view.site import Inside

Run: TypeAlias = Callable[..., int]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load(extra=[str(Path(__file__).with_name("drawn_plugin.py"))])


def test_a_run_writes_one_file_that_asks_for_nothing(run: Path) -> None:
    text = (run / REPORT).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "unsafe" not in policy[1]
    # The policy names the very script and style that are inside.
    for name in ("script", "style"):
        content = re.search(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        assert content is not None
        assert hash_source(content[1]) in policy[1]
    assert not re.search(r"""(?:src|href)=["'](?!#|data:|https://example\.org)""", text)
    assert not re.search(r"\sstyle=|\son[a-z]+=", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


def test_the_numbers_on_the_pages_are_those_of_the_leaderboard(run: Path) -> None:
    text = (run / REPORT).read_text(encoding="utf-8")
    pages = {
        html.unescape(name): body
        for name, body in re.findall(r'<article class="page" id="(.*?)"(.*?)</article>\n', text, re.S)
    }
    board = dict(re.findall(r'<tr data-name="(.*?)">(.*?)</tr>', pages["overview"], re.DOTALL))
    columns = re.findall(r'data-column="(.*?)"', pages["overview"])
    rows = json.loads((run / "leaderboard.json").read_text())["rows"]
    assert len(rows) == 6
    for row in rows:
        name = html.escape(row["judge"])
        cells = re.findall(r'<td data-sort="(.*?)"', board[name])
        assert cells[columns.index(row["task"])] == str(row["value"])
        own = re.search(
            rf'<tr class="[^"]*"><th scope="row"><a[^>]*>{name}</a></th>(.*?)</tr>',
            pages[page_id("task", row["task"])],
            re.S,
        )
        assert own is not None
        rank, _, shown, n, asked, coverage, *_ = [
            re.sub(r"<[^>]*>", " ", cell) for cell in re.findall(r"<td.*?</td>", own[1], re.S)
        ]
        low, high = row["rank_low"], row["rank_high"]
        assert rank.strip() == ("–" if low is None else str(low) if low == high else f"{low}–{high}")
        value, interval = shown.split()
        # As it is written: a per cent with as many digits as its interval carries.
        assert float(value) == pytest.approx(100 * row["value"], abs=0.5)
        ends = [float(end) for end in interval.split("–")]
        assert ends == pytest.approx([100 * row["ci_low"], 100 * row["ci_high"]], abs=0.5)
        assert (int(n), int(asked)) == (row["n"], row["asked"])
        assert float(coverage.split()[0]) == pytest.approx(100 * row["coverage"], abs=0.05)


def test_the_same_run_has_the_same_file(run: Path, plugins: Plugins) -> None:
    assert make_report(load_book(run), plugins)[0] == (run / REPORT).read_text(encoding="utf-8")


def test_a_small_budget_keeps_what_judges_split_on_and_says_what_is_missing(run: Path, plugins: Plugins) -> None:
    text, _ = make_report(load_book(run), plugins, replace(DEFAULT, items=10, pictures=4_000))
    pages = re.findall(r'id="item/([^"]*)"', text)
    assert len(pages) == 10
    assert {page.partition("/")[0] for page in pages} == {"drawn", "few%20pictures"}
    assert "20 of 30 items are not in this file" in text
    sources = json.loads(re.search(r'id="pictures">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert 0 < sum(map(len, sources.values())) <= 4_000
    assert "is not in this file</span>" in text
    # Every item of this run is split on. So they are drawn, by the run's seed alone.
    assert make_report(load_book(run), None, replace(DEFAULT, items=10))[0].count('id="item/') == 10


def test_a_text_budget_holds(run: Path) -> None:
    text, _ = make_report(load_book(run), None, replace(DEFAULT, text=20_000))
    assert 0 < text.count('id="item/') < 6


def test_pictures_that_cannot_be_made_are_named(run: Path) -> None:
    # Without the plugin that draws them.
    text, _ = make_report(load_book(run), Plugins.load())
    assert "pictures are missing: " in text
    assert "drawn_plugin/drawn" in text


def test_pairs_that_stand_in_the_question_have_pages_and_a_card(command: Run, tmp_path: Path) -> None:
    plugin = str(Path(__file__).with_name("whole_plugin.py"))
    manifest = {"name": "whole", "tasks": [{"use": "whole"}], "judges": [{"use": "second"}]}
    folder = ManifestRunner(tmp_path)(manifest, plugins=[plugin]).folder
    assert ">B<" in (folder / REPORT).read_text(encoding="utf-8")
    assert command("--plugin", plugin, "card", str(folder), "second", "-o", str(tmp_path / "card.md")) == 0


def test_counts_are_kept_for_the_board_that_they_belong_to(run: Path, tmp_path: Path) -> None:
    counts = read_counts(run)
    assert counts is not None
    assert sum(counts.of("drawn", "mute & meek").values()) == 48
    assert counts.items == {"drawn": 24, "few pictures": 6}
    (tmp_path / FILE).write_bytes((run / FILE).read_bytes())
    (tmp_path / "leaderboard.json").write_text("{}")
    assert read_counts(tmp_path) is None


def test_several_runs_stand_on_one_board(command: Run, run: Path, tmp_path: Path, plugins: Plugins) -> None:
    import shutil

    other = tmp_path / "other-run"
    shutil.copytree(run, other)
    assert command("report", str(run), str(other), "-o", str(tmp_path / "both.html"), "--pictures", "0") == 0
    text = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert f"keen ({run.name})" in text
    assert "keen (other-run)" in text
    assert text.count('id="item/') == 30


def test_what_is_left_out_is_counted() -> None:
    assert Inside(items={"a": 2}, total={"a": 5, "b": 1}).missing == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-run"], "not a run folder"),
        (["a", "b"], "give the file of several runs: -o FILE"),
    ],
)
def test_slips_are_told(
    command: Run,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("report", *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_journal_that_another_program_wrote_into_is_shown_as_far_as_it_goes(run: Path, tmp_path: Path) -> None:
    import shutil
    import sqlite3

    folder = tmp_path / run.name
    shutil.copytree(run, folder)
    journal = sqlite3.connect(folder / "journal.sqlite")
    odd = json.dumps({"prompt_tokens": "<b>x", "latency_s": [1], "rationale": "r"})
    with journal:
        journal.execute("UPDATE items SET tags=? WHERE id LIKE '%001%'", ('{"a": [1], "b": null}',))
        journal.execute(
            "UPDATE judgements SET more=?, probabilities=? WHERE status='ok'", (odd, '{"A": "much", "B": null}')
        )
        journal.execute("UPDATE requests SET content='{\"messages\": 3}'")
    journal.close()
    record = json.loads((folder / "run.json").read_text())
    record |= {"judges": {"dull": {"latency_s": {"n": 3, "median": "x"}, "model": [1]}}, "plugins": [1], "command": "x"}
    (folder / "run.json").write_text(json.dumps(record))
    text, _ = make_report(load_book(folder), None)
    assert text.count('id="item/') == 30
    assert "&lt;b&gt;x tokens read" in text
