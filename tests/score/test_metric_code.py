"""The files of a metric module: which they are, their hash, and that those run which were hashed."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from harness.api import UserError
from harness.score.metric_code import MOST_BYTES, read_local


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / (name.replace("__in__", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_hash_of_one_file_is_what_sha256sum_prints(tmp_path: Path) -> None:
    main = write(tmp_path, mine="VALUE = 1\n", other="raise SystemExit\n") / "mine.py"
    code = read_local(main)
    assert (list(code.files), code.hash) == (["mine.py"], hashlib.sha256(main.read_bytes()).hexdigest())
    assert code.load().VALUE == 1


def test_files_that_are_imported_are_part_of_it(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "mine",
        mine="from .near import WORD\nfrom . import near\n\n"
        "def late():\n    from .parts.deep import DEEP\n    return DEEP\n",
        near="from .parts import HERE\nWORD = 'near' + HERE\n",
        parts__in____init__="HERE = '!'\n",
        parts__in__deep="from ..near import WORD\nDEEP = WORD * 2\n",
        unused="raise SystemExit\n",
    )
    code = read_local(folder)
    assert list(code.files) == ["mine.py", "near.py", "parts/__init__.py", "parts/deep.py"]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in code.files]
    assert code.hash == hashlib.sha256("".join(lines).encode()).hexdigest()
    before = list(sys.path)
    module = code.load()
    assert (module.WORD, module.late()) == ("near!", "near!near!")
    assert sys.path == before
    (folder / "parts/deep.py").write_text("DEEP = 1\n", encoding="utf-8")
    assert read_local(folder).hash != code.hash


def test_a_file_that_is_changed_after_it_was_read_does_not_run(tmp_path: Path) -> None:
    write(tmp_path, mine="def late():\n    from .near import WORD\n    return WORD\n", near="WORD = 'seen'\n")
    code = read_local(tmp_path / "mine.py")
    write(tmp_path, mine="raise SystemExit('changed')\n", near="raise SystemExit('changed')\n")
    assert code.load().late() == "seen"


def test_equal_files_elsewhere_are_another_module(tmp_path: Path) -> None:
    first, second = (read_local(write(tmp_path / name, mine="WHERE = __file__\n") / "mine.py").load() for name in "ab")
    assert [str(tmp_path / name / "mine.py") for name in "ab"] == [first.WHERE, second.WHERE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("from ..outside import x\n", "line 1: imports from outside of the folder"),
        ("def (:\n", "is no Python"),
        ("x = " + "(" * 5000 + ")" * 5000, "is no Python"),
        ("\0", "is no Python"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        read_local(write(tmp_path, mine=text) / "mine.py")


def test_only_plain_files_of_the_folder_are_read(tmp_path: Path) -> None:
    write(tmp_path, outside="X = 1\n")
    folder = write(tmp_path / "mine", mine="from .linked import X\n")
    (folder / "linked.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(UserError, match="leads out of"):
        read_local(folder)
    (folder / "linked.py").unlink()
    os.mkfifo(folder / "linked.py")
    with pytest.raises(UserError, match="is no plain file"):
        read_local(folder)
    (folder / "mine.py").unlink()
    with (folder / "mine.py").open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(UserError, match="has more than 1,048,576 bytes"):
        read_local(folder)
    with pytest.raises(UserError, match=r"there is no file none\.py"):
        read_local(tmp_path / "none.py")
