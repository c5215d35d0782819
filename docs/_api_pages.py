"""The reference pages of the public API and of its hooks."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from _markdown import docstring

from harness import api
from harness.api import hookspecs


def hooks() -> str:
    """Every hook with its signature and its docstring."""
    lines = ["# Hooks", "", docstring(hookspecs.__doc__), ""]
    for name, function in sorted(_hook_functions().items(), key=lambda pair: pair[1].__code__.co_firstlineno):
        lines += [
            f"## `{name}`",
            "",
            f"```python\n{_signature(name, function)}\n```",
            "",
            docstring(function.__doc__),
            "",
        ]
    return "\n".join(lines)


def api_page() -> str:
    """Everything public, through autodoc, sorted into what it is."""
    lines = ["# `harness.api`", "", docstring(api.__doc__), ""]
    listed = [name for _, names in API_SECTIONS for name in names]
    rest = sorted(set(api.__all__) - set(listed))
    for title, names in [*API_SECTIONS, *([("More", rest)] if rest else [])]:
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in names:
            lines += [_directive(name), ""]
        lines += ["```", ""]
    return "\n".join(lines)


def api_module(module: ModuleType) -> str:
    """The public names of a module, through autodoc."""
    lines = [f"# `{module.__name__}`", "", docstring(module.__doc__), "", "```{eval-rst}"]
    for name in module.__all__:
        lines += [_directive(name, of=module), ""]
    return "\n".join([*lines, "```", ""])


API_SECTIONS: list[tuple[str, tuple[str, ...]]] = [
    (
        "Records",
        (
            "Item",
            "Image",
            "Video",
            "Part",
            "join_parts",
            "Message",
            "Request",
            "Judgement",
            "Status",
            "UnreadReason",
            "reason_of",
            "Usage",
            "TokenEstimate",
            "Pricing",
            "majority_vote",
            "MAX_PIXELS",
        ),
    ),
    (
        "Answer spaces",
        (
            "AnswerSpace",
            "Choice",
            "Preference",
            "Score",
            "Ranking",
            "Rubric",
            "Verdict",
            "TIE",
            "space_from_json",
            "verdict_from_json",
        ),
    ),
    ("Verdict formats", ("VerdictFormat", "Reading", "Spellings", "spell_answers", "MAX_ANSWERS")),
    ("Scoring protocol", ("Protocol",)),
    (
        "What plugin objects must do",
        (
            "Task",
            "Judge",
            "Reward",
            "Answer",
            "Trainer",
            "Metric",
            "Units",
            "Renderer",
            "Context",
            "Example",
            "InstalledPlugins",
            "Invocation",
            "CellProgress",
            "RecordingLayout",
        ),
    ),
    ("Executors", ("Executor", "JudgePlacer", "Placement")),
    ("Recorded runs", ("RecordedCell", "RecordedAnswer", "UnreadAnswer", "AnswerSource", "Report")),
    ("Explanations", ("Claim", "Box", "TextWeights")),
    ("Numbers with intervals", ("Statistics", "Measurement", "Change")),
    ("How numbers are written", ("Unit", "write_number", "write_interval", "write_share")),
    (
        "Training",
        (
            "Training",
            "TrainingTask",
            "WeightedReward",
            "TrainingResult",
            "AnswerReward",
            "compute_rewards",
            "Launch",
            "read_launch",
            "sample_items",
            "ResolvedRecipe",
            "PlannedTraining",
            "KnownAnswers",
        ),
    ),
    (
        "Cards",
        (
            "Card",
            "TaskCard",
            "JudgeCard",
            "RewardCard",
            "TrainerCard",
            "FormatCard",
            "MetricCard",
            "ManifestCard",
            "RendererCard",
            "CommandCard",
            "ExecutorCard",
            "Column",
            "Dataset",
            "OfficialPart",
            "Parity",
            "KnownResult",
            "UnfoldedEntry",
            "IsPath",
            "AddedLater",
            "Operational",
            "RunsCode",
            "hookimpl",
            "API_VERSION",
            "OLDEST_API_VERSION",
        ),
    ),
    (
        "Errors",
        (
            "HarnessError",
            "UserError",
            "ManifestError",
            "PluginError",
            "DataError",
            "JournalError",
            "JudgeStoppedError",
            "BudgetError",
            "JudgeError",
        ),
    ),
    ("Secrets", ("hide_secret", "scrub")),
]
"""Order of the API page; a public name that is not here lands under "More"."""


def _hook_functions() -> dict[str, Any]:
    return {name: one for name, one in vars(hookspecs).items() if hasattr(one, "harness_spec")}


def data_docs(of: ModuleType = api) -> dict[str, str]:
    """The docstrings beneath the constants and type aliases of a package, and of the packages in it."""
    found: dict[str, str] = {}
    for path in sorted(Path(inspect.getfile(of)).parent.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, after in itertools.pairwise(body):
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            said = after.value if isinstance(after, ast.Expr) else None
            if isinstance(targets[0], ast.Name) and isinstance(said, ast.Constant) and isinstance(said.value, str):
                found[targets[0].id] = " ".join(said.value.split())
    return found


def _signature(name: str, function: Any) -> str:
    """The signature with unquoted annotations, one argument a line where it is long."""
    text = f"def {name}{inspect.signature(function)}".replace("'", "")
    if len(text) <= 88:
        return text
    inside = ",\n    ".join(re.split(r", (?=\w+:)", text[text.index("(") + 1 : text.rindex(")")]))
    return f"def {name}(\n    {inside},\n){text[text.rindex(')') + 1 :]}"


def _directive(name: str, *, of: ModuleType = api) -> str:
    thing = getattr(of, name)
    if isinstance(thing, type):
        call = "\n   :special-members: __call__" if name in ("Metric", "Reward", "PictureStore") else ""
        return f".. autoclass:: {of.__name__}.{name}\n   :show-inheritance:{call}"
    if inspect.isfunction(thing):
        return f".. autofunction:: {of.__name__}.{name}"
    said = data_docs(of).get(name, "").replace("`", "``")
    return f".. py:data:: {of.__name__}.{name}\n\n   {said}"
