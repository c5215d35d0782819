"""`python -m harness_transformers.testing FOLDER`: write a tiny model, to try a manifest out with."""

from __future__ import annotations

import argparse
import sys

from harness_transformers.testing.tiny import TinyShape, make_tiny_llava


def main() -> None:
    """Parse the command line and write the folder."""
    parser = argparse.ArgumentParser(prog="python -m harness_transformers.testing", description=__doc__)
    parser.add_argument("folder", help="where to write it")
    parser.add_argument("--hidden", type=int, default=TinyShape().hidden, help="width of the model")
    parser.add_argument("--layers", type=int, default=TinyShape().layers, help="layers of the language model")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    arguments = parser.parse_args()
    shape = TinyShape(hidden=arguments.hidden, layers=arguments.layers)
    folder = make_tiny_llava(arguments.folder, shape=shape, seed=arguments.seed)
    sys.stderr.write(f"wrote {folder}: a model that sees and writes, and knows nothing\n")


if __name__ == "__main__":
    main()
