"""Broken eyes: a model whose vision weights are permuted, as the control of every map of where it looks.

A map that comes out alike with such a model says nothing of what the model sees. The idea is the sanity check of
Adebayo et al. 2018 (arXiv 1810.03292), which randomises weights; a permutation keeps their sizes.
"""

from __future__ import annotations

import re
from typing import Any

from harness.api import UserError

_VISION = re.compile(r"(^|\.)(vision\w*|visual\w*|image\w*|multi_modal_projector|mm_projector|connector|aligner)(\.|$)")


def shuffle_eyes(model: Any, *, seed: int, who: str) -> None:
    """Permute the numbers within each weight of the vision tower and of what joins it to the language, in place.

    Args:
        model: A vision-language model of transformers.
        seed: Of the permutations.
        who: For the message.

    Raises:
        UserError: It has no weights that are known to be of vision.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    found = 0
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if _VISION.search(name) is not None:
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(weight.flatten()[order].view_as(weight))
                found += 1
    if not found:
        raise UserError(f"{who}: the model has no weights that are known to be of vision, so its eyes cannot be broken")
