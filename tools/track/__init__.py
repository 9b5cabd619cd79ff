"""Publish to MLflow the runs that DVC knows."""
