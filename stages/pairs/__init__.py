"""Pairs: which pairs of columns act together, found from sums over the rows, and the terms that they add."""
