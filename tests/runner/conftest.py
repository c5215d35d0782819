"""A small text task and judges that behave in every way, good and bad."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.api import (
    AnswerSpace,
    Choice,
    Item,
    Judge,
    JudgeCard,
    Judgement,
    Message,
    Preference,
    Protocol,
    Reading,
    Request,
    Verdict,
    VerdictFormat,
)
from harness.discovery import Offer, Plugins
from harness.runner.context import PlanContext
from harness.runner.planned import Plan, PlannedJudge, PlannedTask


class Plain:
    """The bare verdict, so that the engine is tested without the built-in formats."""

    name = "t/plain"

    def instruction(self, space: AnswerSpace) -> str:
        return "Answer:"

    def parse(self, text: str, request: Request) -> Reading:
        return Reading(verdict=request.space.read(text))

    def write(self, verdict: Verdict, space: AnswerSpace, rationale: str = "") -> str:
        return space.name(verdict)


@dataclass
class TextTask:
    """`count` yes/no questions, or pairs."""

    count: int = 20
    pairs: bool = False
    protocol: Protocol = field(default_factory=Protocol)
    format: str = "harness/tagged"
    change: Callable[[int, Item], Item] = lambda index, item: item
    version: str = "1"

    def items(self, split: str) -> Iterator[Item]:
        space = Preference(2) if self.pairs else Choice(("yes", "no"))
        for index in range(self.count):
            item = Item(
                id=f"{split}-{index}",
                group=f"g{index // 2}",
                space=space,
                gold=index % 2 if self.pairs else ("yes", "no")[index % 2],
                question=(f"Is {index} even?",),
                candidates=((f"first {index}",), (f"second {index}",)) if self.pairs else (),
            )
            yield self.change(index, item)

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        parts = [*item.question, *(part for place in order for part in item.candidates[place])]
        return Request(
            task="?",
            item=item.id,
            messages=(Message("user", (*parts, format.instruction(item.space))),),
            space=item.space,
            format=format,
            order=order,
        )

    def fingerprint(self) -> str:
        return self.version


class Truthful:
    """Answers the first verdict, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def judge(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Judgement]]:
        for request in requests:
            self.asked.append(request.item)
            yield request, Judgement.of(request.space.verdicts()[0])

    def fingerprint(self) -> str:
        return "truthful"


@pytest.fixture
def text_task() -> type[TextTask]:
    return TextTask


@pytest.fixture
def truthful() -> type[Truthful]:
    return Truthful


@pytest.fixture
def make_request() -> Callable[..., Request]:
    def make(index: int = 0, **changes: Any) -> Request:
        task = TextTask(count=index + 1)
        item = list(task.items("test"))[index]
        return task.render(item, order=(), format=Plain())

    return make


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """Builds a plan of one text task and the given judges, without a manifest."""

    def make(task: TextTask, *judges: Judge, plugins: Plugins | None = None) -> Plan:
        plan = Plan(seed=0, plugins=plugins or Plugins(), workspace=tmp_path / "workspace")
        plan.tasks.append(
            PlannedTask(
                name="text",
                id="t/text",
                suite="",
                split="test",
                limit=None,
                task=task,
                protocol=task.protocol,
                format=Plain(),
            )
        )
        for number, judge in enumerate(judges):
            card = JudgeCard(name=f"j{number}", summary="A judge.", factory=lambda options, context, judge=judge: judge)
            context = PlanContext(name=f"j{number}", data=None, seed=0, plan=plan, plugin="t")
            plan.judges.append(
                PlannedJudge(
                    name=f"j{number}",
                    offer=Offer(f"t/j{number}", card, "t", "1"),
                    options=None,
                    context=context,
                )
            )
        return plan

    return make
