"""The model that is trained: opened as a judge opens it, and saved so that a judge opens it.

Dropout is off throughout: under it, the policy that is trained would not be the one that wrote the answers.
"""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UserError
from harness_grpo.adapters import adapter_layers, add_adapter
from harness_grpo.delivered import opening_options, save_adapter, write_merged
from harness_grpo.folders import replace_folder
from harness_grpo.options import CommonOptions, TrainerOptions
from harness_grpo.precision import autocast, compute_dtype, opening_dtype
from harness_grpo.processes import ALONE, Processes
from harness_grpo.sharding import clip, gather_whole, in_step, is_sharded, like, shard
from harness_transformers.adapters import base_of, is_adapter
from harness_transformers.loading import WeightsSource, device_of, open_processor, pin, quietly, source_of
from harness_transformers.opening import Opened, open_language
from harness_transformers.options import GenerativeOptions

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Parameter


class Speaker:
    """A model that answers, opened as a judge opens it.

    Args:
        wanted: How to open it.
        name: Of the recipe, for messages.
        source: Where it is, where that is known already; otherwise what `wanted.model` says.
        four_bits: Whether it is opened in four bits.

    Attributes:
        opened: The model with all that belongs to it.
        model: The model alone.
        compute: The dtype that it computes in, where that is not the one of its weights.
        processes: That have it in common, and share what is written.
        sharded: Whether its weights are spread over them.

    Raises:
        UserError: It cannot be opened.
    """

    def __init__(
        self, wanted: GenerativeOptions, *, name: str, source: WeightsSource | None = None, four_bits: bool = False
    ) -> None:
        self._wanted = wanted
        self._name = name
        who = f"recipe {name}"
        self._source = source or pin(source_of("model", wanted.model, who), who)
        adapter = None
        if is_adapter(self._source):
            self._source, adapter = base_of(self._source, who), self._source
        self.opened: Opened = open_language(wanted, self._source, adapter, who, four_bits=four_bits)
        self.model: Any = self.opened.language.model
        self.compute: torch.dtype | None = None
        self.processes: Processes = ALONE
        self.sharded = False

    @property
    def end(self) -> int:
        """The token that a written answer ends with: of several that may, the tokenizer's own."""
        stops: list[int] = self.opened.language.stops.tolist()
        own = self.opened.prompter.tokenizer.eos_token_id
        return own if own in stops else stops[0]

    @contextmanager
    def writing(self) -> Iterator[Opened]:
        """Ready to write and weigh with the weights as they are now. Nothing is remembered of weights before."""
        import torch

        self.model.eval()  # gradient checkpointing turns the KV cache off in training mode
        # What is gather_whole in inference mode could not be learnt with later.
        quiet = torch.no_grad() if self.sharded else torch.inference_mode()
        with quiet, autocast(self.model.device.type, self.compute), self.in_step():
            yield self.opened
        self.opened.language.clear()

    def in_step(self) -> AbstractContextManager[None]:
        """While the block runs, passes without gradients are those of all processes, where weights are sharded."""
        return in_step(self.model, self.processes, self.opened.language.pad) if self.sharded else nullcontext()


class Policy(Speaker):
    """A model with what is trained of it.

    Args:
        model: Where the weights come from: a name, or where that is.
        options: How to open and what to train.
        name: Of the recipe, for messages.
        seed: Of an adapter's first weights.
        processes: That train it together.

    Raises:
        UserError: It cannot be opened, or nothing of it would be trained.
    """

    def __init__(
        self,
        model: str | WeightsSource,
        options: TrainerOptions,
        *,
        name: str,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        source = model if isinstance(model, WeightsSource) else None
        self.sharded = options.shard and processes.size > 1
        wanted = opening_options(
            str(model) if source is None else source.location,
            options,
            device="cpu" if self.sharded else options.device,
            dtype=opening_dtype(options),
        )
        few = options.lora is not None and options.lora.load_in_4bit
        super().__init__(wanted, name=name, source=source, four_bits=few)
        self.compute = compute_dtype(options)
        self.processes = processes
        self._options = options
        if options.dtype == "float64":
            self.model.double()
            # The kernel that multiplies all experts at once has no float64.
            self.model.set_experts_implementation("eager")
        without_dropout(self.model)
        if options.lora is not None:
            add_adapter(self.model, options.lora, name=name, seed=seed)
        self.trained: dict[str, Parameter] = choose_parameters(self.model, options, name=name)
        self._recomputes = options.gradient_checkpointing
        if self._recomputes:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
            self.model.enable_input_require_grads()
        self._reference: Any = None
        if self.sharded:
            self._shard(device_of(options.device))

    def _shard(self, device: str) -> None:
        import torch

        shard(self.model, torch.device(device), self.compute)
        # Each parameter has become its part.
        parts = dict(self.model.named_parameters())
        self.trained = {name: parts[name] for name in self.trained}
        language = self.opened.language
        language.stops, language.never = language.stops.to(device), language.never.to(device)

    def keep_reference(self) -> None:
        """Keep what it computes now, for the divergence from the start. An adapter is simply switched off for that."""
        if not any("lora_" in name for name in self.trained):
            # A full copy: memory for a second model, of the weights alone.
            self._reference = copy.deepcopy(self.model).eval().requires_grad_(False)

    @contextmanager
    def as_reference(self) -> Iterator[Any]:
        """The model as it was at the start, for the length of the block."""
        if self._reference is not None:
            yield self._reference
            return
        layers = list(adapter_layers(self.model).values())
        # Without its adapter the model is the one that training started from: no copy is needed.
        for layer in layers:
            layer.enable_adapters(False)
        try:
            yield self.model
        finally:
            for layer in layers:
                layer.enable_adapters(True)
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad_(name in self.trained)

    @contextmanager
    def learning(self) -> Iterator[Any]:
        """Ready for gradients. It computes as in `writing`. Only to recompute activations must it be in training."""
        self.model.train(self._recomputes)
        try:
            yield self.model
        finally:
            self.model.eval()

    def whole(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by name, on the CPU, to be written. Of sharded ones the first process alone has them."""
        if not self.sharded:
            return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        found: dict[str, Tensor] = {}
        for name, tensor in tensors.items():
            # One after the other, so that a device holds one of them whole.
            full = gather_whole(tensor.detach())
            if self.processes.rank == 0:
                found[name] = full.cpu().contiguous()
        return found

    def sum_gradients(self, most: float) -> float:
        """Add up the gradients of all processes, and scale them down to a norm. Returns the norm that they had."""
        import torch

        parameters = list(self.trained.values())
        if self.sharded:
            self.processes.sum_gradients([parameter for parameter in parameters if not is_sharded(parameter)])
            return clip(parameters, most)
        self.processes.sum_gradients(parameters)
        return float(torch.nn.utils.clip_grad_norm_(parameters, most))

    def deliver(self, folder: Path) -> None:
        """Write what a judge opens in the place of what was there. All processes call it, and the first one writes."""
        write: Callable[[Path], None] = self.save
        if self.sharded:
            weights = self.whole(self._parts_to_write())
            write = partial(self.save, weights=weights)
        self.processes.once(lambda: replace_folder(folder, write))

    def _parts_to_write(self) -> dict[str, Tensor]:
        """What is written of sharded weights, by name. Of tied parameters one, as their names are of one tensor."""
        kept = {name for name, _ in self.model.named_parameters()}
        tied = {name for name, _ in self.model.named_parameters(remove_duplicate=False)} - kept
        adapter = self._options.lora is not None
        state: dict[str, Tensor] = self.model.state_dict()
        return {name: part for name, part in state.items() if name not in tied and (not adapter or "lora_" in name)}

    def save(self, folder: Path, weights: Mapping[str, Tensor] | None = None) -> None:
        """Write what a judge opens: a model folder, or the adapter alone.

        Args:
            folder: Where to.
            weights: What to write of the model, where it does not hold it itself.
        """
        import transformers

        who, options = f"recipe {self._name}", self._options
        if options.lora is not None and not options.lora.merge:
            save_adapter(self.model, folder, self._source, weights, four_bits=options.lora.load_in_4bit)
            return
        if options.lora is not None:
            few = options.lora.load_in_4bit
            alone = folder.with_name(f".{folder.name}.adapter")
            replace_folder(alone, lambda place: save_adapter(self.model, place, self._source, weights, four_bits=few))
            write_merged(alone, folder, self._source, options, who=who)
            shutil.rmtree(alone)
            return
        with quietly():
            self.model.save_pretrained(folder, safe_serialization=True, state_dict=weights)
        auto = transformers.AutoProcessor if self.opened.sees else transformers.AutoTokenizer
        open_processor(auto, self._source, self._wanted, who).save_pretrained(folder)


def choose_parameters(model: Any, options: CommonOptions, *, name: str) -> dict[str, Parameter]:
    """The parameters that are trained, by name; they alone ask for gradients from now on.

    Raises:
        UserError: A pattern to freeze finds none, or none is left.
    """
    names = [part for part, _ in model.named_parameters() if options.lora is None or "lora_" in part]
    for pattern in options.freeze:
        left = [part for part in names if not re.search(pattern, part)]
        if len(left) == len(names):
            raise UserError(
                f"recipe {name}: freeze: {pattern!r} finds no parameter that would be trained; names are "
                f"like {names[0] if names else '(none)'}"
            )
        names = left
    if not names:
        raise UserError(f"recipe {name}: freeze: nothing is left to train")
    chosen = set(names)
    for part, parameter in model.named_parameters():
        parameter.requires_grad_(part in chosen)  # peft asks for the gradients of all that it adds
    return {part: parameter for part, parameter in model.named_parameters() if part in chosen}


def without_dropout(model: Any) -> None:
    """Set every dropout of a model to 0, in modules and in configurations that layers read."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.p = 0.0
        for name in ("attention_dropout", "dropout", "hidden_dropout", "activation_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
        # Some layers read the rate from the configuration at every call.
        config = getattr(module, "config", None)
        for name in vars(config) if config is not None else ():
            if name.endswith(("dropout", "dropout_prob", "pdrop")) and isinstance(getattr(config, name), float):
                setattr(config, name, 0.0)


def load_weights(policy: Policy, state: Mapping[str, Tensor], where: Path) -> None:
    """Put kept weights back.

    Raises:
        UserError: They are those of another model.
    """
    import torch

    if set(state) != set(policy.trained):
        raise UserError(f"{where}: holds the weights of another model; run with --fresh to start again")
    with torch.no_grad():
        for name, parameter in policy.trained.items():
            parameter.copy_(like(state[name], parameter))
