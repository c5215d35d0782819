"""One `harness explain`: the run is read, its tasks and judges are made again, and what was found out is written.

run folder  -->  studies  --questions-->  explain.sqlite  --measures-->  explanations.json, and a section of the report
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import CellProgress, Item, JournalError, RecordedCell, UserError
from harness.explain.asking import (
    JOURNAL,
    Asking,
    MeasureAnswers,
    QuestionPlan,
    ask_questions,
    count_missing,
    count_passes_to_make,
    plan_questions,
    read_answers,
)
from harness.explain.measures import MEASURES, Measure, MeasureSettings, make_measures
from harness.explain.pooling import forget_units, pool_findings
from harness.explain.records import Explanations, Finding, read_explanations
from harness.explain.study import StudiedAnswer, Study, choose_items
from harness.libraries.sealed import is_writable
from harness.libraries.text import clean
from harness.manifest.load import load_manifest
from harness.pipeline.session import make_models, report_run
from harness.recipes import give_models, plan_trainings
from harness.recorded.journal import RecordedJournal
from harness.recorded.load import load_run
from harness.report.faithfulness import FILE, digest_answers
from harness.runner.folder import JOURNAL as RUN_JOURNAL
from harness.runner.folder import MANIFEST, lock_folder, write_atomically
from harness.runner.plan import build_plan, plan_tasks
from harness.runner.planned import Plan, PlannedJudge, PlannedTask
from harness.score.direct import UnitStatistics

if TYPE_CHECKING:
    from harness.discovery import Plugins
    from harness.manifest.load import LoadedManifest
    from harness.runner.engine import RunOutcome

_MOST_RESTARTED = 0.1
"""Share of answers that were begun again, above which none of the judge's is believed: not all of them can be seen."""

_LONGEST_REASON = 200


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    measures: tuple[str, ...] = ()
    """Names of measures; all where there are none."""
    limit: int = 100
    """Items of each task about which judges are asked again."""
    seed: int = 0
    """Of the choice of items."""
    ask: bool = True
    """Whether judges are asked at all."""


@dataclass(frozen=True, kw_only=True)
class ExplainSession:
    """What a call came to."""

    explanations: Explanations | None
    """What was found out; `None` where nothing was measured."""
    outcome: RunOutcome | None = None
    """What asking came to; `None` where nothing was asked."""
    to_ask: Mapping[tuple[str, str], int] | None = None
    """In a dry run: questions without an answer, by names of the cell."""
    price: tuple[str, ...] = ()
    """In a dry run: what they would take, in lines."""


def explain_run(
    folder: Path,
    plugins: Plugins,
    wanted: Wanted,
    settings: MeasureSettings,
    *,
    dry_run: bool,
    checkpoints: Path,
    make_progress: Callable[[], CellProgress],
    say: Callable[[str], None],
) -> ExplainSession:
    """Explain the answers of a run, or go on where an earlier call stopped.

    Args:
        folder: The run folder.
        plugins: The installed plugins.
        wanted: What to measure, and about how many items.
        settings: Of the measures.
        dry_run: Ask nothing and write nothing.
        checkpoints: The folder of checkpoint folders.
        make_progress: Makes what shows how far it is.
        say: Takes lines for people.

    Raises:
        UserError: It is no run folder, or its tasks or judges cannot be made as they were. Nothing is written.
    """
    measures = make_measures(wanted.measures, settings)
    run = load_run(folder)
    if not dry_run and not is_writable(folder):
        # Before any judge is asked: what it says would be lost.
        raise JournalError(
            f"{folder}: is read-only, and what is found out is kept in it; copy the run folder to where you may write"
        )
    if not run.cells:
        raise JournalError(f"{folder}: nothing was judged yet; run its manifest again")
    make_judges = None if not wanted.ask else _give_trained if dry_run else make_models
    plan, timeout = _make_plan(folder, plugins, run.cells, make_judges, checkpoints=checkpoints, say=say)
    # In a dry run no recipe is trained: what its judge would be asked is known once it is.
    waiting = {judge.name for judge in plan.judges if judge.needs_training}
    cells = [cell for cell in run.cells if cell.judge not in waiting]
    studies = list(_make_studies(cells, plan, wanted, confidence=run.report.confidence, ask=wanted.ask))
    lacking = {(name, *_key(study)): measure.lacks(study) for study in studies for name, measure in measures.items()}
    askings = {
        (name, *_key(study)): Asking(
            measure=name,
            study=study,
            questions=() if lacking[name, *_key(study)] else tuple(measure.questions(study)),
        )
        for study in studies
        for name, measure in measures.items()
    }
    put = plan_questions((asking for asking in askings.values() if asking.questions), plan, settings)
    journal = folder / JOURNAL
    if dry_run:
        to_ask = count_missing(put, journal)
        return ExplainSession(explanations=None, to_ask=to_ask, price=_price(put, folder, to_ask, settings))
    outcome = None
    # A run that goes on at the same time would change the answers that are being explained.
    with lock_folder(folder):
        if put.places:
            outcome = ask_questions(put, journal, timeout=timeout, progress=make_progress())
            if outcome.interrupted:
                return ExplainSession(explanations=None, outcome=outcome)
        stopped = {} if outcome is None else outcome.stopped
        findings = [
            _measure(measures[name], askings[name, *_key(study)], lacking[name, *_key(study)], put, journal, stopped)
            for study in studies
            for name in measures
        ]
        if len(plan.tasks) > 1:
            findings += pool_findings(findings, UnitStatistics(), confidence=run.report.confidence)
        explanations = Explanations(
            run=folder.name,
            answers=digest_answers(folder),
            limit=wanted.limit,
            seed=wanted.seed,
            confidence=run.report.confidence,
            settings={name: value for name, value in asdict(settings).items() if name != "folder"},
            findings=tuple(map(forget_units, findings)),
        )
        explanations = _keep_earlier(folder, explanations)
        write_atomically(folder / FILE, json.dumps(explanations.to_json(), indent=1) + "\n")
        report_run(folder, plugins)
    return ExplainSession(explanations=explanations, outcome=outcome)


def _keep_earlier(folder: Path, found: Explanations) -> Explanations:
    """The findings with those of other measures, where they are about the same answers and the same choice of items."""
    before = read_explanations(folder)
    if before is None or replace(before, findings=()) != replace(found, findings=()):
        return found
    known = {_place(finding): finding for finding in (*before.findings, *found.findings)}
    cells = dict.fromkeys((finding.task, finding.judge) for finding in found.findings)
    # In the order of the manifest, and of the measures within each cell.
    places = [(task, judge, measure) for task, judge in cells for measure in MEASURES]
    return replace(found, findings=tuple(known[place] for place in places if place in known))


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.task, finding.judge, finding.measure


def _key(study: Study) -> tuple[str, str]:
    return study.cell.task, study.cell.judge


def _measure(
    measure: Measure, asking: Asking, lacks: str, put: QuestionPlan, journal: Path, stopped: Mapping[str, str]
) -> Finding:
    """The finding of one measure about one judge on one task."""
    study = asking.study
    if lacks:
        return Finding(measure=asking.measure, task=study.cell.task, judge=study.cell.judge, lacks=lacks)
    found = read_answers(put, journal, asking)
    finding = measure.measure(study, found.answers)
    if why := _why_not_counted(asking, found, stopped.get(study.cell.judge, "")):
        # The figures would be of a few answers, or of answers to something that was not asked.
        return replace(finding, figures=(), examples=(), lacks=why, failed=len(asking.questions))
    # With one item, or none of a kind, a control may have nothing to count: then the number is not shown either.
    known = tuple(figure for figure in finding.figures if figure.share.n and figure.controls[0].value is not None)
    lacks = "too few items for a number and its control" if finding.figures and not known else finding.lacks
    return replace(finding, figures=known, lacks=lacks)


def _why_not_counted(asking: Asking, found: MeasureAnswers, stopped: str) -> str:
    """Why what came back is not counted at all; empty where it is."""
    if found.restarted > _MOST_RESTARTED * found.probed:
        return (
            f"the judge began its answer again in {found.restarted:,} cases of {found.probed:,}, where it was to go on "
            "from its own reasoning: `continues` does not hold for it"
        )
    if found.strayed:
        return (
            f"{found.strayed:,} answers of the judge do not begin as they were to begin: `continues` does not hold for "
            "it, or its `raw` lacks the beginning"
        )
    usable = sum(answer.verdict is not None for answer in found.answers.values())
    if asking.questions and not usable and all(question.way == "ask" for question in asking.questions):
        reason = f": {why[:_LONGEST_REASON]}" if (why := found.problem or stopped) else ""
        return f"none of {len(asking.questions):,} questions was answered with a verdict{reason}"
    return ""


def _price(
    put: QuestionPlan, folder: Path, to_ask: Mapping[tuple[str, str], int], settings: MeasureSettings
) -> tuple[str, ...]:
    from harness.price.lines import price_run, write_lines

    lines = [
        f"{task}: about {passes:,} passes of {judge}, one for each covered picture"
        for (task, judge), passes in count_passes_to_make(put, to_ask, settings).items()
    ]
    return (*lines, *write_lines(price_run(put.plan, folder, to_ask, None)))


def _make_plan(
    folder: Path,
    plugins: Plugins,
    cells: Sequence[RecordedCell],
    make_judges: Callable[..., None] | None,
    *,
    checkpoints: Path,
    say: Callable[[str], None],
) -> tuple[Plan, float]:
    """The plan of the run made again, checked to be what it was, and its timeout. Without `make_judges`: tasks only."""
    if not (folder / MANIFEST).is_file():
        raise JournalError(f"{folder}: has no {MANIFEST}, by which its questions could be made again")
    with _explain_errors(folder):
        loaded = load_manifest(folder / MANIFEST, plugins=plugins)
        make = plan_tasks if make_judges is None else build_plan
        plan = make(loaded, plugins, workspace=folder.parent / ".workspace")
        if make_judges is not None:
            # Before and after, as in a run: a plugin may forbid to ask, and to train.
            plugins.check("harness_plan_made", manifest=loaded, plan=plan, plugins=plugins)
            make_judges(plan, loaded, plugins, checkpoints=checkpoints, say=say)
            plugins.check("harness_plan_made", manifest=loaded, plan=plan, plugins=plugins)
        _check_plan(folder, plan, cells)
    return plan, loaded.manifest.run.timeout


def _give_trained(
    plan: Plan, loaded: LoadedManifest, plugins: Plugins, *, checkpoints: Path, say: Callable[[str], None]
) -> None:
    """Give judges the models that are there, and train none."""
    trainings = plan_trainings(plan, plugins, checkpoints=checkpoints, say=say)
    give_models(plan, loaded, {name: training.model for name, training in trainings.items() if training.is_trained})
    for name, training in trainings.items():
        if not training.is_trained:
            say(f"judge {name}: its recipe {training.name} would be trained first ({training.folder})")


@contextmanager
def _explain_errors(folder: Path) -> Iterator[None]:
    """Say of an error what it prevents."""
    try:
        yield
    except UserError as error:
        raise JournalError(f"{folder}: to explain its answers its plan has to be made again: {error}") from error


def _check_plan(folder: Path, plan: Plan, cells: Sequence[RecordedCell]) -> None:
    """Refuse tasks and judges that are not what they were when the run asked them."""
    journal = RecordedJournal(folder / RUN_JOURNAL, readonly=True)
    try:
        known = {cell.task: cell.fingerprint for cell in journal.cells()}
    finally:
        journal.close()
    tasks, judges = {task.name: task for task in plan.tasks}, {judge.name: judge for judge in plan.judges}
    for cell in cells:
        task, judge = tasks.get(cell.task), judges.get(cell.judge)
        if task is None or task.fingerprint != known[cell.task]:
            raise UserError(
                f"task {clean(cell.task)} is not what the run asked; use the data and the version of {cell.task_id} of "
                "that time"
            )
        if judge is not None and judge.needs_training:
            continue  # a dry run: whether it is the same is known once it is trained
        if judges and (judge is None or judge.key != cell.judge_key):
            raise UserError(
                f"judge {clean(cell.judge)} is not the one that the run asked (its options, its weights or the version "
                f"of {cell.judge_id} changed), so that it cannot explain those answers; run the manifest again, or use "
                "--no-ask"
            )


def _make_studies(
    cells: Sequence[RecordedCell], plan: Plan, wanted: Wanted, *, confidence: float, ask: bool
) -> Iterator[Study]:
    """One for each cell, the items of a task made once."""
    tasks, judges = {task.name: task for task in plan.tasks}, {judge.name: judge for judge in plan.judges}
    items = {name: _items_of(tasks[name]) for name in dict.fromkeys(cell.task for cell in cells)}
    chosen = {name: choose_items(found.values(), limit=wanted.limit, seed=wanted.seed) for name, found in items.items()}
    statistics = UnitStatistics()
    for cell in cells:
        judge: PlannedJudge | None = judges.get(cell.judge) if ask else None
        yield Study(
            cell=cell,
            task=tasks[cell.task],
            judge=judge,
            said=tuple(_read_said(cell, items[cell.task])),
            chosen=chosen[cell.task],
            statistics=statistics,
            confidence=confidence,
            seed=wanted.seed,
        )


def _items_of(task: PlannedTask) -> dict[str, Item]:
    return {item.id: item for _, item in task.items()}


def _read_said(cell: RecordedCell, items: Mapping[str, Item]) -> Iterator[StudiedAnswer]:
    for answer in cell.answers(texts=True):
        # Repeats of one question are not other items.
        if answer.verdict is not None and answer.sample == 0 and answer.item in items:
            item = items[answer.item]
            gold = item.space.to_shown(item.gold, answer.order)
            yield StudiedAnswer(item=item, answer=answer, verdict=answer.verdict, gold=gold)
