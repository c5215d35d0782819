from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.api import Judge


@pytest.mark.parametrize(("temperature", "draws"), [(0, False), (0.7, True), (None, True)])
def test_what_is_drawn_is_drawn_for_each_item(judge: Callable[..., Judge], temperature: Any, draws: bool) -> None:
    made: Any = judge(temperature=temperature)
    assert made.answers_by_item is draws
