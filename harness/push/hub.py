"""Speaks to the hub through `huggingface_hub`: makes the repository where it is not there, and commits all at once.

The token is the library's business: `hf auth login` or `HF_TOKEN`. It is read from nowhere else, not printed, not kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from harness.api import UserError, hide_secret, scrub
from harness.push.records import HubTarget, Pushed, PushFile

_LOGIN = "log in with `hf auth login`, or set HF_TOKEN, with a token that may write"
_FIXES = {
    401: f"the hub knows no such token; {_LOGIN}",
    403: "the token may not write there; use one that may, or ask the owner of the repository",
    404: "there is no such owner or repository for this token; look at the name, and at who owns it",
    409: "the repository was changed at the same moment; push again",
    412: "the repository was changed at the same moment; push again",
    413: "a file is too large for the hub; push less with `--what report` or `--what bundle`",
    429: "the hub takes no more for now; push again later",
}
_LATER = "nothing is half done: push again later, and what is there already is not sent again"
_LONGEST = 400


def push_files(target: HubTarget, files: Sequence[PushFile], *, message: str) -> Pushed:
    """Have the files in the repository, in one commit, or in none where they are there already.

    Raises:
        UserError: The library is missing, or the hub cannot be reached or refuses. What to do is said.
    """
    try:
        import huggingface_hub  # here, since it is slow to import, and no dependency of the core
    except ImportError:
        raise UserError("harness push needs huggingface_hub; pip install huggingface_hub") from None
    from huggingface_hub.utils import get_session

    # The library waits without an end by default.
    get_session().timeout = target.timeout_s
    # It says by a warning what is said here in words, that nothing has changed.
    logging.getLogger("huggingface_hub.hf_api").setLevel(logging.ERROR)
    if token := huggingface_hub.get_token():
        hide_secret(token)
    api = huggingface_hub.HfApi()
    with _explain_errors(target):
        head = _prepare(api, target)
        operations = [
            huggingface_hub.CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=file.content) for file in files
        ]
        made = api.create_commit(
            target.name,
            operations,
            commit_message=message,
            repo_type=target.kind,
            # So that a commit of another in between is noticed, and not mixed with this one.
            parent_commit=head,
        )
    return Pushed(url=_address(api, target), commit=str(made.oid), changed=made.oid != head)


def _prepare(api: Any, target: HubTarget) -> str | None:
    """Make the repository, or see that it is as open as it is meant to be. Returns its last commit."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        found = api.repo_info(target.name, repo_type=target.kind)
    except RepositoryNotFoundError:
        sdk = {"space_sdk": "static"} if target.kind == "space" else {}
        api.create_repo(target.name, repo_type=target.kind, private=not target.public, exist_ok=True, **sdk)
        found = api.repo_info(target.name, repo_type=target.kind)
    if not found.private and not target.public:
        raise UserError(
            f"{target.kind} {target.name}: is public at the hub, so everybody would see the run; give --public if they "
            "may, or make it private there"
        )
    return None if found.sha is None else str(found.sha)


def _address(api: Any, target: HubTarget) -> str:
    return f"{api.endpoint}/{target.kind}s/{target.name}"


@contextmanager
def _explain_errors(target: HubTarget) -> Iterator[None]:
    """Turn errors of the library and of the HTTP client beneath it into ones that say what to do."""
    place = f"{target.kind} {target.name}"
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        said = " ".join(scrub(str(error)).split())[:_LONGEST]
        kind = type(error).__name__
        if status is not None:
            fix = _FIXES.get(status, _LATER if status >= 500 else "look at what the hub says")
            raise UserError(f"{place}: the hub answers {status} ({said}); {fix}") from error
        if kind == "OfflineModeIsEnabled":
            raise UserError(f"{place}: HF_HUB_OFFLINE is set, so nothing is sent; unset it to push") from error
        if kind == "LocalTokenNotFoundError":
            raise UserError(f"{place}: there is no token of the hub; {_LOGIN}") from error
        if isinstance(error, ValueError) and "Validation" in kind:
            raise UserError(f"{place}: is no name of a repository ({said}); write OWNER/NAME") from error
        if "Timeout" in kind:
            raise UserError(f"{place}: no answer within {target.timeout_s:g} s; {_LATER}") from error
        raise UserError(
            f"{place}: the hub cannot be reached ({kind}: {said}); look at the network. {_LATER}"
        ) from error
