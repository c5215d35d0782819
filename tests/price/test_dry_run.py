from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.api import Pricing, Usage
from harness.cli import main
from harness.price.lines import JudgePrice, write_lines
from harness.price.tokens import Total

PLUGIN = Path(__file__).with_name("priced_plugin.py")
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a manifest with one judge, and gives what was printed."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, name: str = "m", **options: Any) -> str:
        manifest = {
            "name": name,
            "tasks": [{"use": "priced_plugin/items"}],
            "judges": [{"use": "priced_plugin/priced", "name": "hosted", "with": options}],
            "report": {"resamples": 100},
        }
        Path("m.yaml").write_text(yaml.safe_dump(manifest))
        with pytest.raises(SystemExit) as ended:
            main(["-p", str(PLUGIN), "run", "m.yaml", *arguments])
        assert not ended.value.code
        return capsys.readouterr().out

    return call


def numbers(line: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", line)]


def truth(tmp_path: Path) -> tuple[float, float]:
    """Tokens read and dollars, of all three hundred questions."""
    [path] = tmp_path.glob("runs/all-*/journal.sqlite")
    with sqlite3.connect(path) as database:
        query = "SELECT sum(more->>'prompt_tokens'), sum(more->>'cost_usd') FROM judgements"
        [(read, usd)] = database.execute(query).fetchall()
    return float(read), float(usd)


@pytest.mark.parametrize(
    ("tokens", "usd", "said"),
    [
        (1_234_567, 12.341, "at most 1,240,000 written, at most US$ 12.35"),
        (616_448, 1.001, "at most 617,000 written, at most US$ 1.01"),
        (999_001, 0.1212, "at most 1,000,000 written, at most US$ 0.13"),
        (30_000, 0.12, "at most 30,000 written, at most US$ 0.12"),
        (1_003, 0.9901, "at most 1,010 written, at most US$ 1"),
        (0, 0.0, "at most 0 written, at most US$ 0.00"),
    ],
)
def test_a_bound_is_never_rounded_down(tokens: int, usd: float, said: str) -> None:
    bounds = [Total(value=high, low=0.0, high=high, basis="its limit", at_most=True) for high in (tokens, usd)]
    read = Total(value=10.0, low=9.0, high=11.0, basis="counted")
    price = JudgePrice(
        judge="j", requests=1, prompts=read, completions=bounds[0], usd=bounds[1], pricing=Pricing(), spent=Usage()
    )
    assert said in write_lines([price])[1]


def test_before_anything_is_known_the_range_is_wide_and_the_answer_is_bounded(run: Run, tmp_path: Path) -> None:
    said = run("--dry-run")
    assert "hosted: 300 requests, " in said
    assert "read: assumed: 4 characters a token" in said
    assert "at most 30,000 written, at most US$ " in said
    assert "written: at most its limit, as no answer of it is there" in said
    assert not (tmp_path / "runs").exists(), "a dry run leaves nothing"


def test_after_some_answers_the_interval_is_narrow_and_holds_the_truth(run: Run, tmp_path: Path) -> None:
    run("--shard", "1/5")
    # The answers of another run with the same judge are as good.
    said = run("--dry-run", name="all")
    [line] = [line for line in said.splitlines() if line.startswith("  hosted: 300 requests")]
    _, read, low, high, *_, usd, usd_low, usd_high = numbers(line)
    assert "learnt from" in said
    assert "mean of" in said
    run(name="all")
    all_read, all_usd = truth(tmp_path)
    assert low < all_read < high < 1.2 * read
    assert usd_low <= all_usd <= usd_high < 1.2 * usd
    # Nothing is left, and nothing is said.
    assert "would take" not in run("--dry-run", name="all")


def test_a_budget_that_will_not_do_is_named(run: Run) -> None:
    assert "warning: the estimate may be more than the US$ 0.10 that are left of budget_usd" in run(
        "--dry-run", budget_usd=0.1
    )
    run("--shard", "1/5")
    assert "warning: the estimate is more than the US$ 0.05 that are left" in run("--dry-run", budget_usd=0.05)
    assert "warning" not in run("--dry-run", budget_usd=5)


def test_a_judge_without_a_price_says_so_and_a_baseline_says_nothing(run: Run) -> None:
    assert "no price given" in run("--dry-run", priced=False)
    assert "would take" not in run("--dry-run", silent=True)


def test_damaged_neighbours_are_passed_over(run: Run, tmp_path: Path) -> None:
    run("--shard", "1/5")
    for name, content in (("x-1", b"not a database"), ("x-2", b"")):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "journal.sqlite").write_bytes(content)
    [journal] = tmp_path.glob("runs/m-*/journal.sqlite")
    with sqlite3.connect(journal) as database:
        database.execute('UPDATE judgements SET more=\'{"prompt_tokens": "many"}\' WHERE rowid % 3 = 0')
        database.execute("UPDATE judgements SET more='[' WHERE rowid % 3 = 1")
        database.execute("UPDATE requests SET content='{\"messages\": 3}' WHERE rowid % 7 = 0")
    assert "hosted: 300 requests" in run("--dry-run", name="all")
