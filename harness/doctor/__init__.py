"""What `harness doctor` looks at: the health of an installation, and pictures that splits share."""
