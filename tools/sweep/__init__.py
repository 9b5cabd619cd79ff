"""Sweeps: run a grid of experiments in parallel, and choose the best by cross-validation."""
