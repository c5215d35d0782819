"""The renderers that the core offers, as cards. Light: every command loads them."""

from __future__ import annotations

from harness.api import RendererCard

RENDERERS = tuple(
    RendererCard(name=name, summary=summary, factory=f"harness.report.renderers:{name}", file=file, api_version=1)
    for name, file, summary in (
        ("terminal", "", "Tables for a terminal, with the flags in words."),
        ("md", "leaderboard.md", "Markdown with everything, and the sections of plugins."),
        ("csv", "leaderboard.csv", "One line for each judge in each block, every field."),
        ("json", "leaderboard.json", "Every field, for programs."),
        ("latex", "", "A booktabs table for a paper."),
    )
)
