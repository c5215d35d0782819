"""`python -m harness` is the command `harness`."""

from __future__ import annotations

import os
import sys

from harness._package import check_package

if __name__ == "__main__":
    # Python puts the working directory first (`-m`), and a file there would be imported in place of a library. The
    # command `harness` does not look there either. A package that was found there is kept.
    if not sys.flags.safe_path and sys.path and sys.path[0] == os.getcwd():
        del sys.path[0]
    check_package()
    from harness.cli import main  # here, since the package may be another's

    main()
