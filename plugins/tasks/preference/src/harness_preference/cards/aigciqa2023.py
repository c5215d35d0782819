"""The card of AIGCIQA2023."""

from __future__ import annotations

from harness.api import Column, Dataset, TaskCard

_MEANINGS = {"quality": "quality", "authenticity": "authenticity", "correspondence": "correspondence to the prompt"}

CARDS = [
    TaskCard(
        name="aigciqa2023",
        api_version=1,
        summary="AIGCIQA2023: mean opinion scores of generated images: quality, authenticity, correspondence",
        factory="harness_preference.benchmarks.aigciqa2023:task",
        unfold="harness_preference.benchmarks.aigciqa2023:unfold",
        options="harness_preference.options:Options",
        licence="not stated by the repository",
        source="https://github.com/wangjiarui153/AIGCIQA2023 (arXiv 2307.00211)",
        answers="score",
        data=Dataset(git="https://github.com/wangjiarui153/AIGCIQA2023"),
        official=frozenset({"metric"}),
        suite="aigciqa2023",
        capabilities=frozenset({"images"}),
        description="""\
2,400 images of six models for 100 prompts, four each, with a mean opinion score (MOS) and a standard deviation for
quality, authenticity, and correspondence to the prompt. Three subsets from one table. The group is the prompt, and the
category its class (Animals, People, ...).

Data: a folder with AIGCIQA2023.csv, as in the authors' repository, and the images in Image/allimg/ or allimg/ of it,
beside it or in a .zip file; or that file with `subset`. Item ids are SUBSET/name. Tags: spread (the standard deviation
of the opinions) and style (the kind of challenge). The download has the same scores as DATA/MOS/mosz1.mat to mosz3.mat
and DATA/STD/SD1.mat to SD3.mat, without names and prompts; these files are not read. Not verified: the columns of the
hub's copy.

What single people said is not published, so there is no human ceiling.""",
        protocol="harness_preference.benchmarks.opinion_scores:PROTOCOL",
        metric="""\
SRCC (spearman), PLCC (pearson) and KRCC (kendall) between answers and MOS, over all images. logistic_pearson is PLCC
after the logistic mapping of five parameters that papers on image quality often fit first. Not verified: whether the
authors' PLCC is with it.""",
        columns=(
            Column(name="name", kind="image", meaning="name of the image: its number and .png"),
            Column(name="prompt", kind="text", meaning="what the image was made for"),
            *(
                Column(name=f"{name}_mos", kind="number", meaning=f"MOS, 0 to 100: {meaning}", subsets=(name,))
                for name, meaning in _MEANINGS.items()
            ),
            *(
                Column(
                    name=f"{name}_std",
                    kind="number",
                    meaning="standard deviation of the opinions",
                    optional=True,
                    subsets=(name,),
                )
                for name in _MEANINGS
            ),
            Column(name="style", kind="word", meaning="kind of challenge: Basic, Complex, ...", optional=True),
            Column(name="class", kind="word", meaning="what the prompt is about; the category", optional=True),
        ),
        deviations="""\
Papers train models on a part of the images, with splits of their own that are not published, and test on the rest;
judges are asked about all of them here. The authors score models that always give a number; here an answer that cannot
be read is left out, and coverage is printed. The MOS are z-scores of people that were put on 0 to 100; the standard
deviations are on the scale of the answers before that.""",
        pitfalls="""\
logistic_pearson is never negative: a judge whose scores fall where people's rise is mapped the right way around. Read
spearman first. The three dimensions are of the same images and correlate, so that they are not three independent
results. Third-party code reads mosz1.mat for correspondence too; the third dimension is mosz3.mat.""",
        example="harness_preference.benchmarks.aigciqa2023:example",
    )
]
