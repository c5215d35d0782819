"""Files of allowed signers: OpenSSH's form, and what a line allows."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import UserError
from harness.bundle.signatures import NAMESPACE, pack, sign_file
from harness.bundle.signers import find_signature, match_list, parse_signer, read_signers

pytest.importorskip("cryptography", reason="signatures need the extra [sign]")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def public_of(seed: int) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)).public_key().public_bytes_raw()


def line_of(seed: int, principals: str = "ann@example.org", options: str = "") -> str:
    blob = base64.b64encode(pack(b"ssh-ed25519") + pack(public_of(seed))).decode()
    return f"{principals} {f'{options} ' if options else ''}ssh-ed25519 {blob} a comment"


def parse(line: str) -> object:
    found = parse_signer(line)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", ""),
        (f'namespaces="{NAMESPACE}"', ""),
        ('namespaces="git,judge-*"', ""),
        ('namespaces="git"', "is for git"),
        ('namespaces="*,!judge-*"', "and not for judge-harness-bundle"),
        ('valid-after="20260101Z"', ""),
        ('valid-after="20270101Z"', "from 2027-01-01"),
        ('valid-before="20270101Z"', ""),
        ('valid-before="202601011200Z"', "until 2026-01-01 12:00"),
        ('namespaces="judge-harness-bundle",valid-after="20260101Z",valid-before="20261231235959Z"', ""),
    ],
)
def test_options_say_for_what_and_when_a_key_is_trusted(options: str, why: str) -> None:
    found = parse_signer(line_of(1, options=options))
    assert found is not None
    assert found.key == public_of(1)
    assert why in found.why_not(NOW)
    assert bool(why) == bool(found.why_not(NOW))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (line_of(1, options="cert-authority"), "certificates are not read"),
        (line_of(1, options='cert-authority,namespaces="x"'), "certificates are not read"),
        (line_of(1, options='no-touch="1"'), "'no-touch' is none of"),
        (line_of(1, options='valid-after="soon"'), "'soon' is not YYYYMMDD"),
        (line_of(1, options='valid-after="20261340Z"'), "'20261340Z' is no time"),
        (line_of(1, options='namespaces="a",namespaces="b"'), "comes twice"),
        (line_of(1, options='namespaces="a'), "cannot be read"),
        ("ann ssh-ed25519 !!!!", "its key cannot be read"),
        ("ann ssh-ed25519 AAAA", "its key cannot be read"),
        ("ann ssh-ed25519", "it is not PRINCIPALS"),
        ("ann", "it is not PRINCIPALS"),
        ('"ann', "does not close"),
    ],
)
def test_a_line_that_is_not_understood_is_refused(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_signer(line)


def test_a_file_names_the_line_and_passes_over_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "allowed"
    path.write_text(f"# who\n\n{line_of(1)}\nbob ssh-rsa AAAAB3Nz x\n{line_of(2, 'bob,*@lab.org')}\n")
    assert [found.principals for found in read_signers(path)] == ["ann@example.org", "bob,*@lab.org"]
    path.write_text(f"{line_of(1)}\nann ssh-ed25519 x\n")
    with pytest.raises(UserError, match=r"allowed, line 2: its key cannot be read"):
        read_signers(path)
    with pytest.raises(UserError, match="no such file"):
        read_signers(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "patterns", "fits"),
    [
        ("ann@x.org", "ann@x.org", True),
        ("ann@x.org", "bob@x.org,ann@x.org", True),
        ("ann@x.org", "*@x.org", True),
        ("ann@x.org", "???@x.org", True),
        ("ann@x.org", "*@x.org,!ann@*", False),
        ("ann@x.org", "!bob@*", False),
        ("ann@x.org", "[a-z]*", False),
        ("ann@xXorg", "ann@x.org", False),
        ("", "", True),
        ("a" * 60 + "!", "*a" * 3, False),
    ],
)
def test_patterns_are_those_of_openssh(name: str, patterns: str, fits: bool) -> None:
    assert match_list(name, patterns) is fits


@given(st.text(max_size=80))
def test_no_line_ends_in_another_error(line: str) -> None:
    for text in (line, f"ann {line}", f"ann {line} ssh-ed25519 AAAA"):
        with suppress(ValueError):
            parse_signer(text.strip() or "x")


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    (tmp_path / "a.bundle").write_bytes(b"content")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)).private_bytes(*form))
    sign_file(tmp_path / "a.bundle", tmp_path / "key")
    return tmp_path / "a.bundle"


def test_a_good_signature_by_an_unknown_key_proves_nothing(signed: Path) -> None:
    def find(*lines: str, signer: str | None = None) -> tuple[str, str]:
        signers = [parsed for line in lines if (parsed := parse_signer(line)) is not None]
        found = find_signature(signed, signers, signer=signer)
        return found.state, found.signer

    ann, bob = line_of(1), line_of(2, "bob@example.org")
    assert find(ann) == ("signed", "ann@example.org")
    assert find(bob, ann, signer="ann@example.org") == ("signed", "ann@example.org")
    assert find(bob) == ("unknown key", "")
    assert find() == ("unknown key", "")
    assert find(bob, ann, signer="bob@example.org") == ("unknown key", "")
    assert find(line_of(1, options='valid-before="20200101Z"')) == ("unknown key", "")
    assert find(line_of(1, options='namespaces="git"')) == ("unknown key", "")
    # The line that does not hold stands before one that does.
    assert find(line_of(1, options='namespaces="git"'), ann) == ("signed", "ann@example.org")
    assert find_signature(signed, None).state == "unknown key"


def test_a_signature_of_another_file_is_bad_for_every_list(signed: Path) -> None:
    signed.write_bytes(b"contenT")
    ann = parse_signer(line_of(1))
    assert ann is not None
    found = find_signature(signed, [ann])
    assert (found.state, found.signer) == ("bad", "")
    assert "one of the two was changed" in found.problem
    signed.with_name("a.bundle.sig").write_text("nonsense")
    assert "is no signature of a bundle" in find_signature(signed, None).problem
    signed.with_name("a.bundle.sig").unlink()
    assert find_signature(signed, None).state == "none"
