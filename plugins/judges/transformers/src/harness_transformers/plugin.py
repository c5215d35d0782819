"""The cards of the local judges. Light: imports nothing but `harness.api`."""

from __future__ import annotations

from harness.api import JudgeCard, hookimpl

_LICENCE = "Apache-2.0 (this code; weights have their own)"


@hookimpl
def harness_judges() -> list[JudgeCard]:
    """The local judges: one that reads and writes, and the two classic baselines."""
    return [
        JudgeCard(
            name="transformers",
            api_version=1,
            summary="A local vision-language or text model: reasons and answers, or weighs every answer.",
            factory="harness_transformers.judge:make",
            options="harness_transformers.options:GenerativeOptions",
            licence=_LICENCE,
            source="transformers (AutoModelForImageTextToText, AutoModelForCausalLM)",
            description="`mode: generate` writes reasoning and a verdict. `mode: verdict` computes the exact "
            "probability of every answer of the space, as the format writes it, and writes nothing. `mode: "
            "reason-then-verdict` writes the reasoning and then weighs the answers after it. Samples of one request "
            "and answers of one space share one pass over the prompt; equal images are encoded once. Answers do not "
            "depend on the batch size. `mode: generate` goes on from a given beginning: a last message of the "
            "assistant's, which is part of `raw`.",
            capabilities=frozenset({"text", "images", "probabilities", "gpu", "continues", "weighs-text"}),
        ),
        JudgeCard(
            name="reward-model",
            api_version=1,
            summary="A scalar reward model: scores each candidate by itself, and the highest wins.",
            factory="harness_transformers.reward_model:make",
            options="harness_transformers.options:RewardModelOptions",
            licence=_LICENCE,
            source="transformers (AutoModelForSequenceClassification); arXiv 2203.02155, 2403.13787",
            description="Preferences and rankings. The question is the user's turn and a candidate the assistant's; "
            "the task's wording and system message are not read. Probabilities are those of Bradley and Terry, of "
            "Plackett and Luce for more than two. Equal rewards are a tie where the question knows ties, and no "
            "verdict otherwise. Each candidate is scored by itself, once for both orders, so there is no position "
            "bias. A question with two answers needs `threshold`; scores are refused, and images by a text model.",
            capabilities=frozenset({"text", "images", "probabilities", "gpu"}),
        ),
        JudgeCard(
            name="clip-score",
            api_version=1,
            summary="CLIPScore, PickScore, HPSv2: how near a caption and an image are.",
            factory="harness_transformers.clip_score:make",
            options="harness_transformers.options:ClipScoreOptions",
            licence=_LICENCE,
            source="transformers (AutoModel); arXiv 2104.08718, 2305.01569, 2306.09341",
            description="Preferences and rankings of images for a caption, or of captions for an image, by the cosine "
            "of their embeddings; probabilities are the softmax of logit_scale * cos. The caption is the question's "
            "text, or what the option `caption` takes out of it. A question with two answers about one image needs a "
            "`threshold` on 2.5 * max(cos, 0). A text that is too long for the model is cut, and `raw` says so.",
            capabilities=frozenset({"images", "text", "probabilities", "gpu"}),
        ),
    ]
