"""What benchmarks of videos share: a cell that names a video becomes the frames that a judge is shown.

Not for how frames are chosen: that is the same for every task.
"""

from __future__ import annotations

from harness.api import Part
from harness.api.data import Cell


def show_video(cell: Cell, count: int) -> tuple[Part, ...]:
    """A line that says what follows, and so many frames of the video that a cell names.

    Raises:
        DataError: The cell names no video of the data, or is a list.
    """
    # A list would be frames, and these data have none: each is a path, and a list is another column.
    if isinstance(cell.value, list | tuple):
        raise cell.mismatch("the path of a video")
    return cell.video().parts(count)
