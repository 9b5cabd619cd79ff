"""Helpers of every stage: settings, metrics files, the stage runner and its log, files, YAML, the parallel map."""
