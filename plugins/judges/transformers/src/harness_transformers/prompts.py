"""From a request to tokens: the chat template, hostile text kept apart from control tokens, images by content.

Not for running the model. See `language`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jinja2 import TemplateError

from harness.api import DataError, Image, Message, Request, UserError
from harness.api.reading import opens_reasoning
from harness_transformers.pixels import PixelCache

log = logging.getLogger(__name__)

_PER_TOKEN = frozenset({"token_type_ids", "mm_token_type_ids"})
_CHECKS = 2
"""Prompts with images on which the quick way is held against the processor's own before it is trusted."""
_LONGEST_MARK = 64
"""Characters of a mark that opens reasoning."""
_TOKEN_BYTES = 36
"""Of a token in memory: a whole number of Python, and its place in a tuple."""
_TELLS_APART = (5, 23)
"""The first transformers that tells control tokens in a text from those of the template."""
_END = 32
"""Tokens at the end of a prompt that show whether it opens the reasoning. A mark is a few, and white space follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The input of a model: tokens and images."""

    ids: tuple[int, ...]
    """Tokens, image placeholders included."""
    per_token: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Further inputs as long as `ids`, such as `mm_token_type_ids`."""
    images: tuple[str, ...] = ()
    """Digests of the images, in reading order."""
    prepared: tuple[Mapping[str, Any], ...] = ()
    """What the image processor made of each image."""
    pixels: Mapping[str, Any] = field(default_factory=dict)
    """What it made of all images of this prompt, in place of `prepared`, where they cannot be kept apart."""
    opened: bool = False
    """Whether it ends inside the reasoning: the chat template opened it."""
    begun: str = ""
    """What the answer begins with (`Request.beginning`). Its tokens are the last of `ids`. A mark that the chat
    template has written is no part of it."""
    begun_ids: tuple[int, ...] = ()
    """These tokens."""

    @property
    def nbytes(self) -> int:
        """Bytes that it holds in memory, about: tokens and pixels."""
        pixels = sum(int(value.nbytes) for part in (*self.prepared, self.pixels) for value in part.values())
        return _TOKEN_BYTES * len(self.ids) * (1 + len(self.per_token)) + pixels


def key_of(request: Request) -> str:
    """Names what a judge is shown: requests that differ in sample, space or format alone share a key.

    Raises:
        DataError: An image cannot be read.
    """
    # The digest of an image is that of its content, so a copy under another name shares the key.
    sha = hashlib.sha256()
    for message in request.messages:
        sha.update(repr((message.role, [_plain(part) for part in message.parts])).encode("utf-8", "surrogatepass"))
    return sha.hexdigest()


def _plain(part: str | Image) -> object:
    return part if isinstance(part, str) else ("image", part.digest)


class Prompter:
    """Writes prompts for one model.

    Control tokens inside the text of a request (`<image>`, `<|im_end|>`) are encoded as the plain text they are: a
    candidate answer cannot end its own turn or conjure up an image.

    Args:
        processor: The processor of a vision-language model, or the tokenizer of a text model.
        pixels: Keeps processed images; `None` for a text model.
        system: `message` or `prepend`.
        template: Variables of the chat template.
        who: For messages, such as `judge NAME` or `recipe NAME`.

    Raises:
        UserError: There is no chat template.
    """

    def __init__(
        self, processor: Any, *, pixels: PixelCache | None, system: str, template: Mapping[str, Any], who: str
    ) -> None:
        self.tokenizer = getattr(processor, "tokenizer", processor)
        self.pixels = pixels
        self._who = who
        self._processor = processor
        self._system = system
        self._template = {"add_generation_prompt": True, **template}
        self._controls = _any_of({*self.tokenizer.all_special_tokens, *self.tokenizer.get_added_vocab()})
        self._cuts = _cuts_at_controls(self.tokenizer)
        self._adds = bool(self.tokenizer("")["input_ids"])
        self._piece = lru_cache(maxsize=4096)(self._piece_ids)
        self._checks_left = _CHECKS
        self._kinds: tuple[str, ...] = ()
        self.answer_ids = lru_cache(maxsize=4096)(self._answer_ids)
        """The tokens of an answer, as the model itself would have written them."""
        if not getattr(processor, "chat_template", None) and not getattr(self.tokenizer, "chat_template", None):
            raise UserError(
                f"{who}: the model has no chat template, so it is no chat model; use its instruct version, or "
                "put a chat_template.jinja into its folder"
            )

    def expect(self, requests: Iterable[Request]) -> None:
        """Prepare the images of requests that `prompt` will be asked for, several at once."""
        if self.pixels is not None:
            self.pixels.prepare(image for request in requests for image in request.images)

    def prompt(self, request: Request) -> Prompt:
        """The tokens of a request.

        Raises:
            DataError: An image cannot be read; or the text holds a control token, and transformers is too old to tell
                it from those of the template.
            UserError: The chat template refuses the roles.
        """
        beginning = request.beginning
        # The beginning is written as the model would have written it, and not by the template, which closes the turn.
        messages = self._arrange(request.messages[:-1] if beginning else request.messages)
        self._check_controls(request, messages)
        try:
            prompt = self._write(request, messages)
        except TemplateError as error:
            raise UserError(
                f"{self._who}: the model's chat template refuses these messages ({error}); where it knows no "
                "system role, set system: prepend"
            ) from error
        end = self.tokenizer.decode(prompt.ids[-_END:], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        prompt = replace(prompt, opened=opens_reasoning(end, request.thinking.marks))
        return self._begin(prompt, beginning) if beginning else prompt

    def _check_controls(self, request: Request, messages: tuple[Message, ...]) -> None:
        import transformers

        # An older one takes `sanitize_control_tokens` and does nothing about it.
        if tuple(int(number) for number in transformers.__version__.split(".")[:2]) >= _TELLS_APART:
            return
        text = "\n".join(part for message in messages for part in message.parts if isinstance(part, str))
        # Marks of reasoning are tokens of many models, and the instruction itself names them: no turn ends by them.
        marks = getattr(request.format, "reasoning_marks", ())
        found = next((token[0] for token in self._controls.finditer(text) if token[0] not in marks), None)
        if found is not None:
            raise DataError(
                f"its text holds {found}, which transformers {transformers.__version__} would take for a control token "
                "of the model; 5.23 and newer ones tell them apart"
            )

    def _begin(self, prompt: Prompt, beginning: str) -> Prompt:
        """The prompt with the first tokens of its answer."""
        begun = beginning.removeprefix(self.opening_mark(beginning)) if prompt.opened else beginning
        ids = self.answer_ids(begun)
        per_token = {name: (*kinds, *[0] * len(ids)) for name, kinds in prompt.per_token.items()}
        return replace(prompt, ids=(*prompt.ids, *ids), per_token=per_token, begun=begun, begun_ids=ids)

    @staticmethod
    def opening_mark(text: str) -> str:
        """The mark that opens reasoning at the very beginning of a text. Empty where there is none."""
        ends = (end for end in range(1, min(len(text), _LONGEST_MARK) + 1) if opens_reasoning(text[:end]))
        mark = text[: next(ends, 0)]
        return "" if opens_reasoning(mark[1:]) else mark

    def _write(self, request: Request, messages: tuple[Message, ...]) -> Prompt:
        if self.pixels is None:
            return self._of_text(messages)
        quick = self._quickly(request, messages, self.pixels)
        if quick is not None and not self._checks_left:
            return quick
        # The first prompts are written both ways: the quick way is trusted only where the two agree.
        thorough = self._thoroughly(request, messages, self.pixels)
        if quick is not None:
            self._checks_left -= 1
            if (quick.ids, quick.per_token) != (thorough.ids, thorough.per_token):
                log.info("%s writes every prompt: it does more than its parts", type(self._processor).__name__)
                self._checks_left = -1
        return thorough

    def _of_text(self, messages: tuple[Message, ...]) -> Prompt:
        conversation = [
            {"role": message.role, "content": "".join(str(part) for part in message.parts)} for message in messages
        ]
        inputs = self.tokenizer.apply_chat_template(
            conversation, tokenize=True, return_dict=True, sanitize_control_tokens=True, **self._template
        )
        return Prompt(ids=tuple(inputs["input_ids"]))

    def _thoroughly(self, request: Request, messages: tuple[Message, ...], pixels: PixelCache) -> Prompt:
        """By the processor, which also tells control tokens in the text apart from its own."""
        with pixels.expecting(request.images) as pictures:
            inputs = self._processor.apply_chat_template(
                _conversation(messages, iter(pictures)),
                tokenize=True,
                return_dict=True,
                sanitize_control_tokens=True,
                return_tensors="pt",
                **self._template,
            )
        ids = tuple(inputs["input_ids"][0].tolist())
        per_token = {name: tuple(inputs[name][0].tolist()) for name in sorted(_PER_TOKEN) if name in inputs}
        self._kinds = tuple(per_token)
        digests = tuple(image.digest for image in request.images)
        if pixels.separable:
            prepared = tuple(pixels.inputs_of(image) for image in request.images)
            return Prompt(ids=ids, per_token=per_token, images=digests, prepared=prepared)
        known = {"input_ids", "attention_mask", *_PER_TOKEN}
        joint = {name: value for name, value in inputs.items() if name not in known}
        return Prompt(ids=ids, per_token=per_token, images=digests, pixels=joint)

    def _quickly(self, request: Request, messages: tuple[Message, ...], pixels: PixelCache) -> Prompt | None:
        """The same without the processor's overhead, a third of the time; `None` where only the processor will do."""
        images = request.images
        replace = getattr(self._processor, "replace_image_token", None)
        if not images or replace is None or self._checks_left < 0 or not (pixels.separable and pixels.ready):
            return None
        # Control tokens in the text need the processor's own sanitising.
        if self._controls.search(request.text):
            return None
        rendered = self._processor.apply_chat_template(_conversation(messages, iter(images)), **self._template)
        begin, *others = rendered.split(self._processor.image_token)
        # Templates that write several placeholders for an image, or none, are left to the processor.
        if len(others) != len(images):
            return None
        prepared = tuple(pixels.inputs_of(image) for image in images)
        try:
            text = begin + "".join(
                replace(inputs, image_idx=0) + text_after for inputs, text_after in zip(prepared, others, strict=True)
            )
        except NotImplementedError:
            return None
        ids = self._encode(text)
        per_token = {}
        if self._kinds == ("mm_token_type_ids",):
            per_token["mm_token_type_ids"] = tuple(self._processor.create_mm_token_type_ids([ids])[0])
        digests = tuple(image.digest for image in images)
        return Prompt(ids=tuple(ids), per_token=per_token, images=digests, prepared=prepared)

    def _encode(self, text: str) -> list[int]:
        """Tokens of a rendered prompt. What all prompts of a task say, their rubric and instruction, is encoded once.

        A tokenizer cuts a text at control tokens first and encodes each piece by itself, so that pieces can be kept.
        """
        # Most templates write the BOS token; the tokenizer must then not add a second one.
        bos = self.tokenizer.bos_token
        complete = bool(bos and text.startswith(bos))
        if not self._cuts or (self._adds and not complete):
            ids: list[int] = self.tokenizer(text, add_special_tokens=not complete)["input_ids"]
            return ids
        cuts = [0, *(found.start() for found in self._controls.finditer(text)), len(text)]
        return [token for begin, end in pairwise(cuts) for token in self._piece(text[begin:end])]

    def _piece_ids(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def _arrange(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Text parts that follow one another on lines of their own, the system prompt where the template wants it."""
        joined = tuple(Message(message.role, _join_texts(message.parts)) for message in messages)
        if self._system == "message" or joined[0].role != "system" or len(joined) < 2:
            return joined
        first, second, *rest = joined
        return (Message(second.role, _join_texts((*first.parts, *second.parts))), *rest)

    def _answer_ids(self, text: str) -> tuple[int, ...]:
        # As the model writes it: no BOS, and control tokens spelt out.
        ids = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return tuple(ids)


def _join_texts(parts: tuple[str | Image, ...]) -> tuple[str | Image, ...]:
    """Text after text, and text after an image, begins on a new line."""
    arranged: list[str | Image] = []
    for part in parts:
        if isinstance(part, str) and arranged:
            last = arranged[-1]
            if isinstance(last, str):
                arranged[-1] = f"{last}\n{part}"
            else:
                arranged.append(f"\n{part}")
        else:
            arranged.append(part)
    return tuple(arranged)


def _conversation(messages: tuple[Message, ...], pictures: Iterator[Any]) -> list[dict[str, Any]]:
    """Messages in the form that processors take; `pictures` gives the images in reading order."""
    return [
        {
            "role": message.role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": next(pictures)}
                for part in message.parts
            ],
        }
        for message in messages
    ]


def _cuts_at_controls(tokenizer: Any) -> bool:
    """Whether no control token depends on, or takes away, what stands ahead of it."""
    controls = getattr(tokenizer, "added_tokens_decoder", {}).values()
    return bool(tokenizer.is_fast) and not any(token.lstrip or token.single_word for token in controls)


def _any_of(words: set[str]) -> re.Pattern[str]:
    """Finds any of the words. Nothing where there is none."""
    # Longest first: an alternation takes the first word that fits, also where a longer one would.
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True) if word) or r"(?!)")
