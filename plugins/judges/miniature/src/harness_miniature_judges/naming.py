"""A vision tower with heads that name what is in a picture. The heads are for training and are thrown away.

The heads read the very tokens that the language model will read, and read them in a linear way: what they can name is
there to be found. Attributes of a card are named by every patch whose centre lies on it, those of the picture by all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_miniature_judges.views import CARD, NONE, PICTURE, Attribute, Views
from harness_miniature_judges.words import TRAINED as TASKS

_WEIGHTS = {"digit": 2.0, "level": 0.5, "cast": 0.5, "place": 0.5}
"""Weights of the losses, 1 for all others. The numerals are by far the hardest."""


class Naming(nn.Module):
    """The tower and its heads.

    Args:
        tower: A `CLIPVisionModel`.
        mean: Of red, green and blue, as the image processor subtracts it, on the scale from 0 to 1.
        std: Of red, green and blue, by which the image processor divides.
    """

    def __init__(self, tower: Any, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.tower = tower
        width = tower.config.hidden_size
        self.of_picture = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, sum(attribute.values for attribute in PICTURE))
        )
        self.of_card = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, sum(attribute.values for attribute in CARD)))
        self._mean, self._std = torch.tensor(mean), torch.tensor(std)

    def normal(self, pixels: Tensor) -> Tensor:
        """Normalised pictures, as the image processor makes them of the tower's own size.

        Args:
            pixels: uint8, pictures x rows x columns x 3.

        Returns:
            float32, pictures x 3 x rows x columns.
        """
        # By hand and in one go: the processor would take pictures one by one, at every step again.
        return ((pixels.float() / 255 - self._mean) / self._std).permute(0, 3, 1, 2).contiguous()

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Logits of each attribute.

        Args:
            pixels: uint8, pictures x rows x columns x 3.

        Returns:
            Of each attribute in `PICTURE`: pictures x values. Of each in `CARD`: pictures x patches x values.
        """
        # The tokens of LLaVA's projector: the last hidden state, before the final norm, without the class token.
        seen = self.tower(self.normal(pixels), output_hidden_states=True).hidden_states[-1][:, 1:]
        pictures = self.of_picture(seen).mean(1).split([attribute.values for attribute in PICTURE], -1)
        return list(pictures), list(self.of_card(seen).split([attribute.values for attribute in CARD], -1))

    def loss(self, views: Views) -> Tensor:
        """The weighted sum of the cross-entropies, in nats."""
        pictures, patches = self(views.pixels)
        owned = _find_owners(views.boxes, patches[0].shape[1])
        total = torch.zeros(())
        for of_picture, logits, labels in zip(PICTURE, pictures, views.picture.unbind(-1), strict=True):
            total = total + _attribute_loss(of_picture, logits, labels)
        for of_card, logits, named in zip(CARD, patches, views.cards.unbind(-1), strict=True):
            first, second = named[:, 0, None], named[:, 1, None]
            # Patches on no card have no label.
            labels = torch.where(owned[:, 0], first, torch.where(owned[:, 1], second, NONE))
            total = total + _attribute_loss(of_card, logits.flatten(0, 1), labels.flatten())
        return total

    @torch.no_grad()
    def recalls(self, views: Views, *, batch: int = 300) -> dict[str, float]:
        """The recall of each attribute: the mean over its values of the share that is named right.

        Chance is one by the number of values, however rare some are. A card is named by its patches together.

        Args:
            views: Pictures, as `draw_views` makes them for a split whose scenes are left as they are.
            batch: Pictures at a time.

        Returns:
            By name, from 0 to 1. Each on the scenes of the tasks that ask for the attribute.
        """
        named: list[list[Tensor]] = []
        for start in range(0, len(views), batch):
            part = views.rows(torch.arange(start, min(start + batch, len(views))))
            pictures, patches = self(part.pixels)
            owned = _find_owners(part.boxes, patches[0].shape[1]).float()
            # Log-probabilities of a card's patches add up, as of independent witnesses.
            cards = [torch.einsum("bcn,bnv->bcv", owned, logits.log_softmax(-1)) for logits in patches]
            named.append([logits.argmax(-1) for logits in (*pictures, *cards)])
        found = [torch.cat(answers) for answers in zip(*named, strict=True)]
        golds = [*views.picture.unbind(-1), *views.cards.unbind(-1)]
        return {
            attribute.name: _recall(attribute, answer, gold, views.tasks)
            for attribute, answer, gold in zip((*PICTURE, *CARD), found, golds, strict=True)
        }


def _find_owners(boxes: Tensor, patches: int) -> Tensor:
    """Whether a patch has its centre on a card: pictures x 2 x patches."""
    side = round(patches**0.5)
    centres = (torch.arange(side) + 0.5) / side
    across, down = centres.repeat(side), centres.repeat_interleave(side)
    left, top, width = boxes[..., None].unbind(2)
    owned: Tensor = (across > left) & (across < left + width) & (down > top) & (down < top + width)
    return owned


def _attribute_loss(attribute: Attribute, logits: Tensor, labels: Tensor) -> Tensor:
    # The mean over labels that apply, by hand: PyTorch's own mean is NaN where none does.
    total = functional.cross_entropy(logits, labels, ignore_index=NONE, reduction="sum")
    weighted: Tensor = _WEIGHTS.get(attribute.name, 1.0) * total / (labels != NONE).sum().clamp(min=1)
    return weighted


def _recall(attribute: Attribute, answer: Tensor, gold: Tensor, tasks: Tensor) -> float:
    asked = torch.tensor([recipe.name in attribute.tasks for recipe in TASKS])[tasks]
    # Recalls and not accuracy: rare values, such as a flaw in one scene of ten, count as much as frequent ones.
    shown = [asked.reshape(-1, *[1] * (gold.ndim - 1)) & (gold == value) for value in range(attribute.values)]
    recalls = [(answer[rows] == value).float().mean() for value, rows in enumerate(shown) if rows.any()]
    return float(torch.stack(recalls).mean()) if recalls else float("nan")
