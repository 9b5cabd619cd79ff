"""What a person runs by hand, as `python -m tools.NAME` (most of it through `make`)."""
