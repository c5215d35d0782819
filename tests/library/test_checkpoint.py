"""`harness.train`: the checkpoint folder as an object, and as the model of a judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.api import UserError

TOY = Path(__file__).parents[1] / "training" / "toy_plugin.py"
RECIPE = """\
name: tiny
tasks:
  - {use: sums}
rewards:
  - {use: right}
trainer: {use: counter, with: {steps: 4}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path


def test_a_checkpoint_has_its_curves_and_is_the_model_of_a_judge(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    checkpoint = harness.train("r.yaml", set={"seed": 3}, plugin=[TOY])
    assert capfd.readouterr() == ("", "")
    record = json.loads((checkpoint.folder / "trained.json").read_text())
    assert (checkpoint.step, checkpoint.scores) == (record["selected"], record["scores"])
    curves = checkpoint.curves()
    assert curves.count() == record["steps"]
    frame = curves.to_pandas()
    assert list(frame["step"]) == sorted(frame["step"])
    assert len(frame.columns) > 1
    assert checkpoint.model.is_dir()
    assert checkpoint.folder.name in checkpoint._repr_html_()
    (folder / "m.yaml").write_text(
        "name: judged\ntasks: [{use: sums}]\njudges: [{use: learnt, with: {model: nothing}}]\n"
    )
    run = harness.run("m.yaml", set={"judges.0.with.model": checkpoint}, plugin=[TOY])
    assert run.leaderboard().rows[0].coverage == 1.0
    assert harness.train("r.yaml", set={"seed": 3}, plugin=[TOY]).folder == checkpoint.folder


def test_a_checkpoint_is_still_there_when_the_program_has_gone_to_another_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = harness.train("r.yaml", plugin=[TOY])
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert checkpoint.model.is_dir()
    assert checkpoint.step == checkpoint.record["selected"]
    assert checkpoint.curves().count() > 0


def test_a_wrong_recipe_is_an_error(folder: Path) -> None:
    with pytest.raises(UserError, match="Did you mean"):
        harness.train("r.yaml", set={"trainer.use": "conter"}, plugin=[TOY])
