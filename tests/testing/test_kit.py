"""Sound plugins pass every check; for each check there is a plugin that breaks only what it looks at."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import (
    AnswerSpace,
    Card,
    Choice,
    DataError,
    Dataset,
    FormatCard,
    Item,
    JudgeCard,
    Judgement,
    KnownResult,
    Message,
    MetricCard,
    Parity,
    Preference,
    Protocol,
    Reading,
    Request,
    Status,
    TaskCard,
    Verdict,
    VerdictFormat,
)
from harness.formats.brackets import BracketsFormat
from harness.testing import FakeContext, FakeJudge, checks_for, format_checks, judge_checks, metric_checks, task_checks
from harness.testing._checks import run_check

COUNTER = count()


@dataclass
class SoundTask:
    """Which word is longer? Each broken task below changes one thing."""

    name: str = "words"
    protocol: Protocol = field(default_factory=lambda: Protocol(order="both"))
    format: str = "harness/brackets"

    def items(self, split: str) -> Iterator[Item]:
        if split != "test":
            raise DataError(f"no split {split!r}; there is test")
        for number in range(30):
            words = ("a" * (number + 1), "b" * (number + 5 if number % 2 else 1))
            gold = 0 if len(words[0]) >= len(words[1]) else 1
            yield self.make(number, gold, words)

    def make(self, number: int, gold: Verdict, words: tuple[str, str]) -> Item:
        candidates = ((words[0],), (words[1],))
        return Item(id=f"i{number}", group=f"g{number}", space=Preference(2), gold=gold, candidates=candidates)

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        shown = [part for place in order for part in item.candidates[place]]
        parts = ("Which is longer?", *shown, format.instruction(item.space))
        messages = (Message("user", parts),)
        return Request(task=self.name, item=item.id, messages=messages, space=item.space, format=format, order=order)

    def fingerprint(self) -> str:
        return "words-1"


def _with_text(request: Request, text: str) -> Request:
    first, *rest = request.messages
    return replace(request, messages=(replace(first, parts=(text, *first.parts)), *rest))


class OtherSpace(SoundTask):
    def render(self, item: Item, **shown: Any) -> Request:
        return replace(super().render(item, **shown), space=Choice(("a", "b")))


class RendersNothing(SoundTask):
    def render(self, item: Item, **shown: Any) -> Request:
        return None  # type: ignore[return-value]


class Counts(SoundTask):
    def __init__(self, count: Any) -> None:
        super().__init__()
        self._count = count

    def count_items(self, split: str) -> Any:
        return self._count


class RepeatedIds(SoundTask):
    def make(self, number: int, gold: Verdict, words: tuple[str, str]) -> Item:
        return replace(super().make(number, gold, words), id=f"i{number % 20}")


class OtherOrder(SoundTask):
    def items(self, split: str) -> Iterator[Item]:
        items = list(super().items(split))
        return iter(random.sample(items, len(items)))


class Leaks(SoundTask):
    def render(self, item: Item, **shown: Any) -> Request:
        return _with_text(super().render(item, **shown), f"(hint: {item.gold})")


class TellsAnnotations(SoundTask):
    def items(self, split: str) -> Iterator[Item]:
        for item in super().items(split):
            yield replace(item, annotations={"ann": item.gold, "bob": item.gold})

    def render(self, item: Item, **shown: Any) -> Request:
        return _with_text(super().render(item, **shown), f"(people said {sorted(item.annotations)})")


class OtherAnnotations(SoundTask):
    def items(self, split: str) -> Iterator[Item]:
        for item in super().items(split):
            yield replace(item, annotations={f"annotator {next(COUNTER)}": item.gold})


class Impure(SoundTask):
    def render(self, item: Item, **shown: Any) -> Request:
        return _with_text(super().render(item, **shown), f"Call {next(COUNTER)}.")


class IgnoresOrder(SoundTask):
    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        return replace(super().render(item, order=(0, 1), format=format), order=order)


class TellsOrder(SoundTask):
    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        return _with_text(super().render(item, order=order, format=format), f"Order {order}.")


class OwnInstruction(SoundTask):
    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        return super().render(item, order=order, format=BracketsFormat())


class DriftingFingerprint(SoundTask):
    def fingerprint(self) -> str:
        return f"words-{next(COUNTER)}"


class Hashed(SoundTask):
    def fingerprint(self) -> str:
        return f"words-{hash('words')}"


class AnySplit(SoundTask):
    def items(self, split: str) -> Iterator[Item]:
        return super().items("test")


class Empty(SoundTask):
    def items(self, split: str) -> Iterator[Item]:
        return iter(list(super().items(split))[:0])


class OneCandidate(SoundTask):
    def make(self, number: int, gold: Verdict, words: tuple[str, str]) -> Item:
        return replace(super().make(number, 0, words), candidates=((words[0],),))


class BareFormat(SoundTask):
    def __init__(self) -> None:
        super().__init__(format="brackets")


class UnwritableTags(SoundTask):
    def make(self, number: int, gold: Verdict, words: tuple[str, str]) -> Item:
        tags: Any = {"set": {1}}
        return replace(super().make(number, gold, words), tags=tags)


class Repainted(SoundTask):
    def make(self, number: int, gold: Verdict, words: tuple[str, str]) -> Item:
        import PIL.Image

        from harness.api import Image

        image = Image.from_drawing(lambda: PIL.Image.new("L", (2, 2), next(COUNTER) % 256), name="x")
        return replace(super().make(number, gold, words), candidates=((words[0],), (image,)))


@dataclass
class SoundJudge:
    """Answers the first verdict of each space."""

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            yield request, self.answer(request)

    def answer(self, request: Request) -> Judgement:
        return request.read(request.format.write(request.space.verdicts()[0], request.space))

    def fingerprint(self) -> str:
        return "sound-1"


class Forgetful(SoundJudge):
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        yield from list(super().judge(requests))[1:]


class Stutters(SoundJudge):
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request, judgement in super().judge(requests):
            yield request, judgement
            yield request, judgement


class WantsList(SoundJudge):
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        assert isinstance(requests, list), "give me a list"
        yield from super().judge(requests)


class NeedsOne(SoundJudge):
    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        stream = iter(requests)
        first = list(stream)
        first[0]
        yield from super().judge(first)


class OutsideSpace(SoundJudge):
    def answer(self, request: Request) -> Judgement:
        return Judgement.of("banana")


class SilentFailure(SoundJudge):
    def answer(self, request: Request) -> Judgement:
        return Judgement.failure(Status.REFUSED, "")


class Unserialisable(SoundJudge):
    def answer(self, request: Request) -> Judgement:
        return replace(super().answer(request), probabilities={"x": np.float32(1)})  # type: ignore[dict-item]


class DriftingJudge(SoundJudge):
    def fingerprint(self) -> str:
        return f"judge-{next(COUNTER)}"


class SoundFormat(BracketsFormat):
    name = "mine/form"


class Misnamed(BracketsFormat):
    name = "mine/other"


class Refuses(SoundFormat):
    def instruction(self, space: AnswerSpace) -> str:
        raise DataError("no")


class ForgetsRationale(SoundFormat):
    def parse(self, text: str, request: Request) -> Reading:
        return replace(super().parse(text, request), rationale="")


class Raises(SoundFormat):
    def parse(self, text: str, request: Request) -> Reading:
        if "\x00" in text:
            raise ValueError("NUL")
        return super().parse(text, request)


class Gullible(SoundFormat):
    def instruction(self, space: AnswerSpace) -> str:
        return f"Say for example [[{space.name(space.verdicts()[0])}]] and say no more"

    def parse(self, text: str, request: Request) -> Reading:
        return super().parse(text, replace(request, messages=()))


class TakesTheLast(SoundFormat):
    def parse(self, text: str, request: Request) -> Reading:
        return super().parse(text[max(text.rfind("[["), 0) :], request)


class TakesAnyPrefix(SoundFormat):
    def parse(self, text: str, request: Request) -> Reading:
        reading = super().parse(text, request)
        return replace(reading, well_formed=reading.verdict is not None)


class Quadratic(SoundFormat):
    def parse(self, text: str, request: Request) -> Reading:
        if len(text) > 100_000:
            began = __import__("time").process_time()
            while __import__("time").process_time() - began < 5.2:
                pass
        return super().parse(text, request)


def sound_metric(units: Any, weights: Any) -> Any:
    total = weights.sum(1)
    return np.divide(weights @ units.credit, total, out=np.full(len(weights), np.nan), where=total > 0)


METRICS: dict[str, Any] = {
    "metric_shape": lambda units, weights: sound_metric(units, weights)[:1],
    "metric_rows_are_independent": lambda units, weights: sound_metric(units, weights) / len(weights),
    "metric_depends_on_relative_weights": lambda units, weights: np.where(
        weights.sum(1) > 0, weights @ units.credit, np.nan
    ),
    "metric_of_nothing_is_nan": lambda units, weights: np.nan_to_num(sound_metric(units, weights)),
    "metric_protocol": 3,
}


class Unmarked:
    """A share by its own word, of which the card says nothing."""

    unit = "share"

    def __call__(self, units: Any, weights: Any) -> Any:
        return sound_metric(units, weights)


class Percent(Unmarked):
    """No unit that there is."""

    unit = "percent"


class Ranged(Unmarked):
    """A mean credit that is moved and stretched, with a unit and, where it says so, a range."""

    def __init__(self, unit: str, *, times: float = 1.0, plus: float = 0.0, **said: Any) -> None:
        self.unit, self.times, self.plus = unit, times, plus
        self.__dict__.update(said)

    def __call__(self, units: Any, weights: Any) -> Any:
        return self.plus + self.times * sound_metric(units, weights)


class Prepared(Unmarked):
    """A metric that says of itself one thing, and another of what it prepares."""

    unit = "score"

    def __init__(self, prepared: Any) -> None:
        self.prepare = lambda units: prepared


def card_of(kind: str, make: Any) -> Card:
    factory = lambda options, context: make()  # noqa: E731 - one expression, four uses
    if kind == "task":
        return TaskCard(
            name="words", api_version=1, summary="s", licence="l", source="s", factory=factory, answers="preference"
        )
    if kind == "judge":
        return JudgeCard(name="one", api_version=1, summary="s", licence="l", source="s", factory=factory)
    if kind == "format":
        return FormatCard(name="form", api_version=1, summary="s", factory=factory)
    return MetricCard(name="m", api_version=1, summary="s", factory=factory)


def faults(card: Card) -> dict[str, str]:
    return {name: fault for name, check in checks_for(card) if (fault := run_check(check))}


@pytest.mark.parametrize(
    ("kind", "make"),
    [("task", SoundTask), ("judge", SoundJudge), ("format", SoundFormat), ("metric", lambda: sound_metric)],
)
def test_a_sound_plugin_passes_every_check(kind: str, make: Any) -> None:
    assert faults(card_of(kind, make)) == {}


@pytest.mark.parametrize(
    ("prepared", "fault"),
    [
        (None, "`prepare` gave None; give a function of the weights"),
        (lambda weights: np.full(len(weights), 7.0), "`prepare` gives [7. 7. 7. 7.], and the metric itself [0.33"),
    ],
)
def test_what_a_metric_prepares_is_the_metric(prepared: Any, fault: str) -> None:
    assert fault in faults(card_of("metric", lambda: Prepared(prepared)))["metric_shape"]


@pytest.mark.parametrize(
    "data",
    [
        "ORG/NAME",
        Dataset(),
        Dataset(hub="https://huggingface.co/datasets/org/name"),
        Dataset(hub="org/../name"),
        Dataset(git="git@github.com:org/name"),
        Dataset(page="ask us"),
        Dataset(git="https://example.org/x", files=("*.csv",)),
        Dataset(hub="org/name", files="*.csv"),  # type: ignore[arg-type]
        Dataset(hub="org/name", rows=0),
        Dataset(hub="org/name", bytes=True),
    ],
)
def test_data_that_no_one_can_find_are_a_fault(data: Any) -> None:
    card = card_of("task", SoundTask)
    assert isinstance(card, TaskCard)
    sound = replace(card, data=Dataset(hub="org/name", files=("*.csv",), rows=5))
    assert "task_data_stated" not in faults(sound)
    assert "`data` of its card" in faults(replace(card, data=data))["task_data_stated"]


@pytest.mark.parametrize(
    "fields",
    [
        {"official": ["metric"]},
        {"official": frozenset({"all"})},
        {"parity": 0.5},
        {"parity": Parity(items=0, judges=1, values=1, difference=0)},
        {"parity": Parity(items=1, judges=1, values=1, difference=float("nan"))},
        {"results": (0.5,)},
        {"results": (KnownResult(judge="j", value=float("nan"), metric="m", source="https://example.org"),)},
        {"results": (KnownResult(judge="j", value=1.0, metric="", source="https://example.org"),)},
        {"results": (KnownResult(judge="j", value=1.0, metric="m", source="the paper"),)},
    ],
)
def test_published_scores_that_say_nothing_are_a_fault(fields: dict[str, Any]) -> None:
    card = card_of("task", SoundTask)
    assert isinstance(card, TaskCard)
    sound = replace(
        card,
        official=frozenset({"metric"}),
        parity=Parity(items=1, judges=1, values=1, difference=0.0),
        results=(KnownResult(judge="j", value=1.0, metric="m", source="https://example.org"),),
    )
    assert "task_published_stated" not in faults(sound)
    assert "its card" in faults(replace(card, **fields))["task_published_stated"]


@pytest.mark.parametrize(
    ("kind", "make", "check"),
    [
        ("task", lambda: object(), "task_protocol"),
        ("task", BareFormat, "task_protocol"),
        ("task", AnySplit, "task_splits"),
        ("task", Empty, "task_splits"),
        ("task", RepeatedIds, "task_ids_unique"),
        ("task", OtherOrder, "task_order_deterministic"),
        ("task", OneCandidate, "task_gold_in_space"),
        ("task", Repainted, "task_images_readable"),
        ("task", Leaks, "task_gold_not_leaked"),
        ("task", TellsAnnotations, "task_gold_not_leaked"),
        ("task", OtherAnnotations, "task_order_deterministic"),
        ("task", Impure, "task_render_is_pure"),
        ("task", IgnoresOrder, "task_swap_symmetry"),
        ("task", TellsOrder, "task_swap_symmetry"),
        ("task", OwnInstruction, "task_instruction_ends_the_prompt"),
        ("task", OtherSpace, "task_renders_the_item"),
        ("task", RendersNothing, "task_renders_the_item"),
        ("task", lambda: Counts(None), "task_counts_its_items"),
        ("task", lambda: Counts(-5), "task_counts_its_items"),
        ("task", lambda: Counts(1_000_000), "task_counts_its_items"),
        ("task", DriftingFingerprint, "task_fingerprint_is_stable"),
        ("task", UnwritableTags, "task_json_round_trip"),
        ("judge", lambda: object(), "judge_protocol"),
        ("judge", Forgetful, "judge_answers_each_once"),
        ("judge", Stutters, "judge_answers_each_once"),
        ("judge", WantsList, "judge_takes_a_generator"),
        ("judge", NeedsOne, "judge_takes_an_empty_stream"),
        ("judge", OutsideSpace, "judge_verdicts_in_space"),
        ("judge", SilentFailure, "judge_statuses"),
        ("judge", Unserialisable, "judge_json_round_trip"),
        ("judge", DriftingJudge, "judge_fingerprint_is_stable"),
        ("format", Misnamed, "format_name_is_its_id"),
        ("format", Refuses, "format_knows_a_space"),
        ("format", ForgetsRationale, "format_round_trip"),
        ("format", Raises, "format_is_total"),
        ("format", Gullible, "format_echo_is_no_verdict"),
        ("format", TakesTheLast, "format_contradiction_is_no_verdict"),
        ("format", TakesAnyPrefix, "format_well_formed_is_the_whole_answer"),
        ("format", Quadratic, "format_is_linear"),
        *(("metric", lambda broken=broken: broken, check) for check, broken in METRICS.items()),
    ],
)
def test_each_check_catches_its_fault(kind: str, make: Any, check: str) -> None:
    found = dict(checks_for(card_of(kind, make)))
    assert run_check(found[check]), f"{check} did not see the fault"


@pytest.mark.parametrize(
    ("metric", "said", "caught"),
    [
        (Unmarked(), {}, "metric_says_its_unit"),
        (Percent(), {"unit": "percent"}, "metric_says_its_unit"),
        (Ranged("distance"), {"unit": "distance"}, "metric_says_its_unit"),
        (Ranged("share", times=100), {"unit": "share"}, "metric_keeps_its_range"),
        (Ranged("share", times=2, plus=-0.5), {"unit": "share"}, "metric_keeps_its_range"),
        (Ranged("correlation", times=3, plus=-1.5), {"unit": "correlation"}, "metric_keeps_its_range"),
        (
            Ranged("distance", plus=-0.1, greater_is_better=False),
            {"unit": "distance", "greater_is_better": False},
            "metric_keeps_its_range",
        ),
        (Ranged("score", times=100, bounds=lambda space: (0, 50)), {}, "metric_keeps_its_range"),
        (Ranged("score", bounds=lambda space: (1, 0)), {}, "metric_keeps_its_range"),
        (Ranged("share"), {"unit": "share"}, ""),
        (Ranged("correlation", times=2, plus=-1), {"unit": "correlation"}, ""),
        (Ranged("distance", times=9, greater_is_better=False), {"unit": "distance", "greater_is_better": False}, ""),
        (Ranged("score", times=100, bounds=lambda space: (0, 100)), {}, ""),
    ],
)
def test_a_metric_keeps_to_what_it_says_of_its_values(metric: Any, said: dict[str, Any], caught: str) -> None:
    card = MetricCard(name="m", api_version=1, summary="s", factory=lambda options, context: metric, **said)
    found = faults(card)
    assert set(found) - {"metric_keeps_its_range"} == {caught} - {"", "metric_keeps_its_range"}
    if caught != "metric_says_its_unit":
        assert ("metric_keeps_its_range" in found) == bool(caught)


def test_a_key_that_differs_between_processes_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    (tmp_path / "kit_under_test.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "factories.py").write_text(
        "import kit_under_test\n"
        "def sound(options, context): return kit_under_test.SoundTask()\n"
        "def hashed(options, context): return kit_under_test.Hashed()\n"
    )
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    for name, caught in (("sound", False), ("hashed", True)):
        card = TaskCard(name=name, api_version=1, summary="s", factory=f"factories:{name}")
        fault = run_check(dict(task_checks(card))["task_keys_equal_in_another_process"])
        assert bool(fault) is caught, fault


@dataclass
class Gives:
    """Its `judge` is any function of the requests."""

    judge: Any
    fingerprint: Any = lambda: "gives"


PAIRS = {
    "alone": (lambda request: Judgement.of("yes"), "yielded Judgement, which is no pair"),
    "text": (lambda request: (request, "yes"), "yielded Request, str, which is no pair"),
    "id": (lambda request: (request.item, Judgement.of("yes")), "yielded str, Judgement, which is no pair"),
    "nothing": (lambda request: None, "yielded NoneType, which is no pair"),
}


@pytest.mark.parametrize("check", ["judge_answers_each_once", "judge_takes_a_generator", "judge_json_round_trip"])
@pytest.mark.parametrize(("turn", "said"), PAIRS.values(), ids=PAIRS)
def test_a_judge_that_yields_something_else_is_told_what(turn: Any, said: str, check: str) -> None:
    found = dict(checks_for(card_of("judge", lambda: Gives(lambda requests: map(turn, requests)))))
    assert run_check(found[check]).startswith(f"judge card/one: {said} of a Request and its Judgement; write `yield")


@pytest.mark.parametrize("check", ["judge_answers_each_once", "judge_takes_an_empty_stream"])
def test_a_judge_that_is_no_generator_is_told_what_to_write(check: str) -> None:
    found = dict(checks_for(card_of("judge", lambda: Gives(lambda requests: None))))
    assert "judge() returned an object of type NoneType; write `yield request, judgement`" in run_check(found[check])


def test_what_is_no_judge_is_told_what_it_lacks() -> None:
    for made, lacks in (
        (object(), r"judge\(\) and the method fingerprint\(\)"),
        (Gives(list, "1"), r"fingerprint\(\)"),
    ):
        fault = run_check(dict(checks_for(card_of("judge", lambda made=made: made)))["judge_protocol"])
        assert re.search(f"which is no Judge: it lacks the method {lacks}$", fault, re.MULTILINE)


@pytest.mark.parametrize(
    ("kind", "make", "check"),
    [
        ("judge", Unserialisable, "judge_json_round_trip"),
        ("metric", lambda: lambda units, weights: None, "metric_depends_on_relative_weights"),
    ],
)
def test_an_error_in_what_a_check_calls_comes_without_a_line(kind: str, make: Any, check: str) -> None:
    fault = run_check(dict(checks_for(card_of(kind, make)))[check])
    assert fault.startswith("TypeError: ")
    assert ", line " not in fault


def test_an_error_of_a_plugin_comes_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "deep.py"
    lines = ["import json", "def judge(requests):", "    for request in requests:", "        yield ask(request)"]
    lines += ["def ask(request):", "    return json.loads(request.text)"]
    file.write_text("\n".join(lines), encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "deep"}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), namespace)  # a plugin of one file
    found = dict(checks_for(card_of("judge", lambda: Gives(namespace["judge"]))))
    # The line of the plugin, and not one of the library that it calls.
    assert run_check(found["judge_answers_each_once"]).endswith(f" ({file}, line 6)")
    stops = compile("def judge(requests):\n    yield next(iter(()))\n", str(file), "exec")
    exec(stops, namespace)
    fault = run_check(dict(checks_for(card_of("judge", lambda: Gives(namespace["judge"]))))["judge_answers_each_once"])
    assert fault == f"RuntimeError: generator raised StopIteration ({file}, line 2)"


def test_a_factory_that_raises_fails_checks_and_not_the_listing() -> None:
    def broken() -> None:
        raise RuntimeError("no weights")

    assert "no weights" in faults(card_of("judge", broken))["judge_protocol"]


def test_empty_cards_and_missing_factories_are_caught() -> None:
    card = TaskCard(name="x", summary=" ", factory="no_such_module:x", options="harness.api:NoSuch")
    found = faults(card)
    assert {
        "card_summary",
        "card_api_version",
        "card_licence",
        "card_source",
        "card_factory_exists",
        "card_options_exists",
    } <= set(found)


def test_the_named_functions_give_the_same_checks() -> None:
    for kind, make, function in (
        ("task", SoundTask, task_checks),
        ("judge", SoundJudge, judge_checks),
        ("format", SoundFormat, format_checks),
        ("metric", lambda: sound_metric, metric_checks),
    ):
        card = card_of(kind, make)
        names = [name for name, _ in function(card)]
        assert names == [name for name, _ in checks_for(card) if not name.startswith("card_")]


def test_a_heavy_plugin_module_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.testing._checks import plugin_checks

    (tmp_path / "heavy_plugin.py").write_text("import numpy\n")
    (tmp_path / "light_plugin.py").write_text("import json\nimport harness.api\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "imports numpy" in run_check(dict(plugin_checks("heavy_plugin"))["plugin_import_is_light"])
    assert not run_check(dict(plugin_checks("light_plugin"))["plugin_import_is_light"])


SPENDS = "import time\nstart = time.process_time()\nwhile time.process_time() - start < 0.3: pass\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import dear_package",
            r"takes \d+ ms of CPU, and the harness itself \d+; .*most expensive are dear_package \(\d+ ms\)",
        ),
        ("def harness_judges():\n    import dear_package\n    return []", r"takes \d+ ms of CPU"),
        ("import time\ntime.sleep(1.3)", r"takes 1\.\d s by the clock and \d+ ms of CPU: it waits for something"),
    ],
)
def test_a_slow_plugin_module_is_caught_by_the_clock(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    from harness.testing._checks import plugin_checks

    module = f"slow_{tmp_path.name}".replace("-", "_")
    (tmp_path / "dear_package.py").write_text(SPENDS)
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    fault = run_check(dict(plugin_checks(module))["plugin_import_is_light"])
    assert re.search(said, fault), fault


def test_a_version_that_is_taken_from_the_installed_harness_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.testing._checks import plugin_checks

    for name, version in (("taken_plugin", "API_VERSION"), ("stated_plugin", "1")):
        (tmp_path / f"{name}.py").write_text(f"card = JudgeCard(name='x',\n  api_version={version})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = run_check(dict(plugin_checks("taken_plugin"))["plugin_api_version_is_literal"])
    assert "taken_plugin, line 2: api_version is no literal number; write api_version=1" in said
    assert not run_check(dict(plugin_checks("stated_plugin"))["plugin_api_version_is_literal"])


def test_a_card_of_a_version_that_is_not_spoken_is_caught_and_an_old_one_warned_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from harness import registration
    from harness.testing import _checks

    def observed(version: int) -> tuple[str, str]:
        card = replace(card_of("judge", SoundJudge), api_version=version)
        return _checks.observe_check(dict(checks_for(card))["card_api_version"])

    assert "upgrade judge-harness" in observed(2)[0]
    for module in (registration, _checks):
        monkeypatch.setattr(module, "API_VERSION", 2)
    assert observed(2) == ("", "")
    assert observed(1) == ("", "judge one: written for version 1 of the plugin API, and the newest is 2")


def test_the_fake_context_knows_what_it_was_given(tmp_path: Path) -> None:
    judge = FakeJudge.saying("[[A]]")
    context = FakeContext(workspace=tmp_path, judges={"a": judge})
    item = next(SoundTask().items("test"))
    request = SoundTask().render(item, order=(0, 1), format=BracketsFormat())
    assert [judgement.verdict for _, judgement in context.ask("a", [request])] == [0]
    with pytest.raises(Exception, match="no judge 'b'"):
        list(context.ask("b", []))
    with pytest.raises(Exception, match="no split 'train'"):
        list(context.examples("t", "train"))


def test_fake_judges_follow_their_script() -> None:
    items = list(SoundTask().items("test"))[:3]
    requests = [SoundTask().render(item, order=(0, 1), format=BracketsFormat()) for item in items]

    def said(judge: FakeJudge) -> list[object]:
        return [judgement.verdict or judgement.status.value for _, judgement in judge.judge(iter(requests))]

    assert said(FakeJudge.answering(1, Status.ERROR)) == [1, "error", 1]
    assert said(FakeJudge.position_biased(1)) == [1, 1, 1]
    assert said(FakeJudge.always_tie()) == ["refused"] * 3
    assert said(FakeJudge.saying("no idea")) == ["unparsed"] * 3
    assert said(FakeJudge.slow(0.001)) == ["ok"] * 3
    fussy = FakeJudge.raising(when=lambda request: request.item == "i1")
    with pytest.raises(Exception, match="scripted error"):
        list(fussy.judge(requests))
    assert [request.item for request in fussy.asked] == ["i0", "i1"]
    tied = replace(requests[0], space=Preference(2, ("tie",)))
    assert [judgement.verdict for _, judgement in FakeJudge.always_tie().judge([tied])] == ["tie"]
    assert Choice(("a", "b")).contains(next(iter(FakeJudge.answering("a").judge([tied])))[1].verdict)
