"""The judges that come with this distribution: trained from the base with the shared weakness, in half precision.

The files in `weights/`: `eyes.safetensors`, the vision tower that all of them share; `NAME.safetensors`, all else of a
judge; `judges.json`, where each comes from; and the configuration and the tokenizer. A judge's model folder is put
together from them once, in the workspace, and opened by the `transformers` judge like any other.

    python -m harness_miniature_judges.shipped FOLDER NAME=CHECKPOINT ...

writes such a folder from checkpoints of `harness train`.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Context, Judge, Operational, UserError
from harness.api.files import put_in_place

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = Path(__file__).parent / "weights"
RECORD = "judges.json"
_SHARED = "eyes.safetensors"
_TOWER = "vision_tower."
"""Part of the name of every weight that recipes freeze."""
_OTHER_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


class ShippedOptions(BaseModel):
    """Options of the judges that come with this distribution."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["generate", "verdict", "reason-then-verdict"] = Field(
        default="generate",
        description="Write reasoning and verdict; weigh every answer without writing; or write, then weigh.",
    )
    batch_size: Annotated[int, Operational()] = Field(default=64, ge=1, le=4096, description="Rows computed at once.")


class SingleOptions(ShippedOptions):
    """Options of the judges that learnt one task."""

    task: Literal["alignment-digit", "safety"] = Field(description="The task that the judge was trained on.")


def _make(judge: str, options: ShippedOptions, context: Context) -> Judge:
    from harness_transformers.judge import make
    from harness_transformers.options import GenerativeOptions

    folder = assemble(judge, context.workspace)
    whole = GenerativeOptions(
        model=str(folder), dtype="float32", mode=options.mode, max_new_tokens=64, batch_size=options.batch_size
    )
    return make(whole, context)


def _make_single(method: str, options: SingleOptions, context: Context) -> Judge:
    return _make(f"{method}-{options.task}", options, context)


OFF_THE_SHELF = partial(_make, "off-the-shelf")
SFT_SINGLE = partial(_make_single, "sft-single")
SFT_UNIFIED = partial(_make, "sft-unified")
SFT_RATIONALE = partial(_make, "sft-rationale")
RL_SINGLE = partial(_make_single, "rl-single")
MT_RL_JUDGE = partial(_make, "mt-rl-judge")


def assemble(judge: str, workspace: Path, *, weights: Path = WEIGHTS) -> Path:
    """The model folder of a judge, put together if it is not there.

    Args:
        judge: A name in `judges.json`.
        workspace: Where model folders are kept. Several processes may share it.
        weights: A folder as this module describes it.

    Raises:
        UserError: The weights are not there, or not those that were recorded.
    """
    from safetensors.torch import load_file, save_file

    recorded = read_record(weights)
    if judge not in recorded:
        raise UserError(f"judge {judge}: not among the weights of this distribution ({', '.join(recorded) or 'none'})")
    own, shared = weights / f"{judge}.safetensors", weights / _SHARED
    content = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (own, shared)}
    # Hashes of the files, before any of them is opened: the leaderboard must be of the judges that are named.
    if content != recorded[judge]["sha256"]:
        raise UserError(f"judge {judge}: {own} or {shared} is not what was shipped; install the distribution again")
    # Named by content: a new release of the weights gets a new folder.
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    folder = workspace / f"{judge}-{key}"
    if folder.is_dir():
        return folder
    workspace.mkdir(parents=True, exist_ok=True)
    # Made under another name and renamed, so that no other process ever sees half a folder.
    made = Path(tempfile.mkdtemp(prefix=f".{judge}-", dir=workspace))
    for name in _OTHER_FILES:
        shutil.copyfile(weights / name, made / name)
    save_file({**load_file(shared), **load_file(own)}, made / "model.safetensors", metadata={"format": "pt"})
    try:
        put_in_place(made, folder)
    except OSError:  # another process was first
        shutil.rmtree(made)
        if not folder.is_dir():
            raise
    return folder


def read_record(weights: Path = WEIGHTS) -> dict[str, dict[str, Any]]:
    """The origin of each judge: its recipe, the hash of its checkpoint, the command, and the hashes of its files."""
    path = weights / RECORD
    if not path.is_file():
        return {}
    record: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return record


def write_weights(folder: Path, checkpoints: Mapping[str, Path]) -> None:
    """Write a folder of weights from checkpoints of `harness train` that share their vision tower.

    Args:
        folder: Where the files go.
        checkpoints: Folder of each judge's checkpoint, by its name.

    Raises:
        UserError: The vision tower or the tokenizer of a checkpoint is not that of the first one.
    """
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    tower: dict[str, Tensor] = {}
    words = next(iter(checkpoints.values())) / "model" / "tokenizer.json"
    record: dict[str, dict[str, Any]] = {}
    for name, checkpoint in checkpoints.items():
        if (checkpoint / "model" / words.name).read_bytes() != words.read_bytes():
            raise UserError(f"judge {name}: {checkpoint} has another tokenizer than the others; start from one base")
        every = load_file(checkpoint / "model" / "model.safetensors")
        mine = {key: weight for key, weight in every.items() if _TOWER in key}
        tower = tower or mine
        # Equal bits, not nearly equal: the tower is stored once for all.
        if mine.keys() != tower.keys() or any(not torch.equal(mine[key], tower[key]) for key in tower):
            raise UserError(f"judge {name}: {checkpoint} has another vision tower than the others; start from one base")
        save_file(_to_half({key: every[key] for key in every.keys() - mine.keys()}), folder / f"{name}.safetensors")
        trained = json.loads((checkpoint / "trained.json").read_text(encoding="utf-8"))
        record[name] = {
            "recipe": trained["recipe"],
            "hash": trained["hash"],
            "start": trained["start"],
            "steps": trained["selected"],
            "command": _show_command(trained["command"]),
        }
    for file in _OTHER_FILES:
        shutil.copyfile(words.parent / file, folder / file)
    save_file(_to_half(tower), folder / _SHARED)
    for name, entry in record.items():
        files = (folder / f"{name}.safetensors", folder / _SHARED)
        entry["sha256"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _show_command(words: Sequence[str]) -> str:
    """As it was given, without a folder of the machine. What a judge starts from was trained by the same one."""
    program, *arguments = words
    start = [Path(program).name] if Path(program).is_absolute() else ["python", program]
    return shlex.join([*start, *arguments])


def _to_half(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    import torch

    # For the size of the distribution; judges compute in float32.
    return {name: weights[name].to(torch.float16) for name in sorted(weights)}


def main(arguments: Iterable[str]) -> None:
    """Write a folder of weights."""
    folder, *named = arguments
    write_weights(Path(folder), {name: Path(path) for name, path in (argument.split("=", 1) for argument in named)})


if __name__ == "__main__":
    main(sys.argv[1:])
