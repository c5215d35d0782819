from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_grpo.sampler import Pool, Sampler

POOLS = [Pool(name="small", size=10), Pool(name="large", size=90)]


def test_proportional_mixing_is_the_plain_union() -> None:
    sampler = Sampler(POOLS, seed=0)
    assert sampler.shares() == pytest.approx({"small": 0.1, "large": 0.9})


def test_uniform_and_temperature_mixing_raise_small_tasks() -> None:
    assert Sampler(POOLS, seed=0, mixing="uniform").shares() == pytest.approx({"small": 0.5, "large": 0.5})
    warm = Sampler(POOLS, seed=0, mixing="temperature", temperature=2.0).shares()
    assert warm["small"] == pytest.approx(10**0.5 / (10**0.5 + 90**0.5))


def test_the_weight_of_the_recipe_multiplies_the_share() -> None:
    pools = [Pool(name="a", size=5, weight=3.0), Pool(name="b", size=5)]
    assert Sampler(pools, seed=0).shares() == pytest.approx({"a": 0.75, "b": 0.25})


@settings(max_examples=300, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=6),
    places=st.lists(st.integers(0, 13), min_size=1, max_size=40),
    mixing=st.sampled_from(["proportional", "uniform", "temperature", "adaptive"]),
)
def test_batches_are_full_and_long_run_shares_are_exact(sizes: list[int], places: list[int], mixing: str) -> None:
    pools = [Pool(name=str(number), size=size) for number, size in enumerate(sizes)]
    sampler = Sampler(pools, seed=0, mixing=mixing)  # type: ignore[arg-type]
    got: Counter[str] = Counter()
    for wanted in places:
        counts = sampler.counts(wanted)
        assert sum(counts.values()) == wanted
        assert min(counts.values()) >= 0
        got.update(counts)
    for name, share in sampler.shares().items():
        assert abs(got[name] - share * sum(places)) <= 1 + 1e-9, "no task is more than one place away"


def test_every_item_comes_once_an_epoch_and_each_epoch_in_another_order() -> None:
    sampler = Sampler(POOLS, seed=3)
    first, second = ([sampler.take("small") for _ in range(10)] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert sampler.epochs("small") == 2
    assert sampler.epochs("large") == 0
    assert [Sampler(POOLS, seed=4).take("large") for _ in range(1)] != [Sampler(POOLS, seed=3).take("large")]


def test_tasks_of_one_size_have_orders_of_their_own() -> None:
    sampler = Sampler([Pool(name="a", size=30), Pool(name="b", size=30)], seed=0)
    assert [sampler.take("a") for _ in range(30)] != [sampler.take("b") for _ in range(30)]


def test_adaptive_mixing_is_even_until_it_knows_rewards_and_then_favours_the_worst() -> None:
    sampler = Sampler(POOLS, seed=0, mixing="adaptive", least=0.2)
    assert sampler.shares() == pytest.approx({"small": 0.5, "large": 0.5})
    for _ in range(50):
        sampler.learn({"small": 0.9, "large": 0.4})
    shares = sampler.shares()
    assert shares["large"] > 0.8
    assert shares["small"] >= 0.2 * 0.5
    assert sum(shares.values()) == pytest.approx(1)


def test_of_two_equally_bad_tasks_the_one_that_does_not_improve_gets_more() -> None:
    sampler = Sampler([Pool(name="stuck", size=9), Pool(name="rising", size=9)], seed=0, mixing="adaptive")
    for step in range(20):
        sampler.learn({"stuck": 0.5, "rising": 0.2 + 0.02 * step})
    running = {name: values[2] for name, values in sampler.state().items()}
    assert running["rising"] < running["stuck"], "by the running reward alone it is the worse one"
    gains = {name: values[3] for name, values in sampler.state().items()}
    assert gains["rising"] > 0
    assert gains["stuck"] == 0
    with_gain = sampler.shares()["rising"]
    state = {name: [values[0], values[1], values[2], 0.0] for name, values in sampler.state().items()}
    sampler.restore(state)
    assert with_gain < sampler.shares()["rising"]


@settings(max_examples=30, deadline=None)
@given(before=st.integers(0, 40), after=st.integers(1, 40))
def test_a_restored_sampler_goes_on_as_if_nothing_had_happened(before: int, after: int) -> None:
    def step(sampler: Sampler) -> list[tuple[str, int]]:
        drawn = [(name, sampler.take(name)) for name, count in sampler.counts(7).items() for _ in range(count)]
        sampler.learn({"small": len(drawn) / 10, "large": 0.3})
        return drawn

    through, stopped = (Sampler(POOLS, seed=1, mixing="adaptive") for _ in range(2))
    for _ in range(before):
        assert step(through) == step(stopped)
    resumed = Sampler(POOLS, seed=1, mixing="adaptive")
    resumed.restore(json.loads(json.dumps(stopped.state())))
    for _ in range(after):
        assert step(through) == step(resumed)
