"""A sample of a split: the shares of golds and categories, many clusters, whatever the order of the data."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.api import Choice, Item, Score, sample_items

YES_NO = Choice(("yes", "no"))


def make(number: int, gold: str = "yes", *, category: str = "", group: str | None = None) -> Item:
    return Item(id=f"i{number}", group=group or f"g{number}", space=YES_NO, gold=gold, category=category)


def test_data_that_is_sorted_by_gold_gives_both_golds_in_their_shares() -> None:
    items = [make(k, "yes" if k < 300 else "no") for k in range(400)]
    chosen = sample_items(items, limit=40)
    golds = Counter(item.gold for item in items if item.id in chosen)
    assert golds == {"yes": 30, "no": 10}


def test_the_order_of_the_data_does_not_count() -> None:
    items = [make(k, "yes" if k % 3 else "no", category=f"c{k % 4}") for k in range(120)]
    shuffled = random.Random(0).sample(items, k=120)
    assert sample_items(items, limit=17) == sample_items(shuffled, limit=17)


@pytest.mark.parametrize("limit", [1, 2, 5, 50, 399, 400, 1000])
def test_so_many_items_are_taken_as_there_are_and_no_more(limit: int) -> None:
    items = [make(k, "yes" if k % 7 else "no", category=f"c{k % 5}", group=f"g{k // 4}") for k in range(400)]
    chosen = sample_items(items, limit=limit)
    assert len(chosen) == min(limit, 400)
    assert chosen <= {item.id for item in items}


def test_a_rare_gold_has_an_item_and_categories_their_shares() -> None:
    items = [make(k, category="a" if k % 4 else "b") for k in range(1000)]
    items.append(make(1000, "no"))
    chosen = sample_items(items, limit=20)
    found = [item for item in items if item.id in chosen]
    assert Counter(item.gold for item in found) == {"yes": 19, "no": 1}
    categories = Counter(item.category for item in found if item.gold == "yes")
    assert abs(categories["a"] - 19 * 0.75) < 1


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12), limit=st.integers(1, 80))
@example(sizes=[300, *[1] * 9], limit=10)
def test_every_gold_has_its_share_and_one_item_at_least(sizes: list[int], limit: int) -> None:
    """One common gold beside rare ones too: these have more than their shares, so the common one has less."""
    space = Choice(tuple(f"c{gold}" for gold in range(max(2, len(sizes)))))
    items = [
        Item(id=f"{gold}-{k}", group=f"{gold}-{k}", space=space, gold=f"c{gold}")
        for gold, size in enumerate(sizes)
        for k in range(size)
    ]
    chosen = sample_items(items, limit=limit)
    found = Counter(item.gold for item in items if item.id in chosen)
    assert found.total() == min(limit, len(items))
    if limit < len(sizes):
        assert set(found.values()) == {1}
        return
    whole = min(limit, len(items))
    for gold, size in enumerate(sizes):
        share = whole * size / len(items)
        assert 1 <= found[f"c{gold}"] <= max(1, share + 1)
        # What rare golds have above their shares is all that another one may lack.
        lent = sum(max(0.0, 1 - whole * other / len(items)) for other in sizes)
        assert found[f"c{gold}"] >= share - 1 - lent


def test_items_of_different_clusters_are_taken_first() -> None:
    items = [make(k, group=f"g{k % 30}") for k in range(240)]
    chosen = sample_items(items, limit=30)
    assert len({item.group for item in items if item.id in chosen}) >= 28


def test_scores_count_by_the_fifth_of_their_scale() -> None:
    space = Score(0.0, 10.0)
    items = [Item(id=str(k), group=str(k), space=space, gold=float(k % 10)) for k in range(1000)]
    chosen = sample_items(items, limit=50)
    fifths = Counter(int(float(str(item.gold)) // 2) for item in items if item.id in chosen)
    assert fifths == {0: 10, 1: 10, 2: 10, 3: 10, 4: 10}


def test_the_mean_of_many_samples_is_that_of_the_data() -> None:
    """By the share of the first items, which is no stratum: ids are renamed for each sample."""
    found = []
    for sample in range(200):
        items = [Item(id=f"{sample}-{k}", group=str(k), space=YES_NO, gold="yes", category="") for k in range(100)]
        found.append(sum(int(item.split("-")[1]) < 30 for item in sample_items(items, limit=20)) / 20)
    # The standard error of the mean of 200 shares of 20 items out of 100 is 0.0065.
    assert sum(found) / len(found) == pytest.approx(0.3, abs=0.02)
