"""The web app: serves models/scorecard.json; without `stages`, numpy, pandas or scikit-learn."""
