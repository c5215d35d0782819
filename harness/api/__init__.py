"""All that a plugin author imports. Public, typed, documented; nothing else in the harness is public."""

from __future__ import annotations

from harness._package import check_package
from harness.api._cards import (
    API_VERSION,
    OLDEST_API_VERSION,
    Card,
    Column,
    CommandCard,
    FormatCard,
    IsPath,
    JudgeCard,
    ManifestCard,
    MetricCard,
    Operational,
    RendererCard,
    RewardCard,
    TaskCard,
    TrainerCard,
    Unfolded,
)
from harness.api._contracts import (
    Answer,
    Context,
    Example,
    InstalledPlugins,
    Invocation,
    Judge,
    Metric,
    Reward,
    Task,
    Units,
)
from harness.api._errors import (
    BudgetError,
    DataError,
    HarnessError,
    JournalError,
    JudgeError,
    JudgeStoppedError,
    ManifestError,
    PluginError,
    UserError,
)
from harness.api._images import Image
from harness.api._parts import joined
from harness.api._protocol import Protocol
from harness.api._readings import Reading
from harness.api._recorded import AnswerSource, RecordedAnswer, RecordedCell, Renderer, Report, UnreadAnswer
from harness.api._records import Item, Judgement, Part, Status, Usage
from harness.api._requests import Message, Request, VerdictFormat
from harness.api._shown import MAX_PIXELS
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
from harness.api._spellings import MAX_ANSWERS, Spellings, spellings
from harness.api._statistics import Change, Measured, Statistics
from harness.api._training import (
    Earned,
    PlannedTraining,
    ResolvedRecipe,
    Trained,
    Trainer,
    Training,
    TrainingTask,
    WeightedReward,
    earned,
)
from harness.api._unread import Unread, reason_of
from harness.api._votes import voted
from harness.api._written import Unit, write_interval, write_number, write_share
from harness.api.hookspecs import hookimpl

check_package()

__all__ = [
    "API_VERSION",
    "MAX_ANSWERS",
    "MAX_PIXELS",
    "OLDEST_API_VERSION",
    "TIE",
    "Answer",
    "AnswerSource",
    "AnswerSpace",
    "BudgetError",
    "Card",
    "Change",
    "Choice",
    "Column",
    "CommandCard",
    "Context",
    "DataError",
    "Earned",
    "Example",
    "FormatCard",
    "HarnessError",
    "Image",
    "InstalledPlugins",
    "Invocation",
    "IsPath",
    "Item",
    "JournalError",
    "Judge",
    "JudgeCard",
    "JudgeError",
    "JudgeStoppedError",
    "Judgement",
    "ManifestCard",
    "ManifestError",
    "Measured",
    "Message",
    "Metric",
    "MetricCard",
    "Operational",
    "Part",
    "PlannedTraining",
    "PluginError",
    "Preference",
    "Protocol",
    "Ranking",
    "Reading",
    "RecordedAnswer",
    "RecordedCell",
    "Renderer",
    "RendererCard",
    "Report",
    "Request",
    "ResolvedRecipe",
    "Reward",
    "RewardCard",
    "Score",
    "Spellings",
    "Statistics",
    "Status",
    "Task",
    "TaskCard",
    "Trained",
    "Trainer",
    "TrainerCard",
    "Training",
    "TrainingTask",
    "Unfolded",
    "Unit",
    "Units",
    "Unread",
    "UnreadAnswer",
    "Usage",
    "UserError",
    "Verdict",
    "VerdictFormat",
    "WeightedReward",
    "earned",
    "hookimpl",
    "joined",
    "reason_of",
    "space_from_json",
    "spellings",
    "verdict_from_json",
    "voted",
    "write_interval",
    "write_number",
    "write_share",
]
