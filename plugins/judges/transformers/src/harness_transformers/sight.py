"""Giving images to a model: as features that the vision tower made once, or as pixels where it takes no features."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness_transformers.numerics import differ, out_of_memory
from harness_transformers.pixels import FeatureCache
from harness_transformers.prompts import Prompt

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_GRID = "_grid_thw"  # sizes of images in patches: positions depend on them (Qwen-VL)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The images of a batch as inputs of a model."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Features, or pixels and what goes with them."""


NOTHING = Pictures()


class Sight:
    """The images of a batch, for one model.

    Whether a model computes the same from features as from pixels is checked on the first batch with images. Where it
    does not, it gets pixels from then on.

    Args:
        model: The vision-language model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.features = FeatureCache(model) if FeatureCache.fits(model) else None
        self._checked = False

    def clear(self) -> None:
        """Forget all features."""
        if self.features is not None:
            self.features.clear()

    def grid(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """Sizes of all images of the batch, on which positions depend."""
        return {name: value for name, value in joint(prompts, self._model).items() if name.endswith(_GRID)}

    def pictures(self, prompts: Sequence[Prompt], logits: Callable[[Pictures], Tensor]) -> Pictures:
        """The images of a batch.

        Args:
            prompts: In the order of the rows.
            logits: What the model makes of the batch with given pictures, for the check.
        """
        digests = [digest for prompt in prompts for digest in prompt.images]
        if not digests:
            return NOTHING
        # Pixels of a whole prompt (images that are prepared together) cannot be kept by image.
        if self.features is None or prompts[0].pixels:
            return Pictures(joint(prompts, self._model))
        try:
            prepared = [part for prompt in prompts for part in prompt.prepared]
            shared = Pictures({"mm_encoder_outputs": self.features.outputs(digests, prepared)})
            if not self._checked:
                plain = Pictures(joint(prompts, self._model))
                if differ(logits(plain), logits(shared), str(self._model.dtype)):
                    raise ValueError("features give other logits than pixels")
                self._checked = True
        except Exception as error:  # a model whose features are of a kind that is not known here
            if out_of_memory(error):
                raise
            log.warning("images are encoded again for each prompt: %s", error)
            self.features = None
            return Pictures(joint(prompts, self._model))
        return shared


def joint(prompts: Sequence[Prompt], model: Any) -> dict[str, Tensor]:
    """The processed images of a batch, put together on the device."""
    import torch

    parts = [part for prompt in prompts for part in ([prompt.pixels] if prompt.pixels else prompt.prepared)]
    if not parts:
        return {}
    joint = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return {
        name: value.to(model.device, model.dtype if value.is_floating_point() else None)
        for name, value in joint.items()
    }
