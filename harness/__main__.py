"""`python -m harness` is the command `harness`."""

from __future__ import annotations

from harness._package import check_package

if __name__ == "__main__":
    check_package()
    from harness.cli import main  # here, since the package may be another's

    main()
