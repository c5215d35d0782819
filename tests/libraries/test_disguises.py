from __future__ import annotations

import importlib.util
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.libraries.disguises import Secret, find
from harness.libraries.secrets import (
    REMOVED,
    find_key,
    forget_secrets,
    hide_keys_in,
    hide_secret,
    hide_variable,
    scrub,
    scrub_document,
)


def load(name: str) -> Any:
    """A campaign, which is no package."""
    path = Path(__file__).parents[1] / "faults" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"faults_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAULTS = load("keys")
KEY, USER = FAULTS.KEY, FAULTS.USER


@pytest.mark.parametrize("name", FAULTS.spell(KEY))
@pytest.mark.parametrize("value", [KEY, USER], ids=["key", "user"])
def test_a_value_is_found_in_every_spelling_and_what_stands_around_it_stays(name: str, value: str) -> None:
    hide_secret(value, key=value is KEY)
    form = FAULTS.spell(value)[name]
    scrubbed = scrub(f"before: {form} :after")
    assert REMOVED in scrubbed
    assert form not in scrubbed
    assert scrubbed.startswith("before: ")
    assert scrubbed.endswith(" :after")
    # Not even a part of it.
    letters = re.sub("[^a-z0-9]", "", value.lower())
    left = re.sub("[^a-z0-9]", "", scrubbed.lower())
    assert not any(letters[at : at + 7] in left for at in range(len(letters) - 7))


def test_where_it_ends_is_said() -> None:
    """What the module's docstring names as the end is the end: nothing promises more."""
    hide_secret(KEY)
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in KEY)
    assert scrub(wide) == wide


def test_a_long_part_of_a_key_is_one_too_and_of_another_value_is_not() -> None:
    hide_secret(KEY)
    assert scrub(f"key {KEY[:24]}") == f"key {REMOVED}"
    assert scrub(f"key ...{KEY[-24:]}") == f"key ...{REMOVED}"
    assert scrub(f"key {KEY[:8]}...{KEY[-4:]}") == f"key {KEY[:8]}...{KEY[-4:]}"
    hide_secret("/data/projects/2024/images-of-mice", instead="${env:DATA}", key=False)
    assert scrub("/data/projects/2024/other") == "/data/projects/2024/other"
    assert scrub("/data/projects/2024/images-of-mice/1.png") == "${env:DATA}/1.png"


@pytest.mark.parametrize(
    "value", ["1", "true", "A", "tie", "0.5", "1e-5", "EMPTY", "bob", "better", "12", "3.14159265"]
)
def test_what_cannot_be_told_from_other_text_is_left_alone(value: str) -> None:
    hide_variable("X", value)
    text = f"<answer>{value}</answer> {value} of {value}"
    assert scrub(text) == text


@pytest.mark.parametrize("value", ["bob42", "a-b-c", "maximilian", "123456789012"])
def test_a_short_value_or_a_word_goes_where_it_stands_alone(value: str) -> None:
    hide_variable("WHO", value)
    assert scrub(f"user {value}, said '{value}'") == "user ${env:WHO}, said '${env:WHO}'"
    assert scrub(f"x{value}x {value}9") == f"x{value}x {value}9"


def test_the_longest_wins_and_a_key_stays_a_key() -> None:
    hide_variable("PART", "Abc7/DEF+ghi")
    hide_secret("sk-Abc7/DEF+ghiJKLmno")
    hide_variable("SAME", "sk-Abc7/DEF+ghiJKLmno")
    assert scrub("sk-Abc7/DEF+ghiJKLmno and Abc7/DEF+ghi") == f"{REMOVED} and ${{env:PART}}"
    assert scrub("sk-Abc7/DEF+ghiJKLmno and Abc7/DEF+ghi", keys=True) == f"{REMOVED} and Abc7/DEF+ghi"


def test_letters_of_other_scripts_count_as_well() -> None:
    hide_variable("WORD", "пароль-для-7-судей")
    for form in ("пароль-для-7-судей", json.dumps("пароль-для-7-судей"), "пароль-для-7-судей".encode().hex()):
        assert "${env:WORD}" in scrub(f"it is {form}.")


def test_a_document_stays_json() -> None:
    hide_secret("abc123-def456-ghi789")
    document = json.dumps({"a": "abc123-", "b": "def456-ghi789", "c": ["x abc123-def456-ghi789"], "n": 1})
    assert json.loads(scrub_document(document))["c"] == [f"x {REMOVED}"]
    assert json.loads(scrub_document(document))["n"] == 1


def test_a_text_full_of_keys_goes_as_a_whole() -> None:
    hide_secret(KEY)
    assert scrub(f"begin {KEY * 10_001} end") == REMOVED


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("api_key_env: sk-proj-0123456789abcdefghij", "sk-proj-0123456789abcdefghij"),
        ("x: 'hf_abcdEFGHijklMNOPqrstUV12'", "hf_abcdEFGHijklMNOPqrstUV12"),
        ("Authorization: Bearer abcdef1234567890zz", "abcdef1234567890zz"),
        ("password: hunter2hunter2hunter2", "hunter2hunter2hunter2"),
        ("api_key_env: OPENAI_API_KEY", ""),
        ("data: data/sk-learn-data-2024-05-versions", ""),
        ("token: <image>", ""),
        ("max_tokens: 1000", ""),
        ("secret: correct-horse-battery-staple", ""),
        ("model: qwen2-vl-7b-instruct-2024", ""),
    ],
)
def test_a_key_is_told_by_its_beginning_or_by_its_name(text: str, key: str) -> None:
    assert find_key(text) == key
    hide_keys_in(text)
    assert scrub(text) == (text.replace(key, REMOVED) if key else text)


HOSTILE = {
    "percent": "%41",
    "backslashes": "\\",
    "escapes": "\\u0041",
    "quotes": '\\\\"',
    "entities": "&amp;",
    "tags": "<",
    "events": '"}}\ndata: {"x',
    "slashes in events": '"}}\ndata: ' + "\\" * 600,
    "key": KEY,
    "most of it": KEY[:-1],
    "beginnings": KEY[:8],
    "percent of it": "".join(f"%{ord(letter):02x}" for letter in KEY),
    "named": "api_key: aaaaaaaaaaaaaaaaaaaaa",
    "prefixes": "sk-",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_scrubbing_is_linear_in_hostile_text(unit: str) -> None:
    hide_secret(KEY)
    text = unit * (400_000 // len(unit))
    began = time.process_time()
    scrub(text)
    find_key(text)
    # About 0.3 s for a megabyte at worst: 16 MB, the largest answer, in some seconds. A square law would take minutes.
    assert time.process_time() - began < 2


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.text(st.characters(codec="utf-8"), max_size=80))
def test_any_text_around_a_key_stays_as_it_is(before: str, after: str) -> None:
    secret = Secret("q7Kx9-Zw3Rt5", REMOVED, key=True)
    found = find(f"{before}|q7Kx9-Zw3Rt5|{after}", [secret])
    assert (len(before) + 1, len(before) + 13, REMOVED) in found


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    try:
        hide_secret(KEY)
        assert scrub(text) == text
    finally:
        forget_secrets()
