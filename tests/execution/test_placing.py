"""From the command line and a judge of the plan to what an executor gets, and what comes of it in a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import Judge, Judgement, JudgeStoppedError, Placement, PluginError, Request, UserError
from harness.discovery import Plugins
from harness.execution.placing import ExecutorPlacer, describe, make_executor
from harness.manifest.load import LoadedManifest, load_manifest
from harness.pipeline.session import RunSession, run_manifest
from harness.progress import LineProgress
from harness.runner.plan import build_plan

PRACTICE = "harness.execution.practice"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load(extra=[PRACTICE], blocked=["openai"])


def write(folder: Path, judges: str, *, items: int = 30) -> Path:
    path = folder / "m.yaml"
    path.write_text(f"name: m\ntasks: [{{use: miniature/technical, with: {{items: {items}}}}}]\njudges: {judges}\n")
    return path


class Recorder:
    """Asks judges in this process, notes all, and has them fail as it is told."""

    def __init__(
        self, fate: Callable[[str], BaseException | None] = lambda name: None, *, meet: int = 1, seconds: float = 0.0
    ) -> None:
        self.placed: list[Placement] = []
        self.log: list[str] = []
        self.seconds = seconds
        self.met: set[str] = set()
        self.meeting = threading.Barrier(meet)
        self._fate = fate

    def place(self, placement: Placement, say: Callable[[str], None]) -> Judge | None:
        self.placed.append(placement)
        if "plan" in placement.capabilities:
            return None
        return StandIn(self, placement)

    def close(self) -> None:
        self.log.append("closed")

    def fail(self, name: str) -> None:
        problem = self._fate(name)
        if problem is not None:
            raise problem


class StandIn:
    def __init__(self, recorder: Recorder, placement: Placement) -> None:
        self._recorder, self._placement = recorder, placement

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        if self._placement.name not in self._recorder.met:  # the first time alone
            self._recorder.met.add(self._placement.name)
            self._recorder.meeting.wait(30)
        for request in requests:
            time.sleep(self._recorder.seconds)
            self._recorder.log.append(self._placement.name)
            self._recorder.fail(self._placement.name)
            yield request, Judgement.of(request.space.verdicts()[0])

    def fingerprint(self) -> str:
        return self._placement.key

    def close(self) -> None:
        self._recorder.log.append(f"{self._placement.name} closed")


def run(path: Path, plugins: Plugins, executor: Recorder | None, **fields: Any) -> RunSession:
    import io

    loaded = load_manifest(path, plugins=plugins, **fields)
    return run_manifest(
        loaded,
        plugins,
        runs=path.parent / "runs",
        fresh=False,
        shard=None,
        progress=LineProgress(io.StringIO()),
        executor=None if executor is None else ExecutorPlacer(executor=executor),
    )


def load_one(folder: Path, plugins: Plugins, judges: str) -> tuple[LoadedManifest, Placement]:
    loaded = load_manifest(write(folder, judges), plugins=plugins)
    plan = build_plan(loaded, plugins, workspace=folder / "work")
    return loaded, describe(plan.judges[0], loaded=loaded, plan=plan)


def test_a_placement_is_plain_and_holds_no_secret(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRACTICE_SECRET", "hunter2")
    entry = "{use: practice/worker, with: {dies: '${env:PRACTICE_SECRET}'}, resources: {gpus: 2, memory_gb: 24}}"
    _, placement = load_one(tmp_path, plugins, f"[{entry}]")
    assert "hunter2" not in placement.to_json()
    assert placement.entry["with"]["dies"] == "${env:PRACTICE_SECRET}"
    assert (placement.name, placement.extra, placement.blocked) == ("worker", (PRACTICE,), ("openai",))
    assert placement.resources == {"gpus": 2.0, "memory_gb": 24.0}
    assert placement.versions["judge-harness"]
    worker = placement.open()  # the judge is the same, by its key, or this raises
    worker.close()


def test_a_judge_of_an_entry_that_unfolds_is_made_again_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    for name in ("a", "b"):
        (tmp_path / "said").mkdir(exist_ok=True)
        (tmp_path / "said" / f"{name}.jsonl").write_text('{"task": "technical", "item": "1", "raw": "yes"}\n')
    loaded = load_manifest(
        write(tmp_path, f"[{{use: replay, with: {{answers: {tmp_path / 'said'}}}}}]"), plugins=plugins
    )
    plan = build_plan(loaded, plugins, workspace=tmp_path / "work")
    assert [judge.name for judge in plan.judges] == ["a", "b"]
    for judge in plan.judges:
        describe(judge, loaded=loaded, plan=plan).open().close()


def test_what_a_judge_needs_is_no_part_of_the_name_of_the_run_folder(tmp_path: Path, plugins: Plugins) -> None:
    plain, _ = load_one(tmp_path, plugins, "[{use: random}]")
    needy, placement = load_one(tmp_path, plugins, "[{use: random, resources: {cpus: 4}}]")
    assert plain.hash == needy.hash
    assert placement.resources == {"cpus": 4.0}


def test_judges_elsewhere_are_asked_at_the_same_time_and_those_that_read_the_plan_after_them(
    tmp_path: Path, plugins: Plugins
) -> None:
    judges = "[{use: jury, with: {judges: [random, worker]}}, {use: random}, {use: practice/worker}]"
    recorder = Recorder(meet=2, seconds=0.01)  # each waits for the other: asked one after the other, both would fail
    session = run(write(tmp_path, judges, items=80), plugins, recorder)
    assert session.outcome.errors == {}
    assert {placement.name for placement in recorder.placed} == {"jury", "random", "worker"}
    # The jury looked its members' answers up: each was asked once for each item.
    assert (recorder.log.count("random"), recorder.log.count("worker")) == (80, 80)
    assert recorder.log[-1] == "closed"
    assert recorder.log.count("random closed") == 1


def test_a_run_that_is_complete_places_nothing(tmp_path: Path, plugins: Plugins) -> None:
    path = write(tmp_path, "[{use: random}]")
    first = run(path, plugins, None)
    recorder = Recorder()
    second = run(path, plugins, recorder)
    assert (first.folder, second.outcome.asked, recorder.placed, recorder.log) == (second.folder, 0, [], ["closed"])


def test_a_stand_in_that_stops_leaves_the_others_to_go_on(tmp_path: Path, plugins: Plugins) -> None:
    recorder = Recorder(lambda name: JudgeStoppedError("no machine is left") if name == "random" else None)
    session = run(write(tmp_path, "[{use: random}, {use: practice/worker}]"), plugins, recorder)
    assert session.outcome.stopped == {"random": "no machine is left"}
    assert recorder.log.count("worker") == 30


def test_a_user_s_error_ends_the_run_and_what_was_judged_is_kept(tmp_path: Path, plugins: Plugins) -> None:
    path = write(tmp_path, "[{use: random}, {use: practice/worker}]")
    recorder = Recorder(lambda name: UserError("the disk is gone") if name == "random" else None)
    with pytest.raises(UserError, match="the disk is gone"):
        run(path, plugins, recorder)
    assert recorder.log[-1] == "closed"
    again = Recorder()
    run(path, plugins, again)
    assert 30 <= again.log.count("random") + recorder.log.count("worker") <= 60


def test_failures_elsewhere_count_for_fail_on_error(tmp_path: Path, plugins: Plugins) -> None:
    recorder = Recorder(lambda name: ValueError("odd") if name == "random" else None)
    path = write(tmp_path, "[{use: random}, {use: practice/worker}]", items=400)
    session = run(path, plugins, recorder, sets=["run.fail_on_error=0.5"])
    assert "of random on technical failed" in session.outcome.too_many_errors


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ValueError("odd"), "the executor cannot place the judge random: ValueError: odd"),
        (UserError("no room"), "no room"),
        (7, "the executor placed the judge random as 7, which lacks the method judge"),
    ],
)
def test_an_executor_that_fails_is_named(tmp_path: Path, plugins: Plugins, answer: object, message: str) -> None:
    class Odd:
        def place(self, placement: Placement, say: Callable[[str], None]) -> Any:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        def close(self) -> None: ...

    loaded = load_manifest(write(tmp_path, "[{use: random}]"), plugins=plugins)
    executor = ExecutorPlacer(executor=Odd())
    with pytest.raises(UserError, match=message):
        run_manifest(loaded, plugins, runs=tmp_path / "runs", fresh=False, shard=None, executor=executor)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no-such", [], "there is no executor 'no-such'"),
        ("processes", ["workers"], "--executor-option 'workers': write KEY=VALUE"),
        ("processes", ["workers=[1"], "--executor-option workers: .* is no value of YAML"),
        ("processes", ["workers=!!python/object:os.system x"], "no value of YAML"),
        ("processes", ["workers=0"], "workers: must be greater than or equal to 1"),
        ("processes", ["worker=2"], "unknown key"),
        ("local", ["workers=2"], "harness/local takes no options"),
    ],
)
def test_an_option_that_does_not_fit_is_named(plugins: Plugins, name: str, options: list[str], message: str) -> None:
    with pytest.raises((UserError, PluginError), match=message):
        make_executor(plugins, name, options)


def test_an_option_without_an_executor_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["run", "m.yaml", "--executor-option", "workers=2"])
    assert ended.value.code == 2
    assert "there is no --executor that takes it" in capsys.readouterr().err
