"""What is there, without running it: `harness list`, `show`, `validate` and `plugins`, and schemas for editors."""
