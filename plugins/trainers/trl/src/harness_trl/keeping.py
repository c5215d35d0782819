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

from harness.api import Training, TrainingResult, UserError
from harness.api.files import read_whole, write_whole
from harness_grpo.data import Unit, units_of
from harness_grpo.folders import replace_folder
from harness_grpo.policy import Speaker
from harness_grpo.rollout import Prompts
from harness_grpo.validate import scores
from harness_transformers.loading import Source, open_model, open_processor, quietly
from harness_trl.options import TrlOptions
from harness_trl.rows import opening_options

_ADAPTER = "adapter_model.safetensors"
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
        sees: Whether the model reads images.
        mixed_precision: Of accelerate: `bf16` where float32 weights are multiplied in bfloat16. Weights are then scored
            in it, at half the memory.

    Attributes:
        best: So far, earlier attempts included.
    """

    def __init__(
        self, training: Training, options: TrlOptions, source: Source, *, sees: bool, mixed_precision: str = "no"
    ) -> None:
        self._training = training
        self._options = options
        self._source = source
        self._sees = sees
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
        if self._units and self.best.start is None and self._training.model is not None:
            self.best.start = self._score(self._scores(self._training.model), step=0)

    def look(self, saved: Path, *, step: int) -> None:
        """Score weights, and keep them where they are the best. Without a validation split the last ones are kept.

        Args:
            saved: What TRL saved: a model, or an adapter. It is used up.
            step: Steps done.

        Raises:
            UserError: There are no weights in it.
        """
        folder = self._model_folder(saved)
        best = self.best
        found = self._scores(str(folder)) if self._units else {}
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
        shutil.rmtree(self._folder, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        return TrainingResult(steps=steps, selected=best.step, scores=best.scores, notes=tuple(said))

    # -- scoring ---------------------------------------------------------------------------------------------------

    def _scores(self, model: str) -> dict[str, float]:
        options = self._options
        wanted = opening_options(self._source, options)
        here = {"model": model, "device": options.device, "threads": options.threads}
        if self._mixed_precision == "bf16":  # as training computes; a float32 copy may not fit beside it
            here["dtype"] = "bfloat16"
        speaker = Speaker(wanted.model_copy(update=here), name=self._training.name)
        return scores(speaker, Prompts(speaker), self._units, most=options.max_new_tokens, rows=_ROWS)

    def _score(self, found: Mapping[str, float], *, step: int) -> float:
        self._training.log(step, {f"validation/{name}": value for name, value in found.items()})
        # Tasks without macro_f1 (scores, rankings) are selected by accuracy.
        return found.get(self._options.validation.metric, found.get("accuracy", -math.inf))

    # -- folders ---------------------------------------------------------------------------------------------------

    def _model_folder(self, saved: Path) -> Path:
        """Make the saved weights a folder that a judge opens: an adapter is added to what it adapts."""
        import transformers

        # peft saves the adapter alone; a judge opens whole models.
        if (saved / _ADAPTER).is_file():
            merged = saved.with_name(f"{saved.name}.merged")
            shutil.rmtree(merged, ignore_errors=True)
            self._merge(saved, merged)
            shutil.rmtree(saved)
            saved = merged
        # Sharded trainings write shards of their own format unless they are told to gather the weights.
        elif not any(saved.glob("*.safetensors")):
            raise UserError(
                f"recipe {self._training.name}: no weights were written to {saved}; with FSDP set fsdp_state_dict_type:"
                " FULL_STATE_DICT, with DeepSpeed ZeRO-3 set zero3_save_16bit_model: true in accelerate's configuration"
            )
        for name in _WRITTEN_BY_TRAINER:
            (saved / name).unlink(missing_ok=True)
        wanted = opening_options(self._source, self._options)
        open_processor(
            transformers.AutoProcessor, self._source, wanted, f"recipe {self._training.name}"
        ).save_pretrained(saved)
        return saved

    def _merge(self, saved: Path, merged: Path) -> None:
        import peft
        import transformers

        auto = transformers.AutoModelForImageTextToText if self._sees else transformers.AutoModelForCausalLM
        base = open_model(
            auto, self._source, opening_options(self._source, self._options), f"recipe {self._training.name}"
        )
        with quietly():
            whole = peft.PeftModel.from_pretrained(base, str(saved)).merge_and_unload()
            whole.save_pretrained(merged, safe_serialization=True)
