from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from harness.api import Answer, Example, PluginError, Status, UserError, WeightedReward
from harness_trl.rewards import Reader, check_rewards, reward_functions

from .conftest import FORMAT, YES_NO, accuracy, length, nothing, pairs, point, points, rewarded, training


@pytest.fixture(scope="module")
def tokenizer(taught: Path) -> Any:
    return AutoTokenizer.from_pretrained(taught)


def written(tokenizer: Any, text: str, *, ended: bool = True) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id] if ended else ids


class Logged(list[tuple[str, float]]):
    def __call__(self, name: str, value: float) -> None:
        self.append((name, value))


def called(functions: Sequence[Any], answers: Sequence[tuple[str, int, list[int]]]) -> tuple[list[Any], Logged]:
    """What each function says to a batch, asked as TRL asks."""
    logged = Logged()
    tasks, rows, ids = zip(*answers, strict=True)
    given = {"prompts": None, "completions": None, "item": None, "order": None, "trainer_state": None}
    batch = {"completion_ids": list(ids), "task": list(tasks), "row": list(rows), "log_metric": logged}
    return [function(**batch, **given) for function in functions], logged


def test_each_task_has_a_function_that_says_nothing_of_the_others(tokenizer: Any, tmp_path: Path) -> None:
    heavy = WeightedReward(name="accuracy", reward=accuracy, weight=0.9, tasks=frozenset({"red"}))
    recipe = training(
        tmp_path, None, tasks=[points("red", 2), points("blue", 2)], rewards=[heavy, *rewarded(length, weight=-1.0)]
    )
    examples = [point("red", 0), point("red", 1), point("blue", 0)]
    functions = reward_functions(recipe, examples, Reader(tokenizer), group=8)
    assert [one.__name__ for one in functions] == ["red", "blue"]
    yes = written(tokenizer, "<think>Red.</think><answer>yes</answer>")
    (red, blue), logged = called(functions, [("red", 0, yes), ("blue", 2, yes), ("red", 1, yes)])
    tokens = (len(yes) - 1) / 10
    assert red == pytest.approx([0.9 - tokens, None, -tokens])
    assert blue == [None, pytest.approx(-tokens), None]
    assert [value for name, value in logged if name == "red/reward/accuracy"] == [1.0, 0.0], "not yet weighted"
    assert [value for name, value in logged if name == "red/accuracy"] == [1.0, 0.0]
    assert ("blue/reward/accuracy", 1.0) not in logged, "that reward is for the other task"


@pytest.mark.parametrize(
    ("text", "ended", "status"),
    [
        ("<think>Red.</think><answer>yes</answer>", True, Status.OK),
        ("<think>Red.</think><answer>yes</answer>", False, Status.OK),
        ("<think>Red", False, Status.TRUNCATED),
        ("At first sight <answer>yes</answer> is what one would", False, Status.TRUNCATED),
        ("It is red.", True, Status.UNPARSED),
        ("<think>Red.</think><answer>ye<|user|>s</answer>", True, Status.OUTSIDE),
    ],
)
def test_an_answer_is_read_as_in_evaluation(tokenizer: Any, text: str, ended: bool, status: Status) -> None:
    example = point("red", 0)
    judgement = Reader(tokenizer).judgement(example, written(tokenizer, text, ended=ended))
    tokens = len(written(tokenizer, text, ended=False))
    assert judgement == example.request.read(text, cut="" if ended else "max_new_tokens", completion_tokens=tokens)
    assert judgement.status is status


def test_a_draft_that_the_limit_cut_off_earns_nothing(tokenizer: Any, tmp_path: Path) -> None:
    recipe = training(tmp_path, None, tasks=[points("red", 1)], rewards=rewarded(accuracy))
    functions = reward_functions(recipe, [point("red", 0)], Reader(tokenizer), group=8)
    draft = "At first sight <answer>yes</answer> is what one would"
    whole = "<think>Red.</think><answer>yes</answer>"
    answers = [("red", 0, written(tokenizer, text, ended=False)) for text in (draft, whole)]
    (rewards,), _ = called(functions, answers)
    assert rewards == [0.0, 1.0]


def test_an_answer_to_a_prompt_that_opens_the_reasoning_begins_inside_it(tokenizer: Any, tmp_path: Path) -> None:
    recipe = training(tmp_path, None, tasks=[points("red", 1)], rewards=rewarded(accuracy))
    opened: set[int] = set()
    functions = reward_functions(recipe, [point("red", 0)], Reader(tokenizer), group=8, opened=opened)
    opened.add(0)  # rows are drawn after the functions are made
    texts = ("Red.</think><answer>yes</answer>", "It is <answer>yes</answer> at first sight")
    (rewards,), _ = called(functions, [("red", 0, written(tokenizer, text)) for text in texts])
    assert rewards == [1.0, 0.0], "reasoning that is never closed holds no verdict"


def test_every_token_that_ends_an_answer_ends_it(tokenizer: Any) -> None:
    reader = Reader(tokenizer)
    reader.stops = frozenset({7, tokenizer.eos_token_id})
    ids = [*written(tokenizer, "It is", ended=False), 7]
    assert reader.judgement(point("red", 0), ids).status is Status.UNPARSED
    assert reader.judgement(point("red", 0), ids[:-1]).status is Status.TRUNCATED


def test_an_exception_in_a_reward_ends_the_training(tokenizer: Any, tmp_path: Path) -> None:
    def broken(*_: Any) -> float:
        raise ZeroDivisionError

    recipe = training(tmp_path, None, tasks=[points("red", 1)], rewards=rewarded(broken))
    functions = reward_functions(recipe, [point("red", 0)], Reader(tokenizer), group=2)
    with pytest.raises(PluginError, match="reward broken raised ZeroDivisionError"):
        called(functions, [("red", 0, written(tokenizer, "yes"))])


def test_a_task_whose_answers_earn_nothing_at_all_is_an_error(tokenizer: Any, tmp_path: Path) -> None:
    recipe = training(tmp_path, None, tasks=[points("red", 1)], rewards=rewarded(nothing))
    functions = reward_functions(recipe, [point("red", 0)], Reader(tokenizer), group=2)
    answer = ("red", 0, written(tokenizer, "yes"))
    with pytest.raises(UserError, match=r"task red: no reward of the recipe applies .* there are: nothing"):
        called(functions, [answer] * 2)
    assert called(functions, [answer])[0] == [[None]], "part of a group may be elsewhere"


class InBothOrders:
    def __call__(self, *_: Any) -> float | None:
        return None

    def of_orders(self, answers: Sequence[Answer]) -> float | None:
        return None


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        (rewarded(InBothOrders()), r"reward InBothOrders: looks at both orders .* train with grpo"),
        (rewarded(accuracy, capabilities=frozenset({"orders"})), r"reward accuracy: looks at both orders"),
        (rewarded(accuracy, capabilities=frozenset({"probabilities"})), r"reward accuracy: needs the probability"),
        (rewarded(accuracy, tasks=frozenset({"red"})), r"task pair: the recipe has no reward for it"),
    ],
)
def test_a_reward_that_trl_cannot_serve_is_refused_by_name(tmp_path: Path, rewards: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_rewards(training(tmp_path, None, tasks=[points("red", 2), pairs("pair", 2)], rewards=rewards))


def test_the_kit_writes_answers_that_are_read(tokenizer: Any) -> None:
    example: Example = point("red", 0)
    text = FORMAT.write(example.gold, YES_NO, "It is red.")
    assert Reader(tokenizer).judgement(example, written(tokenizer, text)).verdict == example.gold
