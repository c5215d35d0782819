"""The rewards of a recipe as functions of TRL: one for each task, which says nothing about the answers of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from harness.api import Answer, Example, Judgement, Status, Training, UserError, compute_rewards

Function = Callable[..., list[float | None]]
"""A reward function of TRL."""


def check_rewards(training: Training) -> None:
    """See that TRL can give what every reward needs.

    Raises:
        UserError: It cannot, or a task has no reward.
    """
    for reward in training.rewards:
        if "orders" in reward.capabilities or hasattr(reward.reward, "of_orders"):
            raise UserError(
                f"reward {reward.name}: looks at both orders of a pair together, which TRL may put into different "
                "batches; train with grpo of judge-harness-grpo, or remove the reward"
            )
        if "probabilities" in reward.capabilities:
            raise UserError(
                f"reward {reward.name}: needs the probability of every answer, and TRL only writes answers; train with "
                "grpo of judge-harness-grpo, or remove the reward"
            )
    for task in training.tasks:
        if not any(reward.serves(task.name) for reward in training.rewards):
            raise UserError(f"task {task.name}: the recipe has no reward for it; add one, or take the task out")


class Reader:
    """Reads answers as evaluation does.

    Args:
        tokenizer: Of the model.

    Attributes:
        stops: Tokens that end an answer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.stops = frozenset({tokenizer.eos_token_id})

    def judgement(self, example: Example, ids: Sequence[int], *, opened: bool = False) -> Judgement:
        """The judgement in an answer. One that ran into the limit was cut off.

        Args:
            example: What was asked.
            ids: All that was written, the token that ends it included.
            opened: Whether the prompt ends inside the reasoning.
        """
        # From tokens, not from TRL's text: that leaves out control tokens which evaluation would see.
        finished = bool(ids) and ids[-1] in self.stops
        written = list(ids[:-1] if finished else ids)
        text = self._tokenizer.decode(written, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        cut = "" if finished else "max_new_tokens"
        return example.request.read(text, opened=opened, cut=cut, completion_tokens=len(written))


def reward_functions(
    training: Training, examples: Sequence[Example], reader: Reader, *, group: int, opened: Set[int] = frozenset()
) -> list[Function]:
    """A function for each task of a recipe.

    Args:
        training: The recipe.
        examples: By number of row.
        reader: Reads answers.
        group: Answers to each prompt.
        opened: Numbers of the rows whose prompt ends inside the reasoning. Looked at when an answer is read.
    """
    return [_function(training, task.name, examples, reader, group, opened) for task in training.tasks]


def _function(
    training: Training, mine: str, examples: Sequence[Example], reader: Reader, group: int, opened: Set[int]
) -> Function:
    def reward(
        *,
        completion_ids: Sequence[Sequence[int]],
        task: Sequence[str],
        row: Sequence[int],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        rewards: list[float | None] = [None] * len(task)
        places = [place for place, name in enumerate(task) if name == mine]
        answers = [
            Answer(
                request=example.request,
                judgement=reader.judgement(example, completion_ids[place], opened=row[place] in opened),
                gold=example.gold,
                item=example.item,
            )
            for place in places
            for example in [examples[row[place]]]
        ]
        # Units of one answer: TRL gives no pairs of orders, and `check_rewards` refused what needs them.
        earned = compute_rewards(training.rewards, mine, [[answer] for answer in answers])
        for place, answer, (found,) in zip(places, answers, earned, strict=True):
            rewards[place] = found.total
            for name, value in _curves(answer).items():
                log_metric(f"{mine}/{name}", value)
            for name, part in found.parts.items():
                if part is not None:
                    log_metric(f"{mine}/reward/{name}", part)
        # At least one whole group: a single answer without a reward may be bad luck.
        if len(places) >= group and all(rewards[place] is None for place in places):
            names = ", ".join(weighted.name for weighted in training.rewards if weighted.serves(mine))
            raise UserError(
                f"task {mine}: no reward of the recipe applies to its answers ({examples[row[places[0]]].request.space}"
                f"); for it there are: {names}. Add one that does, or take the task out"
            )
        return rewards

    reward.__name__ = mine  # TRL names the curve of a reward function after it
    return reward


def _curves(answer: Answer) -> dict[str, float]:
    verdict = answer.judgement.verdict
    right = verdict is not None and answer.request.space.agrees(verdict, answer.gold)
    return {
        "accuracy": float(right),
        "no_verdict": float(answer.judgement.status is not Status.OK),
        "length": float(answer.judgement.completion_tokens or 0),
    }
