"""The manifests of the README run as they stand, on the examples of the cards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli import main
from harness_mtrl import agin, imagereward, options, seetrue, unsafebench

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^\*\*`(\S+)`\*\*\n\n```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
MODELS = (options.SeeTrue, options.ImageReward, options.UnsafeBench, options.Agin, options.AginMos)


def test_there_are_manifests() -> None:
    assert set(BLOCKS) == {"judge.yaml", "counts.yaml"}


@pytest.mark.parametrize("manifest", BLOCKS)
def test_a_manifest_runs(manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for module in (agin, imagereward, seetrue, unsafebench):
        folder = tmp_path / "data" / module.__name__.rpartition(".")[2]
        folder.mkdir(parents=True)
        module.example(folder)
    Path(manifest).write_text(BLOCKS[manifest], encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", manifest])
    assert ended.value.code == 0


def test_the_table_names_every_option() -> None:
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    assert not [name for model in MODELS for name in model.model_fields if f"`{name}`" not in table]
