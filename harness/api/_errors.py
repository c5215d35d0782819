"""Every error that the harness raises on purpose.

    HarnessError
    ├── UserError            the user can fix it: printed without a traceback, exit code 2
    │   ├── ManifestError    a manifest, an option or a `--set` is wrong; carries every problem with its position
    │   ├── PluginError      a plugin is missing, broken, ambiguous, or breaks its contract
    │   ├── DataError        an image, an item, a data file or an archive cannot be used
    │   ├── JournalError     a run folder is locked, full, corrupted, or belongs to another run
    │   └── JudgeStoppedError  one judge cannot go on; the others do, and it goes on later from where it stopped
    │       └── BudgetError    it has spent what it may
    └── JudgeError           one request failed; recorded as a judgement with status `error`, never ends a run

A message names the object, the place and the fix. Plugins raise `JudgeError`, `DataError`, `JudgeStoppedError` and
`BudgetError`. They raise `UserError` where nothing narrower fits.
"""

from __future__ import annotations


class HarnessError(Exception):
    """Root of the tree; catch it to catch everything the harness raises on purpose."""


class UserError(HarnessError):
    """Something that the user can fix. Printed without a traceback."""

    exit_code = 2  # as argparse uses for a wrong command line: both are mistakes of the input


class ManifestError(UserError):
    """A manifest, an option or a `--set` is wrong. `str()` lists every problem, one block each."""


class PluginError(UserError):
    """A plugin is missing, broken, ambiguous, or does not keep its contract."""


class DataError(UserError):
    """An image, an item, a data file or an archive cannot be used."""


class JournalError(UserError):
    """A run folder is locked, full, corrupted, or belongs to another run."""


class JudgeStoppedError(UserError):
    """A judge cannot go on until the user changes something: its key, its model, its credit, its server.

    `Judge.judge` raises it once nothing is in flight. Its answers so far are kept, and the other judges of the run go
    on. The exit code is 3, and the same command asks it again.
    """


class BudgetError(JudgeStoppedError):
    """A judge has used up its budget of tokens or of money."""


class JudgeError(HarnessError):
    """One request failed. The engine records a judgement with status `error` and goes on."""
