"""Everything that a plugin author imports: public, typed and documented. Nothing else in the harness is public."""

from __future__ import annotations

from harness._package import check_package
from harness.api._cards import (
    API_VERSION,
    OLDEST_API_VERSION,
    AddedLater,
    Card,
    CommandCard,
    ExecutorCard,
    FormatCard,
    IsPath,
    JudgeCard,
    ManifestCard,
    MetricCard,
    Operational,
    RendererCard,
    RewardCard,
    RunsCode,
    TaskCard,
    TrainerCard,
    UnfoldedEntry,
)
from harness.api._contracts import Context, Example, InstalledPlugins, Invocation, Judge, Task
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
from harness.api._protocol import Protocol
from harness.api._records import Item, Judgement, Part, Status, Usage, join_parts
from harness.api._requests import Message, Request, VerdictFormat
from harness.api.execution._executor import Executor, JudgePlacer, Placement
from harness.api.explaining import Box, Claim, TextWeights
from harness.api.facts import Column, Dataset, KnownResult, OfficialPart, Parity
from harness.api.hookspecs import hookimpl
from harness.api.images._image import Image
from harness.api.images._shown import MAX_PIXELS
from harness.api.images._video import Video
from harness.api.pricing import Pricing, TokenEstimate
from harness.api.reading._readings import Reading
from harness.api.reading._spellings import MAX_ANSWERS, Spellings, spell_answers
from harness.api.reading._votes import majority_vote
from harness.api.results._metrics import Metric, Units
from harness.api.results._recorded import AnswerSource, RecordedAnswer, RecordedCell, Renderer, UnreadAnswer
from harness.api.results._report import RecordingLayout, Report
from harness.api.results._statistics import Change, Measurement, Statistics
from harness.api.results._unread import UnreadReason, reason_of
from harness.api.results._written import Unit, write_interval, write_number, write_share
from harness.api.running import CellProgress, KnownAnswers
from harness.api.spaces._kinds import TIE, AnswerSpace, Choice, Preference, Ranking, Score, Verdict
from harness.api.spaces._rubric import Rubric, space_from_json, verdict_from_json
from harness.api.spaces._sampling import sample_items
from harness.api.training._launch import Launch, read_launch
from harness.api.training._planned import PlannedTraining, ResolvedRecipe
from harness.api.training._training import (
    Answer,
    AnswerReward,
    Reward,
    Trainer,
    Training,
    TrainingResult,
    TrainingTask,
    WeightedReward,
    compute_rewards,
)
from harness.libraries.secrets import hide_secret, scrub

# Here, since every plugin imports this module first: an overwritten package is named before anything odd happens.
check_package()

__all__ = [
    "API_VERSION",
    "MAX_ANSWERS",
    "MAX_PIXELS",
    "OLDEST_API_VERSION",
    "TIE",
    "AddedLater",
    "Answer",
    "AnswerReward",
    "AnswerSource",
    "AnswerSpace",
    "Box",
    "BudgetError",
    "Card",
    "CellProgress",
    "Change",
    "Choice",
    "Claim",
    "Column",
    "CommandCard",
    "Context",
    "DataError",
    "Dataset",
    "Example",
    "Executor",
    "ExecutorCard",
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
    "JudgePlacer",
    "JudgeStoppedError",
    "Judgement",
    "KnownAnswers",
    "KnownResult",
    "Launch",
    "ManifestCard",
    "ManifestError",
    "Measurement",
    "Message",
    "Metric",
    "MetricCard",
    "OfficialPart",
    "Operational",
    "Parity",
    "Part",
    "Placement",
    "PlannedTraining",
    "PluginError",
    "Preference",
    "Pricing",
    "Protocol",
    "Ranking",
    "Reading",
    "RecordedAnswer",
    "RecordedCell",
    "RecordingLayout",
    "Renderer",
    "RendererCard",
    "Report",
    "Request",
    "ResolvedRecipe",
    "Reward",
    "RewardCard",
    "Rubric",
    "RunsCode",
    "Score",
    "Spellings",
    "Statistics",
    "Status",
    "Task",
    "TaskCard",
    "TextWeights",
    "TokenEstimate",
    "Trainer",
    "TrainerCard",
    "Training",
    "TrainingResult",
    "TrainingTask",
    "UnfoldedEntry",
    "Unit",
    "Units",
    "UnreadAnswer",
    "UnreadReason",
    "Usage",
    "UserError",
    "Verdict",
    "VerdictFormat",
    "Video",
    "WeightedReward",
    "compute_rewards",
    "hide_secret",
    "hookimpl",
    "join_parts",
    "majority_vote",
    "read_launch",
    "reason_of",
    "sample_items",
    "scrub",
    "space_from_json",
    "spell_answers",
    "verdict_from_json",
    "write_interval",
    "write_number",
    "write_share",
]
