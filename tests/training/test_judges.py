"""A judge with `train:` by the command line: trained once, then a judge like any other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.api import PluginError
from harness.cli import main
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.pipeline.session import make_models
from harness.recipes import plan_trainings
from harness.runner.plan import build_plan

Harness = Callable[..., int]
Steps = Callable[[], list[str]]

MANIFEST = """\
name: judged
tasks: [{use: toy_plugin/sums, protocol: {samples: 1}}]
judges:
  - {use: learnt, train: r.yaml}
  - {use: baselines/constant, with: {answer: "no"}}
report: {resamples: 100}
"""


@pytest.fixture
def manifest(folder: Path) -> Path:
    path = folder / "m.yaml"
    path.write_text(MANIFEST)
    return path


def values(folder: Path) -> dict[str, float]:
    """Accuracy by judge, of the one run that there is."""
    (run,) = (path for path in (folder / "runs").iterdir() if path.name.startswith("judged-"))
    rows = json.loads((run / "leaderboard.json").read_text())["rows"]
    return {row["judge"]: row["value"] for row in rows}


def checkpoints(folder: Path, where: str = "checkpoints") -> list[Path]:
    return [path for path in sorted((folder / where).iterdir()) if not path.name.startswith(".")]


def test_it_is_trained_first_and_judges_by_what_it_learnt(
    manifest: Path, folder: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("run", "m.yaml") == 0
    err = capsys.readouterr().err
    assert "judge learnt: its recipe tiny is trained first\n" in err
    assert err.index("trained tiny") < err.index("sums · learnt")
    assert values(folder) == {"learnt": 0.75, "constant": 0.25}
    assert len(steps()) == 4
    (checkpoint,) = checkpoints(folder)
    (run,) = (folder / "runs").glob("judged-*")
    record = json.loads((run / "run.json").read_text())
    assert record["judges"]["learnt"]["model"] == str(checkpoint / "model")
    assert "model" not in record["judges"]["constant"]


@pytest.mark.parametrize("verb", [["run"], ["run", "--dry-run"]])
@pytest.mark.parametrize(
    ("learnt", "asked", "says"),
    [
        ("train: test", "test", "learns from"),
        ("train: train, validation: test", "test", "selects weights on"),
        ("train: train", "train", "learns from"),
        ("train: train", "test", ""),
    ],
)
def test_a_judge_that_is_asked_what_it_learnt_is_warned_of(
    folder: Path,
    harness: Harness,
    capsys: pytest.CaptureFixture[str],
    verb: list[str],
    learnt: str,
    asked: str,
    says: str,
) -> None:
    (folder / "base.yaml").write_text(
        f"name: base\ntasks: [{{use: sums, {learnt}}}]\ntrainer: {{use: counter, with: {{steps: 1}}}}\n"
    )
    (folder / "r.yaml").write_text(
        "name: tiny\ntrain: base.yaml\ntasks: [{use: pairs}]\ntrainer: {use: counter, with: {steps: 1}}\n"
    )
    (folder / "m.yaml").write_text(
        MANIFEST.replace("{use: toy_plugin/sums,", f"{{use: toy_plugin/sums, split: {asked},")
    )
    assert harness(*verb, "m.yaml") == 0
    err = capsys.readouterr().err
    line = (
        f"warning: judge learnt: its recipe base {says} the split {asked} of toy_plugin/sums, which the task sums asks"
    )
    assert err.count(line) == (1 if says else 0)
    assert says or "warning: judge learnt" not in err


def test_a_dry_run_of_explain_trains_nothing(
    manifest: Path, folder: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("run", "m.yaml") == 0
    (run,) = (folder / "runs").glob("judged-*")
    shutil.rmtree(folder / "checkpoints")
    capsys.readouterr()
    assert harness("explain", str(run), "--dry-run") == 0
    out, err = capsys.readouterr()
    assert "judge learnt: its recipe tiny would be trained first (checkpoints/tiny-" in err
    assert "nothing was asked (--dry-run)" in out
    assert "constant" in out
    assert "questions to learnt" not in out
    assert len(steps()) == 4, "those of the run"
    # What is there is used.
    assert harness("train", "r.yaml") == 0
    assert harness("explain", str(run), "--dry-run") == 0
    out, err = capsys.readouterr()
    assert "would be trained" not in err
    assert "questions to learnt" in out
    assert len(steps()) == 8


def test_it_is_trained_once_for_all_manifests_and_judges_that_name_it(
    manifest: Path, folder: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.write_text(
        MANIFEST.replace(
            "  - {use: learnt, train: r.yaml}\n",
            "  - {use: learnt, train: r.yaml}\n  - {use: learnt, name: other, train: r.yaml, with: {extra: true}}\n",
        )
    )
    assert harness("train", "r.yaml") == 0
    assert harness("run", "m.yaml") == 0
    assert len(steps()) == 4
    assert len(checkpoints(folder)) == 1
    assert "is trained first" not in capsys.readouterr().err
    assert values(folder)["other"] == 0.75


def test_judges_with_equal_recipes_share_one(manifest: Path, plugins: Plugins) -> None:
    other = "  - {use: learnt, name: other, train: r.yaml}\n  - {use: learnt, name: third, train: s.yaml}\n"
    manifest.write_text(MANIFEST.replace("report:", f"{other}report:"))
    Path("s.yaml").write_text(Path("r.yaml").read_text() + "seed: 1\n")
    plan = build_plan(load_manifest(manifest, plugins=plugins), plugins, workspace=Path("w"))
    recipes = plan_trainings(plan, plugins, checkpoints=Path("checkpoints"), say=lambda line: None)
    assert sorted(recipes) == ["learnt", "other", "third"]
    assert recipes["learnt"] is recipes["other"]
    assert recipes["third"].folder != recipes["learnt"].folder


def test_the_stored_manifest_runs_again_as_the_same_run_by_the_same_checkpoint(
    manifest: Path, folder: Path, harness: Harness, steps: Steps, tmp_path: Path
) -> None:
    assert harness("run", "m.yaml") == 0
    (run,) = (folder / "runs").glob("judged-*")
    stored = run / "manifest.yaml"
    assert "train:\n      name: tiny" in stored.read_text()
    (folder / "r.yaml").unlink()
    (folder / "m.yaml").unlink()
    assert harness("run", str(stored)) == 0
    assert len(steps()) == 4
    assert list((folder / "runs").glob("judged-*")) == [run]


def test_another_recipe_is_another_run_and_another_checkpoint(
    manifest: Path, folder: Path, harness: Harness, steps: Steps
) -> None:
    assert harness("run", "m.yaml") == 0
    (folder / "r.yaml").write_text((folder / "r.yaml").read_text().replace("steps: 4", "steps: 2"))
    assert harness("run", "m.yaml") == 0
    assert len(checkpoints(folder)) == 2
    assert len(list((folder / "runs").glob("judged-*"))) == 2
    assert len(steps()) == 6


def test_checkpoints_may_be_kept_elsewhere(manifest: Path, folder: Path, harness: Harness) -> None:
    assert harness("run", "m.yaml", "--checkpoints", "kept/here") == 0
    assert len(checkpoints(folder, "kept/here")) == 1
    assert not (folder / "checkpoints").exists()


def test_a_dry_run_trains_nothing_and_says_what_would_be_trained(
    manifest: Path, folder: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    jury = "  - {use: baselines/jury, with: {judges: [learnt, constant]}}\n"
    manifest.write_text(MANIFEST.replace("report:", f"{jury}report:"))
    assert harness("run", "m.yaml", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "  learnt: recipe tiny, would be trained first (checkpoints/tiny-" in out
    assert "3 cells, 36 requests, 0 already answered, 36 to ask" in out
    assert steps() == []
    assert not (folder / "checkpoints").exists()
    assert harness("run", "m.yaml") == 0
    assert harness("run", "m.yaml", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "  learnt: recipe tiny, trained already (checkpoints/tiny-" in out
    assert "36 already answered, 0 to ask" in out


def test_a_dry_run_over_a_journal_counts_no_answer_of_what_is_still_to_be_trained(
    manifest: Path, folder: Path, harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    jury = "  - {use: baselines/jury, with: {judges: [learnt, constant]}}\n"
    manifest.write_text(MANIFEST.replace("report:", f"{jury}report:"))
    assert harness("run", "m.yaml") == 0
    capsys.readouterr()
    assert harness("run", "m.yaml", "--dry-run", "--checkpoints", "elsewhere") == 0
    out = capsys.readouterr().out
    assert "sums · learnt: 12 requests, 0 already" in out
    assert "sums · constant: 12 requests, 12 already" in out
    assert "sums · jury: 12 requests, 0 already" in out


def test_what_is_wrong_with_another_judge_is_known_before_anything_is_trained(
    manifest: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest.write_text(MANIFEST.replace("report:", "  - {use: learnt, name: lost, with: {model: nowhere}}\nreport:"))
    assert harness("run", "m.yaml") == 2
    assert "m.yaml:6:11: judges[2]: there is no model at" in capsys.readouterr().err
    assert steps() == []


def test_a_judge_that_refuses_its_model_is_named_with_its_place(
    manifest: Path, folder: Path, harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("train", "r.yaml") == 0
    (checkpoint,) = checkpoints(folder)
    (checkpoint / "model" / "answers.json").rename(checkpoint / "model" / "other.json")
    record = json.loads((checkpoint / "trained.json").read_text())
    del record["files"]  # as of an earlier version
    (checkpoint / "trained.json").write_text(json.dumps(record))
    assert harness("run", "m.yaml") == 2
    assert "m.yaml:4:11: judges[0]: there is no model at" in capsys.readouterr().err


def test_ctrl_c_while_a_judge_is_trained_ends_with_130_and_the_same_command_goes_on(
    manifest: Path, folder: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from harness.training import session

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(session, "train", interrupted)
        assert harness("run", "m.yaml") == 130
    assert "interrupted; run the same command again to go on" in capsys.readouterr().err
    assert harness("run", "m.yaml") == 0


ELSEWHERE = """
from dataclasses import replace
from pathlib import Path

from harness.api import hookimpl


@hookimpl
def harness_models_wanted(plan):
    model = Path("elsewhere").resolve()
    for place, judge in enumerate(plan.judges):
        if judge.needs_training:
            options = judge.options.model_copy(update={"model": str(model)})
            plan.judges[place] = replace(judge, options=options, model=model)
"""


def test_a_plugin_may_make_the_models_in_its_own_way(
    manifest: Path, folder: Path, toy: Path, harness: Harness, steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("train", "r.yaml") == 0
    (checkpoint,) = checkpoints(folder)
    (checkpoint / "model").rename(folder / "elsewhere")
    shutil.rmtree(folder / "checkpoints")
    (folder / "cluster.py").write_text(ELSEWHERE)
    done = len(steps())
    with pytest.raises(SystemExit) as ended:
        main(["-p", str(toy), "-p", "cluster.py", "run", "m.yaml"])
    assert ended.value.code == 0
    assert values(folder)["learnt"] == 0.75
    assert "is trained first" not in capsys.readouterr().err
    assert len(steps()) == done


def test_its_answers_are_explained_with_the_model_that_its_recipe_made(
    manifest: Path, folder: Path, toy: Path, harness: Harness, steps: Steps
) -> None:
    assert harness("run", "m.yaml") == 0
    (run,) = (folder / "runs").glob("judged-*")
    done = len(steps())
    assert harness("explain", str(run)) == 0
    assert len(steps()) == done
    # A plugin that made the model for the run makes it for this too.
    (checkpoint,) = checkpoints(folder)
    (checkpoint / "model").rename(folder / "elsewhere")
    shutil.rmtree(folder / "checkpoints")
    (folder / "cluster.py").write_text(ELSEWHERE)
    with pytest.raises(SystemExit):
        main(["-p", str(toy), "-p", "cluster.py", "explain", str(run)])
    assert len(steps()) == done


def test_a_model_that_nobody_makes_ends_the_run_before_there_is_a_folder(
    manifest: Path, toy: Path, plugins: Plugins
) -> None:
    loaded = load_manifest(manifest, plugins=plugins)
    alone = Plugins.load(extra=[str(toy)], blocked=["harness"])
    plan = build_plan(loaded, plugins, workspace=Path("w"))
    with pytest.raises(
        PluginError, match="judge learnt: no plugin makes the model of its recipe; is `harness` blocked"
    ):
        make_models(plan, loaded, alone, checkpoints=Path("checkpoints"), say=lambda line: None)
