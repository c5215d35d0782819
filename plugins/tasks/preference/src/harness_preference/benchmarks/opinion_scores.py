"""What benchmarks of opinion scores share: an item for each image and dimension, and the official measures.

Not for what a dimension means to the people who were asked: that is each benchmark's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.api import Item, Part, Protocol, Score
from harness.api.data import Row, group_of

PROTOCOL = Protocol(metrics=("spearman", "pearson", "kendall", "preference/logistic_pearson", "mae"))
"""SRCC, PLCC and KRCC, and PLCC after the logistic mapping that many papers of the field fit first."""


def item_of_opinion(
    row: Row, subset: str, *, space: Score, mean: str, spread: str, tags: Mapping[str, str], category: str = ""
) -> Item:
    """The item of one image in one dimension.

    Args:
        row: With columns `name`, of the image, and `prompt`.
        subset: The dimension.
        space: The scale.
        mean: Column of the mean opinion score.
        spread: Column of the standard deviation of the opinions.
        tags: Further facts.
        category: The sub-division, if any.

    Raises:
        DataError: A column is missing or does not fit, or the score is off the scale.
    """
    name, prompt, gold = row["name"].name(), row["prompt"].text(), row[mean].number()
    if not space.contains(gold):
        raise row[mean].mismatch(f"a number from {space.low:g} to {space.high:g}")
    # Which image is judged comes first, so that all dimensions of it begin alike.
    question: tuple[Part, ...] = (row["name"].image(), f"Text prompt: {prompt}")
    return Item(
        id=f"{subset}/{name}",
        # Images of one prompt are rated alike, however many models drew it.
        group=group_of(prompt),
        space=space,
        gold=gold,
        question=question,
        category=category,
        tags={**tags, **({"spread": f"{row[spread].number():g}"} if row.has(spread) else {})},
    )
