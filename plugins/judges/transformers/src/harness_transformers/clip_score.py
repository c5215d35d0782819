"""CLIP-family scorers as judges of alignment: how near are a caption and an image to one another?

CLIPScore (arXiv:2104.08718) is 2.5 * max(cos, 0) with the prompt 'A photo depicts '. PickScore (arXiv:2305.01569) and
HPSv2 (arXiv:2306.09341) are the same model trained on preferences, without a prompt; their preference of one image over
another is the softmax of logit_scale * cos. The verdict is computed; `raw` holds the numbers as JSON, in shown places.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.api import Choice, Context, DataError, Image, Judgement, Part, Request, Status, UserError
from harness_transformers.batches import Answered, Room, free_memory, windows
from harness_transformers.candidates import NO_MEMORY, compared, decided, refusal
from harness_transformers.language import out_of_memory
from harness_transformers.loading import content_of, open_model, open_processor, pinned, set_threads, source_of
from harness_transformers.options import ClipScoreOptions
from harness_transformers.pixels import Bounded

if TYPE_CHECKING:
    from torch import Tensor

_GENERATION = 1  # raise it whenever answers may change
_SORTED_BATCHES = 8
_REMEMBERED_BYTES = 64 * 2**20
_LONGEST_QUESTION = 10_000
"""Characters that a caption's regular expression may be tried on: a bad one takes time beyond all bounds."""


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What is compared for one request: text i with image i."""

    texts: tuple[str, ...]
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    model: Any
    tokenizer: Any
    image_processor: Any
    scale: float
    longest: int
    """Most tokens of a text."""
    padding: str | bool


class ClipScore:
    """A dual encoder of text and images, on this machine.

    Args:
        options: What the manifest says.
        context: Name and workspace.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, options: ClipScoreOptions, context: Context) -> None:
        self._options = options
        self._name = context.name
        self._source = pinned(source_of("model", options.model, context.name), context.name)
        self._weights = content_of(self._source, context.workspace)
        self._caption = None if options.caption is None else re.compile(options.caption, re.DOTALL)
        self._opened: _Opened | None = None
        self._images = Bounded(_REMEMBERED_BYTES)
        self._room = Room(options.batch_size, lambda: None)

    def fingerprint(self) -> str:
        """Covers the weights and the generation of this code."""
        return hashlib.sha256(json.dumps([_GENERATION, self._weights]).encode()).hexdigest()[:32]

    def close(self) -> None:
        """Let go of the weights."""
        if self._opened is not None:
            self._opened = None
            self._images.clear()
            free_memory()

    def judge(self, requests: Iterable[Request]) -> Iterator[Answered]:
        """Encode the texts and images of a window of requests, each distinct one once, then decide.

        Raises:
            UserError: The model cannot be opened, or is no dual encoder.
        """
        for window in windows(requests, _SORTED_BATCHES * self._options.batch_size):
            began = time.monotonic()
            opened = self._open()
            asked: list[tuple[Request, _Pairs]] = []
            for request in window:
                pairs = self._pairs(request)
                if isinstance(pairs, str):
                    yield request, Judgement.failed(Status.REFUSED, pairs)
                else:
                    asked.append((request, pairs))
            texts = {text: self._tokens(opened, text) for _, pairs in asked for text in pairs.texts}
            words = self._encoded(list(texts), partial(_read_texts, opened, texts))
            images, broken = self._looked_at(opened, [image for _, pairs in asked for image in pairs.images])
            seconds = round(time.monotonic() - began, 4)
            for request, pairs in asked:
                long = any(len(texts[text]) > opened.longest for text in pairs.texts)
                judgement = self._decide(request, pairs, words, images, broken, long, opened.scale)
                tokens = sum(min(len(texts[text]), opened.longest) for text in set(pairs.texts))
                yield (
                    request,
                    replace(
                        judgement, prompt_tokens=tokens, completion_tokens=0, latency_s=seconds, model=self._weights
                    ),
                )

    def _pairs(self, request: Request) -> _Pairs | str:
        """What is to be compared, or why nothing is."""
        problem = refusal(request)
        if problem:
            return problem
        own = [part for part in request.question if isinstance(part, Image)]
        candidates = request.candidates
        if all(_is_image(candidate) for candidate in candidates) and candidates and not own:
            caption = self._captioned(request)
            images = tuple(part for candidate in candidates for part in candidate if isinstance(part, Image))
            return caption if isinstance(caption, _No) else _Pairs((caption,) * len(images), images)
        if len(own) == 1 and candidates and all(_is_text(candidate) for candidate in candidates):
            texts = tuple(self._options.prompt + _words(candidate) for candidate in candidates)
            return _Pairs(texts, (own[0],) * len(texts))
        if len(own) == 1 and not candidates:
            caption = self._captioned(request)
            return caption if isinstance(caption, _No) else _Pairs((caption,), (own[0],))
        return "this judge compares one caption with images, or one image with captions"

    def _captioned(self, request: Request) -> str:
        """The caption in the question's text, behind the prompt; a `_No` where there is none."""
        text = _words(request.question)
        if self._caption is not None:
            found = self._caption.search(text[:_LONGEST_QUESTION])
            if found is None or not found[1]:
                return _No("the option `caption` finds no caption in the question")
            text = found[1]
        return self._options.prompt + text if text.strip() else _No("the question has no text")

    def _decide(
        self,
        request: Request,
        pairs: _Pairs,
        words: dict[str, Tensor],
        images: dict[str, Tensor],
        broken: dict[str, str],
        long: bool,
        scale: float,
    ) -> Judgement:
        problems = [broken[image.name] for image in pairs.images if image.name in broken]
        if problems:
            return Judgement.failed(Status.ERROR, problems[0])
        if any(text not in words for text in pairs.texts) or any(image.digest not in images for image in pairs.images):
            return Judgement.failed(Status.ERROR, NO_MEMORY)
        cosines = [
            float(words[text] @ images[image.digest]) for text, image in zip(pairs.texts, pairs.images, strict=True)
        ]
        raw = {"cosines": cosines, **({"truncated": True} if long else {})}
        if isinstance(request.space, Choice):
            score = 2.5 * max(cosines[0], 0.0)
            return decided(request, score, threshold=self._options.threshold, raw={**raw, "score": score})
        logits = [scale * cosine for cosine in cosines]
        return compared(request, cosines, logits=logits, tie_margin=self._options.tie_margin, raw=raw)

    # -- encoding --------------------------------------------------------------------------------------------------

    def _tokens(self, opened: _Opened, text: str) -> list[int]:
        ids: list[int] = opened.tokenizer(text, split_special_tokens=True)["input_ids"]
        return ids

    def _looked_at(self, opened: _Opened, images: Sequence[Image]) -> tuple[dict[str, Tensor], dict[str, str]]:
        """The embedding of each image by digest, and what is wrong with those that cannot be read, by name."""
        found: dict[str, Tensor] = {}
        broken: dict[str, str] = {}
        fresh: dict[str, Image] = {}
        for image in images:
            try:
                known = self._images.get(image.digest)
                if known is None:
                    image.load()
                    fresh[image.digest] = image
                else:
                    found[image.digest] = known
            except DataError as error:
                broken[image.name] = str(error)
        made = self._encoded(list(fresh), partial(_read_images, opened, fresh))
        for digest, embedding in made.items():
            self._images.put(digest, embedding)
        return found | made, broken

    def _encoded(self, keys: list[str], encode: Callable[[Sequence[str]], Tensor]) -> dict[str, Tensor]:
        """Unit vectors by key, in batches; those for which there is no memory are left out."""
        import torch

        found: dict[str, Tensor] = {}
        waiting = keys
        while waiting:
            try:
                with torch.inference_mode():
                    vectors = self._room.attempt(partial(_first, encode, waiting))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                waiting = waiting[1:]
                continue
            vectors = torch.nn.functional.normalize(vectors.float(), dim=-1).cpu()
            found |= {key: vector.clone() for key, vector in zip(waiting, vectors, strict=False)}
            waiting = waiting[len(vectors) :]
        return found

    def _open(self) -> _Opened:
        if self._opened is None:
            self._opened = _open(self._options, self._source, self._name)
        return self._opened


def make(options: ClipScoreOptions, context: Context) -> ClipScore:
    """The factory of the card."""
    return ClipScore(options, context)


class _No(str):
    """A reason in place of a caption."""

    __slots__ = ()


def _open(options: ClipScoreOptions, source: Any, judge: str) -> _Opened:
    set_threads(options.threads)
    import transformers

    processor = open_processor(transformers.AutoProcessor, source, options, judge)
    model = open_model(transformers.AutoModel, source, options, judge)
    parts = (getattr(processor, "tokenizer", None), getattr(processor, "image_processor", None))
    if None in parts or not all(hasattr(model, name) for name in ("get_text_features", "get_image_features")):
        raise UserError(f"judge {judge}: {source.location} is no dual encoder of text and images, such as CLIP")
    scale = float(model.logit_scale.exp()) if hasattr(model, "logit_scale") else 1.0
    longest = int(model.config.get_text_config().max_position_embeddings)
    # SigLIP was trained with all texts padded to one length, and reads the last place.
    padding = "max_length" if model.config.model_type.startswith("siglip") else True
    return _Opened(model, *parts, scale, longest, padding)


def _first(encode: Callable[[Sequence[str]], Tensor], keys: Sequence[str], most: int) -> Tensor:
    return encode(keys[:most])


def _read_texts(opened: _Opened, texts: dict[str, list[int]], keys: Sequence[str]) -> Tensor:
    inputs = opened.tokenizer(
        list(keys),
        truncation=True,
        max_length=opened.longest,
        padding=opened.padding,
        padding_side="right",
        split_special_tokens=True,  # in a caption they are words
        return_tensors="pt",
    )
    known = {name: value.to(opened.model.device) for name, value in inputs.items() if name != "token_type_ids"}
    return _pooled(opened.model.get_text_features(**known, return_dict=True))


def _read_images(opened: _Opened, images: dict[str, Image], keys: Sequence[str]) -> Tensor:
    inputs = opened.image_processor([images[key].load().convert("RGB") for key in keys], return_tensors="pt")
    pixels = inputs["pixel_values"].to(opened.model.device, opened.model.dtype)
    return _pooled(opened.model.get_image_features(pixel_values=pixels, return_dict=True))


def _pooled(output: Any) -> Tensor:
    vectors: Tensor = getattr(output, "pooler_output", output)
    return vectors


def _is_image(parts: Sequence[Part]) -> bool:
    return sum(isinstance(part, Image) for part in parts) == 1


def _is_text(parts: Sequence[Part]) -> bool:
    return bool(parts) and all(isinstance(part, str) for part in parts)


def _words(parts: Sequence[Part]) -> str:
    return "\n".join(part for part in parts if isinstance(part, str))
