"""The words that people and models put around a plain verdict, as data. Add a new word to its list.

The patterns of `_exact` and `_plain` are made from these lists, so a new word needs no other change.
"""

from __future__ import annotations

CANDIDATES = (
    "answer", "image", "picture", "photo", "option", "response", "candidate", "assistant", "model", "output", "choice",
    "completion", "text", "caption", "video", "summary", "solution", "reply", "system", "version", "edit", "result",
    "generation", "translation", "story", "passage", "review", "letter", "item", "sample", "description", "group",
    "class", "category", "level", "label", "回答", "答案", "图像", "图片", "图", "选项", "模型", "助手", "视频", "画像",
    "オプション", "응답", "이미지", "bild", "antwort", "imagen", "respuesta", "réponse", "resposta", "risposta",
)  # fmt: skip
"""Names of a candidate in front of its letter."""

CONCLUSIONS = (
    "answer", "verdict", "decision", "choice", "judgement", "judgment", "conclusion", "winner", "score", "rating",
    "grade", "mark", "label", "result", "preference", "ranking", "rank", "order", "evaluation", "assessment", "pick",
    "selection", "vote", "classification", "class", "reply", "response", "option", "output", "prediction", "overall",
    "one", "candidate", "image", "picture", "assistant", "model", "final", "quality", "level", "category",
    "preferred", "total",
    "答案", "回答", "结论", "判断", "评分", "得分", "分数", "选择", "胜者", "结果", "裁决", "评价", "答え", "結論",
    "評価", "정답", "답", "antwort", "urteil", "ergebnis", "bewertung", "note", "réponse", "respuesta", "puntuación",
    "risposta", "voto", "resposta", "nota", "ответ", "оценка", "الإجابة", "उत्तर", "đáp án",
)  # fmt: skip
"""Names of a verdict in front of it."""

QUALITIES = (
    "final", "overall", "correct", "right", "best", "better", "preferred", "chosen", "my", "the", "our", "own",
    "single", "total", "stronger", "superior", "winning", "most accurate", "more accurate", "most", "more", "clear",
    "suitable", "appropriate", "accurate", "likely", "selected", "die", "das", "der", "la", "le", "el", "il", "o",
    "最终", "最终的", "正确", "更好的", "最好的", "我的", "最終", "최종",
)  # fmt: skip
"""Words in front of such a name."""

ALONE = ("verdict", "decision", "winner", "score", "rating", "total")
"""Names that need no word between them and the verdict: "Score 4"."""

LINKS = (
    "is", "are", "was", "would be", "will be", "should be", "must be", "goes to", "remains", "of", "ist", "est", "es",
    "è", "é",
)  # fmt: skip
"""Words between such a name and the verdict."""

PARTICLES = ("是", "为", "は", "은", "는")
"""The same in scripts without spaces."""

OPENINGS = (
    "so", "therefore", "thus", "hence", "overall", "finally", "ultimately", "consequently", "accordingly", "sure",
    "in conclusion", "to conclude", "in summary", "to summarize", "to sum up", "as a result", "all in all",
    "on balance", "okay", "ok", "well", "in short", "in my opinion", "in my view", "in the end", "i think that",
    "i think", "i believe that", "i believe", "clearly", "definitely", "obviously", "certainly",
    "所以", "因此", "综上所述", "综上", "总之",
)  # fmt: skip
"""Beginnings of a last sentence."""

OPENING_PHRASES = ("based on", "after", "given", "considering", "in light of", "taking", "having")
"""First words of a longer beginning that ends in a comma: "Based on this analysis, ..."."""

CHOOSING = (
    "i choose", "i chose", "i pick", "i prefer", "i select", "i vote for", "i vote", "i go with", "i'd go with",
    "i would go with", "i'll go with", "i will go with", "i would choose", "i'd choose", "i would pick", "i'd pick",
    "i would say", "i'd say", "i say", "i answer", "my pick is", "my choice is", "it is", "it's", "it gets", "this is",
    "that is", "it deserves", "we choose", "we prefer", "it should be",
    "must be", "我选择", "我选", "选择", "我认为是", "我更喜欢",
)  # fmt: skip
"""Beginnings of a sentence that gives a verdict."""

RATING = ("give", "rate", "score", "assign", "award", "judge", "grade")
"""Verbs for giving a score: "I would give this answer a 4"."""

BETTER = (
    "better", "best", "superior", "preferable", "preferred", "stronger", "the winner", "winner", "correct", "right",
    "more accurate", "more correct", "more faithful", "more helpful", "more aligned", "more realistic", "ahead",
    "of higher quality", "higher quality", "favored", "favoured", "chosen", "my choice", "my pick", "my preference",
)  # fmt: skip
"""Words for the candidate that wins."""

BETTER_UNSPACED = ("更好", "最好", "较好", "更佳", "更优", "胜出", "の方が良い", "のほうが良い")
"""The same in scripts without spaces."""

DEGREES = (
    "clearly", "much", "slightly", "significantly", "far", "somewhat", "marginally", "overall", "the", "a", "bit",
    "considerably", "definitely", "a bit", "a little", "noticeably", "obviously", "simply", "just", "also", "therefore",
    "thus", "still", "strongly",
)  # fmt: skip
"""Words that may stand in front of those."""

TIED = (
    "tie", "tied", "draw", "equal", "equally good", "the same", "same", "no preference", "both equal", "平局", "平手",
    "引き分け", "무승부", "unentschieden", "empate", "égalité", "pareggio", "ничья",
)  # fmt: skip
"""Words for a tie."""

REPORTING = (
    "says", "said", "say", "saying", "writes", "wrote", "written", "states", "stated", "claims", "claimed", "asks",
    "asked", "asking", "demands", "requests", "instructs", "instructed", "tells", "told", "ends", "begins", "contains",
    "containing", "includes", "including", "reads", "quotes", "quoted", "inserts", "injects", "injected", "embeds",
    "embedded", "hides", "ignore", "ignored", "ignoring",
)  # fmt: skip
"""Words of a sentence that may report another's words."""

# Places of candidates in words, and numbers in words, from 0.
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMERALS = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

UNITS = (
    "points", "point", "pts", "pt", "stars", "star", "marks", "分", "点", "점", "puntos", "punkte", "punkt", "pontos",
    "étoiles", "sterne", "⭐", "★",
)  # fmt: skip
"""Units of a score."""

OUT_OF = ("out of", "of", "von", "sur", "de", "su", "из")
"""Words between a score and the end of its scale."""

SAME = {
    "yes": ("是", "是的", "对", "はい", "예", "네", "ja", "oui", "sí", "да"),
    "no": ("否", "不是", "不", "いいえ", "아니요", "아니오", "nein", "non", "нет"),
}
"""A label of that name in other languages."""

ENDINGS = ("です", "である", "だ", "입니다", "이다", "예요")
"""Endings of a sentence in languages where "is" comes last."""

CAUSES = ("because", "since", "as", "due to", "although", "even though", "even if", "despite")
"""Beginnings of a reason. A reason may name the other answers: "B, because A is blurred"."""

DOUBT = (
    "or", "maybe", "perhaps", "possibly", "unsure", "unclear", "cannot", "can't", "neither", "both", "either",
    "depends", "undecided",
)  # fmt: skip
"""Words that leave a verdict open."""

AGAINST = (
    "not", "n't", "worse", "worst", "inferior", "loses", "weaker", "wrong", "incorrect", "however", "but",
    "on the other hand", "although", "though", "except", "instead", "rather", "lacks", "fails",
)  # fmt: skip
"""Words that deny that the candidate at the beginning of a sentence wins."""
