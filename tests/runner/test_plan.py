from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.api import Judgement, Protocol, UserError
from harness.discovery import Plugins
from harness.manifest.load import load_manifest
from harness.runner.journal import Journal
from harness.runner.plan import build_plan, refuse_twice
from harness.runner.planned import Plan

MakePlan = Callable[..., Plan]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.load()


@pytest.fixture
def planned(tmp_path: Path, plugins: Plugins) -> Callable[[str], Plan]:
    def plan(text: str) -> Plan:
        path = tmp_path / "m.yaml"
        path.write_text(f"name: m\n{text}")
        return build_plan(load_manifest(path, plugins=plugins), plugins, workspace=tmp_path / "work")

    return plan


def test_a_manifest_overrides_single_fields_of_the_official_protocol(planned: Callable[[str], Plan]) -> None:
    plan = planned(
        "tasks: [{use: miniature/pairwise-safety, protocol: {unparsed: wrong}}]\njudges: [{use: baselines/random}]\n"
    )
    [task] = plan.tasks
    official = task.task.protocol
    assert task.protocol.unparsed == "wrong"
    assert official.unparsed != "wrong"
    assert (task.protocol.order, task.protocol.metrics) == (official.order, official.metrics)


def test_asking_in_one_order_drops_the_official_pooling_of_two(planned: Callable[[str], Plan]) -> None:
    text = "tasks: [{use: miniature/pairwise-safety, protocol: {order: both, pooling: agree}}]\n"
    assert planned(text + "judges: [{use: baselines/random}]\n").tasks[0].protocol.pooling == "agree"
    with pytest.raises(UserError, match="pooling"):
        planned(text.replace("both", "fixed") + "judges: [{use: baselines/random}]\n")


def test_two_entries_of_one_name_are_refused(planned: Callable[[str], Plan]) -> None:
    with pytest.raises(UserError, match=r"m\.yaml:3:76: judges\[1\]\.name: two judges are named 'x'"):
        planned(
            "tasks: [{use: miniature/safety}]\n"
            "judges: [{use: baselines/random, name: x}, {use: baselines/constant, name: x}]\n"
        )


def test_names_that_entries_unfold_into_may_not_look_alike() -> None:
    taken: Any = [SimpleNamespace(name="recorded judge")]
    refuse_twice("judge", "recorded judges", taken)
    with pytest.raises(UserError, match="'recorded  judge', and the other one 'recorded judge', which looks alike"):
        refuse_twice("judge", "recorded  judge", taken)


def test_what_a_judge_learns_from_is_part_of_its_key(planned: Callable[[str], Plan]) -> None:
    def key(seed: int) -> str:
        plan = planned(
            f"tasks: [{{use: miniature/safety, with: {{seed: {seed}}}}}]\n"
            "judges: [{use: baselines/prior, with: {train: [safety]}}]\n"
        )
        return plan.judges[0].key

    assert key(0) == key(0) != key(1)


def test_a_jury_is_asked_again_when_a_member_changes(planned: Callable[[str], Plan]) -> None:
    def key(answer: str) -> str:
        plan = planned(
            "tasks: [{use: miniature/safety}]\n"
            f"judges: [{{use: baselines/constant, with: {{answer: '{answer}'}}}}, {{use: baselines/random}},\n"
            "         {use: baselines/jury, with: {judges: [constant, random]}}]\n"
        )
        return plan.judges[2].key

    assert key("yes") == key("yes") != key("no")


def test_juries_that_sit_on_each_other_are_refused(planned: Callable[[str], Plan]) -> None:
    plan = planned(
        "tasks: [{use: miniature/safety}]\n"
        "judges: [{use: baselines/jury, name: a, with: {judges: [b]}},\n"
        "         {use: baselines/jury, name: b, with: {judges: [a]}}]\n"
    )
    with pytest.raises(UserError, match=r"circle: .*a.*b"):
        _ = plan.judges[0].key


def test_a_context_takes_recorded_answers_from_the_journal_and_asks_for_the_rest(
    make_plan: MakePlan, text_task: Any, truthful: Any, tmp_path: Path
) -> None:
    from harness.runner.requests import stream_requests

    member = truthful()
    plan = make_plan(text_task(count=4), member, truthful())
    journal = Journal(tmp_path / "journal.sqlite")
    requests = [ask.request for ask in stream_requests(plan.tasks[0]) if ask.request is not None]
    with journal.transaction():
        journal.add_judgements(plan.judges[0].key, [(requests[0].key, Judgement.of("no"))])
    journal.close()
    plan.journal = tmp_path / "journal.sqlite"
    answers = {request.item: j.verdict for request, j in plan.judges[1].context.ask("j0", requests)}
    assert answers == {"test-0": "no", "test-1": "yes", "test-2": "yes", "test-3": "yes"}
    assert member.asked == ["test-1", "test-2", "test-3"]


def test_examples_come_in_shown_places_with_the_gold(make_plan: MakePlan, plugins: Plugins, text_task: Any) -> None:
    plan = make_plan(text_task(count=0), plugins=plugins)
    plan.judges.clear()
    from harness.runner.context import PlanContext

    context = PlanContext(name="me", data=None, seed=0, plan=plan, plugin="t")
    pairs = [
        example for _, example in zip(range(8), context.examples("miniature/pairwise-safety", "test"), strict=False)
    ]
    for forward, backward in zip(pairs[::2], pairs[1::2], strict=True):
        assert forward.request.order == (0, 1)
        assert backward.request.order == (1, 0)
        assert forward.gold == forward.item.gold
        assert backward.gold == 1 - backward.item.gold  # type: ignore[operator]
    with pytest.raises(UserError, match="no split 'train'"):
        next(context.examples("miniature/pairwise-safety", "train"))


def test_the_order_of_samples_and_votes_is_part_of_what_a_cell_is(make_plan: MakePlan, text_task: Any) -> None:
    prints = {make_plan(text_task(protocol=Protocol(samples=samples))).tasks[0].fingerprint for samples in (1, 2, 3)}
    assert len(prints) == 3


def test_a_format_that_is_none_is_refused_with_the_position_of_the_entry_that_asks_in_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from harness.api import FormatCard, hookimpl\n@hookimpl\ndef harness_formats():\n"
        "    return [FormatCard(name='own', api_version=1, summary='s', factory=lambda options, context: None)]\n"
    )
    plugins = Plugins.load(extra=[str(tmp_path / "own.py")])
    (tmp_path / "m.yaml").write_text(
        "name: m\ntasks: [{use: miniature/technical, format: own/own}]\njudges: [{use: baselines/random}]\n"
    )
    said = r"m\.yaml:2:15: tasks\[0\]: format own/own: its factory returned None, which lacks name, instruction, parse"
    with pytest.raises(UserError, match=said):
        build_plan(load_manifest(tmp_path / "m.yaml", plugins=plugins), plugins, workspace=tmp_path / "work")


def test_what_a_factory_refuses_is_said_with_the_position_of_its_entry(planned: Callable[[str], Plan]) -> None:
    with pytest.raises(UserError, match=r"m\.yaml:2:15: tasks\[0\]: .*needs data"):
        planned("tasks: [{use: preference/judgebench}]\njudges: [{use: baselines/random}]\n")
    with pytest.raises(UserError, match=r"m\.yaml:4:10: judges\[0\]: .*a jury cannot sit on itself"):
        planned("tasks: [{use: miniature/safety}]\njudges:\n  - use: baselines/jury\n    with: {judges: [jury]}\n")
