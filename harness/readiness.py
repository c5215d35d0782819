"""What is checked before any judge is asked: pictures that are there, answers that a judge has, metrics, golds.

Not for single answers that are missing: those are errors of their cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING

from harness.api import AnswerSpace, Choice, Image, Item, Preference, UserError, Verdict
from harness.manifest.load import LoadedManifest, LoadedRecipe
from harness.runner.planned import Plan, PlannedJudge, PlannedTask

if TYPE_CHECKING:
    from harness.discovery import Plugins

_COMPARED, _FEW = 1000, 5
"""Items of a task that are looked at for ids that another one has too, and how many of those with pictures are
compared."""


def check_plan(loaded: LoadedManifest, plan: Plan, plugins: Plugins) -> None:
    """Refuse a plan that cannot be judged or scored, leave out cells to which a judge has no answer, and warn.

    A judge whose recipe is not trained yet is left alone: what it has answers to is known once it is made.

    Raises:
        UserError: As `check_metrics`, `check_media` and `leave_out`.
    """
    check_metrics(loaded, plugins, plan.tasks)
    check_media(plan)
    leave_out(plan)
    # A second check, once recipes were trained, finds the same.
    found = (*find_lacking_golds(plan), *find_learnt(loaded))
    plan.warnings += [line for line in found if line not in plan.warnings]


def find_lacking_golds(plan: Plan) -> Iterator[str]:
    """For each task of which the first items are asked, a line where a class is the gold of none of them.

    Data is often sorted by label. With candidates that are shown in both orders each place is the gold of as many.
    """
    for task in plan.tasks:
        if task.limit is None or task.limit < 2 or task.sampled or task.protocol.order != "fixed":
            continue
        items = [(item.gold, item.space) for _, item in task.items()]
        said = describe_lacking(
            {gold for gold, _ in items}, {space for _, space in items}, what=f"its first {task.limit} items"
        )
        if said:
            yield f"task {task.name}: {said}. Write sample: {task.limit} in place of limit"


def find_learnt(loaded: LoadedManifest) -> Iterator[str]:
    """A line for each split that a judge is asked, and that its recipe, or one that it starts from, learns from."""
    for judge in loaded.judges:
        recipe = judge.recipe
        while recipe is not None:
            for learnt, asked in product(recipe.tasks, loaded.tasks):
                splits = {learnt.entry.validation: "selects weights on", learnt.entry.train: "learns from"}
                same = (learnt.offer.id, learnt.entry.data) == (asked.offer.id, asked.entry.data)
                split = asked.entry.split
                if same and split in splits:
                    yield (
                        f"judge {judge.entry.name}: its recipe {recipe.recipe.name} {splits[split]} the split {split} "
                        f"of {asked.offer.id}, which the task {asked.entry.name} asks: the score says little about "
                        "other items"
                    )
            recipe = recipe.start


def describe_lacking(golds: Collection[Verdict], spaces: Collection[AnswerSpace], *, what: str) -> str:
    """Say which classes are the gold of no item. Empty where each is, or where that is not known.

    Args:
        golds: The different golds that came.
        spaces: The different answer spaces of the items. With several they have no classes in common.
        what: Names the items, such as `its first 20 items`.
    """
    if len(spaces) != 1 or not golds:
        return ""
    (space,) = spaces
    if len(golds) == 1 and isinstance(space, Choice | Preference):
        (gold,) = golds
        return f"the gold of {what} is always {space.name(gold)}; a judge that always says it scores 1"
    missing = [label for label in space.labels if label not in golds] if isinstance(space, Choice) else []
    if not missing:
        return ""
    return f"no gold of {what} is {' or '.join(missing)}; a judge that never says it is not found out"


def check_media(plan: Plan) -> None:
    """Refuse judges that look at pictures where a task is used without them.

    Raises:
        UserError: There is such a judge and such a task. Both are named.
    """
    blind = next((task for task in plan.tasks if task.without_media), None)
    judge = next((judge for judge in plan.judges if getattr(judge.offer.card, "needs_media", True)), None)
    if blind is not None and judge is not None:
        raise UserError(
            f"judge {judge.name} looks at pictures, and the task {blind.name} is used without them (`media: absent`); "
            "get the pictures and take that out, or ask this judge by another manifest"
        )


def leave_out(plan: Plan) -> None:
    """Leave the cells out of the plan whose judge `covers` not one item of the task.

    Reads a task's items only as far as it takes to find one, and renders none. All shards of a run decide alike.

    Raises:
        UserError: Not one judge of a manifest entry covers any task, as where the ids do not fit.
        DataError: The task's data cannot be used.
    """
    knowing = [judge for judge in plan.judges if not judge.needs_training and hasattr(judge.judge, "covers")]
    seen: dict[str, str] = {}
    for task in plan.tasks:
        missing, seen[task.name] = _find_uncovered(task, knowing)
        plan.left_out |= {(task.name, judge.name) for judge in missing}
    # A file of recordings may stand for several judges, some of which answered other tasks. That none of them has an
    # answer to anything is a mistake, most often in the ids.
    for entry in {judge.entry: judge for judge in knowing}:
        _check_entry(plan, [judge for judge in knowing if judge.entry == entry], seen)
    _refuse_shared_ids(plan, [judge for judge in knowing if getattr(judge.judge, "ignores_task", False)])


def _refuse_shared_ids(plan: Plan, judges: Sequence[PlannedJudge]) -> None:
    """Refuse to give one recorded answer to two questions, where two tasks have items of one id.

    Only the first items are compared. Ids that are numbers of rows, or such as `test-000000`, meet there at once.
    """
    first: dict[str, tuple[PlannedTask, Item]] = {}
    compared: Counter[str] = Counter()
    for task in plan.tasks if judges and len(plan.tasks) > 1 else ():
        for _, item in islice(task.items(), _COMPARED):
            other, known = first.setdefault(item.id, (task, item))
            # Pictures have to be read to be compared. An entry of the same data under another protocol shares all of
            # them, so that a few are enough.
            if other is task or compared[task.name] >= _FEW:
                continue
            judge = next((judge for judge in judges if _covers_both(judge, item.id, task, other)), None)
            if judge is None:
                continue
            compared[task.name] += _has_pictures(item)
            if task.id != other.id or _content(item) != _content(known):
                raise UserError(
                    f"judge {judge.name}: its answer to item {item.id!r} would count for the tasks {other.name} and "
                    f"{task.name}, which ask different things; say in its rows which task they answer, and name that "
                    "field (`task_field:`), or give each task a manifest of its own"
                )


def _covers_both(judge: PlannedJudge, item: str, *tasks: PlannedTask) -> bool:
    return all(judge.judge.covers(task.name, item) for task in tasks)  # type: ignore[attr-defined]


def _has_pictures(item: Item) -> bool:
    return any(isinstance(part, Image) for some in (item.question, *item.candidates) for part in some)


def _content(item: Item) -> tuple[object, ...]:
    parts = (item.question, *item.candidates)
    texts = tuple(tuple(part.key if isinstance(part, Image) else part for part in some) for some in parts)
    return item.space, texts


def _find_uncovered(task: PlannedTask, judges: list[PlannedJudge]) -> tuple[list[PlannedJudge], str]:
    """The judges that cover no item of a task, and the first item's id; none where there is no item at all."""
    first = ""
    # Ends once each judge covers an item, which is after the very first one in nearly every run.
    for _, item in task.items() if judges else ():
        first = first or item.id
        judges = [judge for judge in judges if not judge.judge.covers(task.name, item.id)]  # type: ignore[attr-defined]
        if not judges:
            break
    return (judges if first else []), first


def _check_entry(plan: Plan, judges: list[PlannedJudge], seen: dict[str, str]) -> None:
    if all((task.name, judge.name) in plan.left_out for judge in judges for task in plan.tasks):
        names = ", ".join(judge.name for judge in judges)
        items = ", ".join(f"{item!r} of {task}" for task, item in seen.items())
        raise UserError(
            f"judge {names}: has an answer to no item of any task ({items}, ...); give the answers the ids of the "
            "items, or leave the judge out"
        )


def check_metrics(loaded: LoadedManifest | LoadedRecipe, plugins: Plugins, tasks: Sequence[PlannedTask] = ()) -> None:
    """Refuse, before any judge is asked or trained, what could not be scored afterwards.

    Args:
        loaded: The manifest or recipe, for the metrics that it names itself and where it does.
        plugins: The installed plugins, of which one makes each metric: the hook `harness_metric_wanted`.
        tasks: The tasks of the plan, for those of their official protocols. Without, none of their data is read.

    Raises:
        UserError: A metric is unknown, cannot be made, may not run, or is not defined for a task's answers.
    """
    if isinstance(loaded, LoadedManifest):
        report, changes = loaded.manifest.report.metric, [task.protocol for task in loaded.manifest.tasks]
    else:
        report, changes = None, [task.protocol for task in loaded.recipe.tasks]
    places = {} if report is None else {report: loaded.origins.get("report.metric", "")}
    for number, protocol in enumerate(changes):
        for place, name in enumerate(protocol.get("metrics", ())):
            places[name] = loaded.origins.get(f"tasks.{number}.protocol.metrics.{place}", "")
    wanted = {(name, "", ""): None for name in places}
    for task in tasks:
        answers = getattr(plugins.find("task", task.id).card, "answers", "")
        names = [*task.protocol.metrics, *([] if report is None else [report])]
        wanted |= {(name, answers, f"task {task.name}: "): None for name in names}
    for name, answers, who in wanted:
        try:
            plugins.check("harness_metric_wanted", metric=name, answers=answers, plugins=plugins)
        except UserError as error:
            where = f"{places[name]}: " if places.get(name) else ""
            raise UserError(f"{where}{who}{error}") from error
