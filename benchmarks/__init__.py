"""Measurements behind the claims of README.md, one command each: `python -m benchmarks.NAME`."""
