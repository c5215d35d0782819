"""Every format, on hand-made cells and on hostile names."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Metric, PluginError, UserError
from harness.discovery import Plugins
from harness.manifest.model import ReportSettings
from harness.report import notes, overall
from harness.report.leaderboard import build_leaderboard
from harness.report.records import Leaderboard
from harness.report.render import render, write_reports
from harness.report.renderers import FORMATS, render_board
from harness.report.terminal import terminal_text
from harness.score.flags import FEW, INTERVAL_FLAGS, RARE
from harness.score.intervals import AGRESTI_COULL, JACKKNIFE
from harness.score.metrics import make_accuracy

GOLD = ("A" * 2 + "B" * 3) * 40
HOSTILE = [
    "=HYPERLINK(1)",
    "[red]x[/red]",
    "\x1b[31mred",
    "a|b",
    "x & y_z \\ {}",
    "two\nlines",
    "<b>",
    "\u202eevil",
    "*",
]


def find(name: str) -> Metric:
    return make_accuracy(None, None)


@pytest.fixture(scope="module")
def board(make_cell: Any) -> Leaderboard:
    good = GOLD[:160] + "".join("B" if gold == "A" else "A" for gold in GOLD[160:])
    close = GOLD[:157] + "".join("B" if gold == "A" else "A" for gold in GOLD[157:])
    cells = [
        make_cell("gpt4o", good, GOLD, task="image_generation"),
        make_cell("gemini-1.5-pro", close, GOLD, task="image_generation"),
        make_cell("llava", "A" * 200, GOLD, task="image_generation"),
        make_cell("mumbling-judge-with-a-very-long-name", "-" * 50 + GOLD[50:], GOLD, task="image_generation"),
    ]
    return build_leaderboard(cells, ReportSettings(resamples=200), find_metric=find)


@pytest.fixture(scope="module")
def hostile(board: Leaderboard) -> Callable[[str], Leaderboard]:
    def named(name: str) -> Leaderboard:
        rows = tuple(replace(row, judge=name, category=name, histogram={name: 3}) for row in board.rows[:1])
        return replace(board, title=name, rows=rows, comparisons=())

    return named


WIDE = """\
image_generation · accuracy, %
200 items · gold is most often B (60.0 %)
fixed order; unparsed: exclude; ties: class; average: micro

rank letters judge                            value   interval   n cover worst first flags
────────────────────────────────────────────────────────────────────────────────────────────────────
 1–2 a       gpt4o                             80.0  73.9–85.0 200 100.0  80.0  44.0
 1–2 a       gemini-1.5-pro                    78.5  72.3–83.7 200 100.0  78.5  45.5
   3 b       llava                             40.0  33.5–46.9 200 100.0  40.0 100.0 collapsed
   –         mumbling-judge-with-a-very-long… 100.0 97.0–100.0 150  75.0  75.0  40.0 low-coverage +1

· llava: collapsed — says A in 100.0 % of answers while A is right in 40.0 %
· mumbling-judge-with-a-very-long-name: low-coverage — 50 of 200 requests without a verdict (25.0
  %): 50 no verdict; not ranked where fewer than 90 % of requests have a verdict
· mumbling-judge-with-a-very-long-name: no-errors — no error was seen, so the interval is one-sided
· power: 80 % of such benchmarks would show a true difference of 3.1 to 13.9 points, by the pair of
  judges

· rank: a simultaneous 95 % confidence set of the judge's rank; judges that share a letter cannot be
  told apart; – is not ranked; no judge is placed above another because of answers that are missing
· interval: 95 % confidence, Agresti and Coull's for a share of independent answers
· n: units that the value rests on; coverage: % of requests with a verdict; worst case: every
  missing answer counted as wrong as can be
· first position: % of decided answers that name the first place shown
· the answers without a verdict, as they were written: harness show run-1 --unread
"""

NARROW = """\
image_generation · accuracy, %
200 items · gold is most often B (60.0 %)
fixed order; unparsed: exclude; ties: class; average: micro

rank   judge              value   interval   n cover worst first flags
────────────────────────────────────────────────────────────────────────────────
 1–2 a gpt4o               80.0  73.9–85.0 200 100.0  80.0  44.0
 1–2 a gemini-1.5-pro      78.5  72.3–83.7 200 100.0  78.5  45.5
   3 b llava               40.0  33.5–46.9 200 100.0  40.0 100.0 collapsed
   –   mumbling-judge-wi… 100.0 97.0–100.0 150  75.0  75.0  40.0 low-coverage +1

· llava: collapsed — says A in 100.0 % of answers while A is right in 40.0 %
· mumbling-judge-with-a-very-long-name: low-coverage — 50 of 200 requests
  without a verdict (25.0 %): 50 no verdict; not ranked where fewer than 90 % of
  requests have a verdict
· mumbling-judge-with-a-very-long-name: no-errors — no error was seen, so the
  interval is one-sided
· power: 80 % of such benchmarks would show a true difference of 3.1 to 13.9
  points, by the pair of judges

· rank: a simultaneous 95 % confidence set of the judge's rank; judges that
  share a letter cannot be told apart; – is not ranked; no judge is placed above
  another because of answers that are missing
· interval: 95 % confidence, Agresti and Coull's for a share of independent
  answers
· n: units that the value rests on; coverage: % of requests with a verdict;
  worst case: every missing answer counted as wrong as can be
· first position: % of decided answers that name the first place shown
· the answers without a verdict, as they were written: harness show run-1
  --unread
"""


def test_golden_terminal_table_at_100_columns(board: Leaderboard) -> None:
    assert terminal_text(board, width=100) == WIDE


def test_ranks_are_sets_with_letters_beside_them_in_every_format(board: Leaderboard) -> None:
    sets = {"gpt4o": (1, 2, "a"), "gemini-1.5-pro": (1, 2, "ab"), "llava": (3, 3, "b")}
    rows = tuple(
        replace(row, rank_low=low, rank_high=high, letters=letters)
        for row in board.rows
        for low, high, letters in [sets.get(row.judge, (None, None, ""))]
    )
    lettered = replace(board, rows=rows)
    text = terminal_text(lettered, width=100)
    table = [line.split()[:3] for line in text.splitlines()[4:10]]
    assert table[0] == ["rank", "letters", "judge"]
    assert table[2:] == [
        ["1–2", "a", "gpt4o"],
        ["1–2", "ab", "gemini-1.5-pro"],
        ["3", "b", "llava"],
        ["–", "mumbling-judge-with-a-very-long…", "100.0"],
    ]
    assert (
        "rank: a simultaneous 95 % confidence set of the judge's rank; judges that share a letter cannot be told apart"
        in " ".join(text.split())
    )
    assert max(map(len, terminal_text(lettered, width=80).splitlines())) <= 80
    md = re.sub(" +", " ", render_board(lettered, "md"))
    assert "| rank | letters | judge |" in md
    assert "| 1–2 | ab | gemini-1.5-pro |" in md
    assert "accuracy, \\% & 1--2 & ab & gemini-1.5-pro &" in render_board(lettered, "latex")
    assert r"\begin{tabular}{llrllrrrrr}" in render_board(lettered, "latex")
    first = next(csv.DictReader(io.StringIO(render_board(lettered, "csv"))))
    assert (first["rank_low"], first["rank_high"], first["letters"]) == ("1", "2", "a")
    assert json.loads(render_board(lettered, "json"))["rows"][0]["letters"] == "a"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("few-clusters", f"few-clusters — fewer than {FEW} effective clusters"),
        ("one-large-cluster", "one-large-cluster — a few clusters hold most of the units"),
        ("rare-class", f"rare-class — a class of golds or answers, or a category, has fewer than {RARE} units"),
    ],
)
def test_a_flag_of_the_task_is_explained_once(board: Leaderboard, flag: str, said: str) -> None:
    rows = [replace(row, flags=(*row.flags, flag)) for row in board.rows]
    told = notes.flag_notes(board, rows)
    assert sum(said in line for line in told) == 1
    assert not any(flag in line for line in told if said not in line)
    assert flag not in terminal_text(replace(board, rows=tuple(rows))).split("flags\n")[1].split("·")[0], "no column"


def test_every_flag_of_an_interval_is_explained_and_so_is_every_way_to_make_one() -> None:
    assert {*notes.OF_THE_TASK, *notes.OF_THE_JUDGE} >= INTERVAL_FLAGS
    assert {AGRESTI_COULL, JACKKNIFE, overall.METHOD} == set(notes._WAYS)


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("no-errors", "no-errors — no error was seen, so the interval is one-sided"),
        (
            "outlier",
            (
                "outlier — one item or group makes up more than half of the variance, and may be an outlier: the "
                "interval may be too narrow"
            ),
        ),
        ("depends-on-missing", "depends-on-missing — its place depends on what its missing answers were"),
        ("unheard-of", "unheard-of"),
    ],
)
def test_a_flag_of_a_judge_is_explained_for_it(board: Leaderboard, flag: str, said: str) -> None:
    rows = [replace(board.rows[0], flags=(flag,)), *board.rows[1:]]
    assert f"gpt4o: {said}" in notes.flag_notes(board, rows)
    suite = replace(rows[0], task="", suite="s")
    alone = f"gpt4o: {said}" if flag in notes.OF_SUITES else f"gpt4o: {flag} on at least one of its tasks"
    assert notes.flag_notes(board, [suite]) == [alone]


def test_golden_terminal_table_at_80_columns(board: Leaderboard) -> None:
    assert terminal_text(board, width=80) == NARROW


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(board: Leaderboard, width: int) -> None:
    assert max(map(len, terminal_text(board, width=width).splitlines())) <= width


def test_at_80_columns_every_column_is_still_there(board: Leaderboard) -> None:
    header = next(line for line in terminal_text(board, width=80).splitlines() if line.startswith("rank"))
    assert header.split() == ["rank", "judge", "value", "interval", "n", "cover", "worst", "first", "flags"]


def test_columns_that_do_not_fit_are_named(board: Leaderboard) -> None:
    assert "left out for want of width: first;" in terminal_text(board, width=56)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("format", FORMATS)
def test_hostile_names_are_shown_and_not_obeyed(hostile: Callable[[str], Leaderboard], name: str, format: str) -> None:
    text = render_board(hostile(name), format)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_rich_markup_in_a_name_is_plain_text(hostile: Callable[[str], Leaderboard]) -> None:
    row = next(line for line in terminal_text(hostile("[red]x[/red]")).splitlines() if " 80.0 " in line)
    assert "[red]x[/red]" in row


@settings(max_examples=60, deadline=None)
@given(name=st.text(min_size=1, max_size=30))
def test_any_name_keeps_every_format_whole(hostile: Callable[[str], Leaderboard], name: str) -> None:
    board = hostile(name)
    assert json.loads(render_board(board, "json"))["rows"][0]["judge"] == name
    header, row = csv.reader(io.StringIO(render_board(board, "csv")))
    assert len(header) == len(row)
    body = [line for line in render_board(board, "latex").splitlines() if line.endswith(r" \\")]
    assert len(body) == 2, "a header and one row"
    ranking = [line for line in render_board(board, "md").splitlines() if line.startswith("|")][:3]
    assert len({line.replace(r"\\", "").replace(r"\|", "").count("|") for line in ranking}) == 1
    assert max(map(len, terminal_text(board, width=100).splitlines())) <= 100


def test_markdown_tells_everything(board: Leaderboard) -> None:
    text = render_board(board, "md")
    for part in ("image\\_generation", "unparsed: exclude", "### Paired differences", "### What was answered"):
        assert part.replace("\\_", "_") in text
    assert "llava: collapsed — says A in 100.0 % of answers while A is right in 40.0 %" in text
    pairs = text.split("### Paired differences")[1].split("###")[0].splitlines()
    adjusted = [line.split("|")[6].strip() for line in pairs if line.startswith("|")][2:]
    assert adjusted[0] == "<0.001"
    assert adjusted[-1] != "<0.001", "the surest differences come first"


def test_csv_is_one_line_a_row_with_fractions(board: Leaderboard) -> None:
    rows = list(csv.DictReader(io.StringIO(render_board(board, "csv"))))
    assert [row["judge"] for row in rows] == [row.judge for row in board.rows]
    assert float(rows[0]["value"]) == 0.8
    assert json.loads(rows[0]["protocol"])["unparsed"] == "exclude"
    assert (rows[-1]["rank_low"], rows[-1]["letters"]) == ("", "")
    assert list(rows[0])[:8] == ["task", "category", "suite", "tasks", "judge", "run", "task_id", "judge_id"]
    prices = {"usd_per_answer", "usd_per_correct", "usd_per_correct_low", "usd_per_correct_high"}
    assert {*rows[0]} == {*board.to_json()["rows"][0]} | prices


def test_reports_are_written_whole_with_the_sections_of_plugins(board: Leaderboard, tmp_path: Path) -> None:
    (tmp_path / "leaderboard.md").write_text("old")
    write_reports(board.to_json(), tmp_path, Plugins.load(), sections=[("Costs | money", "It was *free*.")])
    files = ["leaderboard.csv", "leaderboard.json", "leaderboard.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files, "nothing is left over"
    text = (tmp_path / "leaderboard.md").read_text(encoding="utf-8")
    assert text.endswith("## Costs \\| money\n\nIt was *free*.\n")
    assert json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8")) == board.to_json()
    assert stat.S_IMODE((tmp_path / "leaderboard.csv").stat().st_mode) & 0o044


def test_an_unwritable_folder_is_a_clear_error(board: Leaderboard, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_reports(board.to_json(), tmp_path / "missing", Plugins.load())


def test_an_unknown_format_is_refused(board: Leaderboard) -> None:
    with pytest.raises(UserError, match="there is no renderer 'pdf'"):
        render(board.to_json(), "pdf", Plugins.load())


RENDERER = """
from harness.api import RendererCard, hookimpl

@hookimpl
def harness_renderers():
    return [
        RendererCard(name="names", summary="s", factory=lambda *_: write, file="names.txt", api_version=1),
        RendererCard(name="worse", summary="s", factory=lambda *_: fail, file="worse.txt", api_version=1),
    ]

def write(leaderboard, *, sections=(), width=100):
    return " ".join(row["judge"] for row in leaderboard["rows"])

def fail(leaderboard, *, sections=(), width=100):
    return leaderboard["nothing"]
"""


def test_a_plugin_writes_the_leaderboard_its_own_way_and_harms_no_other(
    board: Leaderboard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(RENDERER)
    plugins = Plugins.load(extra=[str(tmp_path / "mine.py")])
    (tmp_path / "run").mkdir()
    write_reports(board.to_json(), tmp_path / "run", plugins)
    names = (tmp_path / "run" / "names.txt").read_text()
    assert names.split() == [row.judge for row in board.rows]
    assert render(board.to_json(), "names", plugins) == names
    assert not (tmp_path / "run" / "worse.txt").exists()
    assert "worse.txt is not written: renderer mine/worse: KeyError: 'nothing'" in capsys.readouterr().err
    assert (tmp_path / "run" / "leaderboard.md").is_file()
    with pytest.raises(PluginError, match="renderer mine/worse"):
        render(board.to_json(), "worse", plugins)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("import sys; sys.exit(3)", "renderer mine/worse: SystemExit: 3"),
        ("from harness.api import DataError; raise DataError('not this board')", "not this board"),
        ("return 3", "renderer mine/worse: it returned int, and text is wanted"),
    ],
)
def test_a_renderer_that_ends_or_refuses_costs_no_other_report_and_leaves_no_old_one(
    board: Leaderboard, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, cause: str
) -> None:
    (tmp_path / "mine.py").write_text(RENDERER.replace('return leaderboard["nothing"]', fault))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "worse.txt").write_text("numbers of yesterday")
    write_reports(board.to_json(), tmp_path / "run", Plugins.load(extra=[str(tmp_path / "mine.py")]))
    assert f"warning: worse.txt is not written: {cause}" in capsys.readouterr().err
    found = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert found == ["leaderboard.csv", "leaderboard.json", "leaderboard.md", "names.txt"]


def test_of_two_renderers_of_one_file_the_cores_own_has_it(
    board: Leaderboard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its id comes before that of the core in the alphabet.
    (tmp_path / "aaa.py").write_text(RENDERER.replace("names.txt", "Leaderboard.json"))
    (tmp_path / "run").mkdir()
    write_reports(board.to_json(), tmp_path / "run", Plugins.load(extra=[str(tmp_path / "aaa.py")]))
    said = capsys.readouterr().err
    assert "warning: aaa/names is not written: Leaderboard.json is the file of harness/json" in said
    assert json.loads((tmp_path / "run" / "leaderboard.json").read_text(encoding="utf-8")) == board.to_json()
    assert not [path for path in (tmp_path / "run").iterdir() if path.name == "Leaderboard.json"]
