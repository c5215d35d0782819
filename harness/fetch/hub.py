"""Asks a hub for the files of a data set, through `huggingface_hub`, and says what its errors mean.

Not for the download: see `download`. The token is the library's business: `hf auth login` or `HF_TOKEN`. It is read
from nowhere else, not printed, not kept.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.api import DataError, UserError, hide_secret, scrub
from harness.fetch.record import check_name

_SILENT_S = 60.0  # how long the hub may be silent
_LONGEST = 400
_MOST_FILES = 1_000_000
# What says under which terms the data may be used is fetched with them.
_ALWAYS = ("README.md", "LICENSE*", "LICENCE*")
_LOGIN = "log in with `hf auth login`, or set HF_TOKEN"
AGAIN = "give the same command again: it goes on where it stopped"
"""What to do after a download that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A file of a data set as the hub lists it."""

    name: str
    """Its path."""
    bytes: int
    """Its size."""
    sha256: str
    """Its SHA-256, where the hub gives it (large files); else empty."""
    blob: str
    """Its SHA-1 as git names it, where the hub gives no SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a data set at one commit."""

    hub: str
    """`ORG/NAME`."""
    commit: str
    """The commit."""
    gated: bool
    """Whether the hub asks for consent first."""
    files: tuple[ListedFile, ...]
    """Those that are wanted, by name."""

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


def page_of(hub: str) -> str:
    """The page of a data set, on the hub that `HF_ENDPOINT` names."""
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return f"{endpoint.rstrip('/')}/datasets/{hub}"


def list_files(hub: str, *, revision: str | None, patterns: Sequence[str]) -> Listing:
    """Ask the hub which files of a data set there are, and how large they are. Nothing is downloaded.

    Args:
        hub: `ORG/NAME`.
        revision: Branch, tag or commit; by default the main branch.
        patterns: Of the files that are wanted; all by default.

    Raises:
        UserError: The library is missing, or the hub cannot be reached or refuses. What to do is said.
        DataError: No file fits the patterns, or one would lie outside of a folder.
    """
    library = load_library()
    from huggingface_hub.utils import filter_repo_objects

    api = library.HfApi()
    with explain_errors(hub, revision):
        info = api.dataset_info(hub, revision=revision)
        commit = str(info.sha)
        if not re.fullmatch("[0-9a-f]{40}", commit):
            raise DataError(f"{page_of(hub)}: the hub names no commit, but {commit[:80]!r}; try another --revision")
        tree = api.list_repo_tree(hub, repo_type="dataset", revision=commit, recursive=True)
        listed = [entry for entry, _ in zip(tree, range(_MOST_FILES), strict=False) if hasattr(entry, "blob_id")]
    everything = {str(entry.path): entry for entry in listed}
    wanted = sorted(filter_repo_objects(everything, allow_patterns=list(patterns) or None))
    if not wanted:
        raise DataError(
            f"{page_of(hub)}: no file at commit {commit} is called like {' or '.join(patterns) or '*'}; there are "
            f"{', '.join(sorted(everything)[:10]) or 'none'}; name those that you want with --files PATTERN"
        )
    names = sorted({*wanted, *filter_repo_objects(everything, allow_patterns=list(_ALWAYS))})
    # Those alone: an odd name that is not wanted is no reason to refuse the others.
    for name in names:
        check_name(name, place=page_of(hub))
    files = tuple(_describe(everything[name], page_of(hub)) for name in names)
    return Listing(hub=hub, commit=commit, gated=bool(getattr(info, "gated", False)), files=files)


def _describe(entry: Any, page: str) -> ListedFile:
    size = int(entry.size if entry.lfs is None else entry.lfs.size)
    if size < 0:
        raise DataError(f"{page}: lists {entry.path!r} with a size of {size}; nothing is fetched")
    sha256 = "" if entry.lfs is None else str(entry.lfs.sha256)
    return ListedFile(name=str(entry.path), bytes=size, sha256=sha256, blob=str(entry.blob_id))


def load_library() -> Any:
    """`huggingface_hub`, told not to wait without an end. Its token is hidden from all that is shown.

    Raises:
        UserError: It is missing or too old.
    """
    try:
        import huggingface_hub  # here, since it is slow to import, and no dependency of the core
    except ImportError:
        raise UserError("harness data needs huggingface_hub to fetch; pip install huggingface_hub") from None
    from huggingface_hub.utils import get_session

    session = get_session()
    if not hasattr(session, "stream"):
        raise UserError(f"huggingface_hub {huggingface_hub.__version__} is too old; pip install -U huggingface_hub")
    # The library waits without an end by default.
    session.timeout = _SILENT_S
    # It warns of what is said here in words.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if token := huggingface_hub.get_token():
        hide_secret(token)
    return huggingface_hub


@contextmanager
def explain_errors(hub: str, revision: str | None) -> Iterator[None]:
    """Turn errors of the library and of the HTTP client beneath it into ones that say what to do."""
    page = page_of(hub)
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        if type(error).__module__ != "builtins":  # errors of the library are of this kind too
            raise _explain(error, page, revision) from error
        raise UserError(f"{page}: cannot be kept on this disk ({error.strerror or error}). {AGAIN}") from error
    except Exception as error:
        raise _explain(error, page, revision) from error


def _explain(error: Exception, page: str, revision: str | None) -> UserError:
    """The error for the user. What the library raised may stand beneath another error of its own."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and isinstance(cause, Exception):
        chain.append(cause)
    kinds = {type(link).__name__ for link in chain}
    status = next((code for link in chain if (code := getattr(getattr(link, "response", None), "status_code", 0))), 0)
    said = " ".join(scrub(str(error)).split())[:_LONGEST]
    if "GatedRepoError" in kinds:
        problem = f"is gated; ask for access on this page, then {_LOGIN}, and give the same command again"
    elif "OfflineModeIsEnabled" in kinds:
        problem = "HF_HUB_OFFLINE is set, so nothing is fetched; unset it, or check a folder with --check"
    elif "RevisionNotFoundError" in kinds:
        problem = f"there is no revision {revision!r}; look at its commits on this page"
    elif "HFValidationError" in kinds:
        problem = f"is no name of a data set ({said}); write ORG/NAME"
    elif "RepositoryNotFoundError" in kinds or status in (401, 404):
        problem = f"the hub shows no such data set ({status}: {said}); look at the page. If it is private, {_LOGIN}"
    elif status == 403:
        problem = f"the hub refuses (403: {said}); ask for access on this page, then {_LOGIN}"
    elif status:
        problem = f"the hub answers {status} ({said}). Later {AGAIN}"
    else:
        problem = f"the hub cannot be reached ({type(error).__name__}: {said}); look at the network. Then {AGAIN}"
    return UserError(f"{page}: {problem}")
