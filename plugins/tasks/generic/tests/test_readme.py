"""The manifests of the README run as they stand, on the data that stand there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness_generic.options import Pairwise, Pointwise, Ranked, Rubrics, Scored

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^\*\*`(\S+)`\*\*\n\n```(?:csv|jsonl|yaml)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
MANIFESTS = [name for name in BLOCKS if name.endswith(".yaml")]


def test_there_is_a_manifest_for_each_task() -> None:
    used = {re.search(r"use: (generic/\w+)", BLOCKS[name])[1] for name in MANIFESTS}  # type: ignore[index]
    assert used == {"generic/pairwise", "generic/pointwise", "generic/score", "generic/ranking", "generic/rubric"}


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_runs(
    manifest: str, tmp_path: Path, png: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in BLOCKS.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    pictures = re.findall(r"my_animals/\S+\.png", README)
    pictures += [f"my_pairs/{name}" for name in re.findall(r"img/\w+\.png", BLOCKS["my_pairs/pairs.csv"])]
    pictures += [f"my_reviews/{name}" for name in re.findall(r"img/\w+\.png", BLOCKS["my_reviews/reviews.jsonl"])]
    for name in [*pictures, "my_images/1.png", "my_images/2.png"]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(png(len(name)))
    with pytest.raises(SystemExit) as ended:
        main(["run", manifest])
    assert ended.value.code == 0


def test_the_table_names_every_option() -> None:
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    for model in (Pairwise, Pointwise, Scored, Ranked, Rubrics):
        assert not [name for name in model.model_fields if f"`{name}`" not in table]
