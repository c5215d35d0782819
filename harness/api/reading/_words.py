"""The words that people and models put around a plain verdict, as data. One more word is one more line."""

from __future__ import annotations

CANDIDATES = (
    "answer", "image", "picture", "photo", "option", "response", "candidate", "assistant", "model", "output", "choice",
    "completion", "text", "caption", "video", "summary", "solution", "reply", "system", "version", "edit", "result",
    "generation", "translation", "story", "passage", "review", "letter", "item", "sample", "description",
    "回答", "答案", "图像", "图片", "图", "选项", "模型", "助手", "视频", "画像", "オプション", "응답", "이미지",
)  # fmt: skip
"""What a candidate is called in front of its letter."""

CONCLUSIONS = (
    "answer", "verdict", "decision", "choice", "judgement", "judgment", "conclusion", "winner", "score", "rating",
    "grade", "mark", "label", "result", "preference", "ranking", "rank", "order", "evaluation", "assessment", "pick",
    "selection", "vote", "classification", "class", "reply", "response", "option", "output", "prediction", "overall",
    "one", "candidate", "image", "picture", "assistant", "model", "final",
    "答案", "回答", "结论", "判断", "评分", "得分", "分数", "选择", "胜者", "结果", "裁决", "评价", "答え", "結論",
    "정답", "답", "antwort", "urteil", "ergebnis", "bewertung", "réponse", "verdict", "respuesta", "puntuación",
)  # fmt: skip
"""What a verdict is called in front of it."""

QUALITIES = (
    "final", "overall", "correct", "right", "best", "better", "preferred", "chosen", "my", "the", "our", "own",
    "single", "total", "stronger", "superior", "winning", "most accurate", "more accurate", "most", "more", "clear",
    "suitable", "appropriate", "accurate", "likely", "selected",
    "最终", "最终的", "正确", "更好的", "最好的", "我的", "最終", "최종",
)  # fmt: skip
"""What stands in front of such a word."""

LINKS = (
    "is", "are", "was", "would be", "will be", "should be", "must be", "goes to", "remains", "of", "ist", "est", "es",
)  # fmt: skip
"""What joins such a word to the verdict."""

PARTICLES = ("是", "为", "は", "은", "는")
"""The same in scripts without spaces."""

OPENINGS = (
    "so", "therefore", "thus", "hence", "overall", "finally", "ultimately", "consequently", "accordingly", "sure",
    "in conclusion", "to conclude", "in summary", "to summarize", "to sum up", "as a result", "based on this",
    "all in all", "on balance", "okay", "ok", "well", "in short", "in my opinion", "in the end",
    "所以", "因此", "综上所述", "综上", "总之",
)  # fmt: skip
"""What a last sentence begins with."""

CHOOSING = (
    "i choose", "i chose", "i pick", "i prefer", "i select", "i vote for", "i vote", "i go with", "i'd go with",
    "i would go with", "i'll go with", "i will go with", "i would choose", "i'd choose", "i would pick", "i'd pick",
    "i would say", "i'd say", "i say", "i answer", "i rate it", "i rate this", "i'd rate it", "i'd rate this",
    "i would rate it", "i would rate this", "i give it", "i give this", "i'd give it", "i'd give this",
    "i would give it", "i would give this", "i score it", "i'd score it", "i would score it", "i score this",
    "i assign", "i assign it", "i would assign", "my pick is", "my choice is", "it is", "it's", "it gets", "this is",
    "that is", "it deserves", "we choose", "we prefer", "i judge it", "it should be", "must be",
    "我选择", "我选", "我认为是", "我更喜欢",
)  # fmt: skip
"""What a sentence says that gives a verdict."""

BETTER = (
    "better", "best", "superior", "preferable", "preferred", "stronger", "the winner", "winner", "correct", "right",
    "more accurate", "more correct", "more faithful", "more helpful", "more aligned", "more realistic", "ahead",
    "of higher quality", "higher quality", "favored", "favoured", "chosen", "my choice", "my pick", "my preference",
)  # fmt: skip
"""What is said of the candidate that wins."""

DEGREES = (
    "clearly", "much", "slightly", "significantly", "far", "somewhat", "marginally", "overall", "the", "a", "bit",
    "considerably", "definitely", "a bit", "a little", "noticeably", "obviously", "simply", "just", "also", "therefore",
    "thus", "still", "strongly",
)  # fmt: skip
"""What may stand in front of that."""

REPORTING = (
    "says", "said", "say", "saying", "writes", "wrote", "written", "states", "stated", "claims", "claimed", "asks",
    "asked", "asking", "demands", "requests", "instructs", "instructed", "tells", "told", "ends", "begins", "contains",
    "containing", "includes", "including", "reads", "quotes", "quoted", "quote", "instruction", "prompt", "wants",
    "inserts", "injects", "injected", "embeds", "embedded", "tries", "ignore", "ignored", "ignoring", "phrase", "words",
    "text", "line",
)  # fmt: skip
"""With one of these a sentence may be about what somebody else said."""

# Places of candidates in words, and numbers in words, from 0.
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

UNITS = ("points", "point", "pts", "pt", "stars", "star", "marks", "分", "点", "점", "⭐", "★", "puntos")
"""What a score may be counted in."""

SAME = {
    "yes": ("是", "是的", "是的。", "对", "はい", "예", "네", "ja", "oui", "sí", "да"),
    "no": ("否", "不是", "不", "いいえ", "아니요", "아니오", "nein", "non", "нет"),
}
"""How a label of that name is said in other languages."""

DOUBT = ("or", "maybe", "perhaps", "possibly", "unsure", "unclear", "cannot", "can't", "neither", "both", "either",
         "depends", "undecided")  # fmt: skip
"""With one of these a verdict is not plain."""

AGAINST = ("not", "n't", "worse", "worst", "inferior", "loses", "weaker", "wrong", "incorrect", "however", "but",
           "on the other hand", "although", "though", "except", "instead", "rather", "lacks", "fails")  # fmt: skip
"""With one of these a sentence that begins with a candidate does not say that it wins."""
