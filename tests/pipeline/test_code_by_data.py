"""No code runs because a file names it: manifests, recorded runs, model folders, the working directory."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

# Not `importorskip`: every worker would import it, and transformers with it, to find the tests.
if importlib.util.find_spec("evaluate") is None:
    pytest.skip("pip install evaluate", allow_module_level=True)

MODULE = """
import datasets
import evaluate

with open({witness!r}, "a") as stream:
    stream.write("ran")


class Mine(evaluate.Metric):
    unit = "share"

    def _info(self):
        features = datasets.Features({{name: datasets.Value("int64") for name in ("predictions", "references")}})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        return {{"mine": sum(p == r for p, r in zip(predictions, references)) / len(references)}}
"""
JUDGE = """
from harness.api import IsPath, JudgeCard, Judgement, RunsCode, Status, hookimpl
from pathlib import Path
from typing import Annotated
from pydantic import BaseModel

class Options(BaseModel):
    model: Annotated[str, IsPath()] = ""
    trust_remote_code: Annotated[bool, RunsCode("model")] = False

def made(options, context):
    Path({asked!r}).touch()
    return Judge()

class Judge:
    def fingerprint(self):
        return "x"
    def judge(self, requests):
        for request in requests:
            Path({asked!r}).touch()
            yield request, Judgement(status=Status.OK, verdict=request.space.verdicts()[0], raw="")

@hookimpl
def harness_judges():
    noted = JudgeCard(name="noted", summary="Notes that it was asked.", factory=lambda *_: Judge(), api_version=1)
    card = JudgeCard(name="model", summary="Notes that it was made.", factory=made, options=Options, api_version=1)
    return [noted, card]
"""
Run = Callable[..., tuple[object, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a metric in a folder beside the manifest, and a judge that notes that it is asked."""
    monkeypatch.chdir(tmp_path)
    # The library reads its environment once, when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("evaluate.config.HF_MODULES_CACHE", tmp_path / "modules")
    for name in ("mine", "accuracy"):
        write_module(tmp_path / "there" / name, tmp_path)
    write_module(tmp_path / "accuracy", tmp_path)
    (tmp_path / "noting.py").write_text(JUDGE.format(asked=str(tmp_path / "asked")), encoding="utf-8")
    return tmp_path


def write_module(folder: Path, root: Path) -> None:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.py").write_text(MODULE.format(witness=str(root / "ran")), encoding="utf-8")


def write_manifest(here: Path, metrics: str = "[accuracy]", *, report: str = "", name: str = "m") -> str:
    path = here / "there" / f"{name}.yaml"
    path.write_text(
        f"name: m\ntasks:\n  - use: miniature/technical\n    limit: 10\n    protocol: {{metrics: {metrics}}}\n"
        f"judges: [{{use: noting/noted}}]\n{report}",
        encoding="utf-8",
    )
    return str(path.relative_to(here))


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls the command line: the exit code, and what it said on stderr."""

    def call(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as caught:
            main(["-p", "noting.py", *arguments])
        return caught.value.code, " ".join(capsys.readouterr().err.split())

    return call


BAD = {
    "a file": ("['evaluate:./mine/mine.py']", "/there/mine/mine.py: this runs Python code"),
    "a folder": ("['evaluate:./mine']", "/there/mine: this runs Python code"),
    "with an average": ("['evaluate:./mine@category']", "/there/mine: this runs Python code"),
    "a name that is a folder here": ("[evaluate:accuracy]", "evaluate:accuracy: there is no such metric on the hub"),
    "the same by its whole name": ("[evaluate:evaluate-metric/accuracy]", "there is no such metric on the hub"),
    "a typo": ("[evaluate:acuracyy]", "evaluate:acuracyy: there is no such metric on the hub"),
    "no name": ("['evaluate:']", "evaluate:: is no name of a metric"),
    "an address": ("['evaluate:https://x/y']", "is no name of a metric"),
    "a configuration": ("['evaluate:glue:mrpc']", "is no name of a metric"),
    "another case": ("[Evaluate:accuracy]", "there is no metric 'Evaluate:accuracy'"),
    "a file that is not there": ("['evaluate:./none.py']", "there is no file none.py"),
    "a metric of no plugin": ("[acuracy]", "there is no metric 'acuracy'. Did you mean 'accuracy'"),
}


@pytest.mark.parametrize("case", BAD)
def test_before_the_first_question(case: str, here: Path, run: Run) -> None:
    metrics, says = BAD[case]
    manifest = write_manifest(here, metrics)
    # Each case by one of the three, which check alike: all three of each take long.
    verbs = (["run", manifest], ["validate", manifest], ["run", manifest, "--dry-run"])
    for verb in verbs if case == "a file" else [verbs[list(BAD).index(case) % 3]]:
        code, said = run(*verb)
        assert (code, says in said, "m.yaml:5:" in said) == (2, True, True), said
    assert not (here / "asked").exists()
    assert not (here / "ran").exists()


def test_the_metric_of_a_report_as_well(here: Path, run: Run) -> None:
    manifest = write_manifest(here, report="report: {metric: 'evaluate:./mine'}\n")
    code, said = run("run", manifest)
    assert (code, "m.yaml:7:18: metric evaluate:" in said) == (2, True), said
    code, said = run("--allow-code", "evaluate:there/mine", "run", manifest)
    assert (code, (here / "ran").exists()) == (0, True), said


def test_a_metric_that_cannot_be_made_is_found_as_early(here: Path, run: Run) -> None:
    (here / "broken.py").write_text(
        "from harness.api import MetricCard, hookimpl\n@hookimpl\ndef harness_metrics():\n"
        "    return [MetricCard(name='broken', summary='b', factory='no_such_module:x', api_version=1)]\n"
    )
    manifest = write_manifest(here, "[accuracy, broken/broken]")
    for verb in ("run", "validate"):
        code, said = run("-p", "broken.py", verb, manifest)
        assert (code, "m.yaml:5:36: metric broken/broken" in said) == (2, True), said
    assert not (here / "asked").exists()


def test_what_the_user_names_runs_and_what_lies_beside_it_does_not(here: Path, run: Run) -> None:
    manifest = write_manifest(here, "['evaluate:./mine', accuracy]")
    for wrong in ("evaluate:mine", "evaluate:there", "model:there/mine", "evaluate:./mine", "evaluate:there/mine/mine"):
        code, said = run("--allow-code", wrong, "run", manifest)
        assert (code, (here / "ran").exists()) == (2, False), said
    code, said = run("--allow-code", "evaluate:there/mine", "run", manifest)
    assert (code, (here / "ran").read_text()) == (0, "ran"), said
    board = next((here / "runs").glob("m-*/leaderboard.md")).read_text(encoding="utf-8")
    assert "technical · evaluate:mine, %" in board
    record = json.loads(next((here / "runs").glob("m-*/run.json")).read_text(encoding="utf-8"))
    path = here / "there/mine/mine.py"
    assert record["code"] == {str(path.parent): f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}


def test_a_hash_names_what_was_looked_at(here: Path, run: Run) -> None:
    manifest, path = write_manifest(here, "['evaluate:./mine']"), here / "there/mine/mine.py"
    pin = hashlib.sha256(path.read_bytes()).hexdigest()
    code, said = run("run", manifest)
    option = f"harness --allow-code evaluate:{path.parent}@sha256:{pin} ..."
    assert (code, option in said) == (2, True), said
    path.write_text(path.read_text() + "\n# changed\n")
    code, said = run("--allow-code", f"evaluate:there/mine@sha256:{pin}", "run", manifest)
    assert (code, "its code is not what --allow-code names" in said, (here / "ran").exists()) == (2, True, False), said


def test_a_module_of_the_hub_needs_its_hash(here: Path, run: Run) -> None:
    manifest = write_manifest(here, "[evaluate:user/mine]")
    cached = here / "hf/spaces--user--mine"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text("a" * 40)
    path = cached / "snapshots" / ("a" * 40) / "mine.py"
    path.parent.mkdir(parents=True)
    shutil.copy(here / "there/mine/mine.py", path)
    pin = hashlib.sha256(path.read_bytes()).hexdigest()
    for option in (
        [],
        ["--allow-code", "evaluate:user/mine"],
        ["--allow-code", f"evaluate:user/mine@sha256:{'0' * 64}"],
    ):
        code, said = run(*option, "run", manifest)
        assert (code, f"evaluate:user/mine@sha256:{pin}" in said, str(path) in said) == (2, True, True), said
    assert not (here / "ran").exists()
    assert run("--allow-code", f"evaluate:user/mine@sha256:{pin}", "run", manifest)[0] == 0


def test_a_recorded_run_chooses_no_code(here: Path, run: Run) -> None:
    assert run("run", write_manifest(here))[0] == 0
    folder = next((here / "runs").glob("m-*"))
    journal = sqlite3.connect(folder / "journal.sqlite")
    plan = json.loads(journal.execute("SELECT value FROM meta WHERE key='plan'").fetchone()[0])
    write_module(folder / "mine", here)
    inside = folder / "mine/mine.py"
    for metric in (f"evaluate:{inside}", f"evaluate:{inside.relative_to(here)}", "evaluate:accuracy"):
        plan["tasks"][0]["protocol"]["metrics"] = [metric]
        journal.execute("UPDATE meta SET value=? WHERE key='plan'", (json.dumps(plan),))
        journal.execute("DELETE FROM meta WHERE key='rows'")  # as somebody who means harm does
        journal.commit()
        for verb in (["score"], ["leaderboard", "--metric", metric]):
            code, said = run(*verb, str(folder))
            assert (code, f"metric {metric}" in said) == (2, True), said
    plan["report"]["metric"] = f"evaluate:{inside}"
    journal.execute("UPDATE meta SET value=? WHERE key='plan'", (json.dumps(plan),))
    journal.commit()
    journal.close()
    for verb in (
        ["leaderboard", str(folder)],
        ["compare", f"{folder}:noted", f"{folder}:noted"],
        ["score", str(folder)],
    ):
        assert run(*verb)[0] == 2, verb
    assert not (here / "ran").exists()
    # Named by the user, in the words of the plan.
    assert run("--allow-code", f"evaluate:{inside.relative_to(here)}", "score", str(folder))[0] == 2, "accuracy is left"


def test_the_working_directory_gives_no_modules(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("open('ran', 'w').close()\n")
    (tmp_path / "click.py").write_text("open('ran', 'w').close()\n")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "list", "metrics"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, (tmp_path / "ran").exists()) == (0, False), done.stderr


MODEL = """
name: m
tasks: [{use: miniature/technical, limit: 5}]
judges: [{use: noting/model, with: {model: ./my-model, trust_remote_code: true}}]
"""


def test_code_of_a_model_needs_the_user(here: Path, run: Run) -> None:
    path = here / "there/model.yaml"
    path.write_text(MODEL)
    option = f"--allow-code model:{here}/there/my-model "
    for verb in (["run"], ["run", "--dry-run"], ["validate"], ["--allow-code", "model:my-model", "run"]):
        code, said = run(*verb, str(path))
        assert (code, "model.yaml:4:16: judges[0]: judge noting/model: trust_remote_code" in said) == (2, True), said
        assert option in said
    assert not (here / "asked").exists(), "it is not made"
    code, said = run("show", str(path))
    assert code == 0, "it may be looked at"
    assert run("--allow-code", "model:there/my-model", "run", str(path))[0] == 0


def test_code_of_a_model_that_a_recipe_makes_is_that_of_its_first_model(here: Path, run: Run) -> None:
    pytest.importorskip("harness_grpo")
    (here / "there/recipe.yaml").write_text(
        "name: r\nmodel: ./base\ntasks: [{use: miniature/technical}]\nrewards: [{use: verdict/format}]\n"
        "trainer: {use: grpo/grpo, with: {trust_remote_code: true}}\n"
    )
    for code, said in (run("train", "there/recipe.yaml"), run("validate", "there/recipe.yaml")):
        assert (code, f"--allow-code model:{here}/there/base " in said) == (2, True), said
        assert "recipe.yaml:5:16: trainer: trainer grpo/grpo: trust_remote_code" in said
    whole = (here / "there/recipe.yaml").read_text().replace("true", "false")
    (here / "there/recipe.yaml").write_text(whole.replace("cal}", "cal, protocol: {metrics: ['evaluate:./mine']}}"))
    for code, said in (run("train", "there/recipe.yaml"), run("validate", "there/recipe.yaml")):
        assert (code, "recipe.yaml:3:57: metric evaluate:" in said) == (2, True), said
    (here / "there/recipe.yaml").write_text(whole)
    (here / "there/m.yaml").write_text(
        MODEL.replace("with: {model: ./my-model, trust", "train: ./recipe.yaml, with: {trust")
    )
    for code, said in (run("run", "there/m.yaml"), run("validate", "there/m.yaml")):
        assert (code, f"--allow-code model:{here}/there/base " in said) == (2, True), said
    assert not (here / "checkpoints").exists(), "nothing is trained for it"


def test_a_bare_name_that_changed_its_owner_is_said(here: Path, run: Run) -> None:
    factory = "harness.score.metrics:make_accuracy"
    text = (
        "from harness.api import MetricCard, hookimpl\n@hookimpl\ndef harness_metrics():\n"
        f"    return [MetricCard(name='own', summary='s', factory={factory!r}, unit='share', api_version=1)]\n"
    )
    for name in ("first", "second"):
        (here / f"{name}.py").write_text(text)
    assert run("-p", "first.py", "run", write_manifest(here, "[own, accuracy]"))[0] == 0
    folder = str(next((here / "runs").glob("m-*")))
    code, said = run("-p", "first.py", "score", folder)
    assert (code, "warning" in said) == (0, False), said
    code, said = run("-p", "second.py", "score", folder)
    line = "metric own: scored by second/own of second.py; when this run was made it was first/own of first.py"
    assert (code, line in said) == (0, True), said
