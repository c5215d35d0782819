"""Whose signatures are trusted: a file of allowed signers in OpenSSH's form, and what it says of one signature.

    ann@example.org namespaces="judge-harness-bundle" ssh-ed25519 AAAAC3... a comment

Source: ssh-keygen(1), ALLOWED SIGNERS; the patterns of principals and namespaces are those of ssh_config(5).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.api import UserError
from harness.bundle.records import Signature
from harness.bundle.signatures import (
    KEY_KIND,
    NAMESPACE,
    check_signature,
    has_cryptography,
    parse_key,
    read_signature,
)

LARGEST_SIGNERS = 2**22

_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,|$)')
_TIME = re.compile(r"(\d{8})(?:(\d{4})(\d{2})?)?(Z?)")
_KINDS = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One line of a file of allowed signers, with an Ed25519 key."""

    principals: str
    """Who has the key: patterns, joined by commas."""
    namespaces: str | None
    """For which purposes: patterns, joined by commas; `None`: for all."""
    after: datetime | None
    """From when on it is trusted."""
    before: datetime | None
    """Until when it is trusted."""
    key: bytes
    """Shape (32,): the public key."""

    def why_not(self, now: datetime) -> str:
        """Why the line does not hold for a bundle now; empty where it does."""
        if self.namespaces is not None and not match_list(NAMESPACE, self.namespaces):
            return f"the key of {self.principals} is for {self.namespaces}, and not for {NAMESPACE}"
        if self.after is not None and now < self.after:
            return f"the key of {self.principals} is trusted from {self.after:%Y-%m-%d %H:%M} on"
        if self.before is not None and now > self.before:
            return f"the key of {self.principals} was trusted until {self.before:%Y-%m-%d %H:%M}"
        return ""


def read_signers(path: Path) -> tuple[Signer, ...]:
    """Read a file of allowed signers. Lines with keys of other kinds are passed over: no bundle is signed by one.

    Raises:
        UserError: It cannot be read, or a line cannot be understood. The message names the line.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file; it lists those whose signatures are trusted, as ssh-keygen(1) says")
        if path.stat().st_size > LARGEST_SIGNERS:
            raise UserError(f"{path}: has more than {LARGEST_SIGNERS:,} bytes, and is no list of signers")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    return tuple(_parse_lines(text, path))


def _parse_lines(text: str, path: Path) -> Iterator[Signer]:
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            found = parse_signer(stripped)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
        if found is not None:
            yield found


def parse_signer(line: str) -> Signer | None:
    """One line; `None` where its key is of another kind than Ed25519.

    Raises:
        ValueError: It cannot be understood, or names an authority of certificates, which is not read.
    """
    principals, rest = _take_word(line)
    options, rest = _take_options(rest)
    if "cert-authority" in options:
        raise ValueError("cert-authority: certificates are not read; list the keys of the signers themselves")
    unknown = sorted({*options} - {"namespaces", "valid-after", "valid-before"})
    if unknown:
        raise ValueError(f"the option {unknown[0]!r} is none of namespaces, valid-after and valid-before")
    kind, _, after = rest.partition(" ")
    blob = after.strip().partition(" ")[0]
    if not _KINDS.fullmatch(kind) or not blob:
        raise ValueError("it is not PRINCIPALS [OPTIONS] KIND KEY, as in ann@example.org ssh-ed25519 AAAAC3...")
    if kind != KEY_KIND.decode():
        return None
    try:
        key = parse_key(base64.b64decode(blob, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"its key cannot be read: {error}") from error
    return Signer(
        principals=principals,
        namespaces=options.get("namespaces"),
        after=_parse_time(options["valid-after"]) if "valid-after" in options else None,
        before=_parse_time(options["valid-before"]) if "valid-before" in options else None,
        key=key,
    )


def _take_word(line: str) -> tuple[str, str]:
    """The first word, in quotation marks or not, and what follows it."""
    if line.startswith('"'):
        word, mark, rest = line[1:].partition('"')
        if not mark:
            raise ValueError("a quotation mark does not close")
        return word, rest.lstrip()
    word, _, rest = line.partition(" ")
    return word, rest.lstrip()


def _take_options(rest: str) -> tuple[dict[str, str], str]:
    """The options in front of the kind of the key, and the rest."""
    word = rest.partition(" ")[0]
    if _KINDS.fullmatch(word):
        return {}, rest
    options: dict[str, str] = {}
    place = 0
    while place < len(rest):
        found = _OPTION.match(rest, place)
        # The last option ends at a space, which the pattern of a single one does not take.
        if found is None:
            found = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?= )').match(rest, place)
        if found is None:
            raise ValueError(f"its options cannot be read from {rest[place : place + 30]!r} on")
        name = found[1].lower()
        if name in options:
            raise ValueError(f"the option {name!r} comes twice")
        options[name] = found[2] or ""
        place = found.end()
        if not found[0].endswith(","):
            break
    return options, rest[place:].lstrip()


def _parse_time(text: str) -> datetime:
    """`YYYYMMDD[HHMM[SS]][Z]`: in UTC with a `Z`, else in the time of this machine."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"the time {text!r} is not YYYYMMDD or YYYYMMDDHHMM[SS], with or without a Z")
    try:
        made = datetime.strptime(f"{found[1]}{found[2] or '0000'}{found[3] or '00'}", "%Y%m%d%H%M%S")
    except ValueError as error:
        raise ValueError(f"{text!r} is no time") from error
    return made.replace(tzinfo=UTC) if found[4] else made.astimezone()


def match_list(name: str, patterns: str) -> bool:
    """Whether a name fits a list of patterns: `*` and `?` as usual, and none that begins with `!` may fit.

    >>> match_list("ann@example.org", "*@example.org,!eve@*"), match_list("eve@example.org", "*@example.org,!eve@*")
    (True, False)
    """
    fits = False
    for pattern in patterns.split(","):
        refused = pattern.startswith("!")
        if _match(name, pattern[refused:]):
            if refused:
                return False
            fits = True
    return fits


def _match(name: str, pattern: str) -> bool:
    # Only these two signs mean something: `fnmatch` would read brackets as well.
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in re.sub(r"\*+", "*", pattern))
    return re.fullmatch("".join(parts), name, re.DOTALL) is not None


def find_signature(
    path: Path, signers: Sequence[Signer] | None, *, signer: str | None = None, file: Path | None = None
) -> Signature:
    """Say what is known of the signature of a bundle.

    Args:
        path: The bundle.
        signers: Whose signatures are trusted; `None`: no file of signers was given.
        signer: The principal that must have signed.
        file: The file of the signature.  `None`: `path` with `.sig` after it.

    Raises:
        UserError: A file cannot be read, or signers were named and signatures cannot be checked here.
    """
    place = file or path.with_name(f"{path.name}.sig")
    if file is None and not place.exists():
        return Signature(state="none", problem=f"there is no {place.name}")
    if signers is None and not has_cryptography():
        problem = "not checked; pip install 'judge-harness[sign]'"
        return Signature(state="unchecked", problem=problem)
    try:
        found = read_signature(place)
    except ValueError as error:
        return Signature(state="bad", problem=f"{place.name} is no signature of a bundle: {error}")
    if not check_signature(path, found):
        problem = f"{place.name} is not a signature of {path.name}: one of the two was changed"
        return Signature(state="bad", key=found.fingerprint, problem=problem)
    now = datetime.now(UTC)
    known = [line for line in signers or () if line.key == found.key]
    held = [line for line in known if not line.why_not(now)]
    named = [line for line in held if signer is None or match_list(signer, line.principals)]
    if named:
        return Signature(state="signed", signer=signer or named[0].principals, key=found.fingerprint)
    return Signature(state="unknown key", key=found.fingerprint, problem=_why_unknown(known, held, signer, now))


def _why_unknown(known: Sequence[Signer], held: Sequence[Signer], signer: str | None, now: datetime) -> str:
    if held:
        return f"it is by {held[0].principals}, and not by {signer}"
    if known:
        return known[0].why_not(now)
    return "its key is not among those trusted: it says that the file is whole, and not who made it"
