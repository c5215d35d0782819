"""Images by content: each is prepared once, and encoded once by the vision tower, however often it is shown.

Both orders of a pair show the same two images; so do all samples of a request. What is kept is bounded by bytes.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from harness.api import DataError, Image

log = logging.getLogger(__name__)

_PREPARED_BYTES = 512 * 2**20
_FEATURE_BYTES = 512 * 2**20
_AT_ONCE = 16
"""Images that are decoded and prepared in one call."""


class Bounded:
    """A mapping that forgets what was used longest ago once its values hold too many bytes.

    Args:
        capacity: Bytes that the tensors in the values may hold together. The newest value always stays.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held = 0
        self._values: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str) -> Any:
        """The value, or `None`."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._held += _bytes(value)
        replaced = self._values.pop(key, None)
        if replaced is not None:
            self._held -= _bytes(replaced)
        self._values[key] = value
        while self._held > self._capacity and len(self._values) > 1:
            _, forgotten = self._values.popitem(last=False)
            self._held -= _bytes(forgotten)

    def clear(self) -> None:
        """Forget all."""
        self._values.clear()
        self._held = 0

    def __len__(self) -> int:
        return len(self._values)


def _bytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_bytes(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(_bytes(part) for part in value)
    return int(getattr(value, "nbytes", 0))


class PixelCache:
    """Stands in for the image processor of a processor and remembers what it made of each image.

    Works where an image processor treats each image by itself, so that the parts put together are what it makes of all
    at once. The first request with two images shows whether it does. Where it does not (some pad all images of a
    request to a common number of tiles), `separable` turns false and images are prepared together, request by request.

    Args:
        processor: Its `image_processor` is replaced by this object.
    """

    def __init__(self, processor: Any) -> None:
        self._inner = processor.image_processor
        self._prepared = Bounded(_PREPARED_BYTES)
        self._digests: dict[int, str] = {}
        self._keywords: dict[str, Any] | None = None
        self._checked = False
        self._batches = True
        self._batches_checked = False
        self.separable = True
        processor.image_processor = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def expecting(self, images: Sequence[Image]) -> Iterator[list[Any]]:
        """While the block runs, calls are about these images.

        Raises:
            DataError: An image cannot be read.
        """
        pictures = [image.load() for image in images]
        self._digests = {id(picture): image.digest for picture, image in zip(pictures, images, strict=True)}
        try:
            yield pictures
        finally:
            self._digests = {}

    def __call__(self, images: Any, **keywords: Any) -> Any:
        """Process these images: tensors by name."""
        # By identity: processors hand on the very objects that `expecting` loaded.
        flat = list(_flatten(images))
        if not self.separable or any(id(image) not in self._digests for image in flat):
            return self._inner(images, **keywords)
        self._keywords = keywords
        parts = [self._one(image, keywords) for image in flat]
        if len(parts) == 1:
            return parts[0]
        together = _together(parts)
        if not self._checked:
            self._checked = True
            if together is None or not _same(together, self._inner(images, **keywords)):
                log.info("%s prepares the images of a request together", type(self._inner).__name__)
                self.separable = False
        return together if self.separable and together is not None else self._inner(images, **keywords)

    def _one(self, image: Any, keywords: dict[str, Any]) -> Any:
        digest = self._digests[id(image)]
        made = self._prepared.get(digest)
        if made is None:
            made = dict(self._inner([image], **keywords))
            self._prepared.put(digest, made)
        return _batch(made)

    def clear(self) -> None:
        """Forget all."""
        self._prepared.clear()

    @property
    def ready(self) -> bool:
        """Whether it knows how images are to be prepared: from the first call on."""
        return self._keywords is not None

    def inputs_of(self, image: Image) -> Mapping[str, Any]:
        """The tensors of one image by itself, processed as in the last call.

        Raises:
            DataError: The image cannot be read.
        """
        made = self._prepared.get(image.digest)
        if made is None:
            made = self._alone(image.load())
            self._prepared.put(image.digest, made)
        known: Mapping[str, Any] = made
        return known

    def prepare(self, images: Iterable[Image]) -> None:
        """Prepare images ahead of `prepared`, some in one call. Those that cannot be read are left to it."""
        if not (self.ready and self.separable and self._batches):
            return
        fresh: dict[str, Image] = {}
        for image in images:
            with suppress(DataError):
                if self._prepared.get(image.digest) is None:
                    fresh[image.digest] = image
        waiting = list(fresh.values())
        for start in range(0, len(waiting), _AT_ONCE):
            self._prepare_together(waiting[start : start + _AT_ONCE])

    def _prepare_together(self, images: Sequence[Image]) -> None:
        pictures: dict[str, Any] = {}
        for image in images:
            with suppress(DataError):
                pictures[image.digest] = image.load()
        if len(pictures) < 2 or not self._batches:
            return
        parts = _apart(self._inner(list(pictures.values()), **(self._keywords or {})), len(pictures))
        if parts is None or (not self._batches_checked and not self._like_alone(parts, list(pictures.values()))):
            self._batches = False
            return
        self._batches_checked = True
        for digest, part in zip(pictures, parts, strict=True):
            self._prepared.put(digest, part)

    def _like_alone(self, parts: Sequence[dict[str, Any]], pictures: Sequence[Any]) -> bool:
        return all(_same(part, self._alone(picture)) for part, picture in zip(parts, pictures, strict=True))

    def _alone(self, picture: Any) -> dict[str, Any]:
        return dict(self._inner([picture], **(self._keywords or {})))


def _batch(data: dict[str, Any]) -> Any:
    from transformers import BatchFeature

    return BatchFeature(dict(data))


def _flatten(images: Any) -> Iterator[Any]:
    if isinstance(images, list | tuple):
        for image in images:
            yield from _flatten(image)
    else:
        yield images


def _together(parts: list[Any]) -> Any:
    """The parts one after the other, or `None` where their shapes do not fit."""
    import torch

    data: dict[str, Any] = {}
    for name in parts[0]:
        values = [part.get(name) for part in parts]
        if not all(isinstance(value, torch.Tensor) and value.shape[1:] == values[0].shape[1:] for value in values):
            return None
        data[name] = torch.cat(values)
    return _batch(data)


def _apart(made: Any, count: int) -> list[dict[str, Any]] | None:
    """The part of each of `count` images, or `None` where what was made of them is not one row for each."""
    import torch

    values = dict(made)
    if not all(isinstance(value, torch.Tensor) and len(value) == count for value in values.values()):
        return None
    # Cloned: a view would keep the tensors of all images alive.
    return [{name: value[place : place + 1].clone() for name, value in values.items()} for place in range(count)]


def _same(first: Any, second: Any) -> bool:
    import torch

    if set(first) != set(second):
        return False
    return all(isinstance(second[name], torch.Tensor) and torch.equal(first[name], second[name]) for name in first)


class FeatureCache:
    """Features of each image by the vision tower, for models that take them in place of pixels (`mm_encoder_outputs`).

    Args:
        model: The vision-language model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._features = Bounded(_FEATURE_BYTES)
        self._kind: Any = None
        self._stacked = False

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether a model takes features in place of pixels."""
        import inspect

        takes = "mm_encoder_outputs" in inspect.signature(model.forward).parameters
        return takes and hasattr(model, "get_image_features")

    def outputs(self, digests: Sequence[str], prepared: Sequence[Mapping[str, Any]]) -> Any:
        """The `mm_encoder_outputs` of a batch. What is not known yet is encoded now.

        Args:
            digests: Of the images in reading order, prompt after prompt.
            prepared: What the image processor made of each.

        Raises:
            ValueError: The model's features cannot be told apart by image.
        """
        import torch

        found: dict[str, Any] = {}
        by_shape: dict[object, dict[str, Mapping[str, Any]]] = {}
        for digest, inputs in zip(digests, prepared, strict=True):
            known = self._features.get(digest)
            if known is not None:
                found[digest] = known
            else:
                shape = tuple(sorted((name, tuple(value.shape[1:])) for name, value in inputs.items()))
                by_shape.setdefault(shape, {})[digest] = inputs
        # The vision tower takes only images of one shape in a batch.
        for fresh in by_shape.values():
            found.update(self._encode(list(fresh.values()), list(fresh)))
        pooled = [found[digest]["pooler_output"] for digest in digests]
        fields: dict[str, Any] = {"pooler_output": torch.stack(pooled) if self._stacked else pooled}
        if found[digests[0]]["deep"]:
            deep = (found[digest]["deep"] for digest in digests)
            fields["deepstack_features"] = [list(layer) for layer in zip(*deep, strict=True)]
        return {"image": self._kind(**fields)}

    def _encode(self, parts: list[Mapping[str, Any]], digests: list[str]) -> dict[str, Any]:
        import inspect

        import torch

        # Some of what the processor makes is for other parts of the model.
        known = inspect.signature(self._model.get_image_features).parameters
        inputs = {
            name: torch.cat([part[name] for part in parts]).to(self._model.device) for name in parts[0] if name in known
        }
        inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        output = self._model.get_image_features(**inputs, return_dict=True)
        self._kind = type(output)
        self._stacked = isinstance(output.pooler_output, torch.Tensor)
        # Most models give one tensor; those with images of several sizes give a list.
        pooled = list(output.pooler_output)
        deep = getattr(output, "deepstack_features", None) or ()
        if len(pooled) != len(digests):
            raise ValueError(f"{len(pooled)} features of {len(digests)} images")
        # Cloned, so that one image can be forgotten without the others.
        made = {
            digest: {"pooler_output": pooled[place].clone(), "deep": [layer[place].clone() for layer in deep]}
            for place, digest in enumerate(digests)
        }
        for digest, features in made.items():
            self._features.put(digest, features)
        return made

    def clear(self) -> None:
        """Forget all."""
        self._features.clear()
