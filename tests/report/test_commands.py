"""`harness leaderboard` and `harness compare`, on folders that `harness run` made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from harness.api import UserError
from harness.cli import cli, main

GOLD = "AB" * 30
JUDGES = {"good": GOLD[:50] + "BA" * 5, "one-sided": "A" * 60}
PLUGIN = Path(__file__).with_name("paired_plugin.py")


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(
        name: str,
        judges: Mapping[str, str] = JUDGES,
        *,
        root: Path | None = None,
        unparsed: str = "exclude",
        gold: str = GOLD,
        confidence: float = 0.95,
    ) -> Path:
        folder = root or tmp_path_factory.mktemp("runs")
        use = "paired_plugin/"
        manifest = {
            "name": name,
            "tasks": [{"use": f"{use}pairs", "with": {"words": gold}, "protocol": {"unparsed": unparsed}}],
            "judges": [{"name": judge, "use": f"{use}told", "with": {"words": said}} for judge, said in judges.items()],
            "report": {"resamples": 100, "confidence": confidence},
        }
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
        result = invoke("--plugin", PLUGIN, "run", path, "--runs", folder)
        assert result.exit_code == 0, f"{result.output}{result.exception}"
        (made,) = (found.parent for found in folder.glob(f"{name}-*/leaderboard.json"))
        return made

    return make


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_leaderboard_prints_the_table(make_run: Any) -> None:
    result = invoke("leaderboard", make_run("one"))
    assert result.exit_code == 0, result.output
    assert "pairs · accuracy, %" in result.stdout
    assert "one-sided: collapsed" in result.stdout


@pytest.mark.parametrize("format", ["md", "csv", "json", "latex"])
def test_leaderboard_writes_every_format_to_a_file(make_run: Any, format: str, tmp_path: Path) -> None:
    run, target = make_run("one"), tmp_path / "out"
    printed = invoke("leaderboard", run, "--format", format)
    written = invoke("leaderboard", run, "--format", format, "--output", target)
    assert printed.exit_code == written.exit_code == 0, written.output
    assert target.read_text(encoding="utf-8") == printed.stdout != ""
    assert written.stdout == "", "what goes to a file is not printed too"


def test_leaderboard_takes_a_metric_that_was_not_scored_and_a_grouping(make_run: Any) -> None:
    run = make_run("one")
    plain = json.loads(invoke("leaderboard", run, "--metric", "macro_f1", "--format", "json").stdout)
    assert {row["metric"] for row in plain["rows"]} == {"macro_f1"}
    assert next(row for row in plain["rows"] if row["judge"] == "one-sided")["value"] == pytest.approx(1 / 3, abs=1e-6)
    plain = json.loads(invoke("leaderboard", run, "--group-by", "category", "--format", "json").stdout)
    assert {(row["category"], row["judge"]): row["value"] for row in plain["rows"]}["odd", "one-sided"] == 0.0
    plain = json.loads(invoke("leaderboard", run, "--group-by", "suite", "--format", "json").stdout)
    assert {row["suite"] for row in plain["rows"]} == {"s"}


def test_leaderboard_of_two_runs_refuses_other_rules_and_data(make_run: Any) -> None:
    first = make_run("first")
    for other, word in (
        (make_run("second", unparsed="wrong"), "unparsed is exclude in first-"),
        (make_run("third", gold="B" + GOLD[1:]), "the data: the items differ"),
        (make_run("fourth", confidence=0.9), "different confidence"),
        (first, "given twice"),
    ):
        result = invoke("leaderboard", first, other)
        assert isinstance(result.exception, UserError), result.output
        assert word in str(result.exception)
    fifth = make_run("fifth")
    plain = json.loads(invoke("leaderboard", first, fifth, "--format", "json").stdout)
    assert f"good ({fifth.name})" in {row["judge"] for row in plain["rows"]}


def test_mistakes_end_with_code_2_and_no_traceback(make_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(make_run("one"))
    for arguments in (
        ["leaderboard", run, "--metric", "acuracy"],
        ["leaderboard", run, "--metric", "mae"],
        ["leaderboard", str(Path(run).parent)],
        ["leaderboard"],
        ["compare", "good", "nobody", "--run", run],
        ["compare", f"{run}:good", "good"],
        ["compare", run, run],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        assert caught.value.code == 2, captured.err
        assert captured.out == ""
        assert "Traceback" not in captured.err


def test_compare_in_one_run_of_two_runs_and_in_the_newest(
    make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = make_run("first"), make_run("second")
    inside = invoke("compare", "good", "one-sided", "--run", run, "--format", "json")
    assert inside.exit_code == 0, inside.output
    plain = json.loads(inside.stdout)
    assert (plain["tasks"][0]["only_a"], plain["tasks"][0]["only_b"]) == (25, 5)
    across = json.loads(invoke("compare", f"{run}:good", f"{other}:one-sided", "--format", "json").stdout)
    assert across["tasks"][0]["difference"] == plain["tasks"][0]["difference"]
    monkeypatch.chdir(tmp_path)
    missing = invoke("compare", "good", "one-sided")
    assert "there is no run under runs" in str(missing.exception)
    (tmp_path / "runs").mkdir()
    made = make_run("newest", root=tmp_path / "runs")
    newest = invoke("compare", "good", "one-sided", "--items", "3")
    assert newest.exit_code == 0, newest.output
    assert f"run: runs/{made.name}" in newest.stderr
    assert "pairs: good is better" in newest.stdout
    assert newest.stdout.count("item-") == 3


def test_compare_names_near_misses_and_takes_a_run_of_one_judge_alone(make_run: Any) -> None:
    one, two = make_run("one", {"solo": GOLD}), make_run("two")
    assert invoke("compare", one, f"{two}:one-sided", "--format", "md").exit_code == 0
    assert "Did you mean 'good'" in str(invoke("compare", one, f"{two}:goood").exception)
    assert "has 2 judges (good, one-sided)" in str(invoke("compare", one, two).exception)


@pytest.mark.parametrize("verb", ["leaderboard", "compare"])
def test_help_has_a_worked_example(verb: str) -> None:
    result = invoke(verb, "--help")
    assert result.exit_code == 0
    assert f"harness {verb} " in result.output.split("Examples:")[1]


@pytest.mark.parametrize("damage", ["{", "[]", "older"])
def test_scores_that_are_damaged_or_of_another_version_are_never_shown_and_score_makes_them_anew(
    make_run: Any, damage: str
) -> None:
    run = make_run("again")
    path = run / "scores.json"
    fresh = path.read_text(encoding="utf-8")
    path.write_text(fresh.replace("scores/2", "scores/1") if damage == "older" else damage, encoding="utf-8")
    refused = invoke("leaderboard", run)
    assert isinstance(refused.exception, UserError)
    assert f"`harness score {run}` makes them from what was judged" in str(refused.exception)
    assert invoke("score", run).exit_code == 0
    assert path.read_text(encoding="utf-8") == fresh
    assert invoke("leaderboard", run).exit_code == 0
