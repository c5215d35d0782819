"""What benchmarks of generated images share: pairs from ranks, and the words around two images for one prompt.

Not for where the images are. Of ranks it knows only that lower is better.
"""

from __future__ import annotations

from harness.api import TIE, Preference, Verdict
from harness.api.data import PromptFrame

DECIDED = Preference(2)
"""One of both. A judge that scores two images equally then has no answer."""

WITH_TIES = Preference(2, ties=(TIE,))
"""One of both, or neither."""


def better(first: float, second: float) -> Verdict:
    """The place of the lower of two ranks, or `TIE`."""
    # Ranks may be equal in the data. Each benchmark says in its protocol what such a pair is worth.
    if first == second:
        return TIE
    return 0 if first < second else 1


def two_images(look_for: str) -> PromptFrame:
    """The words around a text prompt and two images that were generated for it.

    Args:
        look_for: What people were asked to look for, as a sentence.
    """
    return PromptFrame(
        opening=(
            "You are shown a text prompt and two images that were generated for it, A and B. Judge which one people "
            "would prefer."
        ),
        heading="Image {letter}:",
        closing=look_for,
    )
