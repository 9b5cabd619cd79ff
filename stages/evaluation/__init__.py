"""Evaluation: metrics and their bootstrap, baselines, prediction intervals, errors by group, the gate."""
