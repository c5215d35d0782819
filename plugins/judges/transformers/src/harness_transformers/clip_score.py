"""CLIP-family scorers as judges of alignment: how near are a caption and an image to one another?

Candidates are compared by the cosine of embeddings. CLIPScore (Hessel et al. 2021, arXiv:2104.08718) is 2.5 * max(cos,
0) with 'A photo depicts ' ahead of the caption: the same order as long as cosines are positive, and the scale of
`threshold`. PickScore (Kirstain et al.
2023, arXiv:2305.01569) and HPSv2 (Wu et al. 2023, arXiv:2306.09341) are CLIP models trained on preferences between
images. The probability that one is preferred is the softmax of logit_scale * cos.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.api import Choice, Context, DataError, Image, Judgement, Part, Request, Status, UserError
from harness_transformers.candidates import (
    CandidateRequest,
    OneByOne,
    Outcome,
    compare,
    judgement_from_threshold,
    refusal,
    round_digits,
    words_of,
)
from harness_transformers.loading import WeightsSource, open_model, open_processor, set_threads
from harness_transformers.options import ClipScoreOptions

if TYPE_CHECKING:
    from torch import Tensor

_GENERATION = 1  # raise it whenever answers may change
_REMEMBERED = 128 * 2**20  # bytes of embeddings: 32,768 of 1,024 numbers
_WEIGHT = 2.5  # CLIPScore's w: its authors chose it so that scores spread over 0 to 1
_LONGEST = 10_000
"""Characters of a question that the option `caption` is tried on: a bad expression takes time without bounds."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs to compare for one request: text i with image i."""

    texts: tuple[str, ...]
    """Each begins with the option `prompt`."""
    images: tuple[Image, ...]
    """As many."""


class ClipScore(OneByOne):
    """A dual encoder on this machine. Weights are opened at the first request and let go by `close`.

    Args:
        options: What the manifest says.
        context: Name and workspace.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, options: ClipScoreOptions, context: Context) -> None:
        super().__init__(options, context, generation=_GENERATION, remembered=_REMEMBERED)
        self._options = options
        self._caption = None if options.caption is None else re.compile(options.caption)
        self.opened: Encoders | None = None

    def open(self) -> None:
        """Open the weights unless they are open.

        Raises:
            UserError: They are no dual encoder.
        """
        if self.opened is None:
            self.opened = open_encoders(self._options, self.source, self.name)

    def plan(self, request: Request) -> CandidateRequest | Judgement:
        """The embeddings of the texts, then those of the images."""
        pairing = self._pairing(request)
        if isinstance(pairing, str):
            return Judgement.failure(Status.REFUSED, pairing)
        try:
            named = {f"image {image.digest}": image for image in pairing.images}
            images = [f"image {image.digest}" for image in pairing.images]
        except DataError as error:
            return Judgement.failure(Status.ERROR, str(error))
        texts = [f"text {text}" for text in pairing.texts]
        inputs: dict[str, str | Image] = dict(zip(texts, pairing.texts, strict=True)) | named
        places = {name: place for place, name in enumerate(inputs)}
        pairs = [(places[text], places[image]) for text, image in zip(texts, images, strict=True)]
        return CandidateRequest(request, list(inputs.items()), partial(self._conclude, request, pairs))

    def compute(self, inputs: Mapping[str, str | Image]) -> Iterator[Mapping[str, Outcome]]:
        """Embeddings: texts from the shortest to the longest, then images."""
        assert self.opened is not None
        texts = {name: value for name, value in inputs.items() if isinstance(value, str)}
        images = {name: value for name, value in inputs.items() if isinstance(value, Image)}

        def first(names: Sequence[str], rows: int) -> Sequence[str]:
            return names[:rows]

        read = self.opened.read
        for batch in self.in_batches(
            sorted(texts, key=lambda name: len(texts[name])), first, lambda names: read([texts[name] for name in names])
        ):
            yield dict(batch)
        # Prepared one by one, so that a broken image fails alone.
        seen: dict[str, Mapping[str, Any]] = {}
        for name, image in images.items():
            try:
                seen[name] = self.opened.prepare(image)
            except DataError as error:
                yield {name: Outcome(problem=str(error))}
        see = self.opened.see
        for batch in self.in_batches(list(seen), first, lambda names: see([seen[name] for name in names])):
            yield dict(batch)

    # -- what is compared ------------------------------------------------------------------------------------------

    def _pairing(self, request: Request) -> Pairing | str:
        """The pairs to compare, or the reason why there are none."""
        problem = refusal(request, self._options.threshold)
        if problem:
            return problem
        own = _images(request.question)
        candidates = request.candidates
        shown = [image for candidate in candidates for image in _images(candidate)]
        if len(own) == 1 and not shown:
            if not candidates:
                caption = self._caption_of(request)
                return caption if isinstance(caption, Reason) else Pairing((caption,), tuple(own))
            texts = [words_of(candidate) for candidate in candidates]
            if not all(text.strip() for text in texts):
                return "a candidate is empty, and this judge compares captions with the image of the question"
            return Pairing(tuple(self._options.prompt + text for text in texts), tuple(own * len(texts)))
        # One caption for all: then the cosines are comparable.
        if not own and candidates and all(_is_image(candidate) for candidate in candidates):
            caption = self._caption_of(request)
            return caption if isinstance(caption, Reason) else Pairing((caption,) * len(shown), tuple(shown))
        return "this judge compares a caption with candidates of one image each, or one image with captions"

    def _caption_of(self, request: Request) -> str:
        """The caption in the question's text, after the option `prompt`. A `Reason` where there is none."""
        text = words_of(request.question)
        if self._caption is not None:
            if len(text) > _LONGEST:
                return Reason(f"the question has {len(text):,} characters; `caption` is looked for in {_LONGEST:,}")
            found = self._caption.search(text)
            if found is None:
                return Reason("the option `caption` finds no caption in the question")
            text = (found[1] or "").strip()
        return self._options.prompt + text if text.strip() else Reason("the question holds no caption")

    def _conclude(self, request: Request, pairs: Sequence[tuple[int, int]], outcomes: Sequence[Outcome]) -> Judgement:
        assert self.opened is not None
        # Each by itself and in double precision: the same two embeddings give the same number in any order.
        cosines = [float(outcomes[text].value.double() @ outcomes[image].value.double()) for text, image in pairs]
        raw: dict[str, Any] = {"cosines": [round_digits(cosine) for cosine in cosines]}
        if any(outcomes[text].cut for text, _ in pairs):
            raw["truncated"] = True
        scale, options = self.opened.scale, self._options
        if isinstance(request.space, Choice):
            assert options.threshold is not None  # else it was refused
            raw["score"] = round_digits(score := _WEIGHT * max(cosines[0], 0.0))
            # A point of score is 1/2.5 of a cosine, and a cosine is worth exp(logit_scale) as a logit.
            per_point = scale / _WEIGHT
            return judgement_from_threshold(
                request, score, threshold=options.threshold, logits_per_point=per_point, raw=raw
            )
        logits = [scale * cosine for cosine in cosines]
        return compare(request, cosines, logits=logits, tie_margin=options.tie_margin, raw=raw)


def make(options: ClipScoreOptions, context: Context) -> ClipScore:
    """The factory of the card."""
    return ClipScore(options, context)


class Reason(str):
    """Why there is no caption, in place of one."""

    __slots__ = ()


def _images(parts: Sequence[Part]) -> list[Image]:
    return [part for part in parts if isinstance(part, Image)]


def _is_image(parts: Sequence[Part]) -> bool:
    """Whether parts are one image and no text."""
    return len(_images(parts)) == 1 and not words_of(parts).strip()


@dataclass(frozen=True, slots=True)
class Encoders:
    """A dual encoder with all that belongs to it."""

    model: Any
    """Has `get_text_features` and `get_image_features`."""
    tokenizer: Any
    """Pads on the right."""
    image_processor: Any
    """Makes pixels of one image."""
    scale: float
    """exp(logit_scale): what a cosine of 1 is worth as a logit."""
    longest: int
    """Most tokens of a text."""
    padding: str | bool
    """SigLIP was trained on texts of one length, and reads its last place. The others may be padded to the longest."""

    def read(self, texts: Sequence[str]) -> list[Outcome]:
        """The embeddings of texts, each of length 1. Control tokens in them are encoded as the text that they are."""
        encode: Callable[..., Any] = partial(
            self.tokenizer, truncation=True, max_length=self.longest, split_special_tokens=True
        )
        inputs = encode(list(texts), padding=self.padding, return_tensors="pt").to(self.model.device)
        lengths = [len(ids) for ids in encode(list(texts))["input_ids"]]
        # Only a text of the full length can have been cut; the others need no second look.
        cut = [size == self.longest and self._is_longer(text) for text, size in zip(texts, lengths, strict=True)]
        vectors = _unit(self.model.get_text_features(**inputs))
        return [Outcome(vector, size, cut=more) for vector, size, more in zip(vectors, lengths, cut, strict=True)]

    def _is_longer(self, text: str) -> bool:
        return len(self.tokenizer(text, split_special_tokens=True, verbose=False)["input_ids"]) > self.longest

    def prepare(self, image: Image) -> Mapping[str, Any]:
        """The pixels of an image, by the name of the model's argument.

        Raises:
            DataError: It cannot be read.
        """
        pixels: Mapping[str, Any] = self.image_processor([image.load()], return_tensors="pt")
        return pixels

    def see(self, images: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """The embeddings of images, each of length 1."""
        import torch

        inputs = {name: torch.cat([image[name] for image in images]).to(self.model.device) for name in images[0]}
        # Image processors give float32; the weights may be half precision.
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        output = self.model.get_image_features(**inputs)
        tokens = int(output.last_hidden_state.shape[1])
        return [Outcome(vector, tokens) for vector in _unit(output)]


def _unit(output: Any) -> list[Tensor]:
    """Embeddings of length 1 in single precision on the CPU, each on its own, so that one can be forgotten."""
    import torch

    # float32 before the division: half precision keeps three digits of a cosine.
    vectors = torch.nn.functional.normalize(output.pooler_output.float(), dim=-1).cpu()
    return [vector.clone() for vector in vectors]


def open_encoders(options: ClipScoreOptions, source: WeightsSource, judge: str) -> Encoders:
    """Open model and processor.

    Raises:
        UserError: Something is missing, or it is no dual encoder.
    """
    set_threads(options.threads)
    import transformers

    processor = open_processor(transformers.AutoProcessor, source, options, f"judge {judge}")
    model = open_model(transformers.AutoModel, source, options, f"judge {judge}")
    tokenizer, image_processor = (getattr(processor, name, None) for name in ("tokenizer", "image_processor"))
    needed = ("get_text_features", "get_image_features", "logit_scale")
    if tokenizer is None or image_processor is None or not all(hasattr(model, name) for name in needed):
        raise UserError(
            f"judge {judge}: model {source.location} ({type(model).__name__}) is no dual encoder of texts and images; "
            "give a CLIP or a SigLIP"
        )
    # Positions count from the left, so padding there would move the words.
    tokenizer.padding_side = "right"
    longest = int(model.config.get_text_config().max_position_embeddings)
    padding: str | bool = "max_length" if model.config.model_type.startswith("siglip") else True
    return Encoders(model, tokenizer, image_processor, float(model.logit_scale.exp()), longest, padding)
