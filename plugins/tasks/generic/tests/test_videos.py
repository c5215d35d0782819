"""Videos of people's own data, made here with PyAV."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import DataError, Image

av = pytest.importorskip("av")


def clip(first: int) -> bytes:
    """Ten grey frames, each ten shades lighter than the one before."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as writer:
        stream = writer.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "bgr0"
        for number in range(10):
            shade = np.full((16, 16, 3), first + 10 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")):
                writer.mux(packet)
        for packet in stream.encode():
            writer.mux(packet)
    return out.getvalue()


def shades(parts: tuple[Any, ...]) -> list[int]:
    return [part.load().convert("L").tobytes()[0] for part in parts if isinstance(part, Image)]


def test_a_pair_of_videos_is_shown_as_frames(write: Any, items: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(clip(0))
    (tmp_path / "b.mkv").write_bytes(clip(100))
    file = write("r.jsonl", [{"prompt": "a cup", "left": "a.mkv", "right": "b.mkv", "label": "L"}])
    options = {"question": "Which fits {prompt}?", "labels": {"L": "first", "R": "second"}, "frames": 2}
    (item,) = items("pairwise", file, candidate_videos=["left", "right"], **options)
    assert [shades(parts) for parts in item.candidates] == [[20, 70], [120, 170]]
    assert item.candidates[0][0] == "A video, as 2 frames in order, at equal distances in time:"
    assert item.question == ("Which fits a cup?",)


def test_a_video_stands_where_the_question_names_it(write: Any, items: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(clip(0))
    file = write("r.jsonl", [{"clip": "a.mkv", "label": "yes"}])
    (item,) = items("pointwise", file, question="Look: {clip} Is it bright?", answers=["yes", "no"], videos="clip")
    before, line, *frames, after = item.question
    assert (before, after) == ("Look: ", " Is it bright?")
    assert line.startswith("A video, as 8 frames")
    assert shades(tuple(frames)) == [0, 10, 30, 40, 50, 60, 80, 90]


def test_frames_are_part_of_what_a_run_is_known_by_only_where_there_are_videos(write: Any, make: Any) -> None:
    file = write("r.jsonl", [{"q": "?", "label": "yes"}])
    options = {"question": "{q}", "answers": ["yes", "no"]}
    assert "frames" not in make("pointwise", file, **options).facts()
    assert "frames" in make("pointwise", file, videos="clip", **options).facts()


def test_addresses_are_not_fetched(write: Any, items: Any) -> None:
    file = write("r.jsonl", [{"clip": "https://example.org/a.mp4", "label": "yes"}])
    with pytest.raises(
        DataError, match=r"column 'clip': .*addresses are not fetched; download it beside the data file"
    ):
        items("pointwise", file, question="?", answers=["yes", "no"], videos="clip")


def test_candidates_with_a_video_and_a_text_have_both(write: Any, items: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(clip(0))
    row = {"clips": ["a.mkv", "a.mkv"], "texts": ["one", "two"], "ranking": [0, 1]}
    file = write("r.jsonl", [row])
    (item,) = items("ranking", file, question="?", candidate_videos="clips", candidate_texts="texts", frames=1)
    assert [(shades(parts), parts[-1]) for parts in item.candidates] == [([50], "one"), ([50], "two")]
