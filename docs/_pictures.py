"""The pictures of pages in the README and in the docs, taken from a report by a real browser.

    python docs/_pictures.py RUN_FOLDER [--chromium /usr/bin/chromium]

Made of a run of `benchmarks/ood.yaml`. Needs `pip install playwright` and Debian's package `chromium`.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

PLACE = Path(__file__).parent / "how-to" / "images"

PAGES = {
    "look-overview": ("overview", "light"),
    "look-task": ("task/pairwise-safety", "light"),
    "look-pair": ("pair/off-the-shelf/mt-rl-judge", "dark"),
    "look-item": ("item/pairwise-safety/test-000003?judge=mt-rl-judge&against=off-the-shelf", "light"),
}
"""Name of each picture, with the address of its page and its colours."""


def take(report: Path, chromium: str) -> None:
    """Take all pictures of one report."""
    from playwright.sync_api import sync_playwright

    PLACE.mkdir(exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, (address, scheme) in PAGES.items():
            context = browser.new_context(viewport={"width": 1280, "height": 820}, color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(f"{report.resolve().as_uri()}#{address}", timeout=120_000)
            page.wait_for_function("[...document.images].every((image) => !image.src || image.complete)")
            path = PLACE / f"{name}.png"
            page.screenshot(path=path)
            _shrink(path)
            context.close()
        browser.close()


def _shrink(path: Path) -> None:
    """A palette is enough for text and lines, and a third of the bytes."""
    import PIL.Image

    with PIL.Image.open(path) as picture:
        small = picture.convert("RGB").quantize(128)
    small.save(path, optimize=True)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run folder with its report.html")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    asked = parser.parse_args()
    take(asked.run / "report.html", asked.chromium)


if __name__ == "__main__":
    main()
