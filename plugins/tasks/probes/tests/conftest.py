"""What the tests share: contexts, items of their own, and real runs of small manifests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from harness.api import Choice, Image, Item, Preference
from harness.cli import main
from harness.testing import FakeContext
from harness_probes import options as o
from harness_probes.task import ProbeTask, make

MODELS: dict[str, type[o.Options]] = {
    model.probe: model
    for model in (
        o.BlindOptions,
        o.SwapOptions,
        o.TextInImageOptions,
        o.LengthOptions,
        o.NegatedOptions,
        o.ParaphraseOptions,
        o.JpegOptions,
        o.NoiseOptions,
    )
}

Probe = Callable[..., ProbeTask]
Run = Callable[..., Path]


class Make:
    """Items of one's own, for tests of what is done to items."""

    def picture(self, shade: int = 90, size: tuple[int, int] = (64, 64)) -> Image:
        """A picture with a gradient, so that noise and JPEG have something to change."""

        def draw() -> PIL.Image.Image:
            ramp = PIL.Image.linear_gradient("L").resize(size)
            return PIL.Image.merge("RGB", (ramp, ramp.point([(value + shade) % 256 for value in range(256)]), ramp))

        return Image.from_drawing(draw, name=f"picture {shade}")

    def point(self, number: int, *, gold: str = "yes", group: str = "", images: int = 1) -> Item:
        """A yes/no question about pictures."""
        shown = tuple(self.picture((number * 7 + place) % 256) for place in range(images))
        return Item(
            id=f"{number}",
            group=group or f"{number}",
            space=Choice(("yes", "no")),
            gold=gold,
            question=(*shown, "Is it good?"),
        )

    def pair(self, *, texts: bool = False) -> Item:
        """Which of two candidates is better? The first one."""
        candidates = (("one",), ("two",)) if texts else ((self.picture(1),), (self.picture(2),))
        return Item(id="p", group="p", space=Preference(2), gold=0, question=("Which?",), candidates=candidates)


@pytest.fixture
def items() -> Make:
    return Make()


@pytest.fixture
def models() -> dict[str, type[o.Options]]:
    """The options model of each probe, by name."""
    return MODELS


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """`probe("jpeg", "miniature/technical", strength=3)`: the task as the harness would make it, with 12 items."""

    def build(name: str, task: str, *, data: str | None = None, inner: Any = None, **options: Any) -> ProbeTask:
        given = {"items": 12} if inner is None else inner
        model = MODELS[name].model_validate({"task": task, "with": given, **options})
        return make(model, FakeContext(workspace=tmp_path, name=f"my-{name}", data=data))

    return build


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a manifest to the end and give its run folder."""

    def go(manifest: str, *before: str, code: int = 0) -> Path:
        monkeypatch.chdir(tmp_path)
        Path("manifest.yaml").write_text(manifest, encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            main([*before, "run", "manifest.yaml"])
        assert ended.value.code == code
        folders = [folder for folder in Path("runs").iterdir() if not folder.name.startswith(".")]
        return max(folders, key=lambda folder: folder.stat().st_mtime).resolve()

    return go
