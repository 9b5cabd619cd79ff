"""Scoring: the scorecard, the reading of cells and the scorer; shared by the web app, export and tools/predict."""
