"""Rejection sampling (arXiv 2308.01825): a model learns from its own answers that were right, ahead of RL or alone.

    N answers to each item -> those that are right, in all orders of the item -> targets of SFT, in sampled.jsonl

Draws are functions of the seed, the request and the number of the sample. So a training that was killed goes on after
the last line that is complete, and comes to the same targets.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import Choice, Preference, UserError
from harness.api.files import open_regular, write_whole
from harness_grpo.data import Unit, check_orders
from harness_grpo.options import SftOptions
from harness_grpo.progress import Phase, announce
from harness_grpo.rollout import PolicyAnswer, PromptedExample, is_right, make_groups, write
from harness_transformers.sampling import Sampling

if TYPE_CHECKING:
    from harness_grpo.training_setup import TrainingSetup

log = logging.getLogger(__name__)

_FILE = "sampled.jsonl"
_MOST_BYTES = 64 * 2**20
"""Of a line."""


@dataclass(frozen=True, slots=True)
class SampledUnit(Unit):
    """An item with an answer to learn."""

    answers: tuple[tuple[int, ...], ...]
    """Tokens of the answer to each example, with the one that ends it."""


def sample_units(setup: TrainingSetup, options: SftOptions) -> dict[str, list[Unit]]:
    """Answer all items of the train splits and keep what is right. Logs how much that is, and warns where it is none.

    Args:
        setup: Of the training, its policy as it starts.
        options: Of the recipe, with `rejection_sampling`.

    Returns:
        The items of each task that have an answer to learn, once for each such answer.

    Raises:
        UserError: No answer of a task is right, a reward does not fit, or the file of an earlier attempt is damaged.
    """
    _check(setup, options)
    path = setup.training.folder / _FILE
    known = _read(path, setup)
    if any(len(known[task]) < len(units) for task, units in setup.units.items()):
        phase = Phase(setup.training.name, "sampling answers to learn from", "items")
        total, done = sum(map(len, setup.units.values())), sum(map(len, known.values()))
        for task, units in setup.units.items():
            for begin in range(len(known[task]), len(units), options.batch):
                lines = _sample(setup, options, units[begin : begin + options.batch])
                with path.open("a", encoding="utf-8") as stream:
                    stream.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
                known[task] += lines
                done += len(lines)
                phase.advance(done, total)
        setup.training.log(0, _curves(setup, known))
    return {task: _units_of(setup, task, known[task]) for task in setup.units}


def _check(setup: TrainingSetup, options: SftOptions) -> None:
    wanted, rewards, name = options.rejection_sampling, setup.training.rewards, setup.training.name
    assert wanted is not None
    if wanted.min_reward is None:
        return
    if not rewards:
        raise UserError(
            f"recipe {name}: rejection_sampling.min_reward: the recipe has no rewards; add some, or remove it"
        )
    # They would depend on which items are answered together, and so on where a training was stopped.
    for reward in rewards:
        if "steps" in reward.capabilities:
            raise UserError(
                f"recipe {name}: reward {reward.name}: compares the answers of a step, and rejection_sampling has no "
                "steps; remove the reward, or min_reward"
            )
    check_orders(setup.training, list(setup.units.values()))


# -- sampling ----------------------------------------------------------------------------------------------------------


def _sample(setup: TrainingSetup, options: SftOptions, units: Sequence[Unit]) -> list[dict[str, Any]]:
    """Answers to some items of a task, a record for each item."""
    wanted, rewards = options.rejection_sampling, setup.training.rewards
    assert wanted is not None
    asked = {unit.examples[0].item.id: setup.prompts.of_unit(unit) for unit in units}
    shown = [unit for unit in units if asked[unit.examples[0].item.id] is not None]
    prompts = [asked[unit.examples[0].item.id] or [] for unit in shown]
    earns = wanted.min_reward is not None
    given = write(
        setup.policy,
        [prompted for mine in prompts for prompted in mine],
        samples=wanted.samples,
        sampling=Sampling(temperature=wanted.temperature),
        most=options.max_new_tokens,
        rows=options.rows,
        seeds=(setup.training.seed,),
        weigh=earns and any("probabilities" in reward.capabilities for reward in rewards),
    )
    groups = iter(make_groups(shown, prompts, given, rewards)) if earns else None
    answers = iter(given)
    records = {item: _record(units[0].task, item, [], 0) for item in asked}
    for unit, mine in zip(shown, prompts, strict=True):
        orders = [next(answers) for _ in mine]
        totals = None if groups is None else [[earning.total for earning in next(groups).earned] for _ in mine]
        samples = range(wanted.samples)
        right = [sample for sample in samples if _passes(mine, orders, totals, sample, wanted.min_reward)]
        kept = [[order[sample] for order in orders] for sample in right[: wanted.keep]]
        item = unit.examples[0].item.id
        records[item] = _record(unit.task, item, kept, len(right))
    return [records[unit.examples[0].item.id] for unit in units]


def _record(task: str, item: str, kept: Sequence[Sequence[PolicyAnswer]], right: int) -> dict[str, Any]:
    """A line of the file: an item, how many samples were right, and those that are learnt, order by order."""
    learnt = [
        {"tokens": [list(answer.tokens) for answer in sample], "text": [answer.text for answer in sample]}
        for sample in kept
    ]
    return {"task": task, "item": item, "right": right, "kept": learnt}


def _passes(
    asked: Sequence[PromptedExample],
    orders: Sequence[Sequence[PolicyAnswer]],
    totals: Sequence[Sequence[float | None]] | None,
    sample: int,
    least: float | None,
) -> bool:
    """Whether a sample is right, complete, and earns enough in every order."""
    for place, (prompted, given) in enumerate(zip(asked, orders, strict=True)):
        answer = given[sample]
        if answer.truncated or not is_right(prompted.example, answer):
            return False
        total = None if totals is None else totals[place][sample]
        # Rewards are sums of weights: 0.9 + 0.1 must reach 1.
        if least is not None and (total is None or total < least - 1e-9):
            return False
    return True


# -- what came of it ---------------------------------------------------------------------------------------------------


def _units_of(setup: TrainingSetup, task: str, records: Sequence[Mapping[str, Any]]) -> list[Unit]:
    """The items of a task with their answers. Says which golds have none."""
    found: list[Unit] = []
    golds: dict[str, int] = {}
    for unit, record in zip(setup.units[task], records, strict=True):
        gold = _gold_of(unit)
        golds[gold] = golds.get(gold, 0) + len(record["kept"])
        for kept in record["kept"]:
            found.append(SampledUnit(task, unit.examples, tuple(tuple(tokens) for tokens in kept["tokens"])))
    if not found:
        raise UserError(
            f"task {task}: not one sampled answer is right, so that there is nothing to learn; raise "
            "rejection_sampling.samples, lower its min_reward, or take the task out"
        )
    lacking = sorted(gold for gold, count in golds.items() if not count)
    if lacking and isinstance(setup.units[task][0].examples[0].request.space, Choice | Preference):
        said = (
            f"task {task}: of items with the gold {', '.join(lacking)} no sampled answer is right, so that what is "
            "learnt never says it"
        )
        log.warning("%s", said)
        announce(setup.training.name, f"warning: {said}; raise rejection_sampling.samples")
        setup.notes.append(said)
    return found


def _gold_of(unit: Unit) -> str:
    return str(unit.examples[0].item.gold)


def _curves(setup: TrainingSetup, known: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Of each task: share of items with an answer to learn, number of such answers, and that of each gold."""
    found: dict[str, float] = {}
    for task, records in known.items():
        found[f"sampled/{task}/items"] = sum(bool(record["kept"]) for record in records) / len(records)
        found[f"sampled/{task}/kept"] = float(sum(len(record["kept"]) for record in records))
        if not isinstance(setup.units[task][0].examples[0].request.space, Choice | Preference):
            continue  # each score would have a curve of its own
        for unit, record in zip(setup.units[task], records, strict=True):
            name = f"sampled/{task}/kept/{_gold_of(unit)}"
            found[name] = found.get(name, 0.0) + len(record["kept"])
    return found


# -- the file ----------------------------------------------------------------------------------------------------------


def _read(path: Path, setup: TrainingSetup) -> dict[str, list[dict[str, Any]]]:
    """What earlier attempts wrote, task by task. A line that was cut off is removed.

    Raises:
        UserError: It is damaged, or of other data.
    """
    known: dict[str, list[dict[str, Any]]] = {task: [] for task in setup.units}
    if not path.is_file():
        return known
    lines: list[str] = []
    with open_regular(path) as stream:
        while line := stream.readline(_MOST_BYTES):
            if not line.endswith(b"\n"):
                write_whole(path, "".join(lines))
                break
            lines.append(line.decode("utf-8", errors="replace"))
    for number, text in enumerate(lines, start=1):
        try:
            record = _check_record(json.loads(text))
            task = record["task"]
            unit = setup.units[task][len(known[task])]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise UserError(f"{path}, line {number}: cannot be read ({error}); run with --fresh") from error
        orders = {len(kept["tokens"]) for kept in record["kept"]} | {len(unit.examples)}
        if record["item"] != unit.examples[0].item.id or len(orders) > 1:
            raise UserError(f"{path}, line {number}: is of other data; run with --fresh to start again")
        known[task].append(record)
    return known


def _check_record(record: Any) -> dict[str, Any]:
    kept = [
        {"tokens": [[int(token) for token in order] for order in answer["tokens"]], "text": answer["text"]}
        for answer in record["kept"]
    ]
    return {"task": str(record["task"]), "item": str(record["item"]), "right": int(record["right"]), "kept": kept}
