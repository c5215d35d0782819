"""Asks a judge of the experiment on transfer, and writes each answer as one letter.

The letters of a task stand in the order of its items, which is the same for every judge: so any two judges can be
compared item by item, and a thousand judges fit into a file. `y` and `n` are yes and no; `A` and `B` are the candidates
in the item's own places, in whichever order they were shown; `o` is an answer in the right form that is none of the
answers; `-` is no verdict for another reason.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer_design import INSIDE, PAIRS, PARENTS, UNSEEN

if TYPE_CHECKING:
    from harness.library import JudgedAnswer

ITEMS = {"validation": 100, "test": 200}
"""Items of each task."""
PAIR_ITEMS = {"validation": 100, "test": 300}
"""Items of each pairwise task; both orders are asked."""
REPEATED_ITEMS, REPEATED = 100, 3
"""Items that are asked several times at temperature 1, and how often."""
_LETTERS = {"yes": "y", "no": "n", "A": "A", "B": "B"}

Answers = dict[str, dict[str, Any]]
"""By task: `said` and, of what the reasoning argues for, `implied`, by order and sample; one letter an item."""


def tasks_of(split: str, *, repeated: bool = False) -> list[dict[str, Any]]:
    """The tasks of a manifest. On validation, pairs are those of validation scenes."""
    if repeated:
        names: Sequence[str] = (*PARENTS, *PAIRS)
        return [_entry(name, split, REPEATED_ITEMS, protocol={"samples": REPEATED}) for name in names]
    inside = [_entry(name, split, ITEMS[split]) for name in INSIDE]
    pairs = [_entry(name, split, PAIR_ITEMS[split]) for name in PAIRS]
    unseen = [_entry(name, split, ITEMS[split]) for name in UNSEEN] if split == "test" else []
    return inside + pairs + unseen


def _entry(name: str, split: str, items: int, **more: Any) -> dict[str, Any]:
    use = f"miniature/{name}"
    if split == "validation" and name in PAIRS:
        # The suite's own pairs have a test split and nothing else.
        use = f"miniature-judges/{name.replace('pairwise', 'train-pairs')}"
    return {"use": use, "name": name, "split": split, "with": {"items": items}, **more}


def ask(model: Path, split: str, work: Path, *, repeated: bool = False, items: int | None = None) -> Answers:
    """Ask a judge all tasks of a split.

    Args:
        model: Its folder.
        split: `validation` or `test`.
        work: A folder for the run, which is removed afterwards.
        repeated: Ask fewer tasks several times at temperature 1, in place of all tasks once.
        items: Ask at most so many items of each task, for a trial.

    Raises:
        RuntimeError: The run stopped, or a judgement failed.
    """
    import harness

    options = {"model": str(model), "dtype": "float32", "max_new_tokens": 64, "batch_size": 64}
    if repeated:
        options["temperature"] = 1.0
    manifest = {
        "name": "transfer",
        "tasks": tasks_of(split, repeated=repeated),
        "judges": [{"name": "judge", "use": "transformers/transformers", "with": options}],
        "report": {"compare": "none"},
    }
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    path = work / "manifest.yaml"
    path.write_text(json.dumps(manifest), encoding="utf-8")  # JSON is YAML
    run = harness.run(path, runs=work / "runs", limit=items, progress=False)
    if run.problems:
        raise RuntimeError(f"{model}: {'; '.join(run.problems)}")
    found = {task: read_answers(task, run.judgements(task=task)) for task in run.tasks}
    shutil.rmtree(work)
    return found


def read_answers(task: str, answers: Iterable[JudgedAnswer]) -> dict[str, Any]:
    """The answers to a task as letters, with what makes the items comparable."""
    implied_of = _reader(task)
    said: dict[str, dict[str, str]] = {}
    implied: dict[str, dict[str, str]] = {}
    items: dict[str, tuple[str, str]] = {}
    for answer in answers:
        key = answer.order + (f"#{answer.sample}" if answer.sample else "")
        items[answer.item] = (_LETTERS[answer.gold], answer.group)
        lost = "o" if answer.status == "outside" else "-"
        said.setdefault(key, {})[answer.item] = lost if answer.verdict is None else _LETTERS[answer.verdict]
        implied.setdefault(key, {})[answer.item] = _letter(implied_of(answer.rationale), answer.answer.order)
    names = sorted(items)
    return {
        "gold": "".join(items[name][0] for name in names),
        "groups": [items[name][1] for name in names],
        "said": {key: "".join(mine[name] for name in names) for key, mine in sorted(said.items())},
        "implied": {key: "".join(mine[name] for name in names) for key, mine in sorted(implied.items())},
    }


def _reader(task: str) -> Any:
    from harness_miniature_judges.words import TRAINED
    from harness_miniature_judges.words import UNSEEN as NEVER_TRAINED

    return next(recipe.implied for recipe in (*TRAINED, *NEVER_TRAINED) if recipe.name == task)


def _letter(implied: object, order: Sequence[int]) -> str:
    """What a reasoning argues for, in the item's own places."""
    if implied is None:
        return "-"
    if isinstance(implied, int):
        return "AB"[order[implied]]
    return _LETTERS[str(implied)]


def split_items(answers: Answers) -> tuple[Answers, dict[str, dict[str, Any]]]:
    """The answers, and apart from them the items, which are the same for all judges."""
    items = {task: {"gold": mine["gold"], "groups": mine["groups"]} for task, mine in answers.items()}
    kept = {task: {"said": mine["said"], "implied": mine["implied"]} for task, mine in answers.items()}
    return kept, items


def check_items(path: Path, items: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the items of the first judge, and see that every other one was asked the same.

    Raises:
        RuntimeError: It was not.
    """
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(items, indent=1) + "\n", encoding="utf-8")
    elif json.loads(path.read_text(encoding="utf-8")) != items:
        raise RuntimeError(f"{path}: this judge was asked other items than those before it; use a new folder")
