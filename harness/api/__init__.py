"""All that a plugin author imports. Public, typed, documented; nothing else in the harness is public."""

from __future__ import annotations

from harness.api._cards import (
    API_VERSION,
    Card,
    FormatCard,
    IsPath,
    JudgeCard,
    MetricCard,
    RewardCard,
    TaskCard,
    TrainerCard,
    Unfolded,
)
from harness.api._contracts import Context, Example, Judge, Metric, Reward, Task, Trainer, Units
from harness.api._errors import (
    DataError,
    HarnessError,
    JournalError,
    JudgeError,
    ManifestError,
    PluginError,
    UserError,
)
from harness.api._formats import Reading, VerdictFormat
from harness.api._images import MAX_PIXELS, Image
from harness.api._protocol import Protocol
from harness.api._records import Item, Judgement, Message, Part, Request, Status
from harness.api._spaces import (
    TIE,
    AnswerSpace,
    Choice,
    Preference,
    Ranking,
    Score,
    Verdict,
    space_from_json,
    verdict_from_json,
)
from harness.api.hookspecs import hookimpl

__all__ = [
    "API_VERSION",
    "MAX_PIXELS",
    "TIE",
    "AnswerSpace",
    "Card",
    "Choice",
    "Context",
    "DataError",
    "Example",
    "FormatCard",
    "HarnessError",
    "Image",
    "IsPath",
    "Item",
    "JournalError",
    "Judge",
    "JudgeCard",
    "JudgeError",
    "Judgement",
    "ManifestError",
    "Message",
    "Metric",
    "MetricCard",
    "Part",
    "PluginError",
    "Preference",
    "Protocol",
    "Ranking",
    "Reading",
    "Request",
    "Reward",
    "RewardCard",
    "Score",
    "Status",
    "Task",
    "TaskCard",
    "Trainer",
    "TrainerCard",
    "Unfolded",
    "Units",
    "UserError",
    "Verdict",
    "VerdictFormat",
    "hookimpl",
    "space_from_json",
    "verdict_from_json",
]
