from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.api import DataError, Item, Message, Request, Task, UserError, VerdictFormat
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, parametrize_with_checks
from harness_probes.options import Options
from harness_probes.task import ProbeTask, make, unfold

Probe = Callable[..., ProbeTask]
Models = dict[str, type[Options]]
SMALL = {"task": "miniature/alignment-digit", "with": {"items": 26, "size": 64}}
PAIRS = {"task": "miniature/pairwise-alignment", "with": {"items": 26}}


@parametrize_with_checks(["probes/text-in-image", "probes/negated", "probes/paraphrase", "probes/jpeg"], options=SMALL)
def test_conformance(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(["probes/noise", "probes/swap"], options=PAIRS)
def test_conformance_on_pairs(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(["probes/blind"], options={**SMALL, "how": "shuffle"})
def test_conformance_of_shuffled_images(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("blind", "miniature/technical"),
        ("swap", "miniature/pairwise-safety"),
        ("swap", "miniature/quality-ranking"),
        ("text-in-image", "miniature/quality-score"),
        ("negated", "miniature/safety"),
        ("paraphrase", "miniature/quality-score"),
        ("jpeg", "miniature/pairwise-alignment"),
        ("noise", "miniature/quality-ranking"),
    ],
)
def test_a_probe_keeps_ids_groups_protocol_and_format_of_its_base(
    probe: Probe, tmp_path: Path, name: str, task: str
) -> None:
    made = probe(name, task)
    base = FakeContext(workspace=tmp_path).task(task, {"items": 12})
    assert isinstance(made, Task)
    assert (made.protocol, made.format) == (base.protocol, base.format)
    theirs, ours = list(base.items("test")), list(made.items("test"))
    assert [(one.id, one.group, one.category, one.space) for one in ours] == [
        (one.id, one.group, one.category, one.space) for one in theirs
    ]
    assert made.count_items("test") == 12
    form = TaggedFormat()
    for mine, base_item in zip(ours[:3], theirs[:3], strict=True):
        order = tuple(range(len(mine.candidates)))
        assert made.render(mine, order=order, format=form).key != base.render(base_item, order=order, format=form).key
        assert mine.tags == base_item.tags


def test_swap_shows_what_the_base_shows_in_reverse(probe: Probe, tmp_path: Path) -> None:
    made = probe("swap", "miniature/quality-ranking")
    base = FakeContext(workspace=tmp_path).task("miniature/quality-ranking", {"items": 12})
    mine, theirs = next(made.items("test")), next(base.items("test"))
    form = TaggedFormat()
    swapped = made.render(mine, order=(0, 1, 2, 3), format=form)
    reverse = base.render(theirs, order=(3, 2, 1, 0), format=form)
    assert replace(swapped, order=()).content == replace(reverse, order=()).content


def test_the_option_split_says_which_split_of_the_base_is_shown(probe: Probe) -> None:
    made = probe("jpeg", "miniature/technical", inner={"train_items": 4}, split="train")
    assert [item.id[:6] for item in made.items("test")] == ["train-"] * 4
    assert made.count_items("test") == 4
    with pytest.raises(DataError, match=r"only test.*option `split:`"):
        made.items("train")
    with pytest.raises(UserError, match="task miniature/technical has no split 'trian'"):
        probe("jpeg", "miniature/technical", split="trian")


def test_a_probe_says_which_items_it_shows_changed(probe: Probe, tmp_path: Path) -> None:
    made = probe("jpeg", "miniature/technical", inner={"items": 5}, split="validation")
    base, split = made.wraps
    assert split == "validation"
    assert base.fingerprint() == FakeContext(workspace=tmp_path).task("miniature/technical", {"items": 5}).fingerprint()


def test_the_fingerprint_covers_the_base_and_the_options(probe: Probe) -> None:
    made = [
        probe("noise", "miniature/technical"),
        probe("noise", "miniature/technical", strength=3),
        probe("noise", "miniature/technical", seed=1),
        probe("noise", "miniature/technical", inner={"items": 11}),
        probe("noise", "miniature/safety"),
        probe("jpeg", "miniature/technical"),
        probe("jpeg", "miniature/technical", split="validation"),
        probe("paraphrase", "miniature/technical"),
        probe("paraphrase", "miniature/technical", seed=1),
    ]
    assert len({one.fingerprint() for one in made}) == len(made)
    assert probe("noise", "miniature/technical").fingerprint() == made[0].fingerprint()


def test_a_probe_can_wrap_a_probe(probe: Probe) -> None:
    inner = {"task": "miniature/pairwise-alignment", "with": {"items": 4}}
    made = probe("jpeg", "probes/swap", inner=inner)
    plain = probe("swap", "miniature/pairwise-alignment", inner={"items": 4})
    assert [item.gold for item in made.items("test")] == [item.gold for item in plain.items("test")]
    assert made.wraps[0].fingerprint() == plain.fingerprint()


@pytest.mark.parametrize(
    ("name", "task", "options", "reason"),
    [
        ("negated", "miniature/pairwise-alignment", {}, "only a yes/no question has a negation"),
        ("negated", "miniature/quality-score", {}, "only a yes/no question has a negation"),
        ("swap", "miniature/technical", {}, "has no candidates to swap; wrap a task that compares"),
        ("length", "miniature/pairwise-alignment", {}, "a candidate without text; wrap a task that compares texts"),
        ("text-in-image", "miniature/technical", {"candidate": 1}, "leave it out"),
        ("text-in-image", "miniature/technical", {"text": "完"}, "change `text:`"),
    ],
)
def test_a_probe_that_does_not_apply_names_task_reason_and_fix(
    probe: Probe, name: str, task: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserError, match=f"task my-{name}: probes/{name} does not apply to {task}: .*{reason}"):
        probe(name, task, **options)


@pytest.fixture
def judgebench(tmp_path: Path) -> str:
    """Text pairs in the layout of JudgeBench: two subsets."""
    folder = tmp_path / "judgebench"
    for subset in ("gpt", "claude"):
        rows = [
            {
                "pair_id": f"{number}",
                "source": "livebench-math",
                "question": f"q {number}",
                "response_A": "Because it is.",
                "response_B": "It is not.",
                "label": "A>B" if number % 2 else "B>A",
                "response_model": "m",
            }
            for number in range(6)
        ]
        (folder / subset).mkdir(parents=True)
        (folder / subset / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


def test_data_of_the_entry_reach_the_base(probe: Probe, judgebench: str) -> None:
    made = probe("length", "preference/judgebench", data=judgebench, inner={"subset": "gpt"}, words=30)
    [first, *_] = list(made.items("test"))
    request = made.render(first, order=(1, 0), format=TaggedFormat())
    assert request.text.count("What is said above stands as it is.") == 2
    assert request.text.index("It is not.") < request.text.index("Because it is.")
    with pytest.raises(UserError, match=r"my-blind: probes/blind does not apply to preference/judgebench: .*no image"):
        probe("blind", "preference/judgebench", data=judgebench, inner={"subset": "gpt"})


def test_the_fingerprint_changes_with_the_data_of_the_base(probe: Probe, judgebench: str) -> None:
    before, again = (
        probe("length", "preference/judgebench", data=judgebench, inner={"subset": "gpt"}).fingerprint()
        for _ in range(2)
    )
    file = Path(judgebench) / "gpt" / "items.jsonl"
    file.write_text(file.read_text().replace("Because it is.", "Because it was."))
    after = probe("length", "preference/judgebench", data=judgebench, inner={"subset": "gpt"}).fingerprint()
    assert before == again != after


def test_an_entry_stands_for_as_many_probes_as_its_base_for_tasks(
    models: Models, judgebench: str, tmp_path: Path
) -> None:
    context = FakeContext(workspace=tmp_path, name="length", data=judgebench)
    options = models["length"].model_validate({"task": "preference/judgebench", "words": 20})
    entries = unfold(options, context)
    found = [(entry.name, entry.options["with"]["subset"], entry.options["words"]) for entry in entries]
    assert sorted(found) == [("length-judgebench-claude", "claude", 20), ("length-judgebench-gpt", "gpt", 20)]
    for entry in entries:
        assert len(list(make(models["length"].model_validate(entry.options), context).items("test"))) == 6


class Stubborn:
    """A task that renders what it likes and not what its items hold."""

    def __init__(self, base: Task, item: Item) -> None:
        self._item, self.protocol, self.format = item, base.protocol, base.format

    def items(self, split: str) -> Any:
        yield self._item

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        message = Message("user", (*self._item.question, format.instruction(item.space)))
        return Request(task="t", item=item.id, messages=(message,), space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return "stubborn"


@pytest.mark.parametrize(("name", "options"), [("jpeg", {}), ("blind", {}), ("negated", {}), ("paraphrase", {})])
def test_a_base_that_the_probe_cannot_reach_is_refused_when_it_is_asked(
    models: Models, items: Any, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    real = FakeContext(workspace=tmp_path).task("miniature/technical")
    context = FakeContext(workspace=tmp_path, tasks={"my/stubborn": Stubborn(real, items.point(0))})
    made = make(models[name].model_validate({"task": "my/stubborn", **options}), context)
    with pytest.raises(UserError, match="does not put the parts of its items into the prompt"):
        made.render(next(made.items("test")), order=(), format=TaggedFormat())
