from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.api import PluginError
from harness.testing import parametrize_with_checks


@parametrize_with_checks(["harness/label", "harness/accuracy"])
def test_core_objects_keep_the_contract(check: Callable[[], None]) -> None:
    check()


def test_an_expected_failure_becomes_a_strict_xfail() -> None:
    marked = parametrize_with_checks(["harness/label"], expected_failures={"format_is_total": "known"}).args[1]
    marks = {param.id: param.marks for param in marked}
    (mark,) = marks.pop("harness/label-format_is_total")
    assert (mark.name, mark.kwargs) == ("xfail", {"reason": "known", "strict": True})
    assert not any(marks.values())


def test_a_check_that_does_not_exist_cannot_be_expected_to_fail() -> None:
    with pytest.raises(ValueError, match="no such check format_is_totl"):
        parametrize_with_checks(["harness/label"], expected_failures={"format_is_totl": "x"})


def test_an_unknown_object_is_an_error() -> None:
    with pytest.raises(PluginError, match="there is no"):
        parametrize_with_checks(["harness/no-such-thing"])
