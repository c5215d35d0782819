"""The options of the generic tasks: what a manifest may say under `with:`.

Here is checked what can be seen without the data; what needs them is checked row by row.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import TIE, Choice, DataError, Preference, Rubric, Score
from harness.api.data import TableOptions, suggest_names
from harness_generic.template import Template

Columns: TypeAlias = str | list[str]
"""One column, or several."""


def as_list(columns: Columns | None) -> list[str]:
    """The columns as a list."""
    return [columns] if isinstance(columns, str) else list(columns or ())


def _check_labels(answers: list[str], labels: dict[str, str]) -> None:
    try:
        # The space has rules of its own, such as no answer twice. Its message is better than a second set of rules
        # here.
        Choice(tuple(answers))
    except DataError as error:
        raise ValueError(f"answers: {error}") from error
    for value, answer in labels.items():
        if answer not in answers:
            raise ValueError(f"labels: {value!r} means {answer!r}, not one of answers.{suggest_names(answer, answers)}")


class Asked(BaseModel):
    """What a row means: what is asked, and what its columns are."""

    question: str = Field(
        min_length=1,
        description="What is asked. `{column}` stands for the text, number or images in a column of the row; `{{` and "
        "`}}` for braces.",
    )
    images: Columns = Field(
        default=[],
        description="Columns with the images of the question, each one image or a list: a path beside the data file, "
        "encoded bytes, `{bytes, path}` as on the hub, or a base64 data URL. They come before the question where it "
        "does not name them.",
    )
    videos: Columns = Field(
        default=[],
        description="Columns with the videos of the question: the path of a file or of a folder of frames beside the "
        "data file, encoded bytes, or a list of frames. They are shown as frames, where images are.",
    )
    frames: int = Field(
        default=8, ge=1, le=256, description="Frames of each video: those at the middles of so many equal parts."
    )
    id: str | None = Field(
        default=None, description="Column that names the item, unique in its split. Default: number of the row, from 0."
    )
    group: str | None = Field(
        default=None,
        description="Column that rows with the same source share (image, prompt, author): the cluster for statistics. "
        "Default: each row is its own, which makes intervals too narrow where rows do share a source.",
    )
    category: str | None = Field(default=None, description="Column with the sub-division, for scores by category.")
    tags: list[str] = Field(
        default=[],
        description="Columns to keep with the item where they are filled, such as a `rationale` to train on.",
    )
    annotators: Columns | None = Field(
        default=None,
        description="What several people said, for agreement and the human ceiling; written as the gold is. A list of "
        "columns, one for each person, named after them; or one column with an object by person (`{ann: A, bob: B}`) "
        "or a list, whose place is the person. An empty cell or null: this person did not say.",
    )

    @field_validator("question")
    @classmethod
    def _template(cls, value: str) -> str:
        # A stray brace is found when the manifest is read, not at the first row of a long run.
        Template.parse(value)
        return value

    @property
    def template(self) -> Template:
        """The question, taken apart."""
        return Template.parse(self.question)

    @property
    def gold_columns(self) -> list[str]:
        """The columns that tell the right answer."""
        return as_list(getattr(self, "gold", None))

    @property
    def visible_columns(self) -> set[str]:
        """The columns that a judge gets to see."""
        return {*self.template.columns, *as_list(self.images), *as_list(self.videos)}

    @field_validator("annotators")
    @classmethod
    def _several(cls, value: Columns | None) -> Columns | None:
        # With a single column in brackets, the list in that column would be read as the answer of one person.
        if isinstance(value, list) and (len(value) < 2 or len(set(value)) < len(value)):
            raise ValueError(
                f"annotators need two or more different columns, got {value}; a single column that holds an object or "
                "a list is written without brackets"
            )
        return value

    @model_validator(mode="after")
    # A judge that is shown the gold column would score 100 %, and nothing in the results would tell why.
    def _gold_is_hidden(self) -> Asked:
        for what, columns in (("gold", self.gold_columns), ("annotators'", as_list(self.annotators))):
            # A question that shows the gold would be answered right by every judge, and nothing in the scores would
            # tell why.
            told = sorted(self.visible_columns & set(columns))
            if told:
                raise ValueError(f"the {what} column {told[0]!r} is shown to the judge; take it out of what is shown")
        return self


class Common(TableOptions, Asked):
    """What every generic task needs to know: what a row means, then where the rows are.

    The fields stand in this order in a fingerprint, so that those of finished runs stay what they are.
    """


class CommonCandidates(Common):
    """What a task whose rows may have candidates needs to know besides."""

    candidate_images: Columns | None = Field(
        default=None,
        description="Columns of the candidates' images, one for each candidate; or one column with the list of them.",
    )
    candidate_videos: Columns | None = Field(
        default=None, description="The same of the candidates' videos, which are shown as frames."
    )
    candidate_texts: Columns | None = Field(
        default=None,
        description="The same of the candidates' texts. With several of the three, each candidate has all of them.",
    )

    @property
    def visible_columns(self) -> set[str]:
        """Those of the candidates as well."""
        return super().visible_columns.union(*map(as_list, self.candidate_columns))

    @property
    def candidate_columns(self) -> list[Columns]:
        """What is given of the candidates: columns of images, of videos and of texts."""
        every = (self.candidate_images, self.candidate_videos, self.candidate_texts)
        return [columns for columns in every if columns is not None]

    @model_validator(mode="after")
    def _candidates_fit(self) -> CommonCandidates:
        for columns in self.candidate_columns:
            if isinstance(columns, list) and (len(columns) < 2 or len(set(columns)) < len(columns)):
                raise ValueError(
                    f"candidates need two or more different columns, got {columns}; a single column that holds a list "
                    "is written without brackets"
                )
        # Only columns can be counted here. A column that holds a list may have another length in each row.
        counts = {len(columns) for columns in self.candidate_columns if isinstance(columns, list)}
        if len(counts) > 1:
            raise ValueError(
                "candidate_images, candidate_videos and candidate_texts name different numbers of candidates"
            )
        return self


class Compares(CommonCandidates):
    """What a task that compares candidates needs to know besides."""

    @model_validator(mode="after")
    def _has_candidates(self) -> Compares:
        if not self.candidate_columns:
            raise ValueError(
                "name the columns of what is compared: candidate_images, candidate_videos, candidate_texts, or several"
            )
        return self


class Pairwise(Compares):
    """Options of `generic/pairwise`."""

    gold: str | None = Field(
        default="label",
        description="Column that says which is better. null: always the first, as in columns chosen and rejected.",
    )
    labels: dict[str, Literal["first", "second", "tie"]] = Field(
        default={},
        description="What the values of the gold column mean, and of the annotators', such as `{'A': first, 'B': "
        "second}`. A judge may say tie only where some value means it.",
    )

    @model_validator(mode="after")
    def _labels_go_with_gold(self) -> Pairwise:
        # Guessing what the values mean could turn every pair round, so `labels` has no default where there is a gold.
        if (self.gold is None and self.annotators is None) != (not self.labels):
            whose = "gold column" if self.gold else "annotators' columns"
            raise ValueError(
                "`gold: null` says that the first candidate is always better; remove `labels`"
                if self.labels
                else f"say in `labels` what the values of the {whose} mean, such as {{'A': first, 'B': second}}"
            )
        for columns in self.candidate_columns:
            if isinstance(columns, list) and len(columns) != 2:
                raise ValueError(f"a pair has two candidates, got {len(columns)} columns")
        return self


class Pointwise(Common):
    """Options of `generic/pointwise`."""

    gold: str = Field(default="label", description="Column with the right answer; of sub-folders of images, `label`.")
    answers: list[str] = Field(
        min_length=2, description="What may be answered; the first is the positive class of F1 and ROC-AUC."
    )
    labels: dict[str, str] = Field(
        default={},
        description="What the values of the gold column mean, and of the annotators', such as `{'0': 'no', '1': "
        "'yes'}`. Default: each is an answer itself.",
    )

    @model_validator(mode="after")
    def _labels_are_answers(self) -> Pointwise:
        _check_labels(self.answers, self.labels)
        return self

    @property
    def space(self) -> Choice:
        """What may be answered."""
        return Choice(tuple(self.answers))


class Scored(Common):
    """Options of `generic/score`."""

    gold: str = Field(default="score", description="Column with the right score.")
    low: float = Field(allow_inf_nan=False, description="Lowest score.")
    high: float = Field(allow_inf_nan=False, description="Highest score.")
    step: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="Step between scores; 0 for any number.")

    @model_validator(mode="after")
    def _low_is_lower(self) -> Scored:
        # `Score` refuses this too. The message here names the options as the manifest does.
        if self.low >= self.high:
            raise ValueError(f"low must be less than high, got {self.low:g} and {self.high:g}")
        return self

    @property
    def space(self) -> Score:
        """What may be answered."""
        # A whole 1, as where no step is given in runs of earlier versions: the keys of their questions stay.
        return Score(self.low, self.high, 1 if self.step == 1 else self.step)


class Ranked(Compares):
    """Options of `generic/ranking`."""

    gold: Columns = Field(
        default="ranking",
        description="Column with a list, or words apart by blanks, commas or >; or a column for each of its elements.",
    )
    gold_is: Literal["order", "ranks"] = Field(
        default="order",
        description="order: the candidates from best to worst, by column name, by letter from A, or by number from 0 "
        "or 1. ranks: for each candidate in turn its rank, the lowest number the best, without ties.",
    )


class Criterion(BaseModel):
    """What may be answered to a criterion: a few answers, a score, or which of two candidates is better."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gold: str | None = Field(default=None, description="Column with the right answer. Default: named as the criterion.")
    answers: list[str] = Field(default=[], description="What may be answered; the first is the positive class.")
    low: float | None = Field(default=None, allow_inf_nan=False, description="Lowest score.")
    high: float | None = Field(default=None, allow_inf_nan=False, description="Highest score.")
    step: float = Field(default=1.0, ge=0, allow_inf_nan=False, description="Step between scores; 0 for any number.")
    labels: dict[str, str] = Field(
        default={},
        description="What the values of the column mean. Of answers: one of them. Without answers and scores: `first`, "
        "`second` or `tie`, for which of two candidates is better.",
    )
    description: str = Field(default="", description="What is meant, in words. It is shown after the question.")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Criterion:
        scored = self.low is not None or self.high is not None
        if scored and (self.answers or self.labels):
            raise ValueError("a criterion with low and high is a score, which has no answers and no labels")
        if scored and (self.low is None or self.high is None or self.low >= self.high):
            raise ValueError(f"a score needs low and high, low less than high; got {self.low} and {self.high}")
        if self.answers:
            _check_labels(self.answers, self.labels)
        elif not scored and not self.labels:
            raise ValueError(
                "say what may be answered: `answers: [...]`, `low` and `high`, or for a comparison of two candidates "
                "`labels: {A: first, B: second}`"
            )
        for value, place in self.labels.items():
            if not self.answers and place not in ("first", "second", "tie"):
                raise ValueError(f"labels: {value!r} means {place!r}, and it must be first, second or tie")
        return self

    @property
    def space(self) -> Choice | Score | Preference:
        """What may be answered."""
        if self.answers:
            return Choice(tuple(self.answers))
        if self.low is not None and self.high is not None:
            return Score(self.low, self.high, self.step)
        return Preference(2, ties=(TIE,) if "tie" in self.labels.values() else ())


class Rubrics(CommonCandidates):
    """Options of `generic/rubric`."""

    criteria: dict[str, Criterion] = Field(
        min_length=1,
        description="What is asked of each row, by name: `{answers: [yes, no]}` for a few answers, `{low: 1, high: 5}` "
        "for a score, `{labels: {A: first, B: second}}` for which of two candidates is better. `gold` names its "
        "column, by default that of its own name; `description` says what is meant.",
    )

    @field_validator("annotators")
    @classmethod
    def _people(cls, value: Columns | None) -> Columns | None:
        if value is not None and not isinstance(value, str):
            raise ValueError(
                "what several people said of a rubric is one column: an object by person, with an object by criterion "
                "for each, or a list of such"
            )
        return value

    @model_validator(mode="after")
    def _is_a_rubric(self) -> Rubrics:
        try:
            space = self.space
        except DataError as error:
            raise ValueError(f"criteria: {error}") from error
        if self.candidate_columns and not space.candidate_count:
            raise ValueError(
                "criteria: none of them says which of two candidates is better, so there are no candidates; show what "
                "is judged in `question` or `images`"
            )
        for columns in self.candidate_columns:
            if isinstance(columns, list) and len(columns) != 2:
                raise ValueError(f"a pair has two candidates, got {len(columns)} columns")
        if space.candidate_count and not self.candidate_columns:
            name = next(name for name, own in space.criteria if isinstance(own, Preference))
            raise ValueError(
                f"criteria: {name!r} asks which of two candidates is better; name their columns with candidate_images, "
                "candidate_videos or candidate_texts"
            )
        return self

    @property
    def space(self) -> Rubric:
        """What may be answered."""
        return Rubric(tuple((name, criterion.space) for name, criterion in self.criteria.items()))

    @property
    def gold_columns(self) -> list[str]:
        """The column of each criterion."""
        return [criterion.gold or name for name, criterion in self.criteria.items()]
