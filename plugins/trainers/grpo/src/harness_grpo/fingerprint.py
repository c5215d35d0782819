"""A fingerprint of everything that decides the trained weights, besides the recipe."""

from __future__ import annotations

import hashlib
import json

from harness.api import Context, Training
from harness_transformers.loading import content_of, pin, source_of

_GENERATION = 2  # raise it whenever the same recipe gives other weights


def fingerprint_of(training: Training, context: Context) -> str:
    """Covers the weights that a training starts from (to the byte or the commit) and the generation of this code.

    Raises:
        UserError: There is no such model.
    """
    weights = None
    if training.model is not None:
        who = f"recipe {training.name}"
        # A branch of the hub moves; the commit is what the weights are.
        source = pin(source_of("model", training.model, who), who)
        weights = content_of(source, context.workspace)
    return hashlib.sha256(json.dumps([_GENERATION, weights]).encode()).hexdigest()[:32]
