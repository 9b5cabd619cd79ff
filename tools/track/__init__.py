"""Publish to MLflow what DVC knows and MLflow lacks."""
