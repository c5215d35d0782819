"""The floor plan: nothing is imported from above, and no modules import one another in a circle."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import house


@pytest.fixture(scope="module")
def modules() -> dict[str, house.Module]:
    return house.find_modules()


def test_every_part_of_the_core_has_a_layer(modules: dict[str, house.Module]) -> None:
    parts = {module.part for module in modules.values() if module.part}
    assert parts == {*house.TOP, *(part for layer in house.LAYERS for part in layer)}


def test_the_architecture_page_draws_the_layers_and_stars_the_batteries() -> None:
    page = (house.ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    drawing = page.partition("## The layers")[2].partition("```text\n")[2].partition("```")[0]
    # The parts stand before the first gap of three blanks or more, and an explanation after it.
    lines = [line.partition("   ")[0].split() for line in drawing.splitlines()]
    assert [sorted(name.rstrip("*") for name in line) for line in lines] == [
        sorted(layer) for layer in reversed(house.LAYERS)
    ]
    assert {name.rstrip("*") for line in lines for name in line if name.endswith("*")} == {*house.BATTERIES}


def test_nothing_is_imported_from_a_higher_layer(modules: dict[str, house.Module]) -> None:
    assert house.find_arrows_up(modules) == []


def test_the_kernel_reaches_batteries_through_hooks_only(modules: dict[str, house.Module]) -> None:
    assert house.find_batteries_imported(modules) == []
    assert not {*house.KERNEL} & {*house.BATTERIES}


def test_the_kernel_can_be_read_in_an_afternoon(modules: dict[str, house.Module]) -> None:
    lines = sum(module.text.count("\n") for module in modules.values() if module.in_kernel)
    assert lines <= 7000


def test_the_kernel_hardly_uses_the_toolkits(modules: dict[str, house.Module]) -> None:
    uses = house.find_toolkit_uses(modules)
    assert {toolkit: used for toolkit, used in uses.items() if len(used) > 2} == {}
    assert {toolkit: used for toolkit, used in uses.items() if len(set().union(*used.values())) > 4} == {}
    # A toolkit that nothing else uses more would be kernel under another name.
    others = house.find_toolkit_uses(modules, kernel=False)
    assert [toolkit for toolkit in house.TOOLKITS if len(others[toolkit]) <= len(uses[toolkit])] == []


def test_a_name_of_the_core_stands_for_one_thing(modules: dict[str, house.Module]) -> None:
    assert house.find_shared_names(modules.values()) == {}


def test_libraries_know_nothing_of_the_harness_and_are_used_through_their_front_doors(
    modules: dict[str, house.Module],
) -> None:
    assert house.LAYERS[0] == ("libraries",)  # so an import of anything else is one from a higher layer
    assert house.find_side_doors(modules) == []


def test_no_modules_import_one_another_in_a_circle(modules: dict[str, house.Module]) -> None:
    assert house.find_circles(modules) == []


def write(root: Path, **texts: str) -> dict[str, house.Module]:
    for name, text in texts.items():
        path = root / "harness" / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return house.find_modules(root)


def test_a_circle_is_found_also_where_an_import_is_lazy_or_for_types_only(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        runner__a="def f():\n    from harness.runner.b import g\n",
        runner__b="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from harness.runner import c\n",
        runner__c="import harness.runner.a\n",
        runner__d="from harness.runner.a import f\n",
    )
    assert house.find_circles(found) == [["harness.runner.a", "harness.runner.b", "harness.runner.c"]]


def test_an_arrow_up_is_found_and_so_is_one_to_the_side(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        api__a="from harness.runner.b import f\n",
        runner__b="from harness.api.a import f\n",
        score__c="from harness.manifest import d\n",
        manifest__d="",
    )
    assert house.find_arrows_up(found) == [
        "harness.api.a:1 imports harness.runner.b, which is above it",
        "harness.score.c:1 imports harness.manifest.d, which is beside it",
    ]


def test_what_the_kernel_uses_of_a_toolkit_is_found_also_by_way_of_the_api(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        api="from harness.api.results._written import write_share\n",
        api__results___written="",
        runner__a="from harness.api import write_share\nfrom harness.api.results._written import write_number\n",
        report__b="from harness.api import results\n",
    )
    assert house.find_toolkit_uses(found)["harness.api.results"] == {
        "harness.runner.a": {"write_number", "write_share"}
    }
    assert house.find_toolkit_uses(found, kernel=False)["harness.api.results"] == {"harness.report.b": {"results"}}


def test_a_library_that_uses_the_harness_is_found_and_so_is_a_side_door(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        libraries__a="def f():\n    from harness.api import Item\n",
        libraries__b____init__="from harness.libraries.b.c import g\n",
        libraries__b__c="",
        api="from harness.libraries.b import g\nfrom harness.libraries.b.c import g\n",
    )
    assert house.find_arrows_up(found) == ["harness.libraries.a:2 imports harness.api, which is above it"]
    assert house.find_side_doors(found) == [
        "harness.api:2 imports harness.libraries.b.c; its front door is harness.libraries.b"
    ]


def test_a_battery_that_the_kernel_imports_is_found(tmp_path: Path) -> None:
    found = write(tmp_path, cli__a="def f():\n    from harness.report.b import g\n", report__b="import harness.cli.a\n")
    assert house.find_batteries_imported(found) == [
        "harness.cli.a:2 imports harness.report.b, which the kernel reaches through hooks only"
    ]
