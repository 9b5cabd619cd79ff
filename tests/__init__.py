"""The tests: `make test`, or `make quick` for those that take seconds."""
