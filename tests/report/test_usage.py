from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import RecordedAnswer, Usage
from harness.cli import main
from harness.manifest.model import ReportSettings
from harness.recorded.load import load_run
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard
from harness.report.spending import _add_up, _Bill, _interval
from harness.report.terminal import terminal_text

FULL = Usage(
    answers=2000,
    reported=2000,
    prompt_tokens=812_345,
    completion_tokens=64_000,
    priced=2000,
    cost_usd=3.5,
    models=("gpt-x-2026-01-01 (fp_1)",),
)
PARTLY = Usage(answers=10, reported=4, prompt_tokens=1000, completion_tokens=20)


@pytest.fixture
def board(make_cell: Any) -> Leaderboard:
    cells = [
        make_cell("dear", "ABAB", "ABAB", spent=FULL),
        make_cell("dear", "ABAA", "ABAB", task="u", spent=FULL),
        make_cell("local", "ABBB", "ABAB", spent=PARTLY),
        make_cell("random", "BBBB", "ABAB"),
    ]
    return build_leaderboard(cells, ReportSettings(compare="none"))


def test_every_judge_has_one_record_whatever_the_number_of_its_tasks(board: Leaderboard) -> None:
    assert [one.judge for one in board.usage] == ["dear", "local", "random"]
    dear, local, random = board.usage
    assert (dear.prompt_tokens, dear.cost_usd, dear.models) == (812_345, 3.5, ("gpt-x-2026-01-01 (fp_1)",))
    assert (local.prompt_tokens, local.cost_usd) == (1000, None)
    assert (random.prompt_tokens, random.reported) == (None, 0)


def cells(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name}") and line.count("|") == 7]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_says_what_a_thousand_answers_cost_and_what_a_sum_rests_on(board: Leaderboard) -> None:
    report = to_markdown(board)
    assert cells(report, "dear") == ["dear", "2,000", "812,345", "64,000", "3.50", "1.75"]
    assert cells(report, "local") == ["local", "10", "1,000", "20", "–", "–"]
    assert cells(report, "random") == ["random", "0", "–", "–", "–", "–"]
    assert "- local: 4 of 10 answers say how many tokens they took" in report
    text = terminal_text(board, details=True)
    assert "local: 4 of 10 answers say how many tokens they took" in text
    assert "812,345" in text[text.index("What it cost") :]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_terminal_shortens_names_and_never_numbers(make_cell: Any, width: int) -> None:
    large = replace(FULL, prompt_tokens=812_345_678, completion_tokens=64_000_123, cost_usd=1234.5, priced=1500)
    board = build_leaderboard([make_cell("a-judge-with-a-very-long-name-indeed", "ABAB", "ABAB", spent=large)])
    text = terminal_text(board, width=width, details=True)
    table = text[text.index("What it cost") :]
    for number in ("2,000", "812,345,678", "64,000,123", "1,234.50", "823.00", "US$ per 1,000"):
        assert number in table
    assert max(map(len, text.splitlines())) <= width


def test_small_amounts_are_not_nothing(make_cell: Any) -> None:
    board = build_leaderboard([make_cell("cheap", "ABAB", "ABAB", spent=replace(FULL, cost_usd=1e-6))])
    assert cells(to_markdown(board), "cheap")[4:] == ["<0.0001", "<0.0001"]


def test_where_nobody_says_anything_there_is_no_table(make_cell: Any) -> None:
    board = build_leaderboard([make_cell("random", "BBBB", "ABAB")], ReportSettings(compare="none"))
    assert "What it cost" not in terminal_text(board, details=True)
    assert "What it cost" not in to_markdown(board)
    assert board.to_json()["usage"][0]["answers"] == 0


def test_two_snapshots_behind_one_judge_are_named(make_cell: Any) -> None:
    many = Usage(answers=9, models=("a|b", *(f"m-{number}" for number in range(6))))
    board = build_leaderboard([make_cell("mixed", "BBBB", "ABAB", spent=many)], ReportSettings(compare="none"))
    said = "mixed: answered by 7 snapshots (a|b, m-0, m-1, m-2, m-3 and 2 more), so its numbers mix judges"
    assert said in " ".join(terminal_text(board, details=True).split())
    assert r"a\|b" in to_markdown(board)


def test_the_record_survives_the_file_and_older_files_have_none(board: Leaderboard) -> None:
    plain = json.loads(json.dumps(board.to_json()))
    assert Leaderboard.from_json(plain).usage == board.usage
    del plain["usage"]
    assert Leaderboard.from_json(plain).usage == ()


def test_a_run_records_what_its_judges_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = tmp_path / "answers.jsonl"
    rows = [
        {"id": f"test-{n:06d}", "verdict": "yes", "prompt_tokens": 10, "completion_tokens": 2, "latency_s": n / 10}
        for n in range(20)
    ]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = tmp_path / "m.yaml"
    manifest.write_text(
        "name: m\ntasks: [{use: miniature/technical, limit: 20}]\n"
        f"judges: [{{name: taped, use: baselines/replay, with: {{answers: {answers}}}}}]\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(manifest), "--runs", str(tmp_path / "runs")])
    assert ended.value.code == 0
    (folder,) = (tmp_path / "runs").glob("m-*")
    taken = json.loads((folder / "run.json").read_text())["judges"]["taped"]
    assert (taken["answers"], taken["reported"], taken["prompt_tokens"]) == (20, 20, 200)
    assert taken["latency_s"] == {"n": 20, "median": 0.95, "p95": 1.8, "p99": 1.9}
    board = json.loads((folder / "leaderboard.json").read_text())
    assert board["usage"][0]["completion_tokens"] == 40
    # A board of equal answers has equal bytes. What is never twice the same is on the terminal.
    assert "latency" not in json.dumps(board)
    assert "latency" not in (folder / "leaderboard.md").read_text()
    said = " ".join(capsys.readouterr().out.split())
    assert "taped: latency 0.9 s (p50), 1.8 s (p95), 1.9 s (p99) of 20 answers" in said


@pytest.fixture
def priced(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The usage of a judge whose recorded answers to forty questions cost a tenth of a cent each."""

    def run(*, wrong: int = 10, unpriced: int = 0, unread: int = 0, task: str = "technical") -> dict[str, Any]:
        golds = {row.item: row.gold for row in load_golds(tmp_path, task)}
        rows = []
        for number, (item, gold) in enumerate(golds.items()):
            other = {"yes": "no", "no": "yes"}.get(str(gold), "5")
            row = {"id": item, "verdict": other if number < wrong else gold, "prompt_tokens": 1}
            if 40 - number > unpriced:
                row["cost_usd"] = 0.001 * (1 + number % 3)
            if 40 - number <= unread:
                row = {"id": item, "raw": "well", "prompt_tokens": 1, "cost_usd": 0.001}
            rows.append(row)
        (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        folder = run_manifest(tmp_path, task, "replay, with: {answers: said.jsonl}")
        usage: dict[str, Any] = json.loads((folder / "leaderboard.json").read_text())["usage"][0]
        return {**usage, "md": (folder / "leaderboard.md").read_text(), "csv": (folder / "leaderboard.csv").read_text()}

    return run


def run_manifest(tmp_path: Path, task: str, judge: str) -> Path:
    manifest = tmp_path / "priced.yaml"
    manifest.write_text(
        f"name: priced\ntasks: [{{use: miniature/{task}, limit: 40}}]\n"
        f"judges: [{{name: taped, use: baselines/{judge}}}]\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(manifest), "--runs", str(tmp_path / "runs")])
    assert ended.value.code == 0
    return max((tmp_path / "runs").glob("priced-*"), key=lambda path: path.stat().st_mtime)


def load_golds(tmp_path: Path, task: str) -> list[RecordedAnswer]:
    cells = load_run(run_manifest(tmp_path, task, "random")).cells
    return list(cells[0].answers())


def test_a_right_verdict_costs_what_the_wrong_ones_cost_too(priced: Callable[..., dict[str, Any]]) -> None:
    found = priced()
    total = sum(0.001 * (1 + number % 3) for number in range(40))
    assert found["correct"] == 30
    assert found["usd_per_correct"] == pytest.approx(total / 30, abs=1e-6)
    assert found["usd_per_answer"] == pytest.approx(total / 40, abs=1e-6)
    assert found["usd_per_correct_low"] < found["usd_per_correct"] < found["usd_per_correct_high"]
    assert f"US\\$ {total / 30:.5f}"[:-1] in found["md"]
    assert "for each of 30 right verdicts" in found["md"]
    header, row = csv.reader(io.StringIO(found["csv"]))
    assert float(dict(zip(header, row, strict=True))["usd_per_correct"]) == found["usd_per_correct"]


def test_an_answer_without_a_verdict_costs_and_is_not_right(priced: Callable[..., dict[str, Any]]) -> None:
    assert priced(wrong=0, unread=8)["correct"] == 32


def test_items_without_a_price_are_left_out_with_their_verdicts(priced: Callable[..., dict[str, Any]]) -> None:
    partly = priced(unpriced=5)
    total = sum(0.001 * (1 + number % 3) for number in range(35))
    assert partly["correct"] == 25
    assert partly["usd_per_correct"] == pytest.approx(total / 25, abs=1e-6)
    unsaid = priced(unpriced=40)
    assert (unsaid["correct"], unsaid["usd_per_correct"], unsaid["usd_per_answer"]) == (None, None, None)


def test_without_right_and_wrong_there_is_no_such_price(priced: Callable[..., dict[str, Any]]) -> None:
    scores = priced(wrong=0, task="quality-score")
    assert (scores["correct"], scores["usd_per_correct"]) == (None, None)
    assert "right verdicts" not in scores["md"]
    none = priced(wrong=40)
    assert (none["correct"], none["usd_per_correct"]) == (0, None)
    assert "no right verdict for its money" in none["md"]


def test_where_every_item_has_an_answer_without_a_price_no_price_is_known(tmp_path: Path) -> None:
    rows = []
    for answer in load_golds(tmp_path, "pairwise-safety"):
        verdict = "AB"[answer.order.index(answer.gold)] if isinstance(answer.gold, int) else answer.gold
        row = {"id": answer.item, "order": list(answer.order), "verdict": verdict}
        rows.append(row | ({"cost_usd": 0.001} if answer.order == (0, 1) else {}))
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = run_manifest(tmp_path, "pairwise-safety", "replay, with: {answers: said.jsonl}")
    usage = json.loads((folder / "leaderboard.json").read_text())["usage"][0]
    assert (usage["priced"], usage["correct"], usage["usd_per_correct"]) == (40, None, None)
    assert "no right verdict for its money" not in (folder / "leaderboard.md").read_text()


def bill_of(costs: Any, right: Any, size: int = 1) -> _Bill:
    """The bill of clusters of so many items, of one verdict each."""
    items = np.full(len(costs), float(size))
    return _Bill(np.arange(len(costs)), costs, right, items, items)


def test_the_price_of_a_right_verdict_has_an_interval_that_holds() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(400):
        right = (rng.random(80) < 0.7).astype(float)
        costs = rng.lognormal(-6, 0.5, 80) * (1 + 0.3 * right)
        low, high = _interval(bill_of(costs, right), confidence=0.95) or (0.0, 0.0)
        held.append(low <= np.exp(-6 + 0.125) * (1 + 0.3 * 0.7) / 0.7 <= high)
    assert 0.92 <= np.mean(held) <= 0.98


# A linearised variance (Cochran 1977) holds 25 %, 63 %, 76 %, 84 % and 87 % of these.
@pytest.mark.parametrize(
    ("clusters", "size", "share", "spread"),
    [(5, 1, 0.95, 0.02), (20, 1, 0.95, 0.02), (300, 1, 0.99, 0.0), (20, 1, 0.1, 0.02), (10, 10, 0.95, 0.3)],
    ids=["few items", "few errors", "very few errors", "few right verdicts", "large clusters"],
)
def test_the_interval_of_a_price_holds_where_few_verdicts_are_right_or_wrong(
    clusters: int, size: int, share: float, spread: float
) -> None:
    rng = np.random.default_rng(1)
    held: list[bool] = []
    while len(held) < 400:
        shared = (rng.random(clusters) < share)[:, None] & np.ones(size, dtype=bool)
        right = np.where(rng.random((clusters, size)) < 0.8, shared, rng.random((clusters, size)) < share)
        costs = rng.lognormal(-(spread**2) / 2, spread, (clusters, size))
        if right.any():
            low, high = _interval(bill_of(costs.sum(1), right.sum(1).astype(float), size), confidence=0.95) or (0, 0)
            held.append(low <= 1 / share <= high)
    assert np.mean(held) >= 0.92


def test_answers_that_are_all_right_have_a_price_with_an_interval() -> None:
    low, high = _interval(bill_of(np.ones(20), np.ones(20)), confidence=0.95) or (0.0, 0.0)
    # Nobody pays less than one answer for a right verdict, and 20 answers leave room for errors.
    assert 0.9 < low <= 1.0 < high < 1.3
    assert _interval(bill_of(np.zeros(20), np.ones(20)), confidence=0.95) is None


def test_tasks_on_the_same_groups_make_no_price_more_certain() -> None:
    rng = np.random.default_rng(2)
    bill = bill_of(rng.lognormal(0, 0.3, 40), (rng.random(40) < 0.7).astype(float))
    once, thrice = (_interval(_add_up([bill] * times), confidence=0.95) for times in (1, 3))
    assert thrice == pytest.approx(once)
    others = [bill._replace(marks=bill.marks + 100 * task) for task in range(3)]
    low, high = _interval(_add_up(others), confidence=0.95) or (0.0, 0.0)
    assert high - low < 0.8 * (once[1] - once[0] if once else 0.0)
