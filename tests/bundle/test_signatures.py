"""Signatures in SSH's form: ours are those of OpenSSH, its own are taken, and nothing else is."""

from __future__ import annotations

import base64
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import UserError
from harness.bundle import signatures
from harness.bundle.signatures import (
    NAMESPACE,
    SshSignature,
    check_signature,
    fingerprint_of,
    pack,
    parse_signature,
    read_signature,
    sign_file,
)

pytest.importorskip("cryptography", reason="signatures need the extra [sign]")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

KEYGEN = shutil.which("ssh-keygen")
with_ssh = pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen is not installed here")


def save_key(path: Path, key: object = None) -> Path:
    made = key or Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    path.write_bytes(made.private_bytes(*form))  # type: ignore[attr-defined]
    path.chmod(0o600)
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return save_key(tmp_path / "key")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.bundle").write_bytes(b"all of it")
    return tmp_path / "a.bundle"


def armor(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"]) + "\n"


def blob(
    *,
    magic: bytes = b"SSHSIG",
    version: int = 1,
    kind: bytes = b"ssh-ed25519",
    size: int = 32,
    namespace: bytes = NAMESPACE.encode(),
    reserved: bytes = b"",
    hashed: bytes = b"sha512",
    signed: bytes = bytes(64),
    tail: bytes = b"",
) -> bytes:
    public = pack(kind) + pack(bytes(size))
    fields = (public, namespace, reserved, hashed, pack(kind) + pack(signed))
    return magic + version.to_bytes(4, "big") + b"".join(map(pack, fields)) + tail


def test_a_signature_belongs_to_its_file_and_to_no_other(file: Path, key: Path) -> None:
    found = read_signature(sign_file(file, key))
    assert check_signature(file, found)
    file.write_bytes(b"all of iT")
    assert not check_signature(file, found)


def test_equal_files_and_keys_give_equal_signatures(file: Path, key: Path) -> None:
    first = sign_file(file, key).read_text()
    assert sign_file(file, key).read_text() == first


@with_ssh
def test_openssh_takes_ours_and_we_take_its_own_and_both_are_the_same_bytes(
    file: Path, key: Path, tmp_path: Path
) -> None:
    assert KEYGEN is not None
    ours = sign_file(file, key)
    public = subprocess.run([KEYGEN, "-y", "-f", key], check=True, capture_output=True, text=True).stdout
    (tmp_path / "allowed").write_text(f"ann@example.org {public}")
    verify: list[str | Path] = [KEYGEN, "-Y", "verify", "-f", tmp_path / "allowed", "-n", NAMESPACE]
    verify += ["-I", "ann@example.org", "-s", ours]
    said = subprocess.run(verify, input=file.read_bytes(), capture_output=True, check=False)
    assert b'Good "judge-harness-bundle" signature for ann@example.org' in said.stdout
    sign: list[str | Path] = [KEYGEN, "-Y", "sign", "-f", key, "-n", NAMESPACE]
    theirs = subprocess.run(sign, input=file.read_bytes(), capture_output=True, check=True, text=False).stdout.decode()
    assert theirs == ours.read_text()
    assert check_signature(file, parse_signature(theirs))
    listed = subprocess.run([KEYGEN, "-l", "-f", key], check=True, capture_output=True, text=True).stdout
    assert fingerprint_of(parse_signature(theirs).key) in listed


@with_ssh
def test_a_key_with_a_passphrase_is_left_to_ssh_keygen(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEYGEN is not None
    locked = tmp_path / "locked"
    subprocess.run([KEYGEN, "-q", "-t", "ed25519", "-N", "correct horse", "-f", locked], check=True)
    (tmp_path / "say").write_text("#!/bin/sh\necho correct horse\n")
    (tmp_path / "say").chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(tmp_path / "say"))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    assert check_signature(file, read_signature(sign_file(file, locked)))


def test_keys_that_cannot_sign_are_named(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rsa = save_key(tmp_path / "rsa", generate_private_key(65537, 2048))
    with pytest.raises(UserError, match="ssh-keygen -t ed25519"):
        sign_file(file, rsa)
    (tmp_path / "noise").write_text("no key")
    with pytest.raises(UserError, match="no private key of OpenSSH"):
        sign_file(file, tmp_path / "noise")
    with pytest.raises(UserError, match="cannot be read"):
        sign_file(file, tmp_path / "absent")
    monkeypatch.setattr("shutil.which", lambda name: None)
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA ann")
    with pytest.raises(UserError, match=r"ssh-keygen, which signs then, is absent"):
        sign_file(file, tmp_path / "key.pub")
    assert not (tmp_path / "a.bundle.sig").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (blob(magic=b"SSHSIX"), "no signature of SSH"),
        (blob(version=2), "version is 2"),
        (blob(kind=b"ssh-rsa"), "kind 'ssh-rsa'"),
        (blob(size=31), "31 bytes, and 32"),
        (blob(signed=bytes(63)), "63 bytes, and 64"),
        (blob(namespace=b"file"), "for 'file', and not for judge-harness-bundle"),
        (blob(namespace=b""), "for ''"),
        (blob(reserved=b"x"), "reserved"),
        (blob(hashed=b"sha256"), "hash is 'sha256'"),
        (blob(tail=b"x"), "after its end"),
        (blob()[:-1], "ends inside a field"),
        (b"SSHSIG", "ends inside a field"),
    ],
)
def test_every_field_of_a_signature_is_checked(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_signature(armor(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("BEGIN", "BEGIM"),
        lambda text: text + "more\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text,
        lambda text: text.replace("U1NIU", "U1NI U"),
        lambda text: text.replace("U1NIU", "U1NI\nU"),
        lambda text: text.replace("U1NIU", "U1NI\u00dc"),
        lambda text: text[:100],
        lambda text: "",
    ],
)
def test_a_signature_has_one_text(change: object) -> None:
    text = armor(blob())
    assert isinstance(parse_signature(text), SshSignature)
    with pytest.raises(ValueError, match=r"begin with|base64|OpenSSH writes"):
        parse_signature(change(text))  # type: ignore[operator]


@given(
    st.text(max_size=200)
    | st.binary(max_size=300).map(armor)
    | st.binary(max_size=200).map(lambda t: armor(b"SSHSIG" + t))
)
def test_no_text_ends_in_another_error(text: str) -> None:
    with suppress(ValueError):
        parse_signature(text)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_of_a_signature_is_a_good_one(place: int, change: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    file = Path(__file__)
    good = bytearray(base64.b64decode("".join(signatures._sign_here(file, private).split("\n")[1:-2])))
    good[place % len(good)] ^= change
    try:
        found = parse_signature(armor(bytes(good)))
    except ValueError:
        return
    # Another key may be named: it is then the key that is not trusted, and the signature is none of it.
    assert not check_signature(file, found)


def test_what_is_no_file_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="harness bundle --sign"):
        read_signature(tmp_path / "absent.sig")
    (tmp_path / "large").write_bytes(bytes(2**17))
    with pytest.raises(ValueError, match="too large"):
        read_signature(tmp_path / "large")


def test_without_the_package_an_error_names_the_extra(file: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.exceptions", None)
    with pytest.raises(UserError, match=r"pip install 'judge-harness\[sign\]'"):
        sign_file(file, key)
