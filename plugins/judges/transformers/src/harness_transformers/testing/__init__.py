"""The test kit: tiny models of real transformers classes, for tests, demonstrations and measurements."""

from __future__ import annotations

from harness_transformers.testing.teach import teach
from harness_transformers.testing.tiny import TinyShape, make_tiny_llava
from harness_transformers.testing.tiny_clip import make_tiny_clip, make_tiny_siglip
from harness_transformers.testing.tiny_reward import make_tiny_reward, make_tiny_vision_reward

__all__ = [
    "TinyShape",
    "make_tiny_clip",
    "make_tiny_llava",
    "make_tiny_reward",
    "make_tiny_siglip",
    "make_tiny_vision_reward",
    "teach",
]
