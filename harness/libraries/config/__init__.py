"""Settings in YAML that know where each value is written, so that every mistake is told with its file, line and column.

    read_file, read_text    YAML to a tree of `Node`s: plain data only, bounded in size and depth
    load_merged             the same with the files that it `extends:`
    apply_sets              `--set path.to.key=value`
    interpolate             `${vars.NAME}` and `${env:NAME}`
    validate                a pydantic model from a node
    render, origins_of      what came of it, as YAML, and where each value came from

Mistakes are collected in a `Problems`, and raised together.
"""

from __future__ import annotations

from harness.libraries.config.check import absolute_paths, check_defaults, keys_of, make_absolute, validate
from harness.libraries.config.merge import find_project, is_name, load_merged
from harness.libraries.config.overrides import apply_sets
from harness.libraries.config.problems import ConfigError, Origin, Problem, Problems, did_you_mean, display, join
from harness.libraries.config.source import Node, escape, make_node, read_file, read_text
from harness.libraries.config.variables import interpolate, refuse_keys
from harness.libraries.config.writer import origins_of, render

__all__ = [
    "ConfigError",
    "Node",
    "Origin",
    "Problem",
    "Problems",
    "absolute_paths",
    "apply_sets",
    "check_defaults",
    "did_you_mean",
    "display",
    "escape",
    "find_project",
    "interpolate",
    "is_name",
    "join",
    "keys_of",
    "load_merged",
    "make_absolute",
    "make_node",
    "origins_of",
    "read_file",
    "read_text",
    "refuse_keys",
    "render",
    "validate",
]
