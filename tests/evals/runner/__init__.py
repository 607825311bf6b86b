"""Drives real calls from YAML files and measures what the caller hears. `tests/evals/README.md` has the format."""
