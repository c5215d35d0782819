"""Reads files that may be hostile, and writes files that survive a power cut.

For files of every kind: data, recordings, reports, checkpoints. The functions raise `OSError`, whose `strerror` says
what is wrong in words for people, so that the caller can add which file it wanted and why.
"""

from __future__ import annotations

from harness.libraries.files import check_regular, open_regular, put_in_place, read_whole, sync, write_whole

__all__ = ["check_regular", "open_regular", "put_in_place", "read_whole", "sync", "write_whole"]
