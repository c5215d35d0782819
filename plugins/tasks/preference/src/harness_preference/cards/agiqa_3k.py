"""The card of AGIQA-3K, and that of the metric that benchmarks of opinion scores share."""

from __future__ import annotations

from harness.api import Column, Dataset, MetricCard, TaskCard

METRICS = [
    MetricCard(
        name="logistic_pearson",
        api_version=1,
        summary="Pearson's correlation with opinion scores after a logistic mapping of five parameters",
        factory="harness_preference.opinion_metrics:logistic_pearson",
        answers=frozenset({"score"}),
        unit="correlation",
        source="Sheikh, Sabir and Bovik (2006), IEEE Transactions on Image Processing 15, equations 4 and 5",
    ),
]

CARDS = [
    TaskCard(
        name="agiqa-3k",
        api_version=1,
        summary="AGIQA-3K: mean opinion scores of generated images, for quality and for alignment with the prompt",
        factory="harness_preference.benchmarks.agiqa_3k:task",
        unfold="harness_preference.benchmarks.agiqa_3k:unfold",
        options="harness_preference.options:Options",
        licence="MIT",
        source="https://github.com/lcysyzxdxc/AGIQA-3k-Database (arXiv 2306.04717)",
        answers="score",
        data=Dataset(git="https://github.com/lcysyzxdxc/AGIQA-3k-Database"),
        official=frozenset({"metric"}),
        suite="agiqa-3k",
        capabilities=frozenset({"images"}),
        description="""\
2,982 images of six models, each with a mean opinion score (MOS) and a standard deviation for its perceptual quality and
for its alignment with the prompt. Two subsets from one table: quality and alignment. The group is the prompt.

Data: a folder with data.csv, as in the authors' repository, and the images beside it, in image/ or images/, or in a
.zip file; or that file with `subset`. Item ids are SUBSET/name. Tags: model (the beginning of the name), spread (the
standard deviation of the opinions), adj1, adj2 and style of the prompt. Not verified: the folder of the images inside
the download.

What single people said is not published, so there is no human ceiling.""",
        protocol="harness_preference.benchmarks.opinion_scores:PROTOCOL",
        metric="""\
SRCC (spearman), PLCC (pearson) and KRCC (kendall) between answers and MOS, over all images. logistic_pearson is PLCC
after the logistic mapping of five parameters that papers on image quality often fit first. Not verified: whether the
authors' PLCC is with it.""",
        columns=(
            Column(name="name", kind="image", meaning="name of the image; it begins with the name of the model"),
            Column(name="prompt", kind="text", meaning="what the image was made for"),
            Column(name="mos_quality", kind="number", meaning="MOS of the quality, 0 to 5", subsets=("quality",)),
            Column(name="mos_align", kind="number", meaning="MOS of the alignment, 0 to 5", subsets=("alignment",)),
            Column(
                name="std_quality",
                kind="number",
                meaning="standard deviation of the opinions",
                optional=True,
                subsets=("quality",),
            ),
            Column(
                name="std_align",
                kind="number",
                meaning="standard deviation of the opinions",
                optional=True,
                subsets=("alignment",),
            ),
            Column(name="adj1", kind="word", meaning="first adjective of the prompt", optional=True),
            Column(name="adj2", kind="word", meaning="second adjective of the prompt", optional=True),
            Column(name="style", kind="word", meaning="style in the prompt", optional=True),
        ),
        deviations="""\
Papers train models on four fifths of the images, with splits of their own that are not published, and test on the
rest; judges are asked about all of them here. The authors score models that always give a number; here an answer that
cannot be read is left out, and coverage is printed. That the scale is 0 to 5 is read off the scores (0.16 to 3.9 in the
rows that were looked at): one outside is an error.""",
        pitfalls="""\
logistic_pearson is never negative: a judge whose scores fall where people's rise is mapped the right way around. Read
spearman first. Few models and many bad images (AttnGAN, GLIDE) make high correlations cheap: within one model they are
much lower. A judge that knows only whole numbers has many ties, which lower SRCC.""",
        example="harness_preference.benchmarks.agiqa_3k:example",
    )
]
