"""The design of the experiment on transfer: which judges are trained from which bases, and in which order.

Does one judge that is trained by reinforcement learning on many tasks generalise out of distribution better than judges
that are trained by SFT or on one task, and why? A base has one of two kinds of weakness, and its seed decides its own
training. All arms start from the same bases, and repeats of an arm differ in the order of the data and in sampling.
`transfer_grid.py` trains and asks, in the order of `STAGES`: a part of them already answers the main question.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

INSIDE = ("alignment-digit", "alignment-relation", "safety", "technical", "naturalness", "rationality")
"""What judges may be trained on."""
PAIRS = {"pairwise-alignment": "alignment-digit", "pairwise-safety": "safety"}
"""The tasks out of distribution that the predictions are about, and the trained task that is about the same thing."""
PARENTS = tuple(PAIRS.values())
UNSEEN = ("technical-unseen", "alignment-unseen")
"""Other conditions in the old form. They are shown, and no prediction is about them."""

WEAKNESSES = ("shared", "independent")
BASES = tuple(range(9))
"""Seeds of the bases. They are the clusters of the analysis, so that many bases with few repeats tell more than few
bases with many: three bases would leave two degrees of freedom."""
LONG = 120
"""Steps of MT-RL-Judge."""
FEW = 64
"""Items of each task where data are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way to make a judge of a base."""

    name: str
    recipe: str = ""
    """File of the recipe in this folder; empty for the base itself."""
    steps: int | None = None
    """Optimizer steps, where they are not those of the recipe."""
    items: int | None = None
    """Train items of each task, likewise."""
    tasks: str = "all"
    """What it is trained on: `all` six tasks; `single`, a judge for each task; `without`, a judge for each task that is
    left out; or a number, the two parents of the pairs and so many more by lot."""


OFF_THE_SHELF = Arm(name="off-the-shelf")
ARMS = (
    OFF_THE_SHELF,
    Arm(name="sft-single", recipe="sft_single.yaml", tasks="single"),
    Arm(name="sft-unified", recipe="sft_unified.yaml"),
    Arm(name="sft-rationale", recipe="sft_rationale.yaml"),
    Arm(name="rl-single", recipe="rl_single.yaml", tasks="single"),
    Arm(name="rl-single-long", recipe="rl_single.yaml", tasks="single", steps=LONG),
    Arm(name="mt-rl", recipe="mt_rl_judge.yaml"),
    # Five tasks, as many items of each: five sixths of the steps.
    Arm(name="mt-rl-without", recipe="mt_rl_judge.yaml", tasks="without", steps=LONG * 5 // 6),
    Arm(name="mt-rl-2", recipe="mt_rl_judge.yaml", tasks="2"),
    Arm(name="mt-rl-4", recipe="mt_rl_judge.yaml", tasks="4"),
    Arm(name="mt-rl-few", recipe="mt_rl_judge.yaml", items=FEW),
    Arm(name="sft-rationale-few", recipe="sft_rationale.yaml", items=FEW),
    Arm(name="sft-unified-few", recipe="sft_unified.yaml", items=FEW),
)
BY_NAME = {arm.name: arm for arm in ARMS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One judge to train and to ask."""

    arm: str
    weakness: str
    base: int
    repeat: int = 0
    """Number of the training from its base, from 0; always 0 for the base itself."""
    task: str = ""
    """The task it is trained on, or that is left out; empty for an arm that has one judge."""

    @property
    def label(self) -> str:
        """A name for files."""
        parts = [self.weakness, str(self.base), self.arm, self.task, str(self.repeat)]
        return "-".join(part for part in parts if part)

    @property
    def seed(self) -> int:
        """Of its training. Arms share it, so that their differences are paired."""
        return 10 * self.base + self.repeat

    def train_tasks(self) -> tuple[str, ...]:
        """The tasks it is trained on; empty for the base itself."""
        arm = BY_NAME[self.arm]
        if not arm.recipe:
            return ()
        if arm.tasks == "all":
            return INSIDE
        if arm.tasks == "single":
            return (self.task,)
        if arm.tasks == "without":
            return tuple(task for task in INSIDE if task != self.task)
        others = [task for task in INSIDE if task not in PARENTS]
        drawn = random.Random(self.seed).sample(others, int(arm.tasks) - len(PARENTS))
        return tuple(task for task in INSIDE if task in (*PARENTS, *drawn))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the experiment: every arm from every base."""

    name: str
    weakness: str
    arms: tuple[str, ...]
    repeats: tuple[int, ...] = (0,)
    tasks: tuple[str, ...] = PARENTS
    """Of arms with a judge for each task: which ones."""
    bases: tuple[int, ...] = BASES

    def judges(self) -> Iterator[Judge]:
        """Base by base, so that a part of a stage is a whole comparison on fewer bases."""
        for base in self.bases:
            for repeat in self.repeats:
                for arm in self.arms:
                    if not BY_NAME[arm].recipe and repeat:
                        continue
                    for task in self.tasks if BY_NAME[arm].tasks in ("single", "without") else ("",):
                        yield Judge(arm=arm, weakness=self.weakness, base=base, repeat=repeat, task=task)


MAIN = ("off-the-shelf", "mt-rl", "rl-single", "sft-rationale", "sft-unified")
_OTHERS = tuple(task for task in INSIDE if task not in PARENTS)
_SOME = BASES[:6]
STAGES = (
    Stage(name="main-0", weakness="shared", arms=MAIN),
    Stage(name="independent-0", weakness="independent", arms=MAIN),
    Stage(name="main-1", weakness="shared", arms=MAIN, repeats=(1,)),
    Stage(name="equal-updates-0", weakness="shared", arms=("rl-single-long",)),
    Stage(name="left-out", weakness="shared", arms=("mt-rl-without",), tasks=INSIDE, bases=_SOME),
    Stage(name="equal-updates-1", weakness="shared", arms=("rl-single-long",), repeats=(1,)),
    Stage(name="dose", weakness="shared", arms=("mt-rl-2", "mt-rl-4")),
    Stage(name="data", weakness="shared", arms=("mt-rl-few", "sft-rationale-few", "sft-unified-few"), bases=_SOME),
    Stage(name="labels-single", weakness="shared", arms=("sft-single",), repeats=(0, 1)),
    Stage(name="independent-1", weakness="independent", arms=MAIN, repeats=(1,)),
    Stage(name="other-tasks", weakness="shared", arms=("rl-single", "sft-single"), tasks=_OTHERS, bases=_SOME),
)
"""In the order in which they are done."""


def all_judges(stages: Sequence[Stage] = STAGES) -> list[Judge]:
    """The judges of stages, each once, in the order in which they are made."""
    return list(dict.fromkeys(judge for stage in stages for judge in stage.judges()))


def base_recipe(weakness: str, base: int) -> tuple[str, dict[str, Any]]:
    """File name and content of a base's recipe. The shared weakness goes on from the base of the same seed."""
    content: dict[str, Any] = {"name": f"{weakness}-base-{base}", "seed": base}
    if weakness == "shared":
        content |= {"extends": str(HERE / "base_shared.yaml"), "train": f"independent-base-{base}.recipe.yaml"}
    else:
        content["extends"] = str(HERE / "base.yaml")
    return f"{weakness}-base-{base}.recipe.yaml", content


def recipe_of(judge: Judge) -> dict[str, Any]:
    """The recipe of a judge that is trained, for a file beside those of the bases."""
    arm, tasks = BY_NAME[judge.arm], judge.train_tasks()
    values: dict[str, Any] = {"seed": judge.seed}
    if arm.steps is not None:
        values["steps"] = arm.steps
    if arm.items is not None:
        values["items"] = arm.items
    if arm.tasks == "single":
        values["task"] = judge.task
    content: dict[str, Any] = {
        "extends": str(HERE / arm.recipe),
        "name": judge.label,
        "train": base_recipe(judge.weakness, judge.base)[0],
        "vars": values,
    }
    if arm.tasks not in ("all", "single"):
        content["tasks"] = [{"use": f"miniature/{task}", "with": {"train_items": "${vars.items}"}} for task in tasks]
    return content
