from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Choice, DataError, Image, Item, PluginError, Preference, Protocol, Score
from harness.runner.planned import Plan
from harness.runner.requests import Shard, list_permutations, stream_requests
from harness.runner.rows import space_text
from harness.testing import odd_pictures

MakePlan = Callable[..., Plan]


def item_with(candidates: int, name: str = "i") -> Item:
    return Item(id=name, group="g", space=Preference(2), gold=0, candidates=tuple((str(k),) for k in range(candidates)))


def test_both_orders_are_the_datas_and_its_reverse() -> None:
    assert list_permutations(item_with(2), Protocol(order="both")) == [(0, 1), (1, 0)]
    assert list_permutations(item_with(3), Protocol(order="both")) == [(0, 1, 2), (2, 1, 0)]
    assert list_permutations(item_with(2), Protocol()) == [(0, 1)]
    assert list_permutations(item_with(0), Protocol(order="both")) == [()]


@given(st.text(min_size=1), st.integers(2, 6), st.integers(0, 5))
def test_a_shuffled_order_is_a_permutation_that_depends_on_item_and_seed_only(name: str, count: int, seed: int) -> None:
    protocol = Protocol(order="shuffled", order_seed=seed)
    [order] = list_permutations(item_with(count, name), protocol)
    assert sorted(order) == list(range(count))
    assert list_permutations(item_with(count, name), protocol) == [order]


def test_shuffled_orders_are_the_same_in_every_version() -> None:
    """A stored run is gone on with: another order would be another question."""
    orders = [list_permutations(item_with(4, f"i{n}"), Protocol(order="shuffled", order_seed=3))[0] for n in range(4)]
    assert orders == [(0, 1, 3, 2), (1, 0, 3, 2), (1, 2, 0, 3), (0, 1, 3, 2)]


def test_reshuffled_orders_are_drawn_anew_for_each_sample_and_are_the_same_in_every_version() -> None:
    protocol = Protocol(order="reshuffled", order_seed=3, samples=4)
    orders = [list_permutations(item_with(4), protocol, sample=sample) for sample in range(4)]
    assert orders == [[(0, 3, 1, 2)], [(1, 3, 2, 0)], [(1, 0, 3, 2)], [(3, 1, 0, 2)]]
    other = Protocol(order="reshuffled", order_seed=4, samples=4)
    assert [list_permutations(item_with(4), other, sample=sample) for sample in range(4)] != orders
    assert [list_permutations(item_with(4, "j"), protocol, sample=sample) for sample in range(4)] != orders
    assert list_permutations(item_with(0), protocol, sample=2) == [()]


def test_reshuffling_balances_the_samples_of_each_item() -> None:
    protocol = Protocol(order="reshuffled", samples=2000)
    first = sum(list_permutations(item_with(2), protocol, sample=sample)[0] == (0, 1) for sample in range(2000))
    assert 900 < first < 1100


def test_each_reshuffled_sample_is_a_request_of_its_own(make_plan: MakePlan, text_task: Any) -> None:
    protocol = Protocol(order="reshuffled", samples=6)
    plan = make_plan(text_task(count=3, pairs=True, protocol=protocol))
    asks = list(stream_requests(plan.tasks[0]))
    assert plan.tasks[0].requests_per_item == 6
    assert [(ask.request_row.place, ask.request_row.sample) for ask in asks] == [(n, n) for n in range(6)] * 3
    assert len({ask.request_row.request for ask in asks}) == 18
    for ask in asks:
        assert ask.request is not None
        assert [ask.request.order] == list_permutations(ask.item, protocol, sample=ask.request.sample)
        assert ask.request.candidates == tuple(ask.item.candidates[place] for place in ask.request.order)
        first, second = (ask.request.text.index(str(candidate[0])) for candidate in ask.request.candidates)
        assert first < second, "what is rendered is another order than the request says"
    assert {ask.request.order for ask in asks if ask.request is not None} == {(0, 1), (1, 0)}


def test_shuffling_balances_a_constant_gold() -> None:
    first = sum(list_permutations(item_with(2, f"i{n}"), Protocol(order="shuffled"))[0] == (0, 1) for n in range(2000))
    assert 900 < first < 1100


def test_samples_and_orders_make_places_and_keys_of_their_own(make_plan: MakePlan, text_task: Any) -> None:
    plan = make_plan(text_task(count=2, pairs=True, protocol=Protocol(order="both", samples=3)))
    asks = list(stream_requests(plan.tasks[0]))
    assert [ask.request_row.place for ask in asks] == [0, 1, 2, 3, 4, 5] * 2
    assert len({ask.request_row.request for ask in asks}) == 12
    assert sum(ask.item_row is not None for ask in asks) == 2
    assert all(ask.request is not None and ask.request.task == "text" for ask in asks)


def test_shards_are_disjoint_and_complete(make_plan: MakePlan, text_task: Any) -> None:
    plan = make_plan(text_task(count=100))
    parts = [{a.item.id for a in stream_requests(plan.tasks[0], shard=Shard(index=i, count=3))} for i in (1, 2, 3)]
    assert sum(map(len, parts)) == 100
    assert len(set.union(*parts)) == 100
    assert all(len(part) > 15 for part in parts)


def test_an_empty_task_is_an_error_that_names_it(make_plan: MakePlan, text_task: Any) -> None:
    with pytest.raises(DataError, match=r"task text \(t/text\): split 'test' has no items"):
        list(stream_requests(make_plan(text_task(count=0)).tasks[0]))


def test_an_image_that_cannot_be_read_is_a_problem_of_its_item_only(
    make_plan: MakePlan, text_task: Any, tmp_path: Path
) -> None:
    def change(index: int, item: Item) -> Item:
        image = Image.from_file(tmp_path / "missing.png") if index == 1 else "fine"
        return Item(id=item.id, group="g", space=Choice(("yes", "no")), gold="yes", question=(image,))

    asks = list(stream_requests(make_plan(text_task(count=3, change=change)).tasks[0]))
    assert [ask.request is None for ask in asks] == [False, True, False]
    assert "missing.png: no such file" in asks[1].problem
    assert "'test-1'" in asks[1].problem
    assert asks[1].item_row is not None
    assert asks[1].item_row.hash == ""


def test_other_rules_for_showing_pictures_make_new_questions_and_no_new_data(
    make_plan: MakePlan, text_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, odd, plain), *_ = odd_pictures()

    def asked() -> list[tuple[str, str]]:
        def change(index: int, item: Item) -> Item:
            shown = Image.from_bytes((odd, plain)[index]._raw(), name="x")
            return Item(id=item.id, group="g", space=Choice(("yes", "no")), gold="yes", question=(shown,))

        asks = stream_requests(make_plan(text_task(count=2, change=change)).tasks[0])
        return [(ask.item_row.hash, ask.request_row.request) for ask in asks if ask.item_row is not None]

    before = asked()
    assert asked() == before
    monkeypatch.setattr("harness.api.images._image._MARK", b"other rules: ")
    after = asked()
    assert [data for data, _ in after] == [data for data, _ in before], "a run that has begun goes on"
    assert [key == was for (_, key), (_, was) in zip(after, before, strict=True)] == [False, True]


def test_two_items_that_ask_the_same_share_a_key(make_plan: MakePlan, text_task: Any) -> None:
    def change(index: int, item: Item) -> Item:
        return Item(id=item.id, group=item.group, space=item.space, gold=item.gold, question=("the same",))

    asks = list(stream_requests(make_plan(text_task(count=2, change=change)).tasks[0]))
    assert asks[0].request_row.request == asks[1].request_row.request


def test_a_request_says_what_is_judged_in_the_places_shown(make_plan: MakePlan, text_task: Any) -> None:
    plan = make_plan(text_task(count=1, pairs=True, protocol=Protocol(order="both")))
    first, second = [ask.request for ask in stream_requests(plan.tasks[0])]
    assert first is not None
    assert second is not None
    assert first.question == second.question == ("Is 0 even?",)
    assert first.candidates == (("first 0",), ("second 0",))
    assert second.candidates == (("second 0",), ("first 0",))


def test_equal_spaces_that_are_written_otherwise_are_never_mixed_up() -> None:
    whole, decimal = Score(1, 5, 1), Score(1.0, 5.0, 1.0)
    assert whole == decimal
    assert [space_text(whole), space_text(decimal), space_text(whole)] == [
        json.dumps(space.to_json(), sort_keys=True) for space in (whole, decimal, whole)
    ]


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (lambda request: replace(request, space=Choice(("a", "b"))), "a"),
        (lambda request: None, "None"),
        # It shows the candidates as they come. Half of its verdicts would be turned round.
        (lambda request: replace(request, order=(0, 1)), r"\(0, 1\)"),
        (lambda request: replace(request, order=()), r"\(\)"),
    ],
)
def test_a_request_that_is_not_about_its_item_is_refused(
    make_plan: MakePlan, text_task: Any, change: Any, made: str
) -> None:
    class Other(text_task):  # type: ignore[misc]
        def render(self, item: Item, **shown: Any) -> Any:
            return change(super().render(item, **shown))

    said = rf"task text \(t/text\), item test-0: `render` must make .* and made .*{made}"
    with pytest.raises(PluginError, match=said):
        list(stream_requests(make_plan(Other(pairs=True, protocol=Protocol(order="both"))).tasks[0]))


@pytest.mark.parametrize(
    "changes", [{"format": None}, {"messages": "Is it?"}, {"messages": None}, {"messages": (("user", "Is it?"),)}]
)
def test_a_request_that_cannot_be_put_to_a_judge_is_refused_by_its_item(
    make_plan: MakePlan, text_task: Any, changes: dict[str, Any]
) -> None:
    class Other(text_task):  # type: ignore[misc]
        def render(self, item: Item, **shown: Any) -> Any:
            return replace(super().render(item, **shown), **changes)

    said = r"task text \(t/text\), item test-0: `render` must make a Request of Messages, with the format"
    with pytest.raises(PluginError, match=said):
        list(stream_requests(make_plan(Other()).tasks[0]))


@pytest.mark.parametrize("tags", [["a"], {"a": object()}, {"a": {1, 2}}])
def test_tags_that_cannot_be_kept_are_refused_by_their_item(make_plan: MakePlan, text_task: Any, tags: Any) -> None:
    task = text_task(change=lambda index, item: replace(item, tags=tags))
    with pytest.raises(DataError, match=r"^task text, item 'test-0': tags must be texts by name, got "):
        list(stream_requests(make_plan(task).tasks[0]))
