"""Commands for a person, run as `python -m tools.NAME`, most of them by `make`."""
