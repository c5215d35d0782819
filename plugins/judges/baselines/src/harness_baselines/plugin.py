"""The cards of the baseline judges. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl

_LICENCE = "Apache-2.0"
_OURS = "part of judge-harness; no outside source"


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The six baseline judges."""
    return [*_blind_judges(), *_trainable_judges(), *_judges_of_others()]


def _blind_judges() -> list[JudgeCard]:
    """Judges that look at no question. A score has to beat theirs."""
    return [
        JudgeCard(
            name="constant",
            api_version=1,
            summary="Always gives the same answer.",
            factory="harness_baselines.constant:make",
            options="harness_baselines.options:ConstantOptions",
            licence=_LICENCE,
            source=_OURS,
            description="The same verdict in shown places every time, so on pairs it always prefers the same place. "
            "Where the answer is none of a question's verdicts it refuses.",
            needs_media=False,
            capabilities=frozenset({"text", "images", "probabilities"}),
        ),
        JudgeCard(
            name="random",
            api_version=1,
            summary="A fair die, the same on every run.",
            factory="harness_baselines.chance:make",
            options="harness_baselines.options:RandomOptions",
            licence=_LICENCE,
            source=_OURS,
            description="Uniform over the verdicts of each question, seeded by the question's content.",
            needs_media=False,
            capabilities=frozenset({"text", "images", "probabilities"}),
        ),
    ]


def _trainable_judges() -> list[JudgeCard]:
    """Judges that learn from train splits."""
    return [
        JudgeCard(
            name="prior",
            api_version=1,
            summary="The most frequent answer of the train split.",
            factory="harness_baselines.prior:make",
            options="harness_baselines.options:PriorOptions",
            licence=_LICENCE,
            source=_OURS,
            description="Counts the gold answers of the train split, in shown places, and looks at no question. A task "
            "without a train split is refused, unless `train:` names the tasks to learn from.",
            needs_media=False,
            capabilities=frozenset({"text", "images", "probabilities", "plan"}),
        ),
        JudgeCard(
            name="pixels",
            api_version=1,
            summary="Gradient-boosted trees on simple image features, fitted on the train split.",
            factory="harness_baselines.pixels:make",
            options="harness_baselines.options:PixelsOptions",
            licence=_LICENCE,
            source="scikit-learn's HistGradientBoostingClassifier; orientation histograms after Dalal and Triggs 2005",
            description="Colour and orientation histograms, sharpness, contrast, a coarse thumbnail, and hashed words "
            "of the question. One classifier for each task, or with `train:` one for all tasks named. It is fitted at "
            "the first question, in one thread, about 5 ms an example, and never stored. A question of a form that it "
            "was not trained on is refused, or guessed at with `unseen: guess`.",
            capabilities=frozenset({"images", "text", "probabilities", "plan"}),
        ),
    ]


def _judges_of_others() -> list[JudgeCard]:
    """Judges that pass on or combine the answers of other judges."""
    return [
        JudgeCard(
            name="replay",
            api_version=1,
            summary="Recorded answers from JSON lines: any judge in the world joins the leaderboard.",
            factory="harness_baselines.replay:make",
            options="harness_baselines.options:ReplayOptions",
            unfold="harness_baselines.replay:unfold",
            # Reading the files is the check: a malformed line must end a run before any judge is asked.
            check="harness_baselines.replay:make",
            licence=_LICENCE,
            source=_OURS,
            description="Reads a recorded raw answer with the question's own format, or takes recorded scores or a "
            "recorded verdict. A folder becomes one judge for each file name in it. An answer that was not recorded is "
            "an error, never a wrong answer; a task without any is not asked. The README of judge-harness-baselines "
            "has the schema.",
            needs_media=False,
            capabilities=frozenset({"text", "images", "video", "probabilities"}),
        ),
        JudgeCard(
            name="jury",
            api_version=1,
            summary="Majority or mean vote of several judges of the plan, with a quorum.",
            factory="harness_baselines.jury:make",
            options="harness_baselines.options:JuryOptions",
            licence=_LICENCE,
            source="Verga et al. 2024, Replacing Judges with Juries (arXiv 2404.18796)",
            description="Asks judges of the same plan; what they have already answered is not asked again. A draw, or "
            "fewer valid votes than the quorum, gives no verdict.",
            needs_media=False,
            capabilities=frozenset({"text", "images", "video", "probabilities", "plan"}),
        ),
    ]
