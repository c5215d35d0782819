"""Some items of a split that stand for all of it: the same shares of golds and categories, of many clusters."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping

from harness.api._records import Item
from harness.api.spaces._kinds import Score

_SEED = "sample of items"
_SPREAD = 8
"""So many times as many items of a class are held as are wanted, to choose those of different clusters among them."""
_FIFTHS = 5

_Ranked = tuple[int, str, str]
"""Hash, id and cluster of an item."""


def sample_items(items: Iterable[Item], *, limit: int) -> frozenset[str]:
    """Ids of at most `limit` items, in one pass that holds few of them.

    Each gold has its share of the sample, and one item at least; within a gold each category has its share. A score
    counts by the fifth of its scale. Items are taken by a hash of their ids, those of different clusters first. The
    choice does not depend on the order of the data, and it is the same for every seed of a training, so that trainings
    with different seeds can be compared.

    Args:
        items: Of one split.
        limit: At most so many.
    """
    sizes: dict[str, Counter[str]] = {}
    held: dict[tuple[str, str], list[_Ranked]] = {}
    for item in items:
        gold = _gold_class(item)
        sizes.setdefault(gold, Counter())[item.category] += 1
        kept = held.setdefault((gold, item.category), [])
        # Negative, as a heap gives its smallest.
        entry = (-_hash(f"{_SEED}\0{item.id}"), item.id, item.group)
        if len(kept) < _SPREAD * limit:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    chosen: list[str] = []
    for gold, count in _shares({gold: found.total() for gold, found in sizes.items()}, limit).items():
        for category, part in _shares(sizes[gold], count).items():
            chosen += _spread(held[gold, category], part)
    return frozenset(chosen)


def _spread(held: Iterable[_Ranked], count: int) -> list[str]:
    """The first items by their hash, one of each cluster before a second one of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for place, (_, item, group) in enumerate(sorted(held, reverse=True)):
        ranked.append((seen[group], place, item))
        seen[group] += 1
    return [item for _, _, item in sorted(ranked)[:count]]


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many of each class: in proportion, one at least, the rest by the largest remainder (Hamilton's method).

    With more classes than places, a place each for the classes whose hash is least.
    """
    if count < len(sizes):
        return dict.fromkeys(sorted(sizes, key=lambda name: (_hash(name), name))[:count], 1)
    total = sum(sizes.values())
    count = min(count, total)
    exact = {name: count * size / total for name, size in sizes.items()}
    shares = {name: max(1, int(part)) for name, part in exact.items()}
    while sum(shares.values()) < count:  # to the class that is furthest below its share
        shares[max(sorted(shares), key=lambda name: exact[name] - shares[name])] += 1
    while sum(shares.values()) > count:  # classes that are rarer than one place have one
        above = [name for name in shares if shares[name] > 1]
        shares[max(above, key=lambda name: (shares[name] - exact[name], name))] -= 1
    return shares


def _gold_class(item: Item) -> str:
    space = item.space
    if isinstance(space, Score):
        width = (space.high - space.low) or 1
        return str(min(_FIFTHS - 1, int(_FIFTHS * (float(str(item.gold)) - space.low) / width)))
    return space.name(item.gold)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
