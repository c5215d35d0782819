"""The examples of all tasks as a data set of TRL: rows of plain data, pictures opened when a row is drawn.

What cannot be shown (a picture that cannot be read, a prompt that is too long, text that TRL would take for control
tokens) is counted, logged, and replaced by the next example of its task.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from harness.api import DataError, Example, Image, Message, Request, Training, UserError
from harness_grpo.data import target_of
from harness_grpo.delivered import opening_options
from harness_transformers.loading import WeightsSource, open_processor
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompt, Prompter
from harness_trl.options import TrlOptions, TrlSftOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A model without its weights: processor, prompter and limits."""

    processor: Any
    """For TRL: of a vision-language model, or the tokenizer of a text model."""
    prompter: Prompter
    """Writes the prompts that the judge will see."""
    sees: bool
    """Whether it reads images."""
    context: int | None
    """Most tokens of prompt and answer together; `None` where the configuration does not say."""


def open_without_weights(source: WeightsSource, options: TrlOptions, name: str) -> Shown:
    """Open all of a model but its weights.

    Raises:
        UserError: Something is missing.
    """
    import transformers

    wanted = opening_options(source.location, options, device="cpu")
    # Two of them: ours gets a cache of pixels in its place, and TRL's must stay as it is.
    ours, theirs = (open_processor(transformers.AutoProcessor, source, wanted, f"recipe {name}") for _ in range(2))
    sees = hasattr(theirs, "image_processor")
    prompter = Prompter(
        ours,
        pixels=PixelCache(ours) if sees else None,
        system=options.system,
        template=options.chat_template_kwargs,
        who=f"recipe {name}",
    )
    tokenizer = getattr(theirs, "tokenizer", theirs)
    # Generation goes on from the right end of a prompt.
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    config = transformers.AutoConfig.from_pretrained(
        source.location, trust_remote_code=options.trust_remote_code, **source.keywords
    )
    return Shown(theirs, prompter, sees, getattr(config.get_text_config(), "max_position_embeddings", None))


class Rows:
    """The train splits of a recipe, task after task.

    Args:
        training: The recipe.
        shown: How the model is shown things.
        options: Of the recipe.

    Attributes:
        examples: By number of row.
        opened: Numbers of the rows drawn so far whose prompt ends inside the reasoning.
        skipped: Numbers of the rows that could not be shown, by task.

    Raises:
        UserError: A task has no examples, or shows images to a model that reads text only; or SFT is to write reasoning
            that an item does not have, or to end answers with a token that the tokenizer does not name; or GRPO is to
            mix questions with pictures and without.
    """

    def __init__(self, training: Training, shown: Shown, options: TrlOptions) -> None:
        self.examples: list[Example] = []
        self.opened: set[int] = set()
        self.skipped: dict[str, set[int]] = {}
        self._shown = shown
        self._options = options
        self._tasks: list[tuple[str, int, int]] = []
        for task in training.tasks:
            begin = len(self.examples)
            self.examples.extend(task.examples(task.train))
            if begin == len(self.examples):
                raise UserError(f"task {task.name}: split {task.train} has no item that can be read; check its data")
            if not shown.sees and any(example.request.images for example in self.examples[begin:]):
                raise UserError(f"task {task.name}: shows images, and the model reads text only")
            if isinstance(options, TrlSftOptions):
                # All of them now: an item that lacks its reasoning may be drawn after hours only.
                for example in self.examples[begin:]:
                    target_of(example, options.rationale)
            self._tasks.append((task.name, begin, len(self.examples)))
        # TRL's GRPO hands a batch to the processor that has None in place of pictures, which no processor takes.
        shows = {bool(example.request.images) for example in self.examples}
        if shown.sees and len(shows) > 1 and not isinstance(options, TrlSftOptions):
            raise UserError(
                f"recipe {training.name}: some questions show pictures and some do not, and trl-grpo cannot learn "
                "from both in one batch; train with grpo of judge-harness-grpo, or leave tasks out"
            )
        tokenizer = shown.prompter.tokenizer
        self._end: str = tokenizer.eos_token or ""
        if not self._end and isinstance(options, TrlSftOptions):
            raise UserError(
                f"recipe {training.name}: the tokenizer names no token that ends an answer; set eos_token in its "
                "tokenizer_config.json"
            )
        self._controls = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
        self._kept = lru_cache(maxsize=1)(self._first_from)  # a prompt is drawn G times in a row

    def dataset(self) -> Any:
        """As TRL takes it: a `datasets.Dataset`, whose rows are made when they are drawn."""
        from datasets import Dataset

        numbers = range(len(self.examples))
        if isinstance(self._options, TrlSftOptions) and not self._shown.sees:
            return Dataset.from_list([self.row(number) for number in numbers])  # TRL wants to tokenise all of it
        # A transform is applied when a row is drawn: pictures of a whole data set would not fit into memory.
        return Dataset.from_dict({"row": list(numbers)}).with_transform(self._draw_rows)

    def _draw_rows(self, batch: Mapping[str, Sequence[int]]) -> dict[str, list[Any]]:
        rows = [self.row(number) for number in batch["row"]]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def row(self, number: int) -> dict[str, Any]:
        """A row, or the next one of its task that can be shown.

        Raises:
            UserError: None of the task can.
        """
        return dict(self._kept(number))

    def _first_from(self, number: int) -> dict[str, Any]:
        task, begin, end = next(span for span in self._tasks if span[1] <= number < span[2])
        size = end - begin
        for step in range(size):
            # Round the task and back to its beginning, so that batches keep their size and the task its share.
            place = begin + (number - begin + step) % size
            try:
                return self._row(task, place)
            except DataError as error:
                skipped = self.skipped.setdefault(task, set())
                if place not in skipped:
                    skipped.add(place)
                    log.warning("task %s, item %s is left out: %s", task, self.examples[place].item.id, error)
        raise UserError(f"task {task}: not one item can be shown; the log says why")

    def _row(self, task: str, number: int) -> dict[str, Any]:
        example = self.examples[number]
        request = example.request
        try:
            self._check(request)
            options = self._options
            target = target_of(example, options.rationale) if isinstance(options, TrlSftOptions) else None
            prompt = self._shown.prompter.prompt(request)
            self._check_length(prompt, target)
            pictures = [image.load() for image in request.images]
        finally:
            for image in request.images:
                image.forget()
        if prompt.opened:
            self.opened.add(number)
        if target is not None:
            return self._lesson(request, prompt, target, pictures)
        row: dict[str, Any] = {"prompt": self._conversation(request)}
        if self._shown.sees:
            row["images"] = pictures
        return {**row, "task": task, "item": request.item, "order": list(request.order), "row": number}

    def _lesson(self, request: Request, prompt: Prompt, target: str, pictures: list[Any]) -> dict[str, Any]:
        """A row of SFT: what the judge will be shown, the answer, and the token that ends it.

        TRL would have the chat template write the answer. That of Qwen writes a line break after the end of a turn,
        which a judge never writes and SFT would learn.
        """
        if not self._shown.sees:
            prompter = self._shown.prompter
            answer = (*prompter.answer_ids(target), prompter.tokenizer.eos_token_id)
            mask = [*[0] * len(prompt.ids), *[1] * len(answer)]
            return {"input_ids": [*prompt.ids, *answer], "completion_mask": mask}
        rendered = self._shown.processor.apply_chat_template(
            self._conversation(request),
            tokenize=False,
            add_generation_prompt=True,
            **self._options.chat_template_kwargs,
        )
        return {"prompt": rendered, "completion": target + self._end, "images": pictures}

    def _check(self, request: Request) -> None:
        if request.messages[-1].role == "assistant":
            raise DataError("it ends with an assistant message, which a judge does not go on with")
        # Marks of reasoning are tokens of many models, and the instruction itself names them: no turn ends by them.
        controls = self._controls - set(getattr(request.format, "reasoning_marks", ()))
        found = next((token for token in sorted(controls) if token in request.text), None)
        if found is not None:
            raise DataError(f"its text holds {found}, which TRL would take for a control token of the model")

    def _check_length(self, prompt: Prompt, target: str | None) -> None:
        prompter, context = self._shown.prompter, self._shown.context
        if context is None:
            return
        tokens = len(prompt.ids)
        answer = self._options.max_new_tokens if target is None else len(prompter.answer_ids(target)) + 1
        if tokens + answer > context:
            raise DataError(
                f"the prompt has {tokens} tokens; with {answer} for the answer that is more than the model's context "
                f"of {context}: lower max_new_tokens, or show smaller images"
            )

    def _conversation(self, request: Request) -> list[dict[str, Any]]:
        """The messages as the judge sees them, in the form that TRL takes: pictures are named, and given beside."""
        messages = self._shown.prompter._arrange(request.messages)
        return [{"role": message.role, "content": self._content(message)} for message in messages]

    def _content(self, message: Message) -> str | list[dict[str, str]]:
        if not self._shown.sees:
            return "".join(str(part) for part in message.parts)
        return [
            {"type": "image"} if isinstance(part, Image) else {"type": "text", "text": part} for part in message.parts
        ]
