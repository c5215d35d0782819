"""The shipped manifests, end to end through the command line: real judges on real votes, and the miniature suite.

The recorded answers are other people's work and are not shipped; these tests read them from beside the checkout, or
from `HARNESS_TEST_DATA`, and skip where they are absent.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
Run = Callable[..., dict[str, Any]]


def recorded(name: str) -> Path:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"the recorded answers of {name} are not in {DATA}; set HARNESS_TEST_DATA")
    return folder


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a manifest and returns its leaderboard."""

    def go(manifest: str | Path, *arguments: str, code: int = 0) -> dict[str, Any]:
        path = manifest if isinstance(manifest, Path) else ROOT / "benchmarks" / manifest
        with pytest.raises(SystemExit) as caught:
            main(["run", str(path), "--runs", str(tmp_path / "runs"), *arguments])
        said = capsys.readouterr()
        assert caught.value.code == code, said.err
        folder = Path(said.err.rpartition("run folder: ")[2].split(" (")[0])
        for name in ("leaderboard.md", "leaderboard.csv"):
            assert (folder / name).stat().st_size > 100
        board: dict[str, Any] = json.loads((folder / "leaderboard.json").read_text())
        return board

    return go


def by_cell(board: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["task"], row["judge"]): row for row in board["rows"]}


@pytest.mark.slow
def test_genai_bench_reproduces_every_published_accuracy_and_says_what_they_hide(run: Run, tmp_path: Path) -> None:
    data = recorded("genai_bench")
    expected = json.loads((data / "expected_accuracy.json").read_text())
    board = run("genai_bench.yaml", "--set", f"vars.data={data}")
    rows = by_cell(board)
    got = {task: {judge: round(rows[task, judge]["value"] * 100, 2) for judge in of} for task, of in expected.items()}
    assert got == expected
    assert len(rows) == sum(map(len, expected.values()))
    assert [rows["image_generation", "gpt4o"]["asked"], rows["image_edition", "gpt4o"]["asked"]] == [1735, 919]
    for task in expected:
        llava = rows[task, "llava"]
        assert "collapsed" in llava["flags"]
        assert llava["histogram"]["A"] / llava["asked"] > 0.99
        assert rows[task, "gpt4o"]["rank_low"] == rows[task, "gemini-1.5-pro"]["rank_low"] == 1
        assert set(rows[task, "gpt4o"]["letters"]) & set(rows[task, "gemini-1.5-pro"]["letters"])
        assert llava["rank_low"] > 1
        assert not set(rows[task, "gpt4o"]["letters"]) & set(llava["letters"])
        assert "collapsed" not in rows[task, "gpt4o"]["flags"]


@pytest.mark.slow
def test_judgebench_reproduces_every_published_accuracy(run: Run) -> None:
    data = recorded("judgebench")
    expected = json.loads((data / "expected_accuracy.json").read_text())["gpt"]
    rows = by_cell(run("judgebench.yaml", "--set", f"vars.data={data}"))
    assert {judge: round(row["value"] * 100, 2) for (_, judge), row in rows.items()} == expected
    assert {row["n"] for row in rows.values()} == {350}
    assert {row["asked"] for row in rows.values()} == {700}


def test_a_judge_joins_the_leaderboard_by_dropping_its_answers_in(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "mine"
    outputs = data / "image_generation" / "outputs"
    outputs.mkdir(parents=True)
    votes = ["leftvote", "rightvote", "tievote", "bothbad_vote"]
    items = [{"idx": n, "prompt": f"prompt {n}", "human_vote": votes[n % 4]} for n in range(40)]
    with gzip.open(outputs.parent / "items.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps(item) + "\n" for item in items)

    def answer(judge: str, response: Callable[[int], str]) -> None:
        with gzip.open(outputs / f"{judge}.jsonl.gz", "wt") as stream:
            stream.writelines(json.dumps({"idx": n, "response": response(n)}) + "\n" for n in range(40))

    right = ["[[A>B]]", "[[B>A]]", "[[A=B=Good]]", "[[A=B=Bad]]"]
    answer("perfect", lambda n: f"Because. {right[n % 4]}")
    alone = by_cell(run("genai_bench.yaml", "--set", f"vars.data={data}"))
    assert {judge: row["value"] for (_, judge), row in alone.items()} == {"perfect": 1.0}
    answer("half", lambda n: right[n % 4] if n % 2 else "I will not say.")
    both = by_cell(run("genai_bench.yaml", "--set", f"vars.data={data}"))
    assert {judge: row["value"] for (_, judge), row in both.items()} == {"perfect": 1.0, "half": 0.5}
    assert both["image_generation", "half"]["coverage"] == 0.5
    assert both["image_generation", "half"]["excluded"] == 1.0
    assert both["image_generation", "half"]["rank_low"] is None


def test_missing_recordings_are_errors_and_not_wrong_answers(run: Run, tmp_path: Path) -> None:
    data = recorded("judgebench")
    mine = tmp_path / "judgebench"
    shutil.copytree(data, mine)
    [kept] = [path for path in (mine / "gpt" / "outputs").iterdir() if path.name.startswith("Ray")]
    with gzip.open(kept, "rt") as stream:
        lines = stream.readlines()
    with gzip.open(kept, "wt") as stream:
        stream.writelines(lines[:300])
    for other in (mine / "gpt" / "outputs").iterdir():
        if other != kept:
            other.unlink()
    [row] = run("judgebench.yaml", "--set", f"vars.data={mine}", code=3)["rows"]
    assert row["statuses"]["error"] == 100
    assert row["n"] == 300
    assert row["worst_case"] < row["value"]


def test_a_constant_judge_is_at_chance_on_mj_bench_although_its_gold_never_changes(run: Run) -> None:
    data = recorded("mj_bench")
    rows = by_cell(run("mj_bench.yaml", "--set", f"vars.data={data}"))
    row = rows["mj-bench-quality", "always-first"]
    assert row["ci_low"] < 0.5 < row["ci_high"]
    assert row["first_position"] == 1.0
    assert "constant-gold" in row["flags"]
    assert "collapsed" in row["flags"]


@pytest.mark.slow
def test_pixels_beats_prior_where_it_was_trained_and_says_so_where_it_cannot_answer(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "m.yaml"
    manifest.write_text(
        "name: m\n"
        "tasks: [{use: miniature/technical, limit: 150}, {use: miniature/naturalness, limit: 150},\n"
        "        {use: miniature/pairwise-safety, limit: 60}, {use: miniature/alignment-unseen, limit: 150}]\n"
        "judges:\n"
        "  - use: baselines/prior\n"
        "  - use: baselines/pixels\n"
        "    with: {train: [miniature/technical, miniature/naturalness, miniature/alignment-digit], limit: 500}\n"
    )
    rows = by_cell(run(manifest))
    for task in ("technical", "naturalness"):
        assert rows[task, "pixels"]["ci_low"] > rows[task, "prior"]["ci_high"]
        assert rows[task, "pixels"]["rank_low"] == rows[task, "pixels"]["rank_high"] == 1
        assert rows[task, "prior"]["rank_low"] == rows[task, "prior"]["rank_high"] == 2
    unseen = rows["alignment-unseen", "pixels"]
    assert unseen["ci_low"] < 0.55
    pairs = rows["pairwise-safety", "pixels"]
    assert pairs["statuses"]["refused"] == pairs["asked"] == 120
    assert pairs["value"] is None
    assert pairs["rank_low"] is None


@pytest.mark.parametrize("name", ["ood", "in_distribution"])
def test_the_offline_manifests_plan_without_asking_anybody(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", str(ROOT / "benchmarks" / f"{name}.yaml"), "--runs", str(tmp_path), "--dry-run"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "0 already answered" in said
    assert not [path for path in tmp_path.iterdir() if path.name != ".workspace"]


@pytest.mark.slow
def test_what_a_run_writes_can_be_run_again_to_the_same_scores(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "m.yaml"
    manifest.write_text(
        "name: again\nvars: {n: 30}\njudges: [{use: baselines/random}]\n"
        "tasks: [{use: miniature/pairwise-safety, limit: '${vars.n}'}]\n"
    )
    first = run(manifest)
    [folder] = (tmp_path / "runs").glob("again-*")
    stored = tmp_path / "stored.yaml"
    shutil.copyfile(folder / "manifest.yaml", stored)
    shutil.rmtree(folder)
    assert run(stored)["rows"] == first["rows"]
    assert folder.is_dir(), "the stored manifest must name the same run"


def test_a_judge_below_the_gate_of_the_manifest_ends_the_run_with_code_4(run: Run, tmp_path: Path) -> None:
    manifest = tmp_path / "m.yaml"
    text = (
        "name: gate\ntasks: [{use: miniature/pairwise-safety, limit: 20}]\n"
        "judges: [{use: baselines/random}, {use: baselines/constant, with: {answer: 'yes'}}]\n"
    )
    manifest.write_text(text)
    rows = by_cell(run(manifest))
    assert rows["pairwise-safety", "constant"]["coverage"] == 0
    manifest.write_text(text + "report: {min_coverage: 0.5}\n")
    run(manifest, code=4)
