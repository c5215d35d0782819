"""A layer of the KV cache with room to grow, for writing many tokens after a prefix.

transformers' own layer copies all it holds at every token. Imported only once a model is open.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

_STEP = 128
"""Places that are added at once: an answer is mostly much shorter than the longest that is allowed."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]  # transformers is taken as untyped
    """Keys and values of shape (rows, heads, length, width), views of buffers that are longer."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, room: int) -> None:
        """Copy what there is into buffers with `room` more places."""
        super().__init__()
        # Sets dtype and device, which transformers reads from a layer; the tensors it makes are replaced below.
        self.lazy_initialization(keys, values)
        self._buffers = [_with_room(keys, room), _with_room(values, room)]
        self._show(keys.shape[-2])

    def _show(self, length: int) -> None:
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append new places to those that there are."""
        begin = self.keys.shape[-2]
        end = begin + key_states.shape[-2]
        if end > self._buffers[0].shape[-2]:
            # In steps, and in larger ones the more there is: copying at every token is what this class avoids.
            room = max(_STEP, end - begin, begin // 4)
            self._buffers = [_with_room(states, room) for states in (self.keys, self.values)]
        self._buffers[0][:, :, begin:end] = key_states
        self._buffers[1][:, :, begin:end] = value_states
        self._show(end)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order."""
        length = self.keys.shape[-2]
        self._buffers = [buffer[indices] for buffer in self._buffers]
        self._show(length)


def _with_room(states: torch.Tensor, room: int) -> torch.Tensor:
    rows, heads, length, width = states.shape
    # Not zeroed: what lies beyond the length is never shown.
    buffer = states.new_empty((rows, heads, length + room, width))
    buffer[:, :, :length] = states
    return buffer


def select_rows(cache: Any, indices: torch.Tensor, *, room: int) -> Any:
    """A cache with these rows of another, which stays as it is.

    Args:
        cache: Of transformers.
        indices: Shape (rows,).
        room: Places that will be added one by one. Layers of the kind that can get room for the first of them.
    """
    made = copy.copy(cache)
    made.layers = []
    for layer in cache.layers:
        # Exact types: subclasses hold other things (windows, quantised states) and keep their own way to grow.
        if room and type(layer) in (DynamicLayer, GrowingLayer):
            made.layers.append(GrowingLayer(layer.keys[indices], layer.values[indices], min(room, _STEP)))
        else:
            # Selecting makes new tensors, so the layer of the original is not touched.
            made.layers.append(copy.copy(layer))
            made.layers[-1].batch_select_indices(indices)
    return made


def select_places(cache: Any, rows: torch.Tensor, places: torch.Tensor) -> Any:
    """A cache whose row i holds these places of a row of another, which stays as it is.

    Args:
        cache: Of transformers, with layers that grow plainly.
        rows: Shape (rows,): of the other cache.
        places: Shape (rows, length).
    """
    made = copy.copy(cache)
    # The indexed axes come first, (rows, length, heads, width), because a slice stands between them.
    made.layers = [
        GrowingLayer(
            layer.keys[rows[:, None], :, places].transpose(1, 2),
            layer.values[rows[:, None], :, places].transpose(1, 2),
            _STEP,
        )
        for layer in cache.layers
    ]
    return made


def grows_plainly(config: Any) -> bool:
    """Whether every layer of a model attends to all places alike: no sliding windows, no recurrent states.

    Only then may padding stand between the tokens of a row.
    """
    from transformers import DynamicCache

    # The cache picks a class of layer by the model's configuration: what it picks says how the layer attends.
    layers = DynamicCache(config=config.get_text_config()).layers
    return all(type(layer) is DynamicLayer for layer in layers)
