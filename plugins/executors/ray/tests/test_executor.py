"""What needs no cluster: the card, the options, and the arithmetic of resources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import Placement, UserError
from harness.testing import checks_for
from harness_ray.executor import RayExecutor, count_places, describe, translate
from harness_ray.options import RayOptions
from harness_ray.plugin import harness_executors

SRC = Path(__file__).parents[1] / "src"
NODES = [{"CPU": 8.0, "GPU": 2.0, "memory": 64e9}, {"CPU": 4.0, "memory": 16e9}]


def place(**fields: object) -> Placement:
    return Placement(**{"name": "j", "entry": {}, "seed": 0, "key": "k", "versions": {}, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("capabilities", "resources", "needs", "room"),
    [
        ((), {}, {"CPU": 1, "GPU": 0, "memory": 0}, 12),
        (("gpu",), {}, {"CPU": 1, "GPU": 1, "memory": 0}, 2),
        (("gpu",), {"gpus": 0}, {"CPU": 1, "GPU": 0, "memory": 0}, 12),
        (("gpu",), {"gpus": 0.5, "cpus": 2}, {"CPU": 2, "GPU": 0.5, "memory": 0}, 4),
        ((), {"memory_gb": 24}, {"CPU": 1, "GPU": 0, "memory": 24e9}, 2),
        ((), {"gpus": 3}, {"CPU": 1, "GPU": 3, "memory": 0}, 0),
    ],
)
def test_what_a_judge_needs_and_how_many_fit(
    capabilities: tuple[str, ...], resources: dict[str, float], needs: dict[str, float], room: int
) -> None:
    assert translate(place(capabilities=capabilities, resources=resources), NODES) == needs
    assert count_places(needs, NODES) == room


def test_a_judge_for_gpus_runs_on_a_cluster_without_any() -> None:
    assert translate(place(capabilities=("gpu",)), NODES[1:])["GPU"] == 0


def test_resources_in_words() -> None:
    assert describe(NODES[0]) == "8 CPU, 2 GPU, 64 GB"
    assert describe({"CPU": 0.5, "GPU": 0, "memory": 0}) == "0.5 CPU"
    assert describe({}) == "nothing"


@pytest.mark.parametrize(
    "fields", [{"capabilities": ("network",)}, {"capabilities": ("gpu", "plan")}, {"name": "mine"}], ids=str
)
def test_judges_of_the_run_s_own_process_stay_there_and_no_cluster_is_looked_for(fields: dict[str, object]) -> None:
    executor = RayExecutor(RayOptions(here=["mine"], address="nowhere:1"))
    assert executor.place(place(**fields), print) is None
    executor.close()


def test_a_variable_that_is_not_set_is_named_before_a_cluster_is_looked_for() -> None:
    with pytest.raises(UserError, match="the environment variable 'NO_SUCH_TOKEN' is not set"):
        RayExecutor(RayOptions(env=["NO_SUCH_TOKEN"], address="nowhere:1")).place(place(), print)


def test_the_card_keeps_to_the_contract_of_cards() -> None:
    (card,) = harness_executors()
    for name, check in checks_for(card):
        if name.startswith("card_"):
            check()


def test_neither_the_card_nor_the_executor_imports_ray() -> None:
    code = "import sys, harness_ray.plugin, harness_ray.executor; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SRC)!r}); {code}"], check=True)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match="pip install judge-harness-ray"):
        RayExecutor(RayOptions()).place(place(), print)
