"""The verbs about bundles, one module each."""
