"""Opening weights: folder or hub, no pickles, no code of strangers, the device and the threads on purpose.

Not for GGUF files, see `gguf_files`; and not for what a model answers, see `judge`, `reward_model` and `clip_score`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.api import UserError
from harness.api.files import read_whole, write_whole
from harness_transformers.four_bits import compute_in_own_type, four_bit_arguments
from harness_transformers.options import ModelOptions
from harness_transformers.resolution import set_pixel_bounds

log = logging.getLogger(__name__)

HUB = "hub:"
# What can change what a model computes. A README cannot.
_FINGERPRINTED = frozenset({".json", ".safetensors", ".jinja", ".txt", ".model", ".py"})
_CHUNK = 1 << 20
_MEMORY = 64 << 20  # bytes of the file of remembered digests
# In these transformers looks for `auto_map`.
_WITH_CODE = (
    "config.json",
    "tokenizer_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
)
_LISTED = 5  # names of files in a message


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """The place of weights."""

    location: str
    """A folder, or `ORG/NAME` on the hub."""
    revision: str | None
    """Of the hub; `None` for a folder or for the newest."""
    file: str | None = None
    """The GGUF file there that holds the model; `None` for a model of many files."""
    shown: str = ""
    """What messages call it, where that is not its location."""

    def __str__(self) -> str:
        return self.shown or (self.location if self.file is None else f"{self.location}/{self.file}")

    @property
    def local(self) -> bool:
        """Whether it is a folder."""
        return Path(self.location).is_absolute()

    @property
    def keywords(self) -> dict[str, Any]:
        """Further arguments of `from_pretrained`. A folder never goes to the network."""
        where = {"local_files_only": True} if self.local else {"revision": self.revision}
        return where if self.file is None else {**where, "gguf_file": self.file}


def source_of(option: str, text: str, who: str) -> WeightsSource:
    """Read `PATH` or `hub:ORG/NAME@REVISION`.

    Args:
        option: Name of the option, for messages.
        text: What the manifest says. A path is absolute by now.
        who: For messages, such as `judge NAME` or `recipe NAME`.

    Raises:
        UserError: It is no folder that is there, and no name of something on the hub.
    """
    if text.startswith(HUB):
        name, _, revision = text.removeprefix(HUB).partition("@")
        if name.count("/") != 1 or not all(name.split("/")):
            raise UserError(f"{who}: {option}: {text!r}: write hub:ORG/NAME or hub:ORG/NAME@REVISION")
        # The libraries that open it would take the folder, which may be of anyone.
        if Path(name).exists():
            raise UserError(
                f"{who}: {option}: {text}: there is a folder {name} in the working directory, which would be opened "
                "in place of the hub's; work elsewhere, or give that folder as ./" + name
            )
        return WeightsSource(name, revision or None)
    folder = Path(text)
    if folder.is_file():
        raise UserError(f"{who}: {option}: {text}: is a file; here a model folder is needed")
    if not folder.is_dir():
        raise UserError(
            f"{who}: {option}: {text}: no such folder; give a model folder, or hub:ORG/NAME for one on the hub"
        )
    if not any((folder / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise UserError(
            f"{who}: {option}: {text}: holds no config.json, so it is no model folder; it holds {_list_names(folder)}"
        )
    return WeightsSource(str(folder.absolute()), None)


def _list_names(folder: Path) -> str:
    """The content of a folder, for messages."""
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more if names else "nothing"


def pin(source: WeightsSource, who: str, *, known_by: str = "config.json") -> WeightsSource:
    """The source with the commit that its revision stands for. Asks the hub, or its local cache.

    Args:
        source: A folder, which stays as it is, or something on the hub.
        who: For messages, such as `judge NAME` or `recipe NAME`.
        known_by: A small file that it must have.

    Raises:
        UserError: The hub cannot be reached, or has no such model or revision.
    """
    if source.local or (source.revision is not None and _is_commit(source.revision)):
        return source
    import huggingface_hub

    try:
        # One small file resolves a branch to its commit, and from the local cache it does so offline.
        path = huggingface_hub.hf_hub_download(source.location, source.file or known_by, revision=source.revision)
    except Exception as error:  # many kinds: offline, gated, no such repository, ...
        fix = "check the name, log in where it is gated, or download it and give the folder"
        if isinstance(error, huggingface_hub.errors.EntryNotFoundError):
            fix = "it has no such file; where it holds GGUF files, name one as gguf_file of the judge transformers"
        raise UserError(
            f"{who}: model hub:{source}@{source.revision or 'main'} cannot be opened ({_first_line(error)}); {fix}"
        ) from error
    # .../snapshots/COMMIT/FILE, and a GGUF file may lie in a folder of its repository.
    commit = next((folder.name for folder in Path(path).parents if folder.parent.name == "snapshots"), "")
    if not _is_commit(commit):
        raise UserError(f"{who}: the cache gives no commit for hub:{source.location}; pin it with @REVISION")
    return replace(source, revision=commit)


def content_of(source: WeightsSource, memory: Path) -> str:
    """The identity of the weights: the commit, or the SHA-256 of a GGUF file or a model folder, 16 hex digits.

    Args:
        source: Pinned.
        memory: A folder in which digests of large files are kept from run to run, by path, size and time.
    """
    if not source.local:
        return f"{source}@{source.revision}"
    known = _Digests(memory / "weights.json")
    if source.file is not None:
        digest = known.digest(Path(source.location, source.file))
    else:
        sha = hashlib.sha256()
        for path in sorted(Path(source.location).iterdir()):
            if path.suffix in _FINGERPRINTED and path.is_file():
                sha.update(f"{path.name}:{known.digest(path)}\n".encode())
        digest = sha.hexdigest()
    known.save()
    return digest[:16]


class _Digests:
    """SHA-256 of files, remembered: hashing 16 GB at every start would take half a minute."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._changed = False
        try:
            known = json.loads(read_whole(memory, most=_MEMORY))
        except (OSError, ValueError):  # lost or broken: hash again
            known = {}
        self._known: dict[str, Any] = known if isinstance(known, dict) else {}

    def digest(self, path: Path) -> str:
        stat = path.stat()
        # Size and time of change stand for the content, as in make and rsync.
        key = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
        if not isinstance(self._known.get(key), str):
            sha = hashlib.sha256()
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    sha.update(chunk)
            self._known[key] = sha.hexdigest()
            self._changed = True
        return str(self._known[key])

    def save(self) -> None:
        if not self._changed:
            return
        # In one step: several runs may share the workspace.
        write_whole(self._memory, json.dumps(self._known))


def check_code(source: WeightsSource, who: str) -> None:
    """Refuse a model whose code lies in another repository, which its own commit does not pin.

    Args:
        source: Pinned, of a model whose own code the user has allowed.
        who: For messages.

    Raises:
        UserError: An `auto_map` of it names another repository.
    """
    for name in _WITH_CODE:
        path = find_file(source, name)
        try:
            found = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # what opens it says so
            continue
        named = found.get("auto_map") if isinstance(found, dict) else None
        # A tokenizer has a list of two, the second one a fast one.
        texts = str(list(named.values()) if isinstance(named, dict) else named)
        if "--" in texts:
            raise UserError(
                f"{who}: model {source}: {name} takes code from another repository ({texts[:200]}), which no commit of "
                "this one pins; copy that code into a folder with the model, and allow the folder"
            )


def find_file(source: WeightsSource, name: str) -> Path | None:
    """A small file of a model, from its folder or from the hub; `None` where there is none."""
    if source.local:
        path = Path(source.location, name)
        return path if path.is_file() else None
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(source.location, name, revision=source.revision))
    except (huggingface_hub.errors.EntryNotFoundError, huggingface_hub.errors.LocalEntryNotFoundError):
        return None


def set_threads(wanted: int | None) -> int:
    """Give torch its threads: as asked, else by OMP_NUM_THREADS, else half of the logical cores.

    Two threads on two logical cores of one physical core spin at every barrier: 15 times slower was measured.
    """
    import torch

    given = os.environ.get("OMP_NUM_THREADS", "")
    threads = wanted or (int(given) if given.isdigit() and int(given) > 0 else max(1, (os.cpu_count() or 2) // 2))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    log.info("torch runs %d CPU thread(s)", threads)
    return threads


def device_of(wanted: str) -> str:
    """The device that `auto` means here: the first GPU, else the CPU."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def open_model(
    auto: Any, source: WeightsSource, options: ModelOptions, who: str, *, config: Any = None, four_bits: bool = False
) -> Any:
    """The model, in evaluation mode, on its device.

    Args:
        auto: The Auto class of transformers that opens it.
        source: Pinned.
        options: What the manifest says.
        who: For messages, such as `judge NAME` or `recipe NAME`.
        config: Of a GGUF file, where it is known already: to read it takes seconds.
        four_bits: Whether its linear layers are rounded to four bits, all but the head.

    Raises:
        UserError: It cannot be opened. Says what to do.
    """
    if options.trust_remote_code:
        check_code(source, who)
    # With a device map accelerate places the layers; to move the model afterwards would undo it.
    more: dict[str, Any] = {} if options.device_map is None else {"device_map": options.device_map}
    if four_bits:
        more = four_bit_arguments(device_of(options.device), options.device_map, who)
    with explain_errors(f"{who}: model {source}"), quietly():
        if source.file is not None:
            from transformers import GgufConfig

            # Unpacked: transformers would fetch code from the hub to compute with packed weights.
            more |= {"quantization_config": GgufConfig(dequantize=True), "config": config}
        model, info = auto.from_pretrained(
            source.location,
            output_loading_info=True,
            dtype=options.dtype,
            attn_implementation=options.attention,
            use_safetensors=True,  # a pickle can run code
            trust_remote_code=options.trust_remote_code,
            **more,
            **source.keywords,
        )
        if info["missing_keys"]:  # transformers would go on with random numbers in their place
            some = ", ".join(sorted(info["missing_keys"])[:3])
            raise UserError(
                f"{who}: model {source} has no weights for {some}, so it is no complete "
                f"{type(model).__name__}; is it a model of another kind?"
            )
        if str(model.dtype) == "torch.float64":  # the kernel that multiplies all experts at once has none
            model.set_experts_implementation("eager")
        if four_bits:
            compute_in_own_type(model)
        elif options.device_map is None:
            model = model.to(device_of(options.device))
    return model.eval().requires_grad_(False)


def open_processor(auto: Any, source: WeightsSource, options: ModelOptions, who: str) -> Any:
    """The processor or tokenizer, with the bounds of pixels that the options set.

    Raises:
        UserError: It cannot be opened, or has no such bounds. Says what to do.
    """
    if options.trust_remote_code:
        check_code(source, who)
    with explain_errors(f"{who}: processor of {source}"), quietly():
        made = auto.from_pretrained(source.location, trust_remote_code=options.trust_remote_code, **source.keywords)
        set_pixel_bounds(made, least=options.min_pixels, most=options.max_pixels, who=who)
    return made


@contextmanager
def explain_errors(what: str) -> Iterator[None]:
    """Turn what transformers raises while opening into an error that says what to do."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # transformers raises OSError, ValueError, ImportError, KeyError, ...
        text = str(error)
        if "torchvision" in text.lower():
            fix = "this model needs torchvision: pip install torchvision (the build that goes with your torch)"
        elif "trust_remote_code" in text:
            fix = "it brings its own Python code: read that code, then set trust_remote_code: true (and --allow-code)"
        elif "safetensors" in text:
            fix = "only safetensors are opened (a pickle can run code): convert the weights with save_pretrained"
        elif isinstance(error, ImportError):
            fix = "install what it names"
        else:
            fix = "check that it is complete, and of a kind that this transformers knows"
        raise UserError(f"{what}: cannot be opened ({type(error).__name__}: {_first_line(error)}); {fix}") from error


@contextmanager
def quietly() -> Iterator[None]:
    """No progress bars of transformers: stderr is the harness's."""
    from transformers.utils import logging as hf_logging

    shown = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hf_logging.enable_progress_bar()


def _is_commit(revision: str) -> bool:
    return len(revision) == 40 and all(letter in "0123456789abcdef" for letter in revision)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")[:300]
