"""The members of a bundle, and the first of them, `bundle.json`, which has the hashes of the others.

bundle.json        schema, name of the run, members with their sizes and hashes, and a hash over all of it
asks.jsonl         which request each item made
cells.jsonl        how far each judge got on each task
environment.json   versions of the harness, of Python, of the plugins, and which data were read
items.jsonl        what was asked about: id, group, category, answer space, gold, annotations, hash of the content
judgements.jsonl   what was answered, every column
leaderboard.json   the ranks, as recorded
manifest.yaml      the resolved manifest, for people: nothing here reads it
plan.json          tasks and judges with their protocols, formats and keys, and how to report
replaced.jsonl     judgements before they were read again
requests.jsonl     what each request said; only where that was asked for
scores.json        all numbers of all cells, as recorded
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from harness.api import DataError
from harness.bundle.archive import BundleArchive

SCHEMA = "judge-harness/bundle/1"
"""Name and version of the form of a bundle."""

INDEX = "bundle.json"
ENVIRONMENT = "environment.json"
LEADERBOARD = "leaderboard.json"
MANIFEST = "manifest.yaml"
PLAN = "plan.json"
SCORES = "scores.json"
ASKS, CELLS, ITEMS = "asks.jsonl", "cells.jsonl", "items.jsonl"
JUDGEMENTS, REPLACED, REQUESTS = "judgements.jsonl", "replaced.jsonl", "requests.jsonl"

ALWAYS = (ASKS, CELLS, ENVIRONMENT, ITEMS, JUDGEMENTS, LEADERBOARD, MANIFEST, PLAN, REPLACED, SCORES)
"""Members that every bundle has beside `bundle.json`, in their order."""

LARGEST_INDEX = 2**20
LARGEST_DOCUMENT = 64 * 2**20
"""Bytes of a member that is read whole."""

_HEX = re.compile(r"[0-9a-f]{64}")
# One text for one content: no white space, ASCII only, the order of fields as they are.
_compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as `bundle.json` lists it."""

    name: str
    """Its name."""
    bytes: int
    """Its size."""
    sha256: str
    """SHA-256 of its content, in hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The content of `bundle.json`."""

    name: str
    """Name of the run: that of its manifest."""
    harness: str
    """Version of judge-harness that finished the run; empty where the run does not say."""
    requests: bool
    """Whether the texts of the requests are in the bundle."""
    members: tuple[Member, ...]
    """All other members, in their order."""

    def to_json(self) -> dict[str, Any]:
        """The plain content, without its own hash."""
        return {"schema": SCHEMA, **asdict(self), "members": [asdict(member) for member in self.members]}

    @property
    def root(self) -> str:
        """SHA-256 over all that it says, and so over the whole bundle."""
        return hashlib.sha256(_compact(self.to_json()).encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """The member `bundle.json`."""
        return document_bytes({**self.to_json(), "root": self.root})


def document_bytes(plain: Any) -> bytes:
    """A document of a bundle: indented, so that people read it, and ASCII only."""
    return (json.dumps(plain, indent=1, allow_nan=False) + "\n").encode("ascii")


def line_bytes(plain: Any) -> bytes:
    """A row of a bundle, with its line break."""
    return (_compact(plain) + "\n").encode("ascii")


def parse_document(archive: BundleArchive, name: str) -> Any:
    """A document of a bundle as plain data.

    Raises:
        DataError: It is no JSON, or is written in another way than `document_bytes` writes it.
    """
    content = archive.read(name, most=LARGEST_INDEX if name == INDEX else LARGEST_DOCUMENT)
    try:
        plain = json.loads(content.decode("ascii"))
        # The same text again: no key comes twice, and no number or text is written in a second way.
        same = document_bytes(plain) == content
    except (ValueError, RecursionError) as error:
        raise archive.fault(f"{name} is no JSON of a bundle ({error})") from error
    if not same:
        raise archive.fault(f"{name} is not written as bundles are")
    return plain


def read_index(archive: BundleArchive) -> Index:
    """Read `bundle.json`, and check every other member against it.

    Raises:
        DataError: A member is missing, is one too many, or has other bytes. The message names it.
    """
    plain = parse_document(archive, INDEX)
    index = _index_of(archive, plain)
    wanted = [INDEX, *(member.name for member in index.members)]
    if [entry.name for entry in archive.entries] != wanted:
        found = ", ".join(entry.name for entry in archive.entries)
        raise archive.fault(f"its members are {found}, and {INDEX} lists {', '.join(wanted)}")
    # The whole list first: which members a bundle has is known, and none is left to the one who made it.
    if wanted[1:] != sorted([*ALWAYS, *([REQUESTS] if index.requests else [])]):
        raise archive.fault(f"{INDEX} lists {', '.join(wanted[1:])}, which are not the members of a bundle")
    for entry, member in zip(archive.entries[1:], index.members, strict=True):
        sha, crc = hashlib.sha256(), 0
        for part in archive.parts(entry):
            sha.update(part)
            crc = zlib.crc32(part, crc)
        if (entry.size, sha.hexdigest()) != (member.bytes, member.sha256):
            raise archive.fault(
                f"{member.name} was changed: it has {entry.size:,} bytes and SHA-256 {sha.hexdigest()}, and {INDEX} "
                f"says {member.bytes:,} bytes and {member.sha256}"
            )
        if crc != entry.crc:
            raise archive.fault(f"{member.name}: its checksum in the header was changed")
    own = archive.entries[0]
    if zlib.crc32(archive.read(INDEX, most=LARGEST_INDEX)) != own.crc:
        raise archive.fault(f"{INDEX}: its checksum in the header was changed")
    return index


def _index_of(archive: BundleArchive, plain: Any) -> Index:
    try:
        if plain["schema"] != SCHEMA:
            raise archive.fault(f"its schema is {plain['schema']!r}, and this version reads {SCHEMA!r}")
        members = tuple(Member(**member) for member in plain["members"])
        index = Index(name=plain["name"], harness=plain["harness"], requests=plain["requests"], members=members)
        texts = [index.name, index.harness, *(member.name for member in members)]
        fits = all(type(text) is str for text in texts) and type(index.requests) is bool
        fits = fits and all(type(member.bytes) is int and _HEX.fullmatch(member.sha256) for member in members)
        if fits and {**index.to_json(), "root": plain["root"]} != plain:
            raise archive.fault(f"{INDEX} has fields that bundles have not")
        if fits and plain["root"] != index.root:
            raise archive.fault(f"{INDEX} was changed: its own hash is {index.root}, and it says {plain['root']!r}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise archive.fault(f"{INDEX} lacks a field, or has another in its place ({error})") from error
    if not fits:
        raise archive.fault(f"{INDEX} has a field of another kind")
    return index


def fault_of(name: str, problem: str) -> DataError:
    """The error that names a member and what is wrong in it."""
    return DataError(f"{name}: {problem}")
