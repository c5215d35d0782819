"""The best weights so far: written as a model folder, scored as the native trainers score theirs, kept if better.

What is scored is the folder itself, opened as a judge opens it, so that it does not matter how the weights are spread
while they are trained. It costs a second copy of the weights on the first device while it lasts, in the precision that
training computes in.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.api import Training, TrainingResult, UserError
from harness.api.files import read_whole, write_whole
from harness_grpo import state
from harness_grpo.data import Unit, units_of
from harness_grpo.delivered import forget_start, name_base, opening_options, write_merged
from harness_grpo.folders import keep_last, replace_folder
from harness_grpo.progress import Phase
from harness_grpo.reopened import compare, first_prompts, reopen
from harness_grpo.rollout import Prompts
from harness_grpo.validate import scores
from harness_transformers.adapters import CONFIG, WEIGHTS
from harness_transformers.loading import WeightsSource, open_processor
from harness_trl.arguments import devices
from harness_trl.options import TrlOptions

_WRITTEN_BY_TRAINER = ("training_args.bin",)
"""Files of `transformers.Trainer` that are no part of a model. A pickle can run code."""
_ROWS = 64
"""Answers that are written at once."""
_MOST_BYTES = 16 * 2**20
"""Of the record of the best weights."""


@dataclass(slots=True)
class Best:
    """The best validation so far."""

    score: float | None = None
    step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    start: float | None = None
    """What the model scored before any step."""
    since: int = 0
    """Validations without a new best."""
    seen: int = 0
    """The last step that was validated. An attempt that goes on may come by it again."""
    stopped: bool = False


class Keeper:
    """Looks at weights and keeps the best. For the first process only.

    Args:
        training: The recipe.
        options: Of its trainer.
        source: Where the weights came from.
        mixed_precision: Of accelerate: `bf16` where float32 weights are multiplied in bfloat16. Weights are then scored
            in it, at half the memory.

    Attributes:
        best: So far, earlier attempts included.
    """

    def __init__(
        self, training: Training, options: TrlOptions, source: WeightsSource, *, mixed_precision: str = "no"
    ) -> None:
        self._training = training
        self._options = options
        self._source = source
        self._who = f"recipe {training.name}"
        self._mixed_precision = mixed_precision
        self._units: dict[str, list[Unit]] = {
            task.name: units_of(task, task.validation, limit=options.validation.limit)
            for task in training.tasks
            if task.validation is not None
        }
        self._record = training.folder / "best.json"
        self._folder = training.folder / "best"
        self.best = Best()
        # Both or nothing: a record without its weights would never be beaten.
        if self._record.is_file() and self._folder.is_dir():
            try:
                self.best = Best(**json.loads(read_whole(self._record, most=_MOST_BYTES)))
            except (OSError, ValueError, TypeError) as error:
                raise UserError(
                    f"{self._record}: cannot be read ({error}); remove it, or start again with --fresh"
                ) from error

    def start(self) -> None:
        """Score the model that training starts from."""
        if not self._units or self.best.start is not None or self._training.model is None:
            return
        known = state.read_start(self._training.folder)
        if known is not None:
            self.best.start = known["start"]
            return
        phase = Phase(self._training.name, "validating the start", "answers")
        self.best.start = self._score(self._scores(self._training.model, step=0, phase=phase), step=0)
        state.keep_start(self._training.folder, {"start": self.best.start, "skipped": {}})

    def look(self, saved: Path, *, step: int, live: Any = None) -> None:
        """Score weights, and keep them where they are the best. Without a validation split the last ones are kept.

        Args:
            saved: What TRL saved: a model, or an adapter. It is used up.
            step: Steps done.
            live: The policy's model, to compare with; `None` where it is spread over processes.

        Raises:
            UserError: There are no weights in it, or they do not compute what the policy computes.
        """
        folder = self._model_folder(saved)
        best = self.best
        found = self._scores(str(folder), step=step, live=live) if self._units or live is not None else {}
        keep_last(folder, self._training.folder / "steps", step=step, most=self._options.save_total_limit)
        score = self._score(found, step=step) if found else None
        if not self._units or best.score is None or (score is not None and score > best.score):
            replace_folder(self._folder, lambda place: shutil.copytree(folder, place, dirs_exist_ok=True))
            best.score, best.step, best.scores, best.since = score, step, found, 0
        # A resumed attempt passes steps again that were validated before: early stopping must not count them twice.
        elif step > best.seen:
            best.since += 1
            patience = self._options.validation.patience
            best.stopped = patience is not None and best.since >= patience
        best.seen = max(best.seen, step)
        shutil.rmtree(folder)
        # After the weights, and in one step: the record never speaks of weights that are not there.
        write_whole(self._record, json.dumps(asdict(best)))

    def finish(self, *, steps: int, notes: Sequence[str], skipped: Mapping[str, int]) -> TrainingResult:
        """Put the best weights where the trained model belongs, and say what came of it."""
        training, best, said = self._training, self.best, list(notes)
        replace_folder(training.checkpoint, lambda place: shutil.copytree(self._folder, place, dirs_exist_ok=True))
        if not self._units:
            said.append(
                "no task has a validation split: the last weights were kept, and nothing says how good they are"
            )
        if best.stopped:
            said.append(f"stopped early: {best.since} validations without a new best")
        if best.start is not None and best.score is not None and best.start >= best.score:
            said.append(
                f"the model it started from scored {best.start:.4f} on validation, no less than the weights kept "
                f"({best.score:.4f})"
            )
        for task, count in sorted(skipped.items()):
            said.append(f"task {task}: {count} examples could not be shown and were left out; the log says why")
        if devices() > 1:
            said.append("the policy was spread over processes, and was not compared with what was written of it")
        forget_start(training.folder, training.checkpoint)
        state.forget_start(training.folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        return TrainingResult(steps=steps, selected=best.step, scores=best.scores, notes=tuple(said))

    # -- scoring ---------------------------------------------------------------------------------------------------

    def _scores(self, model: str, *, step: int, live: Any = None, phase: Phase | None = None) -> dict[str, float]:
        """Open weights as a judge does, compare them with the policy where that is given, and score them."""
        options, name = self._options, self._training.name
        # As training computes; a float32 copy may not fit beside it.
        dtype: Literal["auto", "bfloat16"] = "bfloat16" if self._mixed_precision == "bf16" else "auto"
        # What was written says it itself; the start is a base that does not.
        few = step == 0 and options.lora is not None and options.lora.load_in_4bit
        written = reopen(model, options, device=options.device, name=name, dtype=dtype, four_bits=few)
        prompts = Prompts(written)
        if live is not None:
            shown = self._units or {task.name: units_of(task, task.train, limit=2) for task in self._training.tasks}
            first = first_prompts(shown, prompts)
            difference = compare(live, written, first, name=name, most=options.max_new_tokens)
            self._training.log(step, {"delivered/difference": difference})
        if not self._units:
            return {}
        return scores(written, prompts, self._units, most=options.max_new_tokens, rows=_ROWS, phase=phase)

    def _score(self, found: Mapping[str, float], *, step: int) -> float:
        self._training.log(step, {f"validation/{name}": value for name, value in found.items()})
        # Tasks without macro_f1 (scores, rankings) are selected by accuracy.
        return found.get(self._options.validation.metric, found.get("accuracy", -math.inf))

    # -- folders ---------------------------------------------------------------------------------------------------

    def _model_folder(self, saved: Path) -> Path:
        """Make the saved weights a folder that a judge opens: an adapter is added to what it adapts."""
        import transformers

        if (saved / WEIGHTS).is_file():
            return self._adapter_folder(saved)
        # Sharded trainings write shards of their own format unless they are told to gather the weights.
        if not any(saved.glob("*.safetensors")):
            raise UserError(
                f"recipe {self._training.name}: no weights were written to {saved}; with FSDP set fsdp_state_dict_type:"
                " FULL_STATE_DICT, with DeepSpeed ZeRO-3 set zero3_save_16bit_model: true in accelerate's configuration"
            )
        for name in _WRITTEN_BY_TRAINER:
            (saved / name).unlink(missing_ok=True)
        wanted = opening_options(self._source.location, self._options, device="cpu")
        open_processor(transformers.AutoProcessor, self._source, wanted, self._who).save_pretrained(saved)
        return saved

    def _adapter_folder(self, saved: Path) -> Path:
        """Keep the adapter and what it belongs to, and nothing else of what TRL writes; or the whole model."""
        for path in saved.iterdir():
            if path.name not in (CONFIG, WEIGHTS):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        lora = self._options.lora
        name_base(saved, self._source, four_bits=lora is not None and lora.load_in_4bit)
        if lora is None or not lora.merge:
            return saved
        merged = saved.with_name(f"{saved.name}.merged")
        replace_folder(merged, lambda place: write_merged(saved, place, self._source, self._options, who=self._who))
        shutil.rmtree(saved)
        return merged
