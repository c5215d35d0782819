"""From a file with three annotators to the board: the ceiling beside the score, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from harness.cli import cli
from harness.manifest.model import ReportSettings
from harness.recorded.load import load_run
from harness.report import ceilings
from harness.report.leaderboard import build_leaderboard
from harness.report.markdown import to_markdown
from harness.report.records import Leaderboard
from harness.report.renderers import render_board
from harness.report.schema import leaderboard_schema
from harness.report.scored import load_scored
from harness.report.tables import to_csv_text
from harness.score.records import AltTest, Ceiling, MetricCeiling

ITEMS = 80
WORDS = np.array(["no", "yes"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: three people right in 19 of 20, a judge like them and one that guesses."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=ITEMS)
    right = rng.random((ITEMS, 4)) < 0.95
    said = WORDS[np.where(right, truth[:, None], 1 - truth[:, None])]
    rows = [
        {"q": f"Is {k} fine?", "gold": WORDS[truth[k]], "ann": said[k, 0], "bob": said[k, 1], "cy": said[k, 2]}
        for k in range(ITEMS)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, words in (("like-people", said[:, 3]), ("coin", WORDS[rng.integers(0, 2, size=ITEMS)])):
        lines = (json.dumps({"id": f"{k}", "verdict": word}) + "\n" for k, word in enumerate(words))
        (folder / f"{name}.jsonl").write_text("".join(lines))
    manifest = {
        "name": "people",
        "tasks": [
            {
                "use": "generic/pointwise",
                "data": "rows.jsonl",
                "with": {
                    "question": "{q}",
                    "answers": ["yes", "no"],
                    "gold": "gold",
                    "annotators": ["ann", "bob", "cy"],
                },
                "protocol": {"metrics": ["accuracy", "macro_f1", "roc_auc"], "alt_test_epsilon": 0.15},
            }
        ],
        "judges": [
            {"name": name, "use": "baselines/replay", "with": {"answers": f"{name}.jsonl"}}
            for name in ("like-people", "coin")
        ],
        "report": {"resamples": 100},
    }
    (folder / "people.yaml").write_text(yaml.safe_dump(manifest))
    result = CliRunner().invoke(cli, ["run", str(folder / "people.yaml"), "--runs", str(folder / "runs")])
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    [made] = (found.parent for found in (folder / "runs").glob("people-*/leaderboard.json"))
    return made


@pytest.fixture(scope="module")
def board(run: Path) -> Leaderboard:
    return Leaderboard.from_json(json.loads((run / "leaderboard.json").read_text()))


def test_leaderboard_json_has_the_ceiling_of_each_metric_and_the_test(board: Leaderboard) -> None:
    like, coin = sorted(board.rows, key=lambda row: row.judge, reverse=True)
    assert like.ceiling is not None
    assert coin.ceiling is not None
    assert (like.ceiling.annotators, like.ceiling.items, like.ceiling.annotations) == (3, ITEMS, 3 * ITEMS)
    assert like.ceiling.alpha == coin.ceiling.alpha
    found = like.ceiling.of(like.metric)
    assert found is not None
    assert found.value is not None
    assert 0.8 < found.value < 0.97
    assert like.ceiling.of("roc_auc") is None
    assert "probabilities" in next(one.reason for one in like.ceiling.metrics if one.metric == "roc_auc")
    assert (like.ceiling.alt_test.epsilon, like.ceiling.alt_test.passed) == (0.15, True)
    assert coin.ceiling.alt_test.passed is False
    assert {one.annotator for one in coin.ceiling.alt_test.tests} == {"ann", "bob", "cy"}


def test_the_board_says_it_in_words_and_in_a_column(board: Leaderboard) -> None:
    wide = render_board(board, "terminal", width=140)
    header = next(line for line in wide.splitlines() if line.startswith("rank"))
    assert [title for title in header.split() if title != "letters"][:5] == [
        "rank",
        "judge",
        "value",
        "interval",
        "ceiling",
    ]
    assert "people: 3 annotators, 80 items with two or more; Krippendorff's alpha 0." in wide
    assert "coin: " in wide
    assert "worse than a person" in wide
    assert "like-people: " in wide
    assert "not told apart from a person" in wide
    told = " ".join(wide.replace("·", "").split())
    assert re.search(r"like-people: .* \(ε = 0\.15\) passed: no worse than [23] of 3 annotators, advantage 9\d", told)
    assert re.search(r"coin: .* \(ε = 0\.15\) not passed: no worse than 0 of 3 annotators, advantage [4-6]\d", told)
    assert "ceiling: what a person scores" in wide


def test_a_narrow_terminal_keeps_the_sentence_and_drops_the_column(board: Leaderboard) -> None:
    narrow = render_board(board, "terminal", width=36)
    header = next(line for line in narrow.splitlines() if line.startswith("rank"))
    assert "ceiling" not in header
    assert "left out for want of width: ceiling" in " ".join(narrow.split())
    assert "people: 3 annotators" in " ".join(narrow.split())


def test_markdown_and_csv_have_it_too(board: Leaderboard) -> None:
    text = to_markdown(board)
    header = next(line for line in text.splitlines() if "rank" in line and line.startswith("|"))
    columns = [cell.strip() for cell in header.strip("|").split("|")]
    place = columns.index("ceiling")
    assert columns[place - 2 : place] == ["value", "interval"]
    row = next(line for line in text.splitlines() if line.startswith("|") and "like-people" in line)
    like = next(one for one in board.rows if one.judge == "like-people")
    assert [cell.strip() for cell in row.strip("|").split("|")][place] == ceilings.ceiling_text(like) != "–"
    assert "- like-people: " in text
    [first, *_] = csv.DictReader(io.StringIO(to_csv_text(board)))
    assert json.loads(first["ceiling"])["annotators"] == 3


def test_the_schema_knows_it_and_it_goes_there_and_back(board: Leaderboard) -> None:
    plain = board.to_json()
    records = leaderboard_schema()["$defs"]
    [found] = [row["ceiling"] for row in plain["rows"] if row["judge"] == "coin"]
    parts = (("Ceiling", found), ("MetricCeiling", found["metrics"][0]), ("AltTest", found["alt_test"]))
    for name, part in (*parts, ("AnnotatorTest", found["alt_test"]["tests"][0])):
        described = records[name]["properties"]
        assert set(described) == set(part)
        assert all(len(spec["description"]) > 10 for spec in described.values())
    assert Leaderboard.from_json(plain).to_json() == plain
    older: dict[str, Any] = {
        **plain,
        "rows": [{k: v for k, v in row.items() if k != "ceiling"} for row in plain["rows"]],
    }
    assert all(row.ceiling is None for row in Leaderboard.from_json(older).rows)
    assert ceilings.notes(Leaderboard.from_json(older).rows) == []
    assert "ceiling" not in render_board(Leaderboard.from_json(older), "terminal", width=140)


def test_another_metric_and_categories_have_ceilings_of_their_own_and_suites_none(run: Path) -> None:
    cells = load_scored([load_run(run)])
    by_f1 = build_leaderboard(cells, ReportSettings(metric="macro_f1", resamples=100)).rows[0]
    assert by_f1.ceiling is not None
    assert by_f1.ceiling.of("macro_f1") is not None
    by_category = build_leaderboard(cells, ReportSettings(group_by="category", resamples=100)).rows[0]
    assert by_category.ceiling is not None
    assert by_category.ceiling.items == ITEMS
    assert build_leaderboard(cells, ReportSettings(group_by="suite", resamples=100)).rows[0].ceiling is None


def test_what_is_missing_is_said(board: Leaderboard) -> None:
    few = Ceiling(
        annotators=2,
        items=9,
        annotations=18,
        alpha=None,
        alpha_low=None,
        alpha_high=None,
        distance="nominal",
        metrics=(MetricCeiling(metric="accuracy", n=0, reason="is taken within groups of items"),),
        alt_test=AltTest(epsilon=0.2, annotators=2, reason="needs 3 annotators"),
    )
    row = replace(board.rows[0], ceiling=few)
    [said] = ceilings.notes([row])
    assert said.startswith("people: 2 annotators, 9 items with two or more; Krippendorff's alpha –; ")
    assert "no ceiling of accuracy: it is taken within groups of items" in said
    assert said.endswith("no alternative-annotator test: needs 3 annotators")
    assert not ceilings.has_ceilings([row])
    values: dict[str, Any] = {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6, "judge": 0.4, "difference": -0.1}
    apart = MetricCeiling(metric="mae", n=9, **values, difference_low=-0.15, difference_high=-0.05)
    errors = replace(few, metrics=(apart,))
    beside = ceilings.notes([replace(row, metric="mae", unit="distance", greater_is_better=False, ceiling=errors)])[1]
    assert beside.endswith("0.40 of a ceiling of 0.50 (0.40–0.60), better than a person (-0.100, -0.150 … -0.050)")
