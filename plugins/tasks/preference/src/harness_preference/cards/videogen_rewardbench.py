"""The cards of VideoGen-RewardBench: pairs of generated videos, and accuracies for pairs that may be ties."""

from __future__ import annotations

from harness.api import Column, Dataset, MetricCard, TaskCard

METRICS = [
    MetricCard(
        name="calibrated_ties",
        api_version=1,
        summary="Accuracy of pairs with ties, at the threshold for a judge's own ties that suits it best",
        factory="harness_preference.tie_metrics:ties_by_distance",
        answers=frozenset({"preference"}),
        unit="share",
        source="arXiv 2305.14324 (algorithm 1), https://github.com/KwaiVGI/VideoAlign (calc_accuracy.py)",
        description="""\
For judges that score each candidate, whose scores are almost never equal. Two candidates are a tie where their scores
are at most a threshold apart; of all distances that occur, the one with the highest accuracy is the threshold. The
distance is read from the probability of the first candidate. A judge without probabilities, or with some of its own for
a tie, has called its ties itself: its verdicts are the scores 1, 0 and -1, and 0 is a threshold. The threshold is
chosen on the data that are scored, for each judge by itself, and again for each resample of an interval.""",
    ),
    MetricCard(
        name="calibrated_ties_from_zero",
        api_version=1,
        summary="As calibrated_ties, where 0 is a threshold too: a judge may have no ties",
        factory="harness_preference.tie_metrics:ties_by_distance_from_zero",
        answers=frozenset({"preference"}),
        unit="share",
        source="https://github.com/TIGER-AI-Lab/EditReward (evaluate/eval_bench.py)",
        description="""\
Used by EditReward-Bench. It is calibrated_ties, or the plain accuracy over three classes where that is higher.""",
    ),
    MetricCard(
        name="decided_accuracy",
        api_version=1,
        summary="Accuracy of the pairs that people decided; a tie of the judge is wrong there",
        factory="harness_preference.tie_metrics:accuracy_of_decided",
        answers=frozenset({"preference"}),
        unit="share",
        source="https://github.com/KwaiVGI/VideoAlign (calc_accuracy.py: calc_accuracy_without_ties)",
        description="""\
Pairs with a tie as their gold are left out. The core's accuracy_without_ties also leaves out those in which the judge
says tie.""",
    ),
]

CARDS = [
    TaskCard(
        name="videogen-rewardbench",
        api_version=1,
        summary="VideoGen-RewardBench: pairs of generated videos, compared by experts in three aspects and overall",
        factory="harness_preference.benchmarks.videogen_rewardbench:task",
        unfold="harness_preference.benchmarks.videogen_rewardbench:unfold",
        options="harness_preference.benchmarks.videogen_rewardbench:VideoGenOptions",
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/KwaiVGI/VideoGen-RewardBench (arXiv 2501.13918)",
        answers="preference",
        data=Dataset(hub="KwaiVGI/VideoGen-RewardBench", gated=False, bytes=13_400_000_000),
        official=frozenset({"metric"}),
        suite="videogen-rewardbench",
        capabilities=frozenset({"video", "text"}),
        description="""\
26,500 pairs of videos of twelve generators by the dataset's card, each compared in visual quality (VQ), motion quality
(MQ), agreement with the text (TA) and overall: better, worse, or the same. Each aspect is a task.

Data: a folder with videogen-rewardbench.csv, and the videos in videos/ or in videos.zip beside it, as on the hub; or
that file with `subset`. The hub's own viewer has paths without videos, so hub: ids do not work. Item ids are
ASPECT/row number from 0. `with: {media: absent}` is enough to score recorded answers.

Recorded answers: out_pair.csv, as eval_videogen_rewardbench.py writes it, in a folder by the name of the judge.

The columns are those that the authors' script reads, and their card shows one row of them. The rows themselves could
not be seen.""",
        protocol="harness_preference.benchmarks.videogen_rewardbench:PROTOCOL",
        metric="""\
With ties (preference/calibrated_ties): accuracy over three classes, where two scores are a tie if they are at most a
threshold apart, and the threshold is the best one of all distances that occur. Without ties
(preference/decided_accuracy): pairs that the experts call the same are left out, and equal scores are wrong. The
authors' leaderboard has both for each aspect, and their plain means.""",
        columns=(
            Column(name="path_A", kind="text", meaning="path of candidate A's video, below the folder of the table"),
            Column(name="path_B", kind="text", meaning="path of candidate B's video"),
            Column(name="prompt", kind="text", meaning="what the videos were made for"),
            Column(name="VQ", kind="label", meaning="A, B or same; empty where there is no label", optional=True),
            Column(name="MQ", kind="label", meaning="the same of the motion", optional=True),
            Column(name="TA", kind="label", meaning="the same of the agreement with the text", optional=True),
            Column(name="Overall", kind="label", meaning="the same overall; ALL in the first release", optional=True),
            Column(name="A_model", kind="word", meaning="who made candidate A", optional=True),
            Column(name="B_model", kind="word", meaning="who made candidate B", optional=True),
        ),
        deviations="""\
Officially each video is scored by itself; here pairs are shown in a seeded random order. Where several pairs are
exactly equally far apart, the official loop also tries thresholds that make only some of them ties, in the order of the
file, and may so come out higher than any threshold gives; here equal distances are always treated alike. For scores
that differ from pair to pair both are the same number. A pair without a label in an aspect is left out of that task;
officially it would be wrong for every judge. The authors' model sees two frames a second; here `frames` frames are
shown, at the middles of equal parts of the time.""",
        pitfalls="""\
Plain accuracy is over three classes and counts almost every tie of the experts against a judge of scores: compare such
judges by the calibrated one. The threshold is chosen on the test data, so the number is the best that the scores allow
and not what a judge with a fixed threshold reaches. Scores that are further apart than 28 have a probability of nearly
1, and all such distances are one: divide large rewards (`temperature` of reward-model). All pairs share few prompts, so
intervals are clustered by prompt.""",
        example="harness_preference.benchmarks.videogen_rewardbench:example",
        recordings="harness_preference.published.videogen_rewardbench:RECORDINGS",
    )
]
