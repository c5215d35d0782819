"""Asking the policy: prompts of units, answers drawn from it, what they mean and what they earn."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import (
    Answer,
    AnswerReward,
    DataError,
    Example,
    Judgement,
    Request,
    Status,
    UserError,
    WeightedReward,
    compute_rewards,
)
from harness_grpo.data import Unit
from harness_grpo.policy import Speaker
from harness_grpo.processes import ALONE, Processes
from harness_transformers.batches import shape_of
from harness_transformers.language import Prefix
from harness_transformers.opening import Opened, refusal
from harness_transformers.pixels import Bounded
from harness_transformers.prompts import Prompt
from harness_transformers.sampling import Sampling
from harness_transformers.weighing import AnswerSet, answer_set_of
from harness_transformers.writing import Written

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_KEPT_BYTES = 512 * 2**20
"""What the prompts that are kept may hold together, pixels included."""

_AT_ONCE, AT_ONCE_APART = 128, 64
"""Answers that are written at once, unless the recipe says how many. In rows of their own each holds keys and values of
its whole prompt."""


@dataclass(frozen=True, slots=True)
class PromptedExample:
    """An example as the model is shown it."""

    task: str
    example: Example
    prompt: Prompt
    """Ends with the opening of the answer, where there is one."""
    opening: str = ""
    """What the answer begins with and the model does not write."""


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One answer of the policy."""

    tokens: tuple[int, ...]
    """All that it wrote, the token that ends it included."""
    truncated: bool
    """Whether it ran into the limit."""
    text: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Group:
    """The G answers to one prompt."""

    asked: PromptedExample
    given: tuple[PolicyAnswer, ...]
    earned: tuple[AnswerReward, ...]


def is_right(example: Example, given: PolicyAnswer) -> bool:
    """Whether an answer has a verdict, and its space says that it agrees with the gold."""
    verdict = given.judgement.verdict
    return verdict is not None and example.request.space.agrees(verdict, example.gold)


class Prompts:
    """Makes prompts and keeps them from epoch to epoch. Counts what cannot be shown.

    Args:
        policy: The model.
        reasoning: Whether it may reason. Otherwise its answers are opened for it, up to the verdict.
    """

    def __init__(self, policy: Speaker, *, reasoning: bool = True) -> None:
        self._policy = policy
        self._reasoning = reasoning
        self.skipped: dict[str, int] = {}
        self._kept = Bounded(_KEPT_BYTES)

    def of_unit(self, unit: Unit) -> list[PromptedExample] | None:
        """The prompts of a unit; `None` where one of them cannot be shown, which is counted and logged."""
        asked = []
        for example in unit.examples:
            try:
                asked.append(self._add_opening(PromptedExample(unit.task, example, self._of(example.request))))
            except DataError as error:
                self.skipped[unit.task] = self.skipped.get(unit.task, 0) + 1
                log.warning("task %s, item %s is left out: %s", unit.task, example.item.id, error)
                return None
            finally:
                # The prompt keeps what the processor made; decoded pictures of a whole split would fill the memory.
                for image in example.request.images:
                    image.forget()
        return asked

    def _add_opening(self, asked: PromptedExample) -> PromptedExample:
        if self._reasoning:
            return asked
        opened = self._policy.opened
        tokens = answer_set_of(asked.example.request, opened.prompter, opened=asked.prompt.opened).opening
        prompt = asked.prompt
        longer = replace(
            prompt,
            ids=(*prompt.ids, *tokens),
            per_token={name: (*kinds, *[0] * len(tokens)) for name, kinds in prompt.per_token.items()},
        )
        return replace(asked, prompt=longer, opening=opened.decode_exactly(tokens))

    def _of(self, request: Request) -> Prompt:
        kept: Prompt | None = self._kept.get(request.key)
        if kept is None:
            kept = self._prompt(request)
            self._kept.put(request.key, kept)
        return kept

    def _prompt(self, request: Request) -> Prompt:
        opened = self._policy.opened
        if reason := refusal(request, sees=opened.sees):
            raise UserError(f"task {request.task}: {reason}")
        prompt = opened.prompter.prompt(request)
        problem = opened.too_long(len(prompt.ids))
        if problem:
            raise DataError(problem)
        return prompt


def write(
    policy: Speaker,
    asked: Sequence[PromptedExample],
    *,
    samples: int,
    sampling: Sampling,
    most: int,
    rows: int | None = None,
    seeds: tuple[int, ...] = (),
    weigh: bool = False,
) -> list[tuple[PolicyAnswer, ...]]:
    """Have the policy answer prompts. Each prompt is read once for all its answers.

    Where several processes have the policy in common, each writes its share, and all know all answers: draws are by
    request, and not by who writes.

    Args:
        policy: The model.
        asked: The prompts.
        samples: Answers to each.
        sampling: How tokens are drawn. Temperature 0 takes the likeliest.
        most: Longest answer in tokens.
        rows: Answers to write at once; by default 128 where those to one prompt share its row, 64 otherwise.
        seeds: Whole numbers that the draws depend on, besides the request and the number of the sample.
        weigh: Whether judgements get probabilities: of each answer of the space, after the reasoning written.

    Returns:
        The answers to each prompt, in its place.

    Raises:
        UserError: The model computes NaN.
    """
    answers: dict[int, tuple[PolicyAnswer, ...]] = {}
    if rows is None:
        rows = _AT_ONCE if samples > 1 and policy.opened.writer.beside else AT_ONCE_APART
    processes = policy.processes
    shares = processes.deal([len(prompted.prompt.ids) + samples * most for prompted in asked])
    mine = [asked[place] for place in shares[processes.rank]]
    with policy.writing():
        for part in parts_of([prompted.prompt for prompted in mine], max(1, rows // samples)):
            given = _batch(policy, [mine[place] for place in part], samples, sampling, most, seeds, weigh)
            answers.update(zip([shares[processes.rank][place] for place in part], given, strict=True))
    if processes.size > 1:
        answers.update(_tell_answers(processes, asked, answers))
    return [answers[place] for place in range(len(asked))]


def _tell_answers(
    processes: Processes, asked: Sequence[PromptedExample], answers: Mapping[int, Sequence[PolicyAnswer]]
) -> dict[int, tuple[PolicyAnswer, ...]]:
    """The answers that the other processes wrote, by the place of the prompt. They are read here as they were there."""
    told: list[Any] = [
        [place, [[a.tokens, a.truncated, a.text, a.judgement.probabilities] for a in given]]
        for place, given in answers.items()
    ]
    found: dict[int, tuple[PolicyAnswer, ...]] = {}
    for rank, theirs in enumerate(processes.gather(told)):
        for place, given in theirs if rank != processes.rank else ():
            found[place] = tuple(
                PolicyAnswer(
                    tuple(tokens),
                    truncated,
                    text,
                    replace(
                        _judge(asked[place], text, len(tokens) - (not truncated), truncated), probabilities=weighed
                    ),
                )
                for tokens, truncated, text, weighed in given
            )
    return found


def _judge(asked: PromptedExample, text: str, tokens: int, truncated: bool) -> Judgement:
    cut = "max_new_tokens" if truncated else ""
    return asked.example.request.read(text, opened=asked.prompt.opened, cut=cut, completion_tokens=tokens)


def parts_of(prompts: Sequence[Prompt], size: int) -> list[list[int]]:
    """Places of prompts that can share a pass: alike in the shape of what they show, of like length, `size` at most."""
    # Sorted, so that a pass has little padding. The result does not depend on it: draws are by request.
    order = sorted(range(len(prompts)), key=lambda place: (shape_of(prompts[place]), len(prompts[place].ids)))
    parts: list[list[int]] = []
    for place in order:
        if not parts or len(parts[-1]) == size or shape_of(prompts[parts[-1][0]]) != shape_of(prompts[place]):
            parts.append([])
        parts[-1].append(place)
    return parts


def _batch(
    policy: Speaker,
    asked: Sequence[PromptedExample],
    samples: int,
    sampling: Sampling,
    most: int,
    seeds: tuple[int, ...],
    weigh: bool,
) -> list[tuple[PolicyAnswer, ...]]:
    opened = policy.opened
    prefix = opened.language.prefill([prompted.prompt for prompted in asked])
    # A training that diverged shows here first, before anything is drawn from NaN.
    if bool(prefix.logits.isnan().any()):
        raise UserError(
            f"task {asked[0].task}: the model gives NaN for what follows a prompt; the best weights so far are kept. "
            "Lower lr, or use a wider dtype"
        )
    places = [place for place in range(len(asked)) for _ in range(samples)]
    requests = [asked[place].example.request for place in places]
    draws = None
    if sampling.temperature:
        draws = _draws(requests, [*range(samples)] * len(asked), seeds=seeds, most=most)
    written = opened.writer.write(prefix, places, most=most, sampling=sampling, draws=draws)
    given = [_read_answer(opened, asked[place], answer) for place, answer in zip(places, written, strict=True)]
    if weigh:
        judged = _add_probabilities(opened, prefix, [(place, asked[place]) for place in places], given)
        given = [replace(answer, judgement=judgement) for answer, judgement in zip(given, judged, strict=True)]
    return [tuple(given[place * samples : (place + 1) * samples]) for place in range(len(asked))]


def _read_answer(opened: Opened, asked: PromptedExample, written: Written) -> PolicyAnswer:
    text = asked.opening + opened.decode_exactly(written.ids)
    judgement = _judge(asked, text, len(written.ids), written.end is None)
    # The end is part of what the policy chose, and has a gradient; of several tokens that end an answer, the one drawn.
    tokens = written.ids if written.end is None else (*written.ids, written.end)
    return PolicyAnswer(tokens, written.end is None, text, judgement)


def _add_probabilities(
    opened: Opened, prefix: Prefix, rows: Sequence[tuple[int, PromptedExample]], given: Sequence[PolicyAnswer]
) -> list[Judgement]:
    """Judgements with the probabilities of all answers, after the reasoning of each."""
    judgements = [answer.judgement for answer in given]
    ready = [row for row, judgement in enumerate(judgements) if judgement.status is Status.OK]
    if not ready:
        return judgements
    answer_sets = [_answer_set(opened, rows[row][1], judgements[row]) for row in ready]
    reasoned = prefix.rows([rows[row][0] for row in ready])
    if any(answer_set.opening for answer_set in answer_sets):
        opened.language.append(reasoned, [answer_set.opening for answer_set in answer_sets])
    weighed = opened.scales.judgements(reasoned, answer_sets, at_once=len(ready))
    for row, judgement in zip(ready, weighed, strict=True):
        judgements[row] = replace(judgements[row], probabilities=judgement.probabilities)
    return judgements


def _answer_set(opened: Opened, asked: PromptedExample, judgement: Judgement) -> AnswerSet:
    """The answers to weigh. Where the answer was opened for the policy, the prompt ends with the opening already."""
    request, begun = asked.example.request, asked.prompt.opened
    if not asked.opening:
        return answer_set_of(request, opened.prompter, judgement.rationale, opened=begun)
    return replace(answer_set_of(request, opened.prompter, opened=begun), opening=())


def make_groups(
    units: Sequence[Unit],
    asked: Sequence[Sequence[PromptedExample]],
    given: Sequence[tuple[PolicyAnswer, ...]],
    rewards: Sequence[WeightedReward],
    processes: Processes = ALONE,
) -> list[Group]:
    """Reward the answers to some units: sample by sample, the orders of an item together.

    Args:
        units: Drawn.
        asked: The prompts of each unit.
        given: The answers to each prompt, unit after unit.
        rewards: Of the recipe.
        processes: Of which the first computes the rewards.

    Raises:
        UserError: No reward applies to a task.
    """
    answers = iter(given)
    drawn = [(unit, prompts, [next(answers) for _ in prompts]) for unit, prompts in zip(units, asked, strict=True)]
    groups: dict[int, list[Group]] = {}
    # A reward may compare the answers to different items of a task, so a task is rewarded as a whole.
    for task in dict.fromkeys(unit.task for unit in units):
        places = [place for place, unit in enumerate(units) if unit.task == task]
        # Sample k of one order meets sample k of the other: a reward that compares orders sees such pairs.
        by_sample = [
            [_answer_of(prompted, of_order[sample]) for prompted, of_order in zip(prompts, mine, strict=True)]
            for place in places
            for _, prompts, mine in [drawn[place]]
            for sample in range(len(mine[0]))
        ]
        earned = iter(_rewards(rewards, task, by_sample, processes))
        for place in places:
            _, prompts, mine = drawn[place]
            of_unit = [next(earned) for _ in mine[0]]
            _check_rewarded(task, prompts[0], of_unit, rewards)
            groups[place] = [
                Group(prompted, of_order, tuple(sample[order] for sample in of_unit))
                for order, (prompted, of_order) in enumerate(zip(prompts, mine, strict=True))
            ]
    return [group for place in range(len(units)) for group in groups[place]]


def _rewards(
    rewards: Sequence[WeightedReward], task: str, units: Sequence[Sequence[Answer]], processes: Processes
) -> list[list[AnswerReward]]:
    """The rewards of answers. Only the first process asks for them: a reward may cost, or not be the same twice."""
    told: list[Any] = processes.once(
        lambda: [
            [[earning.total, dict(earning.parts)] for earning in unit] for unit in compute_rewards(rewards, task, units)
        ]
    )
    return [[AnswerReward(total=total, parts=parts) for total, parts in unit] for unit in told]


def _answer_of(prompted: PromptedExample, given: PolicyAnswer) -> Answer:
    example = prompted.example
    return Answer(request=example.request, judgement=given.judgement, gold=example.gold, item=example.item)


def _check_rewarded(
    task: str, asked: PromptedExample, earned: Sequence[Sequence[AnswerReward]], rewards: Sequence[WeightedReward]
) -> None:
    """Where no answer of a unit earns anything the recipe has a hole, and training would go on without a signal."""
    if all(earning.total is None for sample in earned for earning in sample):
        raise _make_error(task, asked.example, rewards)


def check_served(units: Mapping[str, Sequence[Unit]], rewards: Sequence[WeightedReward]) -> None:
    """See that every task has a reward. Known before any answer is written, so it is said then.

    Raises:
        UserError: A task has none.
    """
    for task, mine in units.items():
        if not any(reward.serves(task) for reward in rewards):
            raise _make_error(task, mine[0].examples[0], rewards)


def _make_error(task: str, example: Example, rewards: Sequence[WeightedReward]) -> UserError:
    names = ", ".join(reward.name for reward in rewards if reward.serves(task)) or "none"
    return UserError(
        f"task {task}: no reward of the recipe applies to its answers ({example.request.space}); for it there are: "
        f"{names}. Add one that does, or take the task out"
    )


def _draws(requests: Sequence[Request], samples: Sequence[int], *, seeds: tuple[int, ...], most: int) -> Tensor:
    """Uniform numbers, shape (rows, most): a function of request, seeds and sample, and not of the batch."""
    import torch

    rows = [
        np.random.Generator(np.random.Philox(np.random.SeedSequence([request.seed, *seeds, sample]))).random(most)
        for request, sample in zip(requests, samples, strict=True)
    ]
    return torch.from_numpy(np.stack(rows))
