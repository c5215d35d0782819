"""The test kit: tiny models of real transformers classes, for tests, demonstrations and measurements."""

from __future__ import annotations

from harness_transformers.testing.small import make_tiny_clip, make_tiny_reward
from harness_transformers.testing.teach import teach
from harness_transformers.testing.tiny import TinyShape, make_tiny_llava

__all__ = ["TinyShape", "make_tiny_clip", "make_tiny_llava", "make_tiny_reward", "teach"]
