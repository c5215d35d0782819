"""A tokenizer in which the prompts of the miniature suite are short: every token costs time on a small machine.

A word is one token. So is a sentence that all prompts of a task share, since nothing has to be read in it. Everything
else is spelled: any text can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from harness_miniature import alignment, quality, safety
from harness_miniature.options import Options
from harness_miniature.task import MiniatureTask, TaskKind
from harness_miniature_judges.lessons import LESSONS
from harness_transformers.testing.tiny import BOS, CHAT_TEMPLATE, EOS, IMAGE, PAD, SPECIAL

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

__all__ = ["CHAT_TEMPLATE", "IMAGE", "make_tokenizer"]

TRAINED: tuple[TaskKind, ...] = (
    alignment.DIGIT,
    alignment.RELATION,
    safety.POINT,
    quality.TECHNICAL,
    quality.NATURALNESS,
    quality.RATIONALITY,
)
"""The tasks of the suite that have a train split."""
UNSEEN: tuple[TaskKind, ...] = (
    alignment.PAIR,
    safety.PAIR,
    quality.SCORE,
    quality.RANKING,
    quality.TECHNICAL_UNSEEN,
    alignment.UNSEEN,
)
"""The tasks of the suite that have none."""

_FRAME = (
    "You are a careful judge of pictures. Judge only by what the question asks and by what can be seen.",
    "First reason between <think> and </think>, then give your verdict between <answer> and </answer>:",
    "<think>...</think><answer>...</answer>",
    "The verdict is yes or no.",
    "The verdict is A or B.",
    "The verdict is a whole number from 1 to 5.",
    "The verdict is the letters A, B, C, D, all of them, from best to worst with > between them.",
    *(f"Image {letter}:" for letter in "ABCD"),
)
"""What stands around every question: the suite's system message, the instruction of `harness/tagged`, the letters."""
_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_VERDICTS = ("yes", "no", "A", "B", "C", "D", " A", " B", " C", " D", " >", "1", "2", "3", "4", "5")
_SAMPLE = 300
"""Items of a task whose words are taken. Enough to meet all of them many times."""

_SENTENCE = re.compile(r"\n|[^.?:\n]*[.?:]+|[^.?:\n]+")
_WORD = re.compile(r" ?\w+|[^\w ]| ")

_UNKNOWN = "<unk>"
_NEVER = -1000.0
"""Score of control tokens: text that looks like one is spelled, unless it is meant as one."""
_SPELLED, _BYTE = -4.0, -8.0
"""Scores. A word or a sentence has -1, so that the best way to write a text is the one with the fewest tokens."""


def make_tokenizer(*, sentences: bool = True) -> PreTrainedTokenizerFast:
    """The tokenizer of the miniature judges.

    Args:
        sentences: Whether a sentence that all prompts of a task share is one token.

    Returns:
        A unigram tokenizer. The control tokens come first, then words and sentences, then characters and bytes.
    """
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    scores = dict.fromkeys((*SPECIAL, _UNKNOWN), _NEVER)
    scores |= dict.fromkeys(_pieces(sentences=sentences), -1.0)
    for character in ("\n", *map(chr, range(32, 127))):
        scores.setdefault(character, _SPELLED)  # a character that is a word already keeps its score
    scores |= {f"<0x{byte:02X}>": _BYTE for byte in range(256)}
    unknown = list(scores).index(_UNKNOWN)
    # Unigram, because it finds the best split by scores; BPE would need merges for every sentence.
    tokenizer = Tokenizer(models.Unigram(list(scores.items()), unk_id=unknown, byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=_UNKNOWN,
        extra_special_tokens={"image_token": IMAGE},
        padding_side="left",  # answers are written at the right end
    )


# Once for a process: it makes hundreds of cases.
@cache
def _pieces(*, sentences: bool) -> tuple[str, ...]:
    """Words and sentences, sorted: which task says a word first is of no weight."""
    pieces = {*_TAGS, *_VERDICTS, *_words(_FRAME)}
    if sentences:
        pieces.update(_sentences(_FRAME))
    for recipe in (*TRAINED, *UNSEEN, *LESSONS):
        task = MiniatureTask(recipe=recipe, options=Options(), name=recipe.name)
        cases = [task.case(recipe.splits[0], index) for index in range(_SAMPLE)]
        pieces.update(_words(text for case in cases for text in (case.question, case.rationale)))
        if sentences:
            # A sentence that is in every prompt of a task tells nothing, so it may be one token.
            pieces.update(set.intersection(*(set(_sentences([case.question])) for case in cases)))
    return tuple(sorted(pieces))


def _words(texts: Iterable[str]) -> Iterator[str]:
    return (word for text in texts for word in _WORD.findall(text))


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    return (sentence for text in texts for sentence in _SENTENCE.findall(text))
