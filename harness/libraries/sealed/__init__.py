"""SQLite files that survive a crash, and that notice when their rows are not those that were written.

    SealedDatabase    one connection; a subclass names the tables
    is_writable       whether a folder is to be written to, or only read

Its messages call such a file a journal, for which it was made.
"""

from __future__ import annotations

from harness.libraries.sealed.database import MOST_VALUES, SealedDatabase
from harness.libraries.sealed.unwritable import SealedError, is_writable

__all__ = ["MOST_VALUES", "SealedDatabase", "SealedError", "is_writable"]
