from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from harness.formats.tagged import TaggedFormat
from harness.testing import FakeContext, parametrize_with_checks
from harness_miniature import alignment, safety
from harness_miniature.options import Options, TrainableOptions
from harness_miniature_judges.pairs import ALIGNMENT, SAFETY


@parametrize_with_checks(["miniature-judges/base-pairs-alignment", "miniature-judges/base-pairs-safety"])
def test_conformance(check: Any) -> None:
    check()


@pytest.mark.parametrize(("ours", "theirs"), [(ALIGNMENT, alignment.PAIR), (SAFETY, safety.PAIR)])
def test_pairs_for_the_base_ask_as_the_suite_does_and_share_no_picture_with_its_test(
    ours: Any, theirs: Any, tmp_path: Path
) -> None:
    mine = ours(TrainableOptions(), FakeContext(name="pairs", workspace=tmp_path))
    suite = theirs(Options(), FakeContext(name="pairs", workspace=tmp_path))
    asked, shown = set(), set()
    for item in islice(mine.items("train"), 60):
        request = mine.render(item, order=(0, 1), format=TaggedFormat())
        asked.add(request.messages[1].parts[0].split("caption better")[0])
        shown |= {picture.digest for picture in request.images}
    for item in islice(suite.items("test"), 60):
        request = suite.render(item, order=(0, 1), format=TaggedFormat())
        assert request.messages[1].parts[0].split("caption better")[0] in asked
        assert not {picture.digest for picture in request.images} & shown
    assert "test" not in ours.splits
