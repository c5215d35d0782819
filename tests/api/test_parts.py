from __future__ import annotations

from harness.api import Image, join_parts


def test_neighbouring_texts_are_joined_around_images() -> None:
    image = Image.from_bytes(b"x", name="x")
    assert join_parts(["a", "b", image, image, "c"]) == ("a\n\nb", image, image, "c")
    assert join_parts([]) == ()
