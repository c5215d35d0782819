from __future__ import annotations

from harness.api import Image, joined


def test_neighbouring_texts_are_joined_around_images() -> None:
    image = Image.from_bytes(b"x", name="x")
    assert joined(["a", "b", image, image, "c"]) == ("a\n\nb", image, image, "c")
    assert joined([]) == ()
