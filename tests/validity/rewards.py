"""What do the rewards pay for? Simulated policies, each with one known habit; run by hand; the last line is JSON.

    python tests/validity/rewards.py [--reps 200] [--quick] [--seed 1] [--write PAGE]

A policy answers `reps` steps of twelve items, eight times each. A cell is the mean reward of its answers. The rewards
are those of `judge-harness-rewards`, asked as a trainer asks them. The honest policy is right with the probability that
it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
from publish import command_of, commit, cpu_seconds, finish, generator, options, table

from harness.api import (
    Answer,
    AnswerSpace,
    Choice,
    Item,
    Message,
    Preference,
    Request,
    RewardCard,
    Score,
    Status,
    Verdict,
    WeightedReward,
    compute_rewards,
)
from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext
from harness_verdict.plugin import harness_rewards

ITEMS, SAMPLES = 12, 8
FORM = TaggedFormat()
WORDS = ("card", "red", "blue", "three", "five", "hazard", "sign", "blur", "noise", "edge", "shadow", "left", "right")
"""Reasons are eight of these words: as in real rationales, many words are in all of them."""
PAIRS, SCALE = Preference(2), Score(1, 5)
LABELS = Choice(("yes", "no"))
MOSTLY_YES = 0.7
"""Share of the golds of the yes/no task that are yes."""

Policy = Callable[[np.random.Generator, Item, tuple[int, ...]], tuple[Verdict | None, str, dict[str, float]]]
"""Makes an answer to an item in an order: the shown verdict, `None` for none; the reasoning; the probabilities."""


def honest(random: np.random.Generator, item: Item, order: tuple[int, ...]) -> tuple[Verdict, str, dict[str, float]]:
    """Right with the probability that it names, .5 to .95, with the right reasons where its verdict is right."""
    sure = random.uniform(0.5, 0.95)
    verdicts = list(item.space.verdicts())
    gold = item.space.to_shown(item.gold, order)
    others = [verdict for verdict in verdicts if verdict != gold]
    right = random.random() < sure
    said = gold if right else others[random.integers(len(others))]
    chances = {item.space.name(verdict): (1 - sure) / (len(verdicts) - 1) for verdict in verdicts}
    chances[item.space.name(said)] = sure
    return said, item.tags["rationale"] if right else _reasons(random), chances


def _always(shown: Verdict | None, *, sure: bool = True) -> Policy:
    def policy(
        random: np.random.Generator, item: Item, order: tuple[int, ...]
    ) -> tuple[Verdict | None, str, dict[str, float]]:
        names = [item.space.name(verdict) for verdict in item.space.verdicts()]
        said = names[0] if shown is None else item.space.name(shown)
        return shown, _reasons(random), {name: float(name == said) if sure else 1 / len(names) for name in names}

    return policy


def _guess(random: np.random.Generator, item: Item, order: tuple[int, ...]) -> tuple[Verdict, str, dict[str, float]]:
    verdicts = list(item.space.verdicts())
    said = verdicts[random.integers(len(verdicts))]
    return said, _reasons(random), {item.space.name(verdict): 1 / len(verdicts) for verdict in verdicts}


def _changed(change: Callable[[Item, Verdict], Verdict], *, reasons: bool) -> Policy:
    """The gold, changed; with the right reasons or with others."""

    def policy(
        random: np.random.Generator, item: Item, order: tuple[int, ...]
    ) -> tuple[Verdict, str, dict[str, float]]:
        said = change(item, item.space.to_shown(item.gold, order))
        names = [item.space.name(verdict) for verdict in item.space.verdicts()]
        why = item.tags["rationale"] if reasons else _reasons(random)
        return said, why, {name: float(name == item.space.name(said)) for name in names}

    return policy


def _reasons(random: np.random.Generator) -> str:
    return " ".join(random.choice(WORDS, 8, replace=False))


def _flipped(item: Item, verdict: Verdict) -> Verdict:
    return next(other for other in item.space.verdicts() if other != verdict)


COMMON: dict[str, Policy] = {
    "honest": honest,
    "right, for other reasons": _changed(lambda item, gold: gold, reasons=False),
    "wrong, with the right reasons": _changed(_flipped, reasons=True),
    "a guess": _guess,
    "no verdict": _always(None),
}
TASKS: dict[str, tuple[AnswerSpace, dict[str, Policy]]] = {
    f"yes or no, {MOSTLY_YES:.0%} yes": (LABELS, {**COMMON, "always yes": _always("yes")}),
    "pairs, both orders": (PAIRS, {**COMMON, "always the first place": _always(0)}),
    "scores 1 to 5": (
        SCALE,
        {
            **COMMON,
            "always the middle": _always(3.0),
            "one point too high": _changed(lambda item, gold: min(SCALE.high, cast("float", gold) + 1), reasons=True),
        },
    ),
}


def rewards() -> list[WeightedReward]:
    """All rewards, as their cards make them."""
    given: dict[str, dict[str, Any]] = {"length": {"limit": 64, "buffer": 16}}

    def make(card: RewardCard) -> WeightedReward:
        options_of = None if card.options is None else _attribute(card.options)(**given.get(card.name, {}))
        reward = _attribute(card.factory)(options_of, FakeContext(workspace=Path()))
        return WeightedReward(name=card.name, reward=reward, weight=1.0, capabilities=card.capabilities)

    return [make(card) for card in harness_rewards()]


def _attribute(name: object) -> Any:
    module, _, member = str(name).partition(":")
    return getattr(import_module(module), member)


def measure(space: AnswerSpace, policy: Policy, *, steps: int, random: np.random.Generator) -> dict[str, float]:
    """The mean value of each reward for a policy; NaN where it does not apply to the space."""
    values: dict[str, list[float]] = {}
    every = rewards()
    for _ in range(steps):
        units = [unit for number in range(ITEMS) for unit in _units(space, policy, str(number), random)]
        for unit in compute_rewards(every, "t", units):
            for earned in unit:
                for name, value in earned.parts.items():
                    if value is not None:
                        values.setdefault(name, []).append(value)
    return {reward.name: float(np.mean(values[reward.name])) if reward.name in values else np.nan for reward in every}


def _units(space: AnswerSpace, policy: Policy, name: str, random: np.random.Generator) -> list[list[Answer]]:
    """The answers to one item: for each sample those in all orders."""
    if space == LABELS:
        gold: Verdict = "yes" if random.random() < MOSTLY_YES else "no"
    else:
        verdicts = list(space.verdicts())
        gold = verdicts[random.integers(len(verdicts))]
    candidates = (("a",), ("b",)) if space == PAIRS else ()
    tags: Mapping[str, str] = {"rationale": _reasons(random)}
    item = Item(id=name, group=name, space=space, gold=gold, question=("?",), candidates=candidates, tags=tags)
    orders = [(0, 1), (1, 0)] if candidates else [()]
    return [[_answer(item, policy, order, sample, random) for order in orders] for sample in range(SAMPLES)]


def _answer(item: Item, policy: Policy, order: tuple[int, ...], sample: int, random: np.random.Generator) -> Answer:
    request = Request(
        task="t",
        item=item.id,
        messages=(Message("user", item.question),),
        space=item.space,
        format=FORM,
        order=order,
        sample=sample,
    )
    said, why, chances = policy(random, item, order)
    text = f"<think>{why}</think>" if said is None else FORM.write(said, item.space, why)
    judgement = request.read(text, probabilities=chances, completion_tokens=len(text.split()))
    assert (judgement.status is Status.OK) == (said is not None), judgement
    return Answer(request=request, judgement=judgement, gold=item.space.to_shown(item.gold, order), item=item)


def main() -> None:
    """Measure and write."""
    asked = options(__doc__, reps=200).parse_args()
    steps = max(2, asked.reps // 10 if asked.quick else asked.reps)
    lines: list[str] = []
    cells: dict[str, dict[str, dict[str, float]]] = {}
    for task, (space, policies) in TASKS.items():
        cells[task] = {
            name: measure(space, policy, steps=steps, random=generator(asked.seed, task, name))
            for name, policy in policies.items()
        }
        told = [
            name
            for name in next(iter(cells[task].values()))
            if name not in ("length", "repetition") and not all(np.isnan(row[name]) for row in cells[task].values())
        ]
        rows = [[name, *(row[reward] for reward in told)] for name, row in cells[task].items()]
        lines += [f"**{task}**", "", *table(["policy", *told], rows), ""]
    finish(
        "rewards",
        lines,
        {"commit": commit(), "cpu_s": cpu_seconds(), "cells": cells},
        page=asked.write,
        command=command_of("python tests/validity/rewards.py", asked),
    )


if __name__ == "__main__":
    main()
