"""Pairs for the base model alone: an off-the-shelf judge has met the form of pairwise questions, and follows it weakly.

The suite's own pairwise tasks have a test split and nothing else, so that no judge trains on them by accident. These
two ask in the same words, and are made from train and validation scenes, which share no scan and no piece of a
photograph with the test.
"""

from __future__ import annotations

from dataclasses import replace

from harness_miniature import alignment, safety

ALIGNMENT = replace(alignment.PAIR, name="base-pairs-alignment", splits=("train", "validation"))
SAFETY = replace(safety.PAIR, name="base-pairs-safety", splits=("train", "validation"))
