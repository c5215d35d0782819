from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Example, UserError
from harness_grpo.data import check_orders, units_of

from .conftest import accuracy, fixed, pair, pairs, point, points, rewarded, training


def test_a_unit_is_an_item_in_all_its_orders() -> None:
    units = units_of(pairs("pair", 3), "train")
    assert [[one.request.order for one in unit.examples] for unit in units] == [[(0, 1), (1, 0)]] * 3
    assert [{one.item.id for one in unit.examples} for unit in units] == [{"0"}, {"1"}, {"2"}]
    assert {unit.task for unit in units} == {"pair"}


def test_items_without_candidates_are_units_of_one() -> None:
    assert [len(unit.examples) for unit in units_of(points("red", 3), "train")] == [1, 1, 1]


def test_a_limit_counts_items_and_not_orders() -> None:
    units = units_of(pairs("pair", 5), "train", limit=2)
    assert [len(unit.examples) for unit in units] == [2, 2]


def test_a_sorted_split_is_not_cut_down_to_one_class() -> None:
    """The first 4 of these all have the gold yes."""
    examples = sorted((point("red", number) for number in range(40)), key=lambda example: str(example.gold) == "no")
    units = units_of(fixed("red", examples), "train", limit=4)
    assert sorted(str(unit.examples[0].gold) for unit in units) == ["no", "no", "yes", "yes"]


def test_the_sample_of_the_harness_is_taken_where_there_is_one() -> None:
    def sample(split: str, limit: int) -> Iterator[Example]:
        assert (split, limit) == ("train", 3)
        return iter([point("red", 7)])

    task = replace(points("red", 5), sample=sample)
    assert [unit.examples[0].item.id for unit in units_of(task, "train", limit=3)] == ["7"]


def test_an_empty_split_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match="task red: split validation has no item"):
        units_of(fixed("red", [point("red", 0)], []), "validation")


@pytest.mark.parametrize("tasks", [None, frozenset({"red"})], ids=["of all tasks", "of one task"])
def test_a_reward_that_compares_orders_needs_some(tmp_path: Path, tasks: frozenset[str] | None) -> None:
    task = points("red", 2)
    rewards = rewarded(accuracy, tasks=tasks, capabilities=frozenset({"orders"}))
    whole = training(tmp_path, None, tasks=[task], rewards=rewards)
    with pytest.raises(UserError, match=r"reward accuracy: compares the two orders .* protocol: \{order: both\}"):
        check_orders(whole, [units_of(task, "train")])


def test_the_orders_of_another_task_are_none_of_a_reward_s() -> None:
    red, pair_ = points("red", 2), pairs("pair", 2)
    units = [units_of(red, "train"), units_of(pair_, "train")]
    for_red = rewarded(accuracy, tasks=frozenset({"red"}), capabilities=frozenset({"orders"}))
    with pytest.raises(UserError, match="no task of the recipe that it is for shows both"):
        check_orders(training(Path(), None, tasks=[red, pair_], rewards=for_red), units)
    check_orders(training(Path(), None, tasks=[red, pair_], rewards=rewarded(accuracy)), units[:1])
    for_all = rewarded(accuracy, capabilities=frozenset({"orders"}))
    check_orders(training(Path(), None, tasks=[red, pair_], rewards=for_all), units)


def test_one_order_of_each_pair_is_not_enough() -> None:
    task = fixed("pair", [next(pair("pair", number)) for number in range(2)])
    rewards = rewarded(accuracy, capabilities=frozenset({"orders"}))
    with pytest.raises(UserError, match="compares the two orders"):
        check_orders(training(Path(), None, tasks=[task], rewards=rewards), [units_of(task, "train")])
