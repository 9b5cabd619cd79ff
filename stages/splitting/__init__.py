"""Splitting: row ids and folds in time."""
