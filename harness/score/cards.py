"""The core's metrics as cards, registered like anybody else's. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import MetricCard, Protocol, Unit

_CLASSES = frozenset({"choice", "preference"})
_PREFERENCES = frozenset({"preference"})
_SCORES = frozenset({"score"})
_RANKINGS = frozenset({"ranking"})
_RUBRICS = frozenset({"rubric"})

METRICS: list[MetricCard] = [
    MetricCard(
        name="accuracy",
        api_version=1,
        summary="Mean credit under the protocol: the share of right answers",
        factory="harness.score.metrics:make_accuracy",
        unit="share",
    ),
    MetricCard(
        name="accuracy_without_ties",
        api_version=1,
        summary="Mean credit over units where the gold and the answer are both no tie",
        factory="harness.score.metrics:make_accuracy_without_ties",
        answers=_PREFERENCES,
        source="https://github.com/MJ-Bench/MJ-Bench",
        unit="share",
    ),
    MetricCard(
        name="all_right",
        api_version=1,
        summary="1 where every answer is right, else 0; all_right@group is the share of groups without an error",
        factory="harness.score.metrics:make_all_right",
        source="https://github.com/Kwai-YuanQi/MM-RLHF",
        unit="share",
    ),
    MetricCard(
        name="balanced_accuracy",
        api_version=1,
        summary="Mean recall over the classes of the gold",
        factory="harness.score.agreement:make_balanced_accuracy",
        answers=_CLASSES,
        source="sklearn.metrics.balanced_accuracy_score",
        unit="share",
    ),
    MetricCard(
        name="macro_f1",
        api_version=1,
        summary="Plain mean of the F1 of each class of the gold; an answer of another class is wrong",
        factory="harness.score.agreement:make_macro_f1",
        answers=_CLASSES,
        source="sklearn.metrics.f1_score with the classes of the gold as labels",
        unit="share",
    ),
    MetricCard(
        name="macro_f1_of_all",
        api_version=1,
        summary="Plain mean of the F1 of each class of gold or answers, as scikit-learn has it by default",
        factory="harness.score.agreement:make_macro_f1_of_all",
        answers=_CLASSES,
        source="sklearn.metrics.f1_score",
        unit="share",
    ),
    MetricCard(
        name="f1",
        api_version=1,
        summary="F1 of the positive class: the first label or candidate",
        factory="harness.score.agreement:make_f1",
        answers=_CLASSES,
        source="sklearn.metrics.f1_score",
        unit="share",
    ),
    MetricCard(
        name="roc_auc",
        api_version=1,
        summary="Area under the ROC curve of the positive class, by probability; by verdict where no answer has one",
        factory="harness.score.agreement:make_roc_auc",
        answers=_CLASSES,
        source="sklearn.metrics.roc_auc_score",
        unit="share",
    ),
    MetricCard(
        name="kappa",
        api_version=1,
        summary="Cohen's kappa: agreement beyond chance",
        factory="harness.score.agreement:make_kappa",
        answers=_CLASSES,
        source="sklearn.metrics.cohen_kappa_score",
        unit="correlation",
    ),
    MetricCard(
        name="weighted_kappa",
        api_version=1,
        summary="Quadratic-weighted kappa of scores",
        factory="harness.score.correlation:make_weighted_kappa",
        answers=_SCORES,
        source="sklearn.metrics.cohen_kappa_score",
        unit="correlation",
    ),
    MetricCard(
        name="pearson",
        api_version=1,
        summary="Pearson's correlation with the gold score",
        factory="harness.score.correlation:make_pearson",
        answers=_SCORES,
        source="scipy.stats.pearsonr",
        unit="correlation",
    ),
    MetricCard(
        name="spearman",
        api_version=1,
        summary="Spearman's rank correlation with the gold score",
        factory="harness.score.correlation:make_spearman",
        answers=_SCORES,
        source="scipy.stats.spearmanr",
        unit="correlation",
    ),
    MetricCard(
        name="kendall",
        api_version=1,
        summary="Kendall's tau-b with the gold score",
        factory="harness.score.correlation:make_kendall",
        answers=_SCORES,
        source="scipy.stats.kendalltau",
        unit="correlation",
    ),
    MetricCard(
        name="mae",
        api_version=1,
        summary="Mean absolute error, in the units of the scale",
        factory="harness.score.metrics:make_mae",
        answers=_SCORES,
        greater_is_better=False,
        unit="distance",
    ),
    MetricCard(
        name="levenshtein",
        api_version=1,
        summary="Normalised Levenshtein distance between rankings",
        factory="harness.score.ranking:make_levenshtein",
        answers=_RANKINGS,
        greater_is_better=False,
        source="https://github.com/Dongping-Chen/MLLM-Judge",
        unit="distance",
    ),
    MetricCard(
        name="rank_accuracy",
        api_version=1,
        summary="Share of pairs of candidates in the right order",
        factory="harness.score.ranking:make_rank_accuracy",
        answers=_RANKINGS,
        source="https://github.com/tgxs002/HPSv2",
        unit="share",
    ),
    MetricCard(
        name="criteria_accuracy",
        api_version=1,
        summary="Share of the criteria of a rubric that are right, as a mean over answers",
        factory="harness.score.rubric:make_criteria_accuracy",
        answers=_RUBRICS,
        unit="share",
    ),
    MetricCard(
        name="tradeoff_sensitivity",
        api_version=1,
        summary="Share of items whose criteria conflict in which the answer has one of these conflicts",
        factory="harness.score.rubric:make_tradeoff_sensitivity",
        answers=_RUBRICS,
        source="Multi-Crit, arXiv:2511.21662",
        unit="share",
    ),
    MetricCard(
        name="conflict_matching",
        api_version=1,
        summary="Share of conflicts between two criteria that are resolved as in the gold",
        factory="harness.score.rubric:make_conflict_matching",
        answers=_RUBRICS,
        source="Multi-Crit, arXiv:2511.21662",
        unit="share",
    ),
]
"""In the order of `harness list metrics`."""


def usual_unit(metric: str) -> Unit:
    """Unit of a core's metric by its name in a protocol, `score` of any other: for records older than their unit."""
    name = Protocol.parse_metric(metric)[0].removeprefix("harness/")
    return next((card.unit for card in METRICS if card.name == name), "score")
