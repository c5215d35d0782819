"""GGUF files, the one-file models of llama.cpp: which one is meant, and opening it by itself.

Weights, configuration and tokenizer all come from the one file. Transformers unpacks the weights. The file of a
vision-language model holds its language model only. The rest of such a model is a second file, a projector (`mmproj`),
which transformers does not open: a GGUF model is a text model here.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness_transformers.loading import HUB, WeightsSource, explain_errors, source_of

log = logging.getLogger(__name__)

_MAGIC, _ENDING = b"GGUF", ".gguf"
_PROJECTOR = "mmproj"
_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$", re.IGNORECASE)
_NEEDED = ("gguf", "accelerate")
_INSTALL = "pip install 'judge-harness-transformers[gguf]'"

_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<turn|>",
    "<|end_of_turn|>",
    "<|return|>",
    "<|eom_id|>",
)
"""Control tokens that end a turn, by name, as llama.cpp knows them (llama-vocab.cpp): a file names a single end."""


def model_of(text: str, file: str | None, who: str) -> WeightsSource:
    """Read `PATH`, `PATH/TO/FILE.gguf` or `hub:ORG/NAME@REVISION`, with the name of a GGUF file where there is one.

    Args:
        text: The option `model`. A path is absolute by now.
        file: The option `gguf_file`.
        who: For messages, such as `judge NAME`.

    Raises:
        UserError: There is no such model, it is unclear which file is meant, or a library is missing.
    """
    if text.startswith(HUB):
        source = replace(source_of("model", text, who), file=file)
    else:
        folder, file = _beside(Path(text), file, who)
        if file is None:
            return source_of("model", text, who)
        source = WeightsSource(str(folder.absolute()), None, file)
        _check_start(Path(source.location, file), who)
    if source.file is not None:
        _check(source, who)
    return source


def _beside(path: Path, file: str | None, who: str) -> tuple[Path, str | None]:
    """The folder, and the name of the GGUF file in it that is meant."""
    if path.is_file():
        if file is not None:
            raise UserError(f"{who}: gguf_file: {file}: model: {path} is a file already; remove gguf_file")
        return path.parent, path.name
    if file is not None:
        if not (path / file).is_file():
            raise UserError(f"{who}: gguf_file: {path / file}: no such file")
        return path, file
    if path.suffix.lower() == _ENDING and not path.exists():
        raise UserError(f"{who}: model: {path}: no such file")
    # A folder with both kinds is a model folder: it has the processor, and weights that need no unpacking.
    if any(path.glob("*.safetensors")):
        return path, None
    found = [name for name in gguf_files(path) if _PROJECTOR not in name.lower()]
    if len(found) > 1:
        raise UserError(f"{who}: model: {path}: holds {', '.join(found)}; name one of them as gguf_file")
    return path, found[0] if found else None


def gguf_files(folder: Path) -> list[str]:
    """Names of the GGUF files in a folder. None where there is no such folder."""
    return sorted(path.name for path in folder.glob("*") if path.suffix.lower() == _ENDING and path.is_file())


def _check_start(path: Path, who: str) -> None:
    # Often a pointer of Git LFS, or a page of HTML, was downloaded under the model's name.
    with path.open("rb") as stream:
        start = stream.read(len(_MAGIC))
    if start != _MAGIC:
        raise UserError(
            f"{who}: model: {path}: is no GGUF file, which begins with {_MAGIC.decode()} and not with {start!r}; give "
            "a model folder or a GGUF file, downloaded as a whole"
        )


def _check(source: WeightsSource, who: str) -> None:
    """See that the file is one that can be opened, as far as its name tells, and that the libraries are there."""
    name = str(source.file)
    part = _PART.search(name)
    if part is not None and int(part[1]) > 1:
        raise UserError(
            f"{who}: model: {source}: is one part of {int(part[1])}; transformers opens whole files: join them with "
            "`llama-gguf-split --merge`"
        )
    if _PROJECTOR in name.lower():
        raise UserError(
            f"{who}: model: {source}: is a vision projector ({_PROJECTOR}), which transformers does not open; give the "
            "model's own file for questions without pictures, or serve both with llama.cpp and judge through openai"
        )
    missing = [library for library in _NEEDED if importlib.util.find_spec(library) is None]
    if missing:
        raise UserError(f"{who}: model: {source}: a GGUF file needs {' and '.join(missing)}; {_INSTALL}")


@contextmanager
def at_hand(source: WeightsSource, who: str) -> Iterator[WeightsSource]:
    """The source as transformers opens it. A GGUF file gets a folder of its own for the time.

    Transformers prefers a `tokenizer.json` that lies beside a GGUF file, which may be another model's.

    Raises:
        UserError: The hub does not give the file.
    """
    if source.file is None:
        yield source
        return
    path = Path(source.location, source.file)
    if not source.local:
        import huggingface_hub

        with explain_errors(f"{who}: model {source}"):
            path = Path(huggingface_hub.hf_hub_download(source.location, source.file, revision=source.revision))
    elif any(_PROJECTOR in name.lower() for name in gguf_files(path.parent)):
        log.warning("%s: the vision projector beside %s is not opened: this judge reads no pictures", who, path.name)
    with tempfile.TemporaryDirectory() as folder, _without_bar():
        # A link: the file may have many GB.
        Path(folder, "model.gguf").symlink_to(path)
        yield WeightsSource(folder, None, "model.gguf", shown=str(source))


@contextmanager
def _without_bar() -> Iterator[None]:
    """No bar while weights are unpacked: stderr is the harness's, and transformers has no switch for this one."""
    from transformers import modeling_gguf_pytorch_utils as unpacking

    bar = getattr(unpacking, "tqdm", None)
    if bar is not None:
        unpacking.tqdm = partial(bar, disable=True)
    try:
        yield
    finally:
        if bar is not None:
            unpacking.tqdm = bar


def ends_of_turns(tokenizer: Any) -> list[int]:
    """Control tokens of a vocabulary that end a turn, besides the end that the file names."""
    controls = set(tokenizer.all_special_tokens)
    return [tokenizer.convert_tokens_to_ids(name) for name in _ENDS if name in controls]
