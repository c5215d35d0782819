"""Asking judges again: the questions of all measures as tasks of a plan, run by the engine into a journal of their own.

Content keys make a repeated call free, and a killed one goes on. Nothing here is ranked: no cell of these is a cell of
the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from harness.api import CellProgress, Item, Judgement, Protocol, Request, Status, VerdictFormat
from harness.api.reading import find_restart
from harness.explain.measures import MeasureSettings, Question, Way
from harness.explain.study import StudiedAnswer, Study
from harness.explain.weighing import PlannedWeigher, count_passes
from harness.libraries.sealed import MOST_VALUES
from harness.recorded.journal import RecordedJournal
from harness.runner.engine import Engine, RunOutcome
from harness.runner.planned import Plan, PlannedJudge, PlannedTask
from harness.runner.rows import judgement_from_row

JOURNAL = "explain.sqlite"
"""Name of the journal of explanations in the run folder."""

_PROTOCOL = Protocol(order="fixed")


@dataclass(frozen=True, kw_only=True)
class QuestionTask:
    """The questions of one measure about one judge, as a task. Implements `harness.api.Task`."""

    questions: Sequence[Question]
    """What is asked."""
    format: str
    """Id of the verdict format."""
    protocol: Protocol = _PROTOCOL
    """Each question is asked once, as it is: the order is in it already."""

    def items(self, split: str) -> Iterator[Item]:
        """One for each question."""
        for question in self.questions:
            said = question.said
            yield Item(
                id=id_of(question),
                group=said.item.group,
                space=question.request.space,
                gold=said.gold,
                question=said.item.question,
                candidates=tuple(said.item.candidates[place] for place in said.answer.order),
            )

    def count_items(self, split: str) -> int:
        """How many questions there are."""
        return len(self.questions)

    def render(self, item: Item, *, order: tuple[int, ...], format: VerdictFormat) -> Request:
        """The request of the question."""
        return self._requests[item.id]

    def fingerprint(self) -> str:
        """Covers every question."""
        text = repr([(id_of(question), question.request.key) for question in self.questions])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def gives_beginnings(self) -> bool:
        """Whether any question gives its answer a beginning."""
        return any(question.request.beginning for question in self.questions)

    @property
    def _requests(self) -> dict[str, Request]:
        found: dict[str, Request] | None = self.__dict__.get("_by_id")
        if found is None:
            found = {id_of(question): question.request for question in self.questions}
            self.__dict__["_by_id"] = found  # a frozen record: made once, and of nothing that changes
        return found


def id_of(question: Question) -> str:
    """Names a question among those of its measure."""
    order = ",".join(map(str, question.said.answer.order))
    return f"{question.said.item.id} | {order} | {question.label}"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The questions of one measure about one judge on one task."""

    measure: str
    """Name of the measure."""
    study: Study
    """What it is about."""
    questions: Sequence[Question]
    """What is asked."""


@dataclass(kw_only=True)
class QuestionPlan:
    """A plan of cells that are no cells of the run."""

    plan: Plan
    """For the engine."""
    places: dict[tuple[str, str, str, Way], tuple[PlannedTask, PlannedJudge]] = field(default_factory=dict)
    """By measure, task, judge and way, the cell in it."""


def plan_questions(askings: Iterable[Asking], base: Plan, settings: MeasureSettings) -> QuestionPlan:
    """Lay out all questions as cells: one for each measure, task, judge and way to ask.

    Args:
        askings: The questions.
        base: The plan of the run.
        settings: Of the measures.
    """
    plan = replace(base, tasks=[], judges=[], left_out=set())
    made = QuestionPlan(plan=plan)
    judges: dict[tuple[str, Way], PlannedJudge] = {}
    for asking in askings:
        judge, task = asking.study.judge, asking.study.task
        assert judge is not None
        for way in dict.fromkeys(question.way for question in asking.questions):
            questions = [question for question in asking.questions if question.way == way]
            source = QuestionTask(questions=questions, format=task.format.name)
            # The name holds what is asked: with another --limit it is another task, and its answers are known all the
            # same, for they are kept by content.
            planned = PlannedTask(
                name=f"{asking.measure}: {task.name}, {judge.name} {source.fingerprint()[:8]}",
                id=task.id,
                suite=task.suite,
                split=task.split,
                limit=None,
                task=source,
                protocol=source.protocol,
                format=task.format,
            )
            if (judge.name, way) not in judges:
                judges[judge.name, way] = judge if way == "ask" else PlannedWeigher.of(judge, way, settings)
                plan.judges.append(judges[judge.name, way])
            plan.tasks.append(planned)
            made.places[asking.measure, task.name, judge.name, way] = planned, judges[judge.name, way]
    wanted = {(planned.name, judge.name) for planned, judge in made.places.values()}
    plan.left_out = {(t.name, j.name) for t in plan.tasks for j in plan.judges} - wanted
    # Judge by judge, so that the weights of one at a time are in memory.
    return made


def count_missing(asked: QuestionPlan, path: Path) -> dict[tuple[str, str], int]:
    """How many questions have no answer yet, by names of the cell."""
    journal = RecordedJournal(path, readonly=True) if path.is_file() else None
    try:
        found = {}
        for task, judge in asked.places.values():
            requests = [judge.put(request).key for request in _requests_of(task)]
            known = set()
            for start in range(0, len(requests), MOST_VALUES):
                part = requests[start : start + MOST_VALUES]
                known |= set() if journal is None else journal.find_answered(judge.key, part)
            found[task.name, judge.name] = len(set(requests) - known)
        return found
    finally:
        if journal is not None:
            journal.close()


def count_passes_to_make(
    asked: QuestionPlan, missing: Mapping[tuple[str, str], int], settings: MeasureSettings
) -> dict[tuple[str, str], int]:
    """How often texts would be weighed for the questions that have no answer, by names of the cell.

    Args:
        asked: The questions.
        missing: How many of each cell have no answer.
        settings: Of the measures.
    """
    found = {}
    for (_, _, _, way), (task, judge) in asked.places.items():
        place = task.name, judge.name
        if way != "ask" and missing[place]:
            # Items of a task have pictures of one size nearly always, and opening all would take long.
            first = next(_requests_of(task))
            found[place] = count_passes(replace(first, messages=first.messages[:-1]), settings, way) * missing[place]
    return found


def _requests_of(task: PlannedTask) -> Iterator[Request]:
    from harness.runner.requests import stream_requests

    return (planned.request for planned in stream_requests(task) if planned.request is not None)


def ask_questions(asked: QuestionPlan, path: Path, *, timeout: float, progress: CellProgress) -> RunOutcome:
    """Ask what the journal has no answer to.

    Args:
        asked: The questions.
        path: The journal of explanations.
        timeout: Seconds that a judge may stay silent.
        progress: Shows how far each cell is.
    """
    journal = RecordedJournal(path)
    try:
        plan = asked.plan
        # The left-out cells are of no interest to anybody: not recorded, there is no row for each pair of the two.
        outcome = RunOutcome()
        for judge, tasks in _list_parts(plan):
            own = replace(plan, judges=[judge], tasks=tasks)
            own.left_out = set()
            outcome = _add(
                outcome,
                Engine(own, journal, timeout=timeout, fail_on_error=None, shard=None, progress=progress).run(),
            )
            if outcome.interrupted:
                break
        return outcome
    finally:
        journal.close()


def _list_parts(plan: Plan) -> Iterator[tuple[PlannedJudge, list[PlannedTask]]]:
    """Judge by judge, what is asked of it: first the plain questions, then those that give an answer its beginning.

    A server that refuses the ones must not end the others.
    """
    for judge in plan.judges:
        tasks = [task for task in plan.tasks if (task.name, judge.name) not in plan.left_out]
        for begun in (False, True):
            own = [t for t in tasks if cast("QuestionTask", t.task).gives_beginnings == begun]
            if own:
                yield judge, own


def _add(first: RunOutcome, second: RunOutcome) -> RunOutcome:
    return RunOutcome(
        interrupted=first.interrupted or second.interrupted,
        too_many_errors=first.too_many_errors or second.too_many_errors,
        stopped={**first.stopped, **second.stopped},
        asked=first.asked + second.asked,
        errors={**first.errors, **second.errors},
    )


@dataclass(frozen=True, kw_only=True)
class MeasureAnswers:
    """What came back to the questions of one measure."""

    answers: dict[tuple[str, tuple[int, ...], str], Judgement]
    """By item, order and label, without those that were begun again in place of going on from their beginning."""
    probed: int = 0
    """Answers that show whether the judge goes on at all."""
    restarted: int = 0
    """How many of these were begun again."""
    strayed: int = 0
    """Answers that lack their beginning, which `raw` has to include."""
    problem: str = ""
    """Why the first of the failures failed."""


def read_answers(asked: QuestionPlan, path: Path, asking: Asking) -> MeasureAnswers:
    """What came back."""
    found = _read_all(asked, path, asking)
    kept: dict[tuple[str, tuple[int, ...], str], Judgement] = {}
    probed, restarted, strayed, problem = 0, 0, 0, ""
    for question in asking.questions:
        place = _place(question.said, question.label)
        judgement = found.get(place)
        if judgement is None:
            continue
        problem = problem or judgement.error * (judgement.status in (Status.ERROR, Status.REFUSED))
        again = question.way == "ask" and has_restarted(question.request, judgement)
        probed += question.probes
        restarted += question.probes and again
        strayed += again and not judgement.raw.startswith(question.request.beginning)
        if not again:
            kept[place] = judgement
    return MeasureAnswers(answers=kept, probed=probed, restarted=restarted, strayed=strayed, problem=problem)


def has_restarted(request: Request, judgement: Judgement) -> bool:
    """Whether an answer with a given beginning shows that the judge began again. What it never wrote shows nothing."""
    if not request.beginning or not judgement.raw:
        return False
    # `raw` has to include the beginning: without it the verdict is that of another answer.
    begun = judgement.raw.startswith(request.beginning)
    return not begun or bool(find_restart(request, judgement.raw[len(request.beginning) :]))


def _read_all(asked: QuestionPlan, path: Path, asking: Asking) -> dict[tuple[str, tuple[int, ...], str], Judgement]:
    found: dict[tuple[str, tuple[int, ...], str], Judgement] = {}
    if not asking.questions or not path.is_file():
        return found
    journal = RecordedJournal(path, readonly=True)
    try:
        judge = asking.study.judge
        assert judge is not None
        for way in dict.fromkeys(question.way for question in asking.questions):
            task, weigher = asked.places[asking.measure, asking.study.task.name, judge.name, way]
            questions = {id_of(question): question for question in asking.questions if question.way == way}
            names = list(questions)
            for start in range(0, len(names), MOST_VALUES // 2):
                part = names[start : start + MOST_VALUES // 2]
                keys = {item: key for (item, _), key in journal.find_request_keys(task.name, part).items()}
                # Those of a judge that answers by item have the item's id in their key as well.
                put = {item: f"{key}/{item}" if weigher.answers_by_item else key for item, key in keys.items()}
                rows = journal.find_judgements(weigher.key, list(put.values()))
                for item, key in put.items():
                    if key in rows:
                        found[_place(questions[item].said, questions[item].label)] = judgement_from_row(*rows[key])
    finally:
        journal.close()
    return found


def _place(said: StudiedAnswer, label: str) -> tuple[str, tuple[int, ...], str]:
    return said.item.id, said.answer.order, label
