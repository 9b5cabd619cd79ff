"""Splitting: row ids, folds in time, rates, and summaries of what was split."""
