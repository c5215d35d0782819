"""The words that people and models put around a plain verdict, as data. One more word is one more line."""

from __future__ import annotations

CANDIDATES = (
    "answer", "image", "picture", "photo", "option", "response", "candidate", "assistant", "model", "output", "choice",
    "completion", "text", "caption", "video", "summary", "solution", "reply", "system", "version", "edit", "result",
    "generation", "translation", "story", "passage", "review", "letter", "item", "sample", "description", "group",
    "class", "category", "level", "label", "回答", "答案", "图像", "图片", "图", "选项", "模型", "助手", "视频", "画像",
    "オプション", "응답", "이미지", "bild", "antwort", "imagen", "respuesta", "réponse", "resposta", "risposta",
)  # fmt: skip
"""What a candidate is called in front of its letter."""

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
"""What a verdict is called in front of it."""

QUALITIES = (
    "final", "overall", "correct", "right", "best", "better", "preferred", "chosen", "my", "the", "our", "own",
    "single", "total", "stronger", "superior", "winning", "most accurate", "more accurate", "most", "more", "clear",
    "suitable", "appropriate", "accurate", "likely", "selected", "die", "das", "der", "la", "le", "el", "il", "o",
    "最终", "最终的", "正确", "更好的", "最好的", "我的", "最終", "최종",
)  # fmt: skip
"""What stands in front of such a word."""

ALONE = ("verdict", "decision", "winner", "score", "rating", "total")
"""Those of them that nothing needs to join to it: "Score 4"."""

LINKS = (
    "is", "are", "was", "would be", "will be", "should be", "must be", "goes to", "remains", "of", "ist", "est", "es",
    "è", "é",
)  # fmt: skip
"""What joins such a word to the verdict."""

PARTICLES = ("是", "为", "は", "은", "는")
"""The same in scripts without spaces."""

OPENINGS = (
    "so", "therefore", "thus", "hence", "overall", "finally", "ultimately", "consequently", "accordingly", "sure",
    "in conclusion", "to conclude", "in summary", "to summarize", "to sum up", "as a result", "all in all",
    "on balance", "okay", "ok", "well", "in short", "in my opinion", "in my view", "in the end", "i think that",
    "i think", "i believe that", "i believe", "clearly", "definitely", "obviously", "certainly",
    "所以", "因此", "综上所述", "综上", "总之",
)  # fmt: skip
"""What a last sentence begins with."""

OPENING_PHRASES = ("based on", "after", "given", "considering", "in light of", "taking", "having")
"""What a longer beginning of a last sentence begins with, up to its comma: "Based on this analysis, ..."."""

CHOOSING = (
    "i choose", "i chose", "i pick", "i prefer", "i select", "i vote for", "i vote", "i go with", "i'd go with",
    "i would go with", "i'll go with", "i will go with", "i would choose", "i'd choose", "i would pick", "i'd pick",
    "i would say", "i'd say", "i say", "i answer", "my pick is", "my choice is", "it is", "it's", "it gets", "this is",
    "that is", "it deserves", "we choose", "we prefer", "it should be",
    "must be", "我选择", "我选", "选择", "我认为是", "我更喜欢",
)  # fmt: skip
"""What a sentence says that gives a verdict."""

RATING = ("give", "rate", "score", "assign", "award", "judge", "grade")
"""What one does with a score: "I would give this answer a 4"."""

BETTER = (
    "better", "best", "superior", "preferable", "preferred", "stronger", "the winner", "winner", "correct", "right",
    "more accurate", "more correct", "more faithful", "more helpful", "more aligned", "more realistic", "ahead",
    "of higher quality", "higher quality", "favored", "favoured", "chosen", "my choice", "my pick", "my preference",
)  # fmt: skip
"""What is said of the candidate that wins."""

BETTER_UNSPACED = ("更好", "最好", "较好", "更佳", "更优", "胜出", "の方が良い", "のほうが良い")
"""The same in scripts without spaces."""

DEGREES = (
    "clearly", "much", "slightly", "significantly", "far", "somewhat", "marginally", "overall", "the", "a", "bit",
    "considerably", "definitely", "a bit", "a little", "noticeably", "obviously", "simply", "just", "also", "therefore",
    "thus", "still", "strongly",
)  # fmt: skip
"""What may stand in front of that."""

TIED = (
    "tie", "tied", "draw", "equal", "equally good", "the same", "same", "no preference", "both equal", "平局", "平手",
    "引き分け", "무승부", "unentschieden", "empate", "égalité", "pareggio", "ничья",
)  # fmt: skip
"""How a tie is said."""

REPORTING = (
    "says", "said", "say", "saying", "writes", "wrote", "written", "states", "stated", "claims", "claimed", "asks",
    "asked", "asking", "demands", "requests", "instructs", "instructed", "tells", "told", "ends", "begins", "contains",
    "containing", "includes", "including", "reads", "quotes", "quoted", "inserts", "injects", "injected", "embeds",
    "embedded", "hides", "ignore", "ignored", "ignoring",
)  # fmt: skip
"""With one of these a sentence may be about what somebody else said."""

# Places of candidates in words, and numbers in words, from 0.
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMERALS = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")

UNITS = (
    "points", "point", "pts", "pt", "stars", "star", "marks", "分", "点", "점", "puntos", "punkte", "punkt", "pontos",
    "étoiles", "sterne", "⭐", "★",
)  # fmt: skip
"""What a score may be counted in."""

OUT_OF = ("out of", "of", "von", "sur", "de", "su", "из")
"""What stands between a score and the end of its scale."""

SAME = {
    "yes": ("是", "是的", "对", "はい", "예", "네", "ja", "oui", "sí", "да"),
    "no": ("否", "不是", "不", "いいえ", "아니요", "아니오", "nein", "non", "нет"),
}
"""How a label of that name is said in other languages."""

ENDINGS = ("です", "である", "だ", "입니다", "이다", "예요")
"""What a sentence ends in that says "is" last."""

CAUSES = ("because", "since", "as", "due to", "although", "even though", "even if", "despite")
"""What a reason begins with. It may name the other answers: "B, because A is blurred"."""

DOUBT = (
    "or", "maybe", "perhaps", "possibly", "unsure", "unclear", "cannot", "can't", "neither", "both", "either",
    "depends", "undecided",
)  # fmt: skip
"""With one of these a verdict is not plain."""

AGAINST = (
    "not", "n't", "worse", "worst", "inferior", "loses", "weaker", "wrong", "incorrect", "however", "but",
    "on the other hand", "although", "though", "except", "instead", "rather", "lacks", "fails",
)  # fmt: skip
"""With one of these a sentence that begins with a candidate does not say that it wins."""
