"""Evaluation on the test rows: metrics with intervals, baselines, prediction intervals, errors by group, the gate."""
