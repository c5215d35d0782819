"""Scalar reward models as judges: each candidate, as an answer to the question, gets a number.

A reward model is a language model with a head of one output, trained on preferences so that the probability of one
answer over another is the logistic function of the difference of their rewards (Bradley and Terry 1952; for language
models Ouyang et al. 2022, arXiv:2203.02155; as judges RewardBench, arXiv:2403.13787). It reads the question as the
user's turn and the candidate as the assistant's. It does not read the task's wording or its system message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from harness.api import Choice, Context, DataError, Image, Judgement, Message, Part, Request, Status, UserError
from harness_transformers.batches import Group, group_requests, pack_batches
from harness_transformers.candidates import (
    CandidateRequest,
    OneByOne,
    Outcome,
    compare,
    judgement_from_threshold,
    refusal,
    round_digits,
)
from harness_transformers.loading import WeightsSource, open_model, open_processor, set_threads
from harness_transformers.numerics import ROUGH, TOLERANCE
from harness_transformers.options import RewardModelOptions
from harness_transformers.pixels import PixelCache
from harness_transformers.prompts import Prompt, Prompter, key_of

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

_GENERATION = 1  # raise it whenever answers may change
_REMEMBERED = 65_536  # rewards


class RewardModel(OneByOne):
    """A sequence classifier on this machine. Weights are opened at the first request and let go by `close`.

    Args:
        options: What the manifest says.
        context: Name and workspace.

    Raises:
        UserError: There is no such model.
    """

    def __init__(self, options: RewardModelOptions, context: Context) -> None:
        super().__init__(options, context, generation=_GENERATION, remembered=8 * _REMEMBERED)
        self._options = options
        self.opened: Opened | None = None

    def open(self) -> None:
        """Open the weights unless they are open.

        Raises:
            UserError: They are no reward model, or one of several outputs without `label`.
        """
        if self.opened is None:
            self.opened = open_reward(self._options, self.source, self.name)

    def plan(self, request: Request) -> CandidateRequest | Judgement:
        """One conversation for each candidate. The question alone where there is none."""
        assert self.opened is not None
        problem = refusal(request, self._options.threshold) or _unreadable(request, sees=self.opened.sees)
        if problem:
            return Judgement.failure(Status.REFUSED, problem)
        # The system message tells how to write a verdict, which a reward model does not.
        turns = [Message("user", request.question)]
        answers = [[Message("assistant", candidate)] for candidate in request.candidates] or [[]]
        conversations = [replace(request, messages=(*turns, *answer)) for answer in answers]
        try:
            named = [(key_of(conversation), conversation) for conversation in conversations]
        except DataError as error:
            return Judgement.failure(Status.ERROR, str(error))
        return CandidateRequest(request, named, lambda outcomes: self._conclude(request, outcomes))

    def compute(self, inputs: Mapping[str, Request]) -> Iterator[Mapping[str, Outcome]]:
        """The rewards of conversations, from the shortest to the longest."""
        assert self.opened is not None
        opened = self.opened
        groups, failed = group_requests(list(inputs.values()), opened.turns.prompt, by_answers=False)
        long = [group for group in groups if opened.too_long(group.prompt)]
        yield {key_of(conversation): Outcome(problem=judgement.error) for conversation, judgement in failed}
        yield {_name(group): Outcome(problem=opened.too_long(group.prompt)) for group in long}

        def reward_batch(batch: Sequence[Group]) -> list[Outcome]:
            prompts = [group.prompt for group in batch]
            rewards = opened.rewards(prompts).numpy()
            return [Outcome(reward, len(prompt.ids)) for reward, prompt in zip(rewards, prompts, strict=True)]

        fitting = [group for group in groups if not opened.too_long(group.prompt)]
        for batch in self.in_batches(fitting, opened.fitting, reward_batch):
            yield {_name(group): outcome for group, outcome in batch}

    def _conclude(self, request: Request, outcomes: Sequence[Outcome]) -> Judgement:
        rewards = [float(outcome.value) for outcome in outcomes]
        raw = {"rewards": [round_digits(reward) for reward in rewards]}
        options = self._options
        if isinstance(request.space, Choice):
            assert options.threshold is not None  # else it was refused
            per_point = 1 / options.temperature
            return judgement_from_threshold(
                request, rewards[0], threshold=options.threshold, logits_per_point=per_point, raw=raw
            )
        # Bradley and Terry: the difference of two logits is the log-odds of the first winning.
        logits = [reward / options.temperature for reward in rewards]
        return compare(request, rewards, logits=logits, tie_margin=options.tie_margin, raw=raw)


def make(options: RewardModelOptions, context: Context) -> RewardModel:
    """The factory of the card."""
    return RewardModel(options, context)


def _unreadable(request: Request, *, sees: bool) -> str:
    """The reason why a reward model cannot read a request. Empty where it can."""
    parts: list[Part] = [part for content in (request.question, *request.candidates) for part in content]
    if not request.question:
        return "the task gives no question apart from its wording, and a reward model reads nothing else"
    if not sees and any(isinstance(part, Image) for part in parts):
        return "this reward model reads text, and the question or a candidate shows an image"
    return ""


def _name(group: Group) -> str:
    return key_of(group.requests[0])


class _Turns(Prompter):
    """Writes whole conversations: nothing follows the last turn."""

    def __init__(self, processor: Any, *, pixels: PixelCache | None, who: str) -> None:
        super().__init__(processor, pixels=pixels, system="message", template={}, who=who)
        self._template["add_generation_prompt"] = False

    def prompt(self, request: Request) -> Prompt:
        """The tokens of a conversation.

        Raises:
            DataError: An image cannot be read.
            UserError: The chat template refuses a user's turn and an assistant's.
        """
        try:
            return self._write(request, self._arrange(request.messages))
        except TemplateError as error:
            raise UserError(
                f"{self._who}: the model's chat template refuses a user's turn and an assistant's ({error}); "
                "fix chat_template.jinja in its folder"
            ) from error


@dataclass(slots=True)
class Opened:
    """A reward model with all that belongs to it."""

    model: Any
    """The classifier."""
    turns: Prompter
    """Writes conversations."""
    label: int
    """Which output is the reward."""
    pad: int | None
    """The model's own `pad_token_id`; `None` where it names none, or none that it has an embedding of."""
    pads: bool = True
    """Whether rows of different length may share a batch."""
    checked: bool = False
    """Whether that has been tried."""

    @property
    def sees(self) -> bool:
        """Whether it reads images."""
        return self.turns.pixels is not None

    def too_long(self, prompt: Prompt) -> str:
        """Why a conversation cannot be read. Empty where it can."""
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if context is None or len(prompt.ids) <= context:
            return ""
        return f"question and candidate have {len(prompt.ids)} tokens; the model's context is {context}"

    def fitting(self, groups: Sequence[Group], rows: int) -> Sequence[Group]:
        """The first few groups that can share a batch, `rows` at most."""
        batch = next(pack_batches(groups, rows, lambda group: 1))
        if self.pads:
            return batch
        return [group for group in batch if len(group.prompt.ids) == len(batch[0].prompt.ids)]

    def rewards(self, prompts: Sequence[Prompt]) -> Tensor:
        """The reward of each conversation, shape (R,), double precision, on the CPU.

        The first batch that needs padding shows whether a model reads padded rows as it reads them alone. Where it does
        not, only rows of one length share a batch from then on.
        """
        import torch

        # Without a token to pad with, or where padding changes rewards, each row is read alone.
        alike = len({len(prompt.ids) for prompt in prompts}) == 1
        if len(prompts) > 1 and (self._padding(prompts) is None or not (alike or self.pads)):
            return torch.cat([self._rewards([prompt]) for prompt in prompts])
        rewards = self._rewards(prompts)
        if not (alike or self.checked):
            shortest = min(range(len(prompts)), key=lambda row: len(prompts[row].ids))
            alone = float(self._rewards([prompts[shortest]])[0])
            share = TOLERANCE.get(str(self.model.dtype).removeprefix("torch."), ROUGH)
            self.checked = True
            if not abs(alone - float(rewards[shortest])) <= share * max(1.0, abs(alone)):
                log.warning("rows of different length are not batched: padding changes the model's rewards")
                self.pads = False
                return self.rewards(prompts)
        return rewards

    def _rewards(self, prompts: Sequence[Prompt]) -> Tensor:
        import torch

        device, most = self.model.device, max(len(prompt.ids) for prompt in prompts)

        def laid_out(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
            # On the right, also where the tokenizer pads on the left: positions, recurrent states and the classifiers
            # that read the first token are then those of the row alone.
            return torch.tensor([[*row, *[fill] * (most - len(row))] for row in rows], device=device)

        pad = self._padding(prompts)
        kinds = {name: laid_out([prompt.per_token[name] for prompt in prompts], 0) for name in prompts[0].per_token}
        made = [part for prompt in prompts for part in ([prompt.pixels] if prompt.pixels else prompt.prepared)]
        pictures = {name: torch.cat([part[name] for part in made]).to(device) for name in (made[0] if made else ())}
        for name, value in pictures.items():
            if value.is_floating_point():
                pictures[name] = value.to(self.model.dtype)
        rewards: Tensor = self.model(
            input_ids=laid_out([prompt.ids for prompt in prompts], 0 if pad is None else pad),
            attention_mask=laid_out([[1] * len(prompt.ids) for prompt in prompts], 0),
            **kinds,
            **pictures,
        ).logits[:, self.label]
        return rewards.double().cpu()

    def _padding(self, prompts: Sequence[Prompt]) -> int | None:
        """The token to pad with; `None` where there is none that would not be mistaken for one of the rows' own.

        Classifiers read the last token that is not `pad_token_id`. Where the model names one it is taken: a row is then
        read as it is alone, even one that ends in that very token. Where it names none, the last token of all is meant.
        Any token that is in no row will do, and the tokenizer's own, which often is what ends a turn, might not.
        """
        if self.pad is not None:
            return self.pad
        used = {token for prompt in prompts for token in prompt.ids}
        special = {*self.turns.tokenizer.all_special_ids, *self.turns.tokenizer.get_added_vocab().values()}
        every = range(self.model.get_input_embeddings().num_embeddings)
        pad = next((token for token in every if token not in used and token not in special), None)
        # Which of the two a classifier reads depends on its class.
        for config in (self.model.config, self.model.config.get_text_config()):
            config.pad_token_id = pad
        return pad


def open_reward(options: RewardModelOptions, source: WeightsSource, judge: str) -> Opened:
    """Open classifier, tokenizer or processor.

    Raises:
        UserError: Something is missing, or is not what the options say.
    """
    set_threads(options.threads)
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as VISION

    auto = transformers.AutoModelForSequenceClassification
    model = open_model(auto, source, options, f"judge {judge}", four_bits=options.load_in_4bit)
    label = _label(model.config, options, f"judge {judge}: model {source.location}")
    sees = model.config.model_type in VISION
    processor = open_processor(
        transformers.AutoProcessor if sees else transformers.AutoTokenizer, source, options, f"judge {judge}"
    )
    sees = sees and hasattr(processor, "image_processor")
    turns = _Turns(processor, pixels=PixelCache(processor) if sees else None, who=f"judge {judge}")
    text = model.config.get_text_config()
    text.use_cache = False  # nothing is written after what is read
    pad = text.pad_token_id
    known = isinstance(pad, int) and 0 <= pad < model.get_input_embeddings().num_embeddings
    return Opened(model, turns, label, pad if known else None)


def _label(config: Any, options: RewardModelOptions, what: str) -> int:
    """The place of the reward among the outputs."""
    names = {int(place): str(name) for place, name in config.id2label.items()}
    listed = ", ".join(names.values())
    if options.label is not None:
        found = [place for place, name in names.items() if name == options.label]
        if len(found) != 1:
            raise UserError(f"{what}: label: there is no one output {options.label!r}; there are {listed}")
        return found[0]
    if len(names) != 1:
        raise UserError(
            f"{what}: has {len(names)} outputs ({listed}), and a reward is one number; name one of them with `label`, "
            "or give a reward model"
        )
    return 0
