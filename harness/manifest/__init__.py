"""Manifests: from YAML to a typed, checked, resolved plan of what to run."""
