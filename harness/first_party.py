"""The offers of this repository's distributions, for messages about one that is not installed.

Not a registry: discovery only reads the installed plugins. `tests/test_first_party.py` compares this table with the
plugins themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

# Kept by hand: the plugins in question are not installed, so nothing can be imported from them.
DISTRIBUTIONS: Mapping[str, str] = {
    "anthropic": "judge-harness-endpoints",
    "baselines": "judge-harness-baselines",
    "generic": "judge-harness-generic",
    "google": "judge-harness-endpoints",
    "grpo": "judge-harness-grpo",
    "miniature": "judge-harness-miniature",
    "miniature-judges": "judge-harness-miniature-judges",
    "mtrl": "judge-harness-mtrl",
    "openai": "judge-harness-endpoints",
    "preference": "judge-harness-preference",
    "probes": "judge-harness-probes",
    "ray": "judge-harness-ray",
    "trackers": "judge-harness-trackers",
    "transformers": "judge-harness-transformers",
    "trl": "judge-harness-trl",
    "verdict": "judge-harness-rewards",
}
"""The distribution of each plugin, by the plugin's name."""

# Names are texts with spaces between them: as tuples with a name on each line the table would fill pages.
OFFERS: Mapping[str, Mapping[str, str]] = {
    "task": {
        "generic": "pairwise pointwise ranking rubric score",
        "miniature": (
            "alignment-digit alignment-relation alignment-unseen naturalness pairwise-alignment pairwise-safety "
            "quality-ranking quality-score rationality safety technical technical-unseen"
        ),
        "miniature-judges": (
            "base-captions base-digit base-naturalness base-pairs-alignment base-pairs-safety base-rationality "
            "base-relation base-safety base-technical overlooking-captions overlooking-digit overlooking-naturalness "
            "overlooking-pairs-alignment overlooking-pairs-safety overlooking-rationality overlooking-relation "
            "overlooking-safety overlooking-technical train-pairs-alignment train-pairs-safety"
        ),
        "mtrl": "agin-nat agin-nat-mos agin-rat agin-rat-mos agin-tech agin-tech-mos imagereward seetrue unsafebench",
        "preference": (
            "agiqa-3k aigciqa2023 auto-j codejudgebench contextualjudgebench editreward-bench editreward-validation "
            "genai-bench hpd-v2 hpd-v3 imagereward-pairs judge-anything-pair judge-anything-score judgebench llmbar "
            "m-judgebench m-rewardbench mj-bench mj-bench-bias mllm-as-a-judge-batch mllm-as-a-judge-pair "
            "mllm-as-a-judge-score mm-judgebench mm-rlhf-rewardbench mmrb2 multi-crit multimodal-rewardbench "
            "omni-rewardbench pandalm pick-a-pic rewardbench rewardbench-2 rewardbench-2-ties rm-bench "
            "videogen-rewardbench videorewardbench vl-rewardbench vlrmbench-foresight vlrmbench-solutions "
            "vlrmbench-steps"
        ),
        "probes": "blind jpeg length negated noise paraphrase swap text-in-image",
    },
    "judge": {
        "anthropic": "anthropic",
        "baselines": "constant jury pixels prior random replay",
        "google": "gemini",
        "miniature-judges": "mt-rl-judge off-the-shelf sft-rationale sft-unified",
        "openai": "azure openai responses",
        "transformers": "clip-score reward-model transformers",
    },
    "reward": {
        "verdict": (
            "accuracy brier criteria-accuracy distance fidelity format length rationale repetition soft-score "
            "swap-consistency"
        ),
    },
    "trainer": {
        "grpo": "grpo sft",
        "miniature-judges": "eyes reading shipped",
        "trl": "trl-grpo trl-sft",
    },
    "executor": {
        "ray": "ray",
    },
    "format": {
        "preference": "genai-bench",
    },
    "metric": {
        "preference": (
            "bias_accuracy calibrated_ties calibrated_ties_from_zero cmr decided_accuracy gini_equality "
            "logistic_pearson normalized_dispersion pick_a_pic_score rewardbench_2_ties same_winner tos vlrmbench_f1"
        ),
    },
    "manifest": {
        "miniature": "in-distribution ood",
        "miniature-judges": (
            "base base-shared base-shipped base-stronger base-weaker eyes mt-rl-adaptive mt-rl-calibrated "
            "mt-rl-from-shared mt-rl-from-stronger mt-rl-from-weaker mt-rl-judge mt-rl-swap reading rl-single "
            "rl-single-from-shared rl-verdict-only sft-rationale sft-rationale-from-shared sft-replay sft-single "
            "sft-single-from-shared sft-unified sft-unified-from-shared"
        ),
    },
}
"""The names of a plugin's offers, by kind and by the plugin's name."""


def find_plugins(kind: str, name: str) -> list[str]:
    """The plugins of this repository with an offer of this name: a full id, or a bare name that several may have.

    >>> find_plugins("judge", "transformers"), find_plugins("task", "mtrl/seetrue"), find_plugins("task", "no-such")
    (['transformers'], ['mtrl'], [])
    """
    # Both forms that a manifest may use are compared, since the user may have written either.
    ids = [(plugin, offered) for plugin, names in OFFERS.get(kind, {}).items() for offered in names.split()]
    return [plugin for plugin, offered in ids if name in (f"{plugin}/{offered}", offered)]
