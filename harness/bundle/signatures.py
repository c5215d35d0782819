"""Signatures of files in SSH's form, by Ed25519 keys. `ssh-keygen -Y verify` takes them, and its own are taken here.

A signature stands in a file of its own, `FILE.sig`. It is over the bytes of the file, hashed by SHA-512, for the
namespace `judge-harness-bundle`. So a signature that the same key has made for another purpose is none of a bundle.

Source: OpenSSH, PROTOCOL.sshsig; RFC 8709 for `ssh-ed25519`; RFC 4253, section 6.6, for the fields.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMESPACE = "judge-harness-bundle"
"""What the signatures of bundles are for."""

KEY_KIND = b"ssh-ed25519"
LARGEST_SIGNATURE = 2**16

_MAGIC, _VERSION, _HASH = b"SSHSIG", 1, b"sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70  # letters of a line, as OpenSSH writes them


@dataclass(frozen=True, slots=True)
class SshSignature:
    """A signature, taken apart. It proves nothing before `check_signature`."""

    key: bytes
    """Shape (32,): the public key."""
    signature: bytes
    """Shape (64,): the signature."""

    @property
    def fingerprint(self) -> str:
        """Name of the key as OpenSSH prints it."""
        return fingerprint_of(self.key)


def fingerprint_of(key: bytes) -> str:
    """Name of a public key as OpenSSH prints it, `SHA256:...`."""
    digest = hashlib.sha256(pack(KEY_KIND) + pack(key)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def pack(data: bytes) -> bytes:
    """A field: four bytes with its length, and the bytes."""
    return len(data).to_bytes(4, "big") + data


class _Fields:
    """Takes fields from a text of bytes, and never more than there are."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        part = self._data[self._place : self._place + count]
        if len(part) < count:
            raise ValueError("it ends inside a field")
        self._place += count
        return part

    def field(self) -> bytes:
        """The next field."""
        return self.take(int.from_bytes(self.take(4), "big"))

    def end(self) -> None:
        """Nothing may be left."""
        if self._place < len(self._data):
            raise ValueError("there are bytes after its end")


def parse_signature(armored: str) -> SshSignature:
    """Take a signature apart.

    Args:
        armored: The content of the file.

    Raises:
        ValueError: It is none of a bundle by an Ed25519 key. The message says what it is.
    """
    fields = _Fields(_dearmor(armored))
    if fields.take(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no signature of SSH")
    version = int.from_bytes(fields.take(4), "big")
    if version != _VERSION:
        raise ValueError(f"its version is {version}, and 1 is read")
    key, namespace, reserved, hashed, signed = (fields.field() for _ in range(5))
    fields.end()
    if namespace != NAMESPACE.encode():
        raise ValueError(f"it is for {_show_name(namespace)}, and not for {NAMESPACE}")
    if reserved:
        raise ValueError("its reserved field is not empty")
    if hashed != _HASH:
        raise ValueError(f"its hash is {_show_name(hashed)}, and sha512 is read")
    return SshSignature(key=parse_key(key), signature=_parse_blob(signed, 64))


def parse_key(blob: bytes) -> bytes:
    """The 32 bytes of a public key.

    Raises:
        ValueError: It is a key of another kind.
    """
    return _parse_blob(blob, 32)


def _parse_blob(blob: bytes, size: int) -> bytes:
    fields = _Fields(blob)
    kind = fields.field()
    if kind != KEY_KIND:
        raise ValueError(f"it is of the kind {_show_name(kind)}, and ssh-ed25519 is read")
    content = fields.field()
    fields.end()
    if len(content) != size:
        raise ValueError(f"it has {len(content)} bytes, and {size} belong there")
    return content


def _show_name(name: bytes) -> str:
    return repr(name[:60].decode("ascii", "backslashreplace"))


def _dearmor(armored: str) -> bytes:
    lines = armored.rstrip("\n").split("\n")
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise ValueError(f"it does not begin with {_BEGIN} and end with {_END}")
    try:
        content = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"it is no base64 ({error})") from error
    # One text for one signature: lines of another length, or spare bits, would be a second one.
    if _armor(content) != "\n".join(lines) + "\n":
        raise ValueError("its lines are not as OpenSSH writes them")
    return content


def _armor(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join([_BEGIN, *lines, _END]) + "\n"


def message_of(path: Path) -> bytes:
    """What a signature of a file is over: the namespace and the hash of its content.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha512").digest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _MAGIC + pack(NAMESPACE.encode()) + pack(b"") + pack(_HASH) + pack(digest)


def check_signature(path: Path, found: SshSignature) -> bool:
    """Whether a signature is that of a file, by the key that it names.

    Raises:
        UserError: The file cannot be read, or the package that checks signatures is not installed.
    """
    ed25519, invalid = _cryptography()
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(found.key).verify(found.signature, message_of(path))
    except (invalid, ValueError):
        return False
    return True


def _cryptography() -> tuple[Any, type[Exception]]:
    # Imported when a signature is made or checked: no other command needs it.
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise UserError("signatures need the package cryptography; pip install 'judge-harness[sign]'") from error
    return ed25519, InvalidSignature


def has_cryptography() -> bool:
    """Whether signatures can be checked here."""
    try:
        _cryptography()
    except UserError:
        return False
    return True


def sign_file(path: Path, key: Path) -> Path:
    """Sign a file by a private key of OpenSSH.

    A key without a passphrase is read here. Any other key (one with a passphrase, the public half of one that an agent
    or a hardware token keeps) is left to `ssh-keygen`, which asks for what it needs. So no passphrase comes to us.

    Args:
        path: The file.
        key: File of the private key, or of a public key that `ssh-agent` has the private half of.

    Returns:
        The file of the signature, `path` with `.sig` after it.

    Raises:
        UserError: The key is none of Ed25519, or it cannot be used.
    """
    target = path.with_name(f"{path.name}.sig")
    private = _read_key(key)
    armored = _sign_by_program(path, key) if private is None else _sign_here(path, private)
    try:
        found = parse_signature(armored)
    except ValueError as error:
        raise UserError(f"{key}: what it signed cannot be used: {error}; bundles are signed by ssh-ed25519") from error
    if not check_signature(path, found):
        raise UserError(f"{key}: its signature does not belong to {path}; was the file changed at the same time?")
    _write(target, armored)
    return target


def _read_key(path: Path) -> Ed25519PrivateKey | None:
    """A private key without a passphrase; `None` for one that `ssh-keygen` has to use."""
    ed25519, _ = _cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if content.startswith((b"ssh-", b"sk-ssh-", b"ecdsa-")):
        return None
    try:
        made = load_ssh_private_key(content, password=None)
    except (TypeError, UnsupportedAlgorithm):
        return None  # it has a passphrase
    except ValueError as error:
        raise UserError(f"{path}: no private key of OpenSSH ({error}); `ssh-keygen -t ed25519` makes one") from error
    if not isinstance(made, ed25519.Ed25519PrivateKey):
        raise UserError(f"{path}: bundles are signed by ssh-ed25519; `ssh-keygen -t ed25519` makes such a key")
    private: Ed25519PrivateKey = made
    return private


def _sign_here(path: Path, private: Ed25519PrivateKey) -> str:
    public = pack(KEY_KIND) + pack(private.public_key().public_bytes_raw())
    signature = pack(KEY_KIND) + pack(private.sign(message_of(path)))
    fields = (public, NAMESPACE.encode(), b"", _HASH, signature)
    return _armor(_MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(pack, fields)))


def _sign_by_program(path: Path, key: Path) -> str:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise UserError(f"{key}: has a passphrase, or is kept by an agent, and ssh-keygen, which signs then, is absent")
    try:
        # From stdin to stdout, so that no file is written where the key or the bundle is.
        with path.open("rb") as stream:
            done = subprocess.run(
                [program, "-Y", "sign", "-f", os.fspath(key), "-n", NAMESPACE],
                stdin=stream,
                stdout=subprocess.PIPE,
                check=False,
            )
    except OSError as error:
        raise UserError(f"{program}: cannot be run ({error.strerror or error})") from error
    if done.returncode:
        raise UserError(f"{key}: ssh-keygen did not sign (exit code {done.returncode}); what it said stands above")
    return done.stdout.decode("ascii", "replace")


def _write(path: Path, text: str) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def read_signature(path: Path) -> SshSignature:
    """Read the file of a signature.

    Raises:
        ValueError: It is none; see `parse_signature`.
        UserError: It cannot be read.
    """
    try:
        if not path.is_file():
            raise UserError(f"{path}: no such file; `harness bundle --sign KEY` makes it")
        if path.stat().st_size > LARGEST_SIGNATURE:
            raise ValueError("it is too large for a signature")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    return parse_signature(content.decode("ascii", "replace"))
