"""Pictures: lazy, named by what they show, and decoded to what a person sees. `harness.api` has the public names."""
