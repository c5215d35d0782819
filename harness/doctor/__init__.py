"""The checks of `harness doctor`: the health of an installation, and pictures that splits share."""
