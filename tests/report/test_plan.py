"""`harness plan`, from runs that `harness run` made and without any."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from harness.api import UserError
from harness.cli import cli
from harness.report.plan import PlanQuestion, plan_from_rates

PLUGIN = Path(__file__).with_name("paired_plugin.py")
GOLD = "AB" * 60
JUDGES = {"good": GOLD[:110] + "BA" * 5, "fair": "BA" * 10 + GOLD[20:], "one-sided": "A" * 120}
"""Right on 110, on 100 and on 60; good and fair are wrong on different items."""


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def make_run(
    folder: Path, judges: dict[str, str], *, coins: int = 0, gold: str = GOLD, scene: int = 1, **protocol: Any
) -> Path:
    told = [{"name": name, "use": "paired_plugin/told", "with": {"words": said}} for name, said in judges.items()]
    told += [{"name": f"coin-{k}", "use": "baselines/random", "with": {"seed": k}} for k in range(coins)]
    manifest = {
        "name": "pairs",
        "tasks": [{"use": "paired_plugin/pairs", "with": {"words": gold, "scene": scene}, "protocol": protocol}],
        "judges": told,
        "report": {"resamples": 100},
    }
    path = folder / "pairs.yaml"
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    result = invoke("--plugin", PLUGIN, "run", path, "--runs", folder)
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    (made,) = (found.parent for found in folder.glob("pairs-*/leaderboard.json"))
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("plan"), JUDGES)


def as_json(*arguments: object) -> dict[str, Any]:
    result = invoke("plan", *arguments, "--json")
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    plain: dict[str, Any] = json.loads(result.stdout)
    return plain


def test_a_narrow_terminal_still_shows_how_many_items_are_needed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "42")
    said = invoke("plan", run, "--difference", "5%", "--n", "400").output
    header = next(line for line in said.splitlines() if line.startswith("a "))
    assert header.split() == ["a", "b", "shows", "needs", "400", "show"]
    assert "left out for want of width: items; discord. (COLUMNS=" in " ".join(said.split())


def test_a_run_tells_how_far_its_judges_vary_and_what_that_asks_for(run: Path) -> None:
    plain = as_json(run, "--difference", "5%", "--n", "400")
    assert plain["schema"] == "judge-harness/plan/1"
    assert (plain["judges"], plain["power"], plain["confidence"]) == (None, 0.8, 0.95)
    rows = {(row["judge_a"], row["judge_b"]): row for row in plain["rows"]}
    row = rows["good", "fair"]
    assert (row["items"], row["clusters"], row["asked"]) == (120, 120, 1)
    assert row["discordance"] == pytest.approx(0.25)
    assert 2 < row["quantile"] < 2.6, "the family's own, of three pairs"
    deviation, q = math.sqrt(np.var([1] * 20 + [-1] * 10 + [0] * 90)), row["quantile"]
    assert row["deviation"] == pytest.approx(deviation, rel=0.01)
    by_hand = (q * math.hypot(row["deviation"], 0.05) + 0.841621 * row["deviation"]) ** 2 / 0.05**2
    assert row["needed_items"] == row["needed_clusters"] == pytest.approx(by_hand, abs=1)
    board = json.loads(invoke("leaderboard", run, "--format", "json").stdout)
    (shown,) = (
        one["detectable"] for one in board["comparisons"] if {one["judge_a"], one["judge_b"]} == {"good", "fair"}
    )
    assert row["detectable"] == pytest.approx(shown, abs=1e-5), "the board and the plan say the same"
    assert row["detectable"] > row["detectable_with_n"] > 0.05
    deviations = [row["deviation"] for row in plain["rows"]]
    assert deviations == sorted(deviations)


def test_two_judges_alone_are_one_pair_and_a_larger_board_needs_more(run: Path) -> None:
    pair = as_json(run, "--judge", "good", "--judge", "fair", "--difference", "0.05", "--judges", "2")
    assert len(pair["rows"]) == 1
    assert pair["rows"][0]["quantile"] == pytest.approx(1.959964, abs=1e-5)
    board = as_json(run, "--judge", "good", "--judge", "fair", "--difference", "0.05", "--judges", "12")
    assert board["rows"][0]["quantile"] == pytest.approx(3.36785, abs=1e-4), "Bonferroni of 66 pairs"
    assert board["rows"][0]["needed_items"] > 1.5 * pair["rows"][0]["needed_items"]
    sure = as_json(run, "--judge", "good", "--judge", "fair", "--difference", "0.05", "--power", "0.95")
    assert sure["rows"][0]["needed_items"] > pair["rows"][0]["needed_items"]


def test_both_orders_say_what_asking_more_often_would_do(tmp_path: Path) -> None:
    """Two coins: nothing but noise, so that half the asking needs twice the items, and asking on and on hardly any."""
    run = make_run(tmp_path, {}, coins=2, order="both")
    (row,) = as_json(run, "--difference", "5%")["rows"]
    assert (row["asked"], row["items"]) == (2, 120)
    assert row["needed_items_endless"] < 0.2 * row["needed_items"]
    assert 1.5 * row["needed_items"] < row["needed_items_once"] < 2.5 * row["needed_items"]
    plain = invoke("plan", run, "--difference", "5%")
    assert "asked 2 times each, as in this run" in " ".join(plain.stdout.split())


def test_clusters_are_counted_beside_items(tmp_path: Path) -> None:
    """Two pictures of one scene are one cluster."""
    manifest = {
        "name": "scenes",
        "tasks": [{"use": "miniature/technical", "limit": 60}],
        "judges": [{"use": "baselines/random"}, {"use": "baselines/constant"}],
        "report": {"metric": "accuracy", "resamples": 100},
    }
    (tmp_path / "scenes.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    assert invoke("run", tmp_path / "scenes.yaml", "--runs", tmp_path).exit_code == 0
    (row,) = as_json(*tmp_path.glob("scenes-*"), "--difference", "5%")["rows"]
    assert (row["items"], row["clusters"]) == (60, 30)
    assert row["needed_clusters"] == math.ceil(row["needed_items"] / 2)
    assert row["design_effect"] < 1, "of the two pictures of a scene one is good, so that a constant is right on one"


def test_items_in_clusters_that_are_asked_for_find_the_difference_as_often_as_is_said(tmp_path: Path) -> None:
    """A test is of clusters: as many items in a few large ones found it in 42 of 100 benchmarks, and not in 80."""
    rng = np.random.default_rng(8)
    gap, size, pilot = 0.1, 10, "AB" * 300
    kinds = rng.choice(3, len(pilot), p=[0.7, 0.15, 0.15])  # both right; one judge alone; the other alone
    wrong = str.maketrans("AB", "BA")
    said = {
        f"judge-{k}": "".join(x.translate(wrong) if kind == k else x for x, kind in zip(pilot, kinds, strict=True))
        for k in (1, 2)
    }
    run = make_run(tmp_path, said, gold=pilot, scene=size)
    (row,) = as_json(run, "--difference", gap, "--metric", "accuracy")["rows"]
    assert (row["items"], row["clusters"]) == (600, 60)
    count, benchmarks = row["needed_clusters"], 4000
    assert count == math.ceil(row["needed_items"] / size)
    points = rng.choice([0, 1, -1], (benchmarks, count, size), p=[0.7, 0.15 + gap / 2, 0.15 - gap / 2])
    parts = points.sum(axis=2) / (count * size)
    found = parts.sum(axis=1) / np.sqrt((parts**2).sum(axis=1) + 1 / count**2) > row["quantile"]
    assert 0.77 < found.mean() < 0.87
    (back,) = as_json(run, "--n", row["needed_items"], "--metric", "accuracy")["rows"]
    assert gap * 0.97 < back["detectable_with_n"] <= gap, "up to a whole cluster"


def test_it_prints_a_table_that_fits_and_says_how_to_read_it(run: Path) -> None:
    result = invoke("plan", run, "--difference", "5%", "--n", "400")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "pairs · accuracy, %"
    assert max(map(len, lines)) <= 80
    header = lines[2].split()
    assert header == ["a", "b", "items", "discord.", "shows", "needs", "400", "show"]
    said = " ".join(result.stdout.split())
    for part in (
        "a difference of 5 points is found with a chance of 80 %",
        "among all judges of the run",
        "needs: so many",
    ):
        assert part in said


@pytest.mark.parametrize(("given", "said"), [("0.0005", "0.05"), ("7%", "7"), ("0.12345", "12.345")])
def test_the_difference_stands_as_it_was_given(run: Path, given: str, said: str) -> None:
    result = invoke("plan", run, "--difference", given)
    assert f"a difference of {said} points is found" in " ".join(result.stdout.split())


def test_one_judge_is_planned_against_an_assumed_one(run: Path) -> None:
    plain = as_json(run, "--judge", "fair", "--correlation", "0.3", "--n", "1000")
    (row,) = plain["rows"]
    assert (row["judge_a"], row["judge_b"], plain["correlation"]) == ("fair", "", 0.3)
    assert row["discordance"] == pytest.approx(2 * 5 / 6 * 1 / 6 * 0.7, abs=1e-5)
    result = invoke("plan", run, "--judge", "fair", "--metric", "macro_f1", "--n", "100")
    assert isinstance(result.exception, UserError)
    assert "macro_f1 of one does not tell" in str(result.exception)


def test_another_metric_is_planned_by_its_own_spread(run: Path) -> None:
    rows = as_json(run, "--metric", "macro_f1", "--difference", "0.05")["rows"]
    assert {row["metric"] for row in rows} == {"macro_f1"}
    assert all(row["design_effect"] is None and row["needed_items"] > 10 for row in rows)


def test_without_a_run_the_same_numbers_come_from_accuracies() -> None:
    plain = as_json("--difference", "3%", "--accuracy", "85%", "--correlation", "0.4", "--judges", "5")
    (row,) = plain["rows"]
    both = 0.85 * 0.82 + 0.4 * math.sqrt(0.85 * 0.15 * 0.82 * 0.18)
    assert row["discordance"] == pytest.approx(0.85 + 0.82 - 2 * both, abs=1e-6)
    found = as_json("--discordance", "0.2", "--n", "1000")["rows"][0]["detectable_with_n"]
    again = as_json("--discordance", "0.2", "--difference", found)["rows"][0]["needed_items"]
    assert again in (1000, 1001)
    back = plan_from_rates(PlanQuestion(n=row["needed_items"], judges=5), accuracy=0.85, correlation=0.4)
    assert back.rows[0].detectable_with_n == pytest.approx(0.03, abs=1e-4)


def test_mistakes_name_the_fix(run: Path, tmp_path: Path) -> None:
    same = make_run(tmp_path, {"one": GOLD, "two": GOLD})
    for arguments, words in (
        ((), "give a run, or one of --accuracy and --discordance"),
        (("--accuracy", "0.9"), "give one of --difference and --n"),
        ((run, "--accuracy", "0.9"), "are for planning without a run"),
        (("--accuracy", "0.9", "--n", "9", "--task", "x"), "are for planning from a run"),
        (("--discordance", "0.2", "--difference", "2"), "write 2% if percent is meant"),
        ((run, "--difference", "2"), "write 2% if points are meant"),
        (("--discordance", "0.2", "--difference", "x"), "write 0.02 or 2%"),
        (("--discordance", "0.2", "--difference", "0"), "no amount above 0"),
        (("--discordance", "0.2", "--difference", "30%"), "needs a discordance of as much"),
        (("--discordance", "0.2", "--n", "4"), "cannot tell any two such judges apart"),
        (("--accuracy", "0.9", "--correlation", "-0.8", "--n", "100"), "correlation of -0.11 to 1.00"),
        ((run, "--judge", "god"), "Did you mean 'good'"),
        ((run, "--task", "nothing"), "no task 'nothing'"),
        ((same,), "does not tell how far two judges vary"),
        ((tmp_path / "nowhere",), "not a run folder"),
    ):
        result = invoke("plan", *arguments)
        assert result.exit_code != 0, words
        assert isinstance(result.exception, UserError | SystemExit), result.exception
        assert words in f"{result.output}{result.exception}"
